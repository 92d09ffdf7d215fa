package middleware

import (
	"errors"
	"fmt"
	"reflect"

	"wherry.example/wherry"
)

// Skip applies middleware to the requests for which when reports false, and
// leaves the others to the handler alone. It stands where that middleware
// would stand.
//
// when runs once for a request. It may look at [wherry.Context.Pattern], which
// is known before middleware runs: a route is a safer thing to go by than a
// path or a field, which the client writes. Never skip authentication because
// of something that only the client says.
func Skip(when func(*wherry.Context) bool, mw ...wherry.Middleware) wherry.Middleware {
	return condition("Skip", when, false, mw)
}

// Only applies middleware to the requests for which when reports true, and
// leaves the others to the handler alone; see [Skip].
func Only(when func(*wherry.Context) bool, mw ...wherry.Middleware) wherry.Middleware {
	return condition("Only", when, true, mw)
}

func condition(name string, when func(*wherry.Context) bool, wanted bool, mw []wherry.Middleware) wherry.Middleware {
	switch {
	case when == nil:
		return cannot("%s: the condition is nil; give a func(*wherry.Context) bool", name)
	case len(mw) == 0:
		return cannot("%s: no middleware is given; name what it is to apply", name)
	}
	return func(next wherry.Handler) wherry.Handler {
		wrapped := next
		for i := len(mw) - 1; i >= 0; i-- {
			if mw[i] == nil {
				return wherry.Broken(fmt.Errorf("%s: middleware %d is nil", name, i+1))
			}
			if wrapped = mw[i](wrapped); wrapped == nil {
				return wherry.Broken(fmt.Errorf("%s: middleware %d returns a nil handler", name, i+1))
			}
			if isBroken(wrapped) {
				return wrapped
			}
		}
		return func(c *wherry.Context) error {
			if when(c) == wanted {
				return wrapped(c)
			}
			return next(c)
		}
	}
}

// isBroken reports whether a handler was made by wherry.Broken. It must stay
// the outermost one, or Build does not see it.
func isBroken(h wherry.Handler) bool {
	return reflect.ValueOf(h).Pointer() == brokenCode
}

var brokenCode = reflect.ValueOf(wherry.Broken(errors.New("none"))).Pointer()

// cannot returns middleware that Build reports as a mistake of the program.
func cannot(format string, args ...any) wherry.Middleware {
	err := fmt.Errorf("middleware."+format, args...)
	return func(wherry.Handler) wherry.Handler { return wherry.Broken(err) }
}
