package middleware_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

// loggedBy returns what an app writes about one request.
func loggedBy(t *testing.T, app *wherry.App, request string, options ...middleware.AccessLogOptions) map[string]any {
	t.Helper()
	var out bytes.Buffer
	app.Logger(silent()).AfterResponse(middleware.AccessLog(slog.New(slog.NewJSONHandler(&out, nil)), options...))
	over(t, app, tcp("10.0.0.1"), request)
	if out.Len() == 0 {
		return nil
	}
	require.Equal(t, 1, strings.Count(out.String(), "\n"), out.String())
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	return line
}

func TestAccessLog(t *testing.T) {
	app := wherry.New().
		Use(middleware.RequestID(middleware.RequestIDOptions{New: func() string { return "id-7" }}),
			middleware.ClientIP(middleware.ClientIPOptions{TrustedProxies: prefixes("10.0.0.0/8")})).
		Post("/users/:id", func(c *wherry.Context) error { return c.Text(201, "made") })
	line := loggedBy(t, app, "POST /users/a%0Ab?token=secret HTTP/1.1\r\nHost: example.com:8080\r\nX-Forwarded-For: 203.0.113.5\r\n"+
		"X-Forwarded-Proto: https\r\nUser-Agent: curl/8\r\nContent-Length: 2\r\n\r\nhi")
	require.Positive(t, line["http.server.request.duration"])
	delete(line, "http.server.request.duration")
	delete(line, "time")
	require.Equal(t, map[string]any{
		"level": "INFO", "msg": "request", "http.request.method": "POST", "url.scheme": "https", "url.path": "/users/a%0Ab", "http.route": "/users/:id",
		"http.response.status_code": 201.0, "http.request.body.size": 2.0, "http.response.body.size": 4.0, "network.protocol.version": "1.1",
		"network.peer.address": "10.0.0.1", "client.address": "203.0.113.5", "server.address": "example.com", "server.port": 8080.0, "user_agent.original": "curl/8",
		"request_id": "id-7",
	}, line)
}

