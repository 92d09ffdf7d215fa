package wherry

import (
	"context"
	"fmt"
	"reflect"
)

// Typed makes a handler of a function that knows nothing of HTTP: In is bound
// strictly (see [BindStrict]), Out is answered as JSON with status 200, or
// what Out's method StatusCode() int says. An Out of struct{}, and one whose
// status is 204, is answered without content; an In of struct{} takes nothing
// from the request. An error is returned as it is. The context is that of the
// exchange.
//
// An In that can never be filled is a mistake of the program: Typed panics
// with the reason, when the route is registered.
func Typed[In, Out any](f func(context.Context, In) (Out, error)) Handler {
	if _, err := planOf(reflect.TypeFor[In]()); err != nil {
		panic(fmt.Errorf("%w (in wherry.Typed)", err))
	}
	empty := reflect.TypeFor[Out]() == reflect.TypeFor[struct{}]()
	return func(c *Context) error {
		in, err := BindStrict[In](c)
		if err != nil {
			return err
		}
		out, err := f(c.Context(), in)
		if err != nil {
			return err
		}
		status := statusOf(&out)
		if empty || status == 204 {
			return c.Status(204).NoContent()
		}
		return c.JSON(status, out)
	}
}

// statusOf asks a value, or the pointer to it, for its status.
func statusOf[Out any](out *Out) int {
	type coder interface{ StatusCode() int }
	if s, ok := any(*out).(coder); ok {
		return s.StatusCode()
	}
	if s, ok := any(out).(coder); ok {
		return s.StatusCode()
	}
	return 200
}
