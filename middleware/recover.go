package middleware

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"wherry.example/wherry"
)

// RecoverOptions says what becomes of a panic. The zero value reports to the
// logger of the app and answers 500.
type RecoverOptions struct {
	// Logger takes the report of a panic: method, route, request id, value
	// and stack. Default that of the app, see [wherry.App.Logger].
	Logger *slog.Logger
	// Report takes it in place of the logger, on the goroutine of the
	// handler. The stack is for operators: never send it to a client.
	Report func(*wherry.Context, *wherry.PanicError)
	// Error makes the error that is answered, usually an *wherry.Error whose
	// Err is the panic. It is not asked when the head of the answer has left.
	// Default the panic itself, which is a plain 500.
	Error func(*wherry.Context, *wherry.PanicError) error
}

// Recover turns a panic of what it wraps into a returned error, so that the
// middleware around it sees an error as any other, and reports it where and
// how the options say. The server survives a panic without it.
//
// The client learns nothing of the panic. If the head of the answer has
// already left, the connection is cut, so that half an answer never looks
// whole. A panic with [wherry.ErrDrop], or an error that wraps it, is no
// failure: the connection is closed without an answer and without a report.
//
// It stands inside of [RequestID], so that the report has the id, and outside
// of everything else. Do not use it twice around one handler, as the outer one
// would never see anything.
func Recover(options ...RecoverOptions) wherry.Middleware {
	o, wrong := given("Recover", options)
	if wrong != nil {
		return wrong
	}
	if o.Report == nil {
		o.Report = o.log
	}
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) (err error) {
			defer func() {
				if v := recover(); v != nil {
					err = o.caught(c, v)
				}
			}()
			return next(c)
		}
	}
}

// caught reports a panic and returns the error to be answered.
func (o *RecoverOptions) caught(c *wherry.Context, v any) error {
	if err, ok := v.(error); ok && errors.Is(err, wherry.ErrDrop) {
		return err
	}
	p := &wherry.PanicError{Value: v, Stack: debug.Stack()}
	o.Report(c, p)
	if o.Error != nil && !c.Committed() {
		if err := o.Error(c, p); err != nil {
			return err
		}
	}
	return p
}

func (o *RecoverOptions) log(c *wherry.Context, p *wherry.PanicError) {
	attrs := []slog.Attr{
		slog.String("http.request.method", c.Method()), slog.String("http.route", c.Pattern()),
		slog.String("exception.message", fmt.Sprint(p.Value)), slog.String("exception.stacktrace", string(p.Stack)),
	}
	if id := RequestIDOf(c); id != "" {
		attrs = append(attrs, slog.String("request_id", id))
	}
	logger := o.Logger
	if logger == nil {
		logger = c.Logger()
	}
	logger.LogAttrs(context.Background(), slog.LevelError, "panic", attrs...)
}
