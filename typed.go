package wherry

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// Typed makes a handler of a function that knows nothing of HTTP: In is bound
// strictly (see [BindStrict]), Out is answered as JSON with status 200, or
// what Out's method StatusCode() int says. An Out of struct{}, and one whose
// status is 204, is answered without content; an In of struct{} takes nothing
// from the request. An error is returned as it is. The context is that of the
// exchange, see [Context.Context].
//
// [App.Build] reports an f that is nil, an In that can never be filled, and,
// where the handler itself is registered and not one that calls it, a path tag
// of In for which the pattern of the route has no wildcard.
func Typed[In, Out any](f func(context.Context, In) (Out, error)) Handler {
	in := reflect.TypeFor[In]()
	plan, err := planOf(in)
	if f == nil {
		err = errors.New("the function is nil; give a func(context.Context, In) (Out, error)")
	}
	if err != nil {
		return Broken(fmt.Errorf("wherry.Typed: %w", err))
	}
	empty := reflect.TypeFor[Out]() == reflect.TypeFor[struct{}]()
	return typed(in, plan, func(c *Context) error {
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
	})
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

// typedHandler is what Typed has made. It tells [App.Build] what it takes from
// the path in the way of Broken.
type typedHandler struct {
	in     reflect.Type
	plan   *bindPlan
	handle Handler
}

//go:noinline
func typed(in reflect.Type, plan *bindPlan, handle Handler) Handler {
	return typedHandler{in, plan, handle}.serve
}

func (h typedHandler) serve(c *Context) error {
	if c == nil {
		return typedSecret{h}
	}
	return h.handle(c)
}

// typedSecret carries a typedHandler to who asks for it.
type typedSecret struct{ typedHandler }

func (typedSecret) Error() string { return "a typed handler was called without a Context" }

var typedCode = reflect.ValueOf(typed(nil, nil, nil)).Pointer()

// fillable refuses a handler of Typed that takes from the path what the
// pattern does not have. Every request would be a 500.
func (rt *route) fillable(h Handler) error {
	if reflect.ValueOf(h).Pointer() != typedCode {
		return nil
	}
	var secret typedSecret
	_ = errors.As(h(nil), &secret)
	for i := range secret.plan.fields {
		f := &secret.plan.fields[i]
		if f.source == "path" && !slices.Contains(rt.parsed.names, f.name) {
			return fmt.Errorf("wherry.Typed: %v takes path:%q, but the pattern %q has no wildcard of that name; it has %q",
				secret.in, f.name, rt.pattern, rt.parsed.names)
		}
	}
	return nil
}
