package wherry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strconv"

	"wherry.example/wherry/internal/http1"
)

// Error is an error that knows its answer: the problem details of RFC 9457.
// A handler returns one; the error handler of the app writes it. Err and the
// text of Error are for logs and never reach the client; the other fields do.
type Error struct {
	// Status is the status code of the answer, 400 to 599.
	Status int
	// Type is a URI that names the kind of problem; empty means about:blank.
	Type string
	// Title is the short name of the problem; empty means the reason phrase.
	Title string
	// Detail explains this occurrence to the client.
	Detail string
	// Errors lists what is wrong with single values of the request.
	Errors []FieldError
	// Err is the cause, for logs and errors.Is.
	Err error
}

// FieldError says what is wrong with one value of a request.
type FieldError struct {
	// Pointer is a JSON Pointer (RFC 6901) into the body, as "#/email".
	Pointer string `json:"pointer,omitempty"`
	// Parameter names a path, query, field or form parameter.
	Parameter string `json:"parameter,omitempty"`
	// Detail explains the mistake.
	Detail string `json:"detail"`
}

// NewError returns an *Error with this status and detail; the detail is sent.
func NewError(status int, detail string) *Error {
	return &Error{Status: status, Detail: detail}
}

// Error describes the error for logs.
func (e *Error) Error() string {
	if e == nil {
		return "a nil *wherry.Error was returned as an error; return nil itself"
	}
	text := strconv.Itoa(e.Status) + " " + e.title()
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Err
}

// StatusCode returns the status of the answer, 500 for a nil *Error.
func (e *Error) StatusCode() int {
	if e == nil {
		return 500
	}
	return e.Status
}

func (e *Error) title() string {
	if e.Title != "" {
		return e.Title
	}
	return http1.ReasonPhrase(e.Status)
}

// StatusOf returns the status with which the default error handler answers
// err: that of the first *Error (or other error with a StatusCode method) in
// its chain, else 500; 200 for nil.
func StatusOf(err error) int {
	if err == nil {
		return 200
	}
	var e *Error
	if errors.As(err, &e) && e.StatusCode() >= 400 && e.StatusCode() <= 599 {
		return e.StatusCode()
	}
	var coder interface{ StatusCode() int }
	if errors.As(err, &coder) && coder.StatusCode() >= 400 && coder.StatusCode() <= 599 {
		return coder.StatusCode()
	}
	return 500
}

// PanicError is the error that a panic in a handler or hook becomes.
type PanicError struct {
	// Value is what was given to panic.
	Value any
	// Stack is the stack of the goroutine at that point, as debug.Stack formats it.
	Stack []byte
}

// Error describes the panic without its stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value of the panic if it was an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// panicked turns a recovered value into an error and logs it, once.
func (s *server) panicked(where string, v any) error {
	err := &PanicError{Value: v, Stack: debug.Stack()}
	s.log.Error("wherry: panic", slog.String("in", where), slog.Any("value", v), slog.String("stack", string(err.Stack)))
	return err
}

// resolve answers an error that a handler or hook returned. It is the only
// place where that happens, and it happens once for an exchange.
func (s *server) resolve(c *Context, err error) {
	s.report(c, err)
	switch {
	case c.res.stage == stageHijacked:
		return
	case c.res.stage != stageOpen:
		c.drop()
		return
	case errors.Is(err, ErrDrop):
		c.res.status = 0
		c.drop()
		return
	}
	c.res.restart(StatusOf(err))
	failure := c.attempt(func(c *Context) error {
		s.onError(c, err)
		return c.finish()
	})
	if failure == nil {
		return
	}
	s.report(c, failure)
	if c.res.stage == stageOpen {
		c.res.restart(500)
		writeProblem(c, &Error{Status: 500})
		failure = c.finish()
	}
	if failure != nil {
		c.drop()
	}
}

// drop ends an answer that cannot be completed.
func (c *Context) drop() {
	c.wire.cut()
	c.res.stage = stageEnded
}

// report logs what only the operator can mend: failures of the server, not
// mistakes of a client, and panics not again.
func (s *server) report(c *Context, err error) {
	var panicErr *PanicError
	switch {
	case errors.As(err, &panicErr), errors.Is(err, ErrDrop), c.goneClient(err):
	case c.res.stage == stageOpen && (StatusOf(err) < 500 || StatusOf(err) == 501): // 501 is what a client gets for a method of its own
	default:
		s.log.LogAttrs(context.Background(), slog.LevelError, "wherry: request failed",
			slog.String("method", c.Method()), slog.String("route", c.Pattern()), slog.Any("error", err))
	}
}

// goneClient reports whether err is only the echo of the peer's leaving.
func (c *Context) goneClient(err error) bool {
	var netErr net.Error
	return errors.Is(err, ErrClientGone) || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) ||
		c.res.err != nil && errors.Is(err, c.res.err) ||
		errors.As(err, &netErr) && c.ctx != nil && context.Cause(c.ctx) == ErrClientGone
}

// defaultErrorHandler answers with problem details: JSON, or text for a
// client that wants no JSON. An error that is no *Error is a plain 500.
func defaultErrorHandler(c *Context, err error) {
	var e *Error
	if !errors.As(err, &e) || e == nil {
		e = &Error{Status: StatusOf(err)}
	}
	writeProblem(c, e)
}

type problem struct {
	Type   string       `json:"type,omitempty"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail,omitempty"`
	Errors []FieldError `json:"errors,omitempty"`
}

func writeProblem(c *Context, e *Error) {
	status := e.Status
	if status < 400 || status > 599 {
		status = 500
	}
	if c.Accepts(typeProblem, typeJSON, "text/plain") == "text/plain" {
		text := e.title()
		if e.Detail != "" {
			text += ": " + e.Detail
		}
		_ = c.Text(status, text+"\n")
		return
	}
	p := problem{Type: e.Type, Title: e.title(), Status: status, Detail: e.Detail, Errors: e.Errors}
	body, err := c.app.codec.Append(nil, p)
	if err != nil {
		_ = c.Text(status, e.title()+"\n")
		return
	}
	_ = c.Bytes(status, typeProblem, body)
}
