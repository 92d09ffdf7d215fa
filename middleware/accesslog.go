package middleware

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"wherry.example/wherry"
	"wherry.example/wherry/internal/peer"
)

// AccessLogOptions says what is written. The zero value writes every exchange,
// without the query.
type AccessLogOptions struct {
	// Query adds url.query. Queries hold what nobody wants in a log: tokens,
	// names, addresses.
	Query bool
	// Skip leaves an exchange out, such as those of a probe, or a share of
	// the good ones. It is only asked when the level is on.
	Skip func(*wherry.Context, wherry.Result) bool
	// Attrs adds to what is written about an exchange. It is only asked when
	// the level is on.
	Attrs func(*wherry.Context, wherry.Result) []slog.Attr
}

// maxLogged is how much of a text that a client has sent is written.
const maxLogged = 512

// AccessLog returns a hook for [wherry.App.AfterResponse] that writes one line
// about each exchange: level Error when the answer is a 5xx, or was not
// completed though the client was there, else Info. It is a hook and no
// middleware because only there the answer is known: the status that the error
// handler has chosen, the size of what was sent, and whether sending went well.
// An answer that goes on after its handler, as those of
// [wherry.Context.KeepOpen] do, is told as it was when the handler returned.
//
//	app.AfterResponse(middleware.AccessLog(slog.Default()))
//
// The attributes have the names of OpenTelemetry's conventions for HTTP:
// http.request.method, url.scheme, url.path (as it was sent),
// http.route (the pattern), http.response.status_code, http.request.body.size
// (as declared), http.response.body.size, network.protocol.version,
// network.peer.address, client.address (see [ClientIPOf]), server.address and
// server.port (as sent), user_agent.original, error.type and error.message; and
// request_id (see [RequestID]) and http.server.request.duration, in seconds.
// What is empty is left out, as is the status where the framework has sent
// none, and of what a client has sent, and of an error, 512 bytes are written. A
// handler of slog must escape control bytes, as those of the standard library
// do.
//
// error.message is what the handler returned, or what ended the exchange, also
// where that was answered with a 4xx. error.type is the status from 500 on,
// "panic", "incomplete" for an answer that was cut, and, which is no failure,
// "client_gone" (see [wherry.ErrClientGone]) or "dropped" (see
// [wherry.ErrDrop]). The status of an exchange whose client has gone is what the
// client would have got.
//
// A logger whose level is off costs nothing but the question. nil is the logger
// of the app, see [wherry.App.Logger]. Of several options the last one counts.
// Requests that are refused because they break the protocol are no exchanges:
// an OnDisconnect hook is given the cause, of which [wherry.StatusOf] tells the
// status, and the logger of the app at level Debug.
func AccessLog(logger *slog.Logger, options ...AccessLogOptions) func(*wherry.Context, wherry.Result) {
	var o AccessLogOptions
	if len(options) > 0 {
		o = options[len(options)-1]
	}
	return func(c *wherry.Context, r wherry.Result) {
		to := logger
		if to == nil {
			to = c.Logger()
		}
		handler := to.Handler()
		level, kind := slog.LevelInfo, errorType(r)
		if kind != "" && kind != clientGone && kind != dropped {
			level = slog.LevelError
		}
		if !handler.Enabled(context.Background(), level) || o.Skip != nil && o.Skip(c, r) {
			return
		}
		record := slog.NewRecord(time.Now(), level, "request", 0)
		o.describe(c, r, kind, &record)
		_ = handler.Handle(context.Background(), record) // there is nobody to tell
	}
}

// describe adds the attributes of an exchange.
func (o *AccessLogOptions) describe(c *wherry.Context, r wherry.Result, kind string, record *slog.Record) {
	var room [24]slog.Attr
	attrs := append(room[:0],
		slog.String("http.request.method", c.Method()),
		slog.String("url.scheme", SchemeOf(c)),
		slog.String("url.path", shortened(c.RawPath())))
	if r.Status > 0 {
		attrs = append(attrs, slog.Int("http.response.status_code", r.Status))
	}
	attrs = append(attrs,
		slog.Int64("http.response.body.size", r.Bytes),
		slog.Float64("http.server.request.duration", r.Duration.Seconds()),
		slog.String("network.protocol.version", version(c)))
	text := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	text("http.route", c.Pattern())
	text("request_id", RequestIDOf(c))
	if addr := peer.AddrOf(c.RemoteAddr()); addr.IsValid() {
		attrs = append(attrs, slog.String("network.peer.address", addr.String()))
	}
	if client := ClientIPOf(c); client.IsValid() {
		attrs = append(attrs, slog.String("client.address", client.String()))
	}
	host, port := serverOf(c.Host())
	text("server.address", shortened(host))
	if port > 0 {
		attrs = append(attrs, slog.Int("server.port", port))
	}
	text("user_agent.original", shortened(c.Header(wherry.HeaderUserAgent)))
	if o.Query {
		text("url.query", shortened(c.RawQuery()))
	}
	if n := c.ContentLength(); n > 0 {
		attrs = append(attrs, slog.Int64("http.request.body.size", n))
	}
	text("error.type", kind)
	if r.Err != nil {
		text("error.message", shortened(fmt.Sprint(r.Err)))
	}
	record.AddAttrs(attrs...)
	if o.Attrs != nil {
		record.AddAttrs(o.Attrs(c, r)...)
	}
}

// serverOf takes a host apart, as [::1]:8080 into ::1 and 8080; port is 0 if
// none was sent.
func serverOf(host string) (address string, port int) {
	if name, digits, err := net.SplitHostPort(host); err == nil {
		host = name
		port, _ = strconv.Atoi(digits)
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), port
}

func version(c *wherry.Context) string {
	if _, minor := c.Proto(); minor == 0 {
		return "1.0"
	}
	return "1.1"
}

// shortened bounds what a client can make a log take.
func shortened(s string) string {
	if len(s) > maxLogged {
		return strings.ToValidUTF8(s[:maxLogged], "")
	}
	return s
}

// Kinds of endings that are no failure of the server.
const (
	clientGone = "client_gone"
	dropped    = "dropped"
)

// errorType returns one of few texts for what went wrong, "" if nothing did.
func errorType(r wherry.Result) string {
	switch {
	case r.Err != nil && panicked(r.Err):
		return "panic"
	case errors.Is(r.Err, wherry.ErrClientGone):
		return clientGone
	case errors.Is(r.Err, wherry.ErrDrop):
		return dropped
	case r.Status >= 500:
		return strconv.Itoa(r.Status)
	case r.Err != nil && r.Status < 400:
		return "incomplete"
	}
	return ""
}

func panicked(err error) bool {
	var p *wherry.PanicError
	return errors.As(err, &p)
}
