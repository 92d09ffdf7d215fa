package middleware

import (
	"fmt"

	"wherry.example/wherry"
)

// Constructors whose options may all be left out take them as a last, optional
// argument: Recover() and Recover(RecoverOptions{...}).

// given returns the options of a constructor, the zero value if there are
// none. More than one is a mistake.
func given[T any](name string, options []T) (o T, wrong wherry.Middleware) {
	switch len(options) {
	case 0:
	case 1:
		o = options[0]
	default:
		wrong = cannot("%s: options are given %d times; give them once", name, len(options))
	}
	return o, wrong
}

// checkValue says why a text cannot be the value of a field of an answer.
func checkValue(option, value string) error {
	for i := 0; i < len(value); i++ {
		if b := value[i]; b < ' ' && b != '\t' || b >= 0x7f {
			return fmt.Errorf("%s %q has a byte at %d that a field cannot carry; write it in visible ASCII", option, value, i)
		}
	}
	return nil
}
