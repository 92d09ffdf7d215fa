package wherry

import (
	"context"
	"reflect"
)

// Typed makes a handler of a function that knows nothing of HTTP: In is bound
// strictly (see [BindStrict]), Out is answered as JSON with status 200, or
// what Out's method StatusCode() int says. An Out of struct{} is answered
// with 204, an In of struct{} takes nothing from the request. The context is
// that of the exchange.
//
// An In that can never be filled is a mistake of the program: Typed panics
// with the reason when the route is registered.
func Typed[In, Out any](f func(context.Context, In) (Out, error)) Handler {
	in, out := reflect.TypeFor[In](), reflect.TypeFor[Out]()
	empty := reflect.TypeFor[struct{}]()
	if in != empty {
		if _, err := planOf(in); err != nil {
			panic(err)
		}
	}
	return func(c *Context) error {
		var value In
		if in != empty {
			var err error
			if value, err = BindStrict[In](c); err != nil {
				return err
			}
		}
		result, err := f(c.Context(), value)
		if err != nil {
			return err
		}
		if out == empty {
			return c.NoContent()
		}
		status := 200
		if s, ok := any(result).(interface{ StatusCode() int }); ok {
			status = s.StatusCode()
		}
		return c.JSON(status, result)
	}
}
