package wherry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"strings"
)

// This file tells the operator what went wrong with an exchange, and tells a
// client that has left from a failure of the server. All lines about exchanges
// name things alike, by OpenTelemetry's conventions for HTTP.

// Logger returns the logger of the app, see [App.Logger].
func (c *Context) Logger() *slog.Logger { c.here(); return c.app.log }

// panicked turns a recovered value into an error and logs it, once.
func (s *server) panicked(where string, v any, about ...slog.Attr) error {
	err := &PanicError{Value: v, Stack: debug.Stack()}
	s.log.LogAttrs(context.Background(), slog.LevelError, "wherry: panic", append(about, slog.String("in", where),
		slog.String("exception.message", fmt.Sprint(v)), slog.String("exception.stacktrace", string(err.Stack)))...)
	return err
}

// about returns the attributes of a log line by which the request is found.
func (c *Context) about() []slog.Attr {
	attrs := []slog.Attr{slog.String("http.request.method", c.Method())}
	if pattern := c.Pattern(); pattern != "" {
		attrs = append(attrs, slog.String("http.route", pattern))
	} else {
		attrs = append(attrs, slog.String("url.path", shortened(c.RawPath())))
	}
	if id := c.res.headers.Get(HeaderXRequestID); id != "" { // of the answer: middleware has given it
		attrs = append(attrs, slog.String("request_id", shortened(id)))
	}
	return attrs
}

// shortened bounds what a client can make a log take.
func shortened(s string) string {
	const most = 512
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "")
	}
	return s
}

// failed logs a failure at the level of errors.
func (s *server) failed(c *Context, message string, err error) {
	text := fmt.Sprint(err) // a method Error may panic
	s.log.LogAttrs(context.Background(), slog.LevelError, message, append(c.about(), slog.String("error.message", text))...)
}

// report logs what only the operator can mend: failures of the server, not
// mistakes of a client, and panics not again.
func (s *server) report(c *Context, err error) {
	var panicErr *PanicError
	var own *Error
	switch {
	case errors.As(err, &panicErr), errors.Is(err, ErrDrop), errors.Is(err, ErrClientGone), c.res.stage != stageOpen && c.body.refused(err):
	case c.res.stage == stageOpen && (StatusOf(err) < 500 || StatusOf(err) == 501): // 501 is what a client gets for a method of its own
	case errors.As(err, &own) && own != nil && !own.possible():
		s.failed(c, "wherry: request failed", fmt.Errorf("%w (%d is no status of an Error; those are 400 to 599)", err, own.Status))
	default:
		s.failed(c, "wherry: request failed", err)
	}
}

// refused reports whether err is what reading the content has failed with, and
// the client is to blame.
func (b *content) refused(err error) bool {
	return b.err != nil && StatusOf(b.err) < 500 && errors.Is(err, b.err)
}

// attribute makes an error that is only the echo of the client's leaving one
// of [ErrClientGone]: our own connection to it has failed, or whoever was given
// the context of the exchange has given up with it. What other sockets of the
// program say, be it the same, is no such echo. The error is answered, because
// a client that has only ended its sending still reads.
func (c *Context) attribute(err error) error {
	var panicErr *PanicError
	left := c.ctx != nil && context.Cause(c.ctx) == ErrClientGone && errors.Is(err, context.Canceled)
	cut := c.res.lost != nil && errors.Is(err, c.res.lost)
	switch {
	case errors.As(err, &panicErr):
		return err
	case errors.Is(err, ErrClientGone):
	case left, cut:
		err = fmt.Errorf("%w: %w", ErrClientGone, err)
	default:
		return err
	}
	var coder interface{ StatusCode() int }
	if c.res.stage != stageOpen || errors.As(err, &coder) {
		return err
	}
	return &Error{Status: 400, Detail: "The client has ended its sending before the answer was ready.", Err: err}
}

// refused tells who wants to know that a request breaks the protocol.
func (s *server) refused(c *Conn, status int, cause error) {
	if !s.log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	address := c.RemoteAddr().String()
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	s.log.LogAttrs(context.Background(), slog.LevelDebug, "wherry: request refused", slog.String("network.peer.address", address),
		slog.Int("http.response.status_code", status), slog.String("error.message", cause.Error()))
}