// TestAccessLogEndings: the status is that of the answer, whoever has chosen
// it, and an answer that was not completed is told.
func TestAccessLogEndings(t *testing.T) {
	rowMissing := errors.New("no rows")
	newApp := func() *wherry.App {
		return wherry.New().
			ErrorHandler(func(c *wherry.Context, err error) {
				if errors.Is(err, rowMissing) {
					_ = c.Text(404, "none")
					return
				}
				_ = c.Text(wherry.StatusOf(err), "")
			}).
			BeforeRouting(func(c *wherry.Context) error {
				if c.Path() == "/refused" {
					return wherry.NewError(403, "")
				}
				return nil
			}).
			Get("/row", func(*wherry.Context) error { return rowMissing }).
			Get("/error", func(*wherry.Context) error { return errors.New("disk full") }).
			Get("/panic", func(*wherry.Context) error { panic("x") }).
			Get("/drop", func(*wherry.Context) error { return wherry.ErrDrop }).
			Get("/gone", func(*wherry.Context) error { return wherry.ErrClientGone }).
			Get("/half", func(c *wherry.Context) error {
				_, _ = io.WriteString(c, "half")
				_ = c.Flush()
				return errors.New("disk full")
			}).
			Get("/", hello)
	}
	for _, test := range []struct {
		path, level, kind string
		status            float64
	}{
		{"/", "INFO", "", 200},
		{"/row", "INFO", "", 404},
		{"/nowhere", "INFO", "", 404},
		{"/refused", "INFO", "", 403},
		{"/error", "ERROR", "500", 500},
		{"/panic", "ERROR", "panic", 500},
	} {
		line := loggedBy(t, newApp(), "GET "+test.path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		require.Equal(t, test.level, line["level"], test.path)
		require.Equal(t, test.status, line["http.response.status_code"], test.path)
		kind, _ := line["error.type"].(string)
		require.Equal(t, test.kind, kind, test.path)
	}
	var out bytes.Buffer
	app := newApp().Logger(silent()).AfterResponse(middleware.AccessLog(slog.New(slog.NewTextHandler(&out, nil))))
	for path, want := range map[string]string{"/half": "level=ERROR", "/drop": "level=INFO", "/gone": "level=INFO"} {
		out.Reset()
		_, _ = app.Test("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
		require.Contains(t, out.String(), want, path)
	}
	require.Contains(t, out.String(), "error.type=")
}

// TestAccessLogErrors: the line of an exchange has its id and its error.
func TestAccessLogErrors(t *testing.T) {
	newApp := func() *wherry.App {
		return wherry.New().Use(middleware.RequestID(middleware.RequestIDOptions{New: func() string { return "id-7" }})).
			Get("/error", func(*wherry.Context) error { return fmt.Errorf("store: %w", errors.New("disk full")) }).
			Get("/panic", func(*wherry.Context) error { panic("boom") }).
			Get("/known", func(*wherry.Context) error { return &wherry.Error{Status: 404, Err: errors.New("row 7")} }).
			Get("/long", func(*wherry.Context) error { return errors.New(strings.Repeat("a", 3000)) }).
			Get("/", hello)
	}
	for path, want := range map[string]any{
		"/error": "store: disk full", "/panic": "panic: boom", "/known": "404 Not Found: row 7", "/long": strings.Repeat("a", 512), "/": nil,
	} {
		line := loggedBy(t, newApp(), "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		require.Equal(t, want, line["error.message"], path)
		require.Equal(t, "id-7", line["request_id"])
	}
}

// TestAccessLogOfTheApp: without a logger it is that of the app.
func TestAccessLogOfTheApp(t *testing.T) {
	var out bytes.Buffer
	app := wherry.New().Logger(slog.New(slog.NewTextHandler(&out, nil))).AfterResponse(middleware.AccessLog(nil)).Get("/", hello)
	answerTo(t, app, "GET / HTTP/1.1")
	require.Contains(t, out.String(), "level=INFO msg=request http.request.method=GET")
}

// TestAccessLogServer: the host is told as it was sent, apart from its port.
func TestAccessLogServer(t *testing.T) {
	for host, want := range map[string][2]any{
		"example.com": {"example.com", nil}, "example.com:8080": {"example.com", 8080.0}, "example.com:": {"example.com", nil},
		"[::1]:80": {"::1", 80.0}, "[::1]": {"::1", nil}, "10.0.0.1:1": {"10.0.0.1", 1.0},
	} {
		line := loggedBy(t, wherry.New().Get("/", hello), "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		require.Equal(t, want, [2]any{line["server.address"], line["server.port"]}, host)
	}
}

// TestAccessLogHijacked: a status that nobody here has sent is not told.
func TestAccessLogHijacked(t *testing.T) {
	hijack := func(c *wherry.Context) error {
		conn, _, err := c.Hijack()
		if err != nil {
			return err
		}
		return conn.Close()
	}
	for _, h := range []wherry.Handler{
		hijack, func(c *wherry.Context) error { return hijack(c.Status(500)) }, func(*wherry.Context) error { return wherry.ErrDrop },
	} {
		line := loggedBy(t, wherry.New().Get("/", h), "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		require.Equal(t, "INFO", line["level"])
		require.NotContains(t, line, "http.response.status_code")
	}
}

// TestClientGone: a client that leaves while the handler waits is nobody's
// failure, neither in the log nor in the counts.
func TestClientGone(t *testing.T) {
	m := middleware.Metrics()
	app := m.Watch(wherry.New()).Get("/", func(c *wherry.Context) error {
		<-c.Context().Done() // the client has ended its sending
		return fmt.Errorf("query: %w", c.Context().Err())
	})
	line := loggedBy(t, app, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.Equal(t, "INFO", line["level"])
	require.Equal(t, "client_gone", line["error.type"])
	require.Equal(t, 400.0, line["http.response.status_code"])
	require.Contains(t, line["error.message"], "wherry: client has left: query: context canceled")
	text := string(m.AppendText(nil))
	require.Contains(t, text, `_count{http_request_method="GET",http_route="/",http_response_status_code="400",error_type="client_gone"} 1`)
	require.NotContains(t, text, `="500"`)
}

// TestAccessLogForged: nothing that a client sends makes a line of its own or
// one without end, CVE-2020-36567 (gin).
func TestAccessLogForged(t *testing.T) {
	var out bytes.Buffer
	app := wherry.New().AfterResponse(middleware.AccessLog(slog.New(slog.NewTextHandler(&out, nil)), middleware.AccessLogOptions{Query: true})).
		Get("/**", hello)
	answerTo(t, app, "GET /%0Alevel=ERROR%1b[31m?q=%0A\" HTTP/1.1\nUser-Agent: a\x80\xff\tb\"")
	require.Equal(t, 1, strings.Count(out.String(), "\n"))
	require.NotContains(t, out.String(), "\x1b")
	require.NotContains(t, out.String(), "level=ERROR%1b[31m ")
	out.Reset()
	long := strings.Repeat("a", 3000)
	answerTo(t, app, "GET /"+long+"?"+long+" HTTP/1.1\nUser-Agent: "+long)
	require.Equal(t, 2, strings.Count(out.String(), "="+strings.Repeat("a", 512)+" ")+strings.Count(out.String(), "="+strings.Repeat("a", 512)+"\n"))
	require.Contains(t, out.String(), "=/"+strings.Repeat("a", 511)+" ")
}

func TestAccessLogOptions(t *testing.T) {
	newApp := func() *wherry.App { return wherry.New().Get("/", hello) }
	request := "GET /?a=b HTTP/1.0\r\n\r\n"
	line := loggedBy(t, newApp(), request)
	require.NotContains(t, line, "url.query")
	require.NotContains(t, line, "user_agent.original")
	require.NotContains(t, line, "request_id")
	require.Equal(t, "1.0", line["network.protocol.version"])
	line = loggedBy(t, newApp(), request, middleware.AccessLogOptions{
		Query: true, Attrs: func(c *wherry.Context, r wherry.Result) []slog.Attr {
			return []slog.Attr{slog.String("own", c.Pattern())}
		},
	})
	require.Equal(t, "a=b", line["url.query"])
	require.Equal(t, "/", line["own"])
	require.Nil(t, loggedBy(t, newApp(), request, middleware.AccessLogOptions{
		Skip: func(c *wherry.Context, r wherry.Result) bool { return r.Status == 200 },
	}))
}

// offHandler fails when it is asked for more than its level.
type offHandler struct {
	slog.Handler
	t *testing.T
}

func (offHandler) Enabled(context.Context, slog.Level) bool { return false }
func (h offHandler) Handle(context.Context, slog.Record) error {
	h.t.Error("the level is off")
	return nil
}

func TestAccessLogOff(t *testing.T) {
	asked := false
	hook := middleware.AccessLog(slog.New(offHandler{t: t}), middleware.AccessLogOptions{
		Skip: func(*wherry.Context, wherry.Result) bool { asked = true; return false },
	})
	allocations := -1.0
	app := wherry.New().Get("/", hello).AfterResponse(func(c *wherry.Context, r wherry.Result) {
		allocations = testing.AllocsPerRun(100, func() { hook(c, r) })
	})
	answerTo(t, app, "GET / HTTP/1.1")
	require.Zero(t, allocations)
	require.False(t, asked)
}

func ExampleAccessLog() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { // what differs from run to run
			if a.Key == slog.TimeKey || a.Key == "http.server.request.duration" {
				return slog.Attr{}
			}
			return a
		},
	}))
	app := wherry.New().
		AfterResponse(middleware.AccessLog(logger)).
		Get("/users/:id", func(c *wherry.Context) error { return c.Text(200, "ann") })
	if _, err := app.Test("GET /users/7?token=secret HTTP/1.1\r\nHost: example.com\r\n\r\n"); err != nil {
		panic(err)
	}
	fmt.Println("done")
	// Output:
	// level=INFO msg=request http.request.method=GET url.scheme=http url.path=/users/7 http.response.status_code=200 http.response.body.size=3 network.protocol.version=1.1 http.route=/users/:id server.address=example.com
	// done
}
