package wherry

import (
	"errors"
	"fmt"
	"maps"
	"strconv"

	"wherry.example/wherry/internal/http1"
)

// Error is an error that knows its answer: the problem details of RFC 9457.
// A handler returns one; the error handler of the app writes it. Err and the
// text of Error are for logs and never reach the client; the other fields do.
type Error struct {
	// Status is the status code of the answer, 400 to 599. An Error with
	// another one is a mistake of the program: it is logged, and answered as
	// an unknown error is, with a plain 500.
	Status int
	// Type is a URI that names the kind of problem; empty means about:blank.
	Type string
	// Title is the short name of the problem; empty means the reason phrase.
	Title string
	// Detail explains this occurrence to the client.
	Detail string
	// Instance is a URI that names this occurrence; empty means none.
	Instance string
	// Extensions are further members of the problem details, by name (RFC 9457
	// section 3.2). None replaces a member that has a field here. They are
	// sent as the app's JSON codec encodes them, and not to a client that
	// prefers text.
	Extensions map[string]any
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

// NewError returns an *Error with this status, 400 to 599, and detail; the
// detail is sent.
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

// possible reports whether the status can be that of an error.
func (e *Error) possible() bool { return e.Status >= 400 && e.Status <= 599 }

func (e *Error) title() string {
	if e.Title != "" {
		return e.Title
	}
	return http1.ReasonPhrase(e.Status)
}

// StatusOf returns the status with which the default error handler answers
// err: that of the first *Error (or other error with a StatusCode method) in
// its chain, else 500; 200 for nil. Of the cause that an OnDisconnect hook is
// given it tells how a request was answered that breaks the protocol.
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
	var refusal *http1.Error
	if errors.As(err, &refusal) {
		return refusal.Status
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
		if s.onError(c, err); !c.replied() {
			s.failed(c, "wherry: the error handler has not answered", err)
		}
		return c.finish()
	})
	if failure == nil {
		return
	}
	s.report(c, c.attribute(failure))
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

// DefaultErrorHandler is what answers errors in an app without an
// [App.ErrorHandler], and what one that minds only some errors calls for the
// others. It answers an *Error, also a wrapped one, with its status as problem
// details: JSON, or text for a client that prefers that. Of another error the
// client learns the status only, see [StatusOf].
func DefaultErrorHandler(c *Context, err error) {
	var e *Error
	if !errors.As(err, &e) || e == nil || !e.possible() {
		e = &Error{Status: StatusOf(err)}
	}
	writeProblem(c, e)
}

type problem struct {
	Type     string       `json:"type,omitempty"`
	Title    string       `json:"title"`
	Status   int          `json:"status"`
	Detail   string       `json:"detail,omitempty"`
	Instance string       `json:"instance,omitempty"`
	Errors   []FieldError `json:"errors,omitempty"`
}

// problem returns what is sent as JSON. A codec knows no structs with members
// beside their fields.
func (e *Error) problem() any {
	p := problem{Type: e.Type, Title: e.title(), Status: e.Status, Detail: e.Detail, Instance: e.Instance, Errors: e.Errors}
	if len(e.Extensions) == 0 {
		return p
	}
	members := maps.Clone(e.Extensions)
	members["title"], members["status"] = p.Title, p.Status
	for name, text := range map[string]string{"type": p.Type, "detail": p.Detail, "instance": p.Instance} {
		if delete(members, name); text != "" {
			members[name] = text
		}
	}
	if delete(members, "errors"); len(p.Errors) > 0 {
		members["errors"] = p.Errors
	}
	return members
}

func writeProblem(c *Context, e *Error) {
	if c.Accepts(typeProblem, typeJSON, "text/plain") == "text/plain" {
		text := e.title()
		if e.Detail != "" {
			text += ": " + e.Detail
		}
		_ = c.Text(e.Status, text+"\n")
		return
	}
	body, err := c.app.codec.Append(nil, e.problem())
	if err != nil {
		c.app.failed(c, "wherry: a problem cannot be encoded", err)
		_ = c.Text(e.Status, e.title()+"\n")
		return
	}
	_ = c.Bytes(e.Status, typeProblem, body)
}

// absent runs the handler of requests without a route. It answers 404 unless it
// says another status.
func absent(c *Context, h Handler) error {
	c.res.preset = 404
	return h(c)
}
