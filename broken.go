package wherry

import (
	"errors"
	"reflect"
)

// Broken returns a handler that stands for one that could not be made: the
// constructor of a handler or middleware with impossible options returns it,
// and [App.Build] reports err with the place where it was registered. err
// names the option and the fix; nil is reported too.
//
//	func Limit(n int) wherry.Middleware {
//		if n <= 0 {
//			err := fmt.Errorf("Limit(%d): give a number above 0", n)
//			return func(wherry.Handler) wherry.Handler { return wherry.Broken(err) }
//		}
//		...
//	}
//
//go:noinline
func Broken(err error) Handler {
	if err == nil {
		err = errors.New("wherry.Broken(nil): give the error that says what is wrong")
	}
	return brokenHandler{err}.serve
}

type brokenHandler struct{ err error }

// serve tells a nil Context its secret: only brokenBy asks like that.
func (b brokenHandler) serve(*Context) error { return b.err }

// brokenBy returns the error of a handler that Broken has made, else nil. All
// method values of one method share their code, which no other function has.
func brokenBy(h Handler) error {
	if reflect.ValueOf(h).Pointer() != brokenCode {
		return nil
	}
	return h(nil)
}

var brokenCode = reflect.ValueOf(Broken(nil)).Pointer()
