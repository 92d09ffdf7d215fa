package wherry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

func TestHooks(t *testing.T) {
	var log []string
	app := quiet()
	app.OnConnect(func(c *wherry.Conn) error {
		c.SetTag("tag")
		log = append(log, fmt.Sprintf("connect %v %v", c.RemoteAddr(), c.LocalAddr()))
		return nil
	})
	app.OnDisconnect(func(c *wherry.Conn, cause error) {
		log = append(log, fmt.Sprintf("disconnect %v %d %v", c.Tag(), c.Requests(), cause))
	})
	app.AfterResponse(func(c *wherry.Context, r wherry.Result) {
		log = append(log, fmt.Sprintf("%s %d %d %v", c.Pattern(), r.Status, r.Bytes, r.Err))
		require.GreaterOrEqual(t, r.Duration, time.Duration(0))
	})
	app.Get("/", text("root"))
	app.Get("/fail", func(*wherry.Context) error { return errors.New("failure") })
	app.Get("/panic", func(*wherry.Context) error { panic("panic") })
	app.Get("/drop", func(*wherry.Context) error { return wherry.ErrDrop })
	app.Get("/late", func(c *wherry.Context) error {
		_, _ = c.Write([]byte("begun"))
		_ = c.Flush()
		return errors.New("late")
	})
	app.Head("/head", text("12345"))
	for _, test := range []struct{ request, want string }{
		{get("/") + get("/"), "/ 200 4 <nil>, / 200 4 <nil>, disconnect tag 2 <nil>"},
		{get("/fail"), "/fail 500 46 failure, disconnect tag 1 <nil>"},
		{get("/panic"), "/panic 500 46 panic: panic, disconnect tag 1 <nil>"},
		{get("/nowhere"), " 404 34 404 Not Found, disconnect tag 1 <nil>"},
		{get("/drop"), "/drop 0 0 wherry: connection dropped, disconnect tag 1 wherry: connection dropped"},
		{get("/late"), "/late 200 5 late, disconnect tag 1 late"},
		{"HEAD /head HTTP/1.1\r\nHost: x\r\n\r\n", "/head 200 0 <nil>, disconnect tag 1 <nil>"},
		{"GET / HTTP/1.1\r\n\r\n", "disconnect tag 0 http1: 400: Host is missing"},
		{"GET / HT", "disconnect tag 0 unexpected EOF"},
		{"", "disconnect tag 0 <nil>"},
	} {
		log = nil
		_, _ = app.Test(test.request)
		require.Equal(t, "connect memory memory, "+test.want, strings.Join(log, ", "), test.request)
	}
}

func TestRefusedConnection(t *testing.T) {
	var log []string
	app := quiet().Get("/", text(""))
	app.OnConnect(func(*wherry.Conn) error { log = append(log, "one"); return nil })
	app.OnConnect(func(*wherry.Conn) error { return errors.New("no") })
	app.OnConnect(func(*wherry.Conn) error { log = append(log, "never"); return nil })
	app.OnDisconnect(func(_ *wherry.Conn, cause error) { log = append(log, cause.Error()) })
	answers, err := app.Test(get("/"))
	require.NoError(t, err)
	require.Empty(t, answers)
	require.Equal(t, []string{"one", "no"}, log)
}

func TestHooksThatPanic(t *testing.T) {
	for name, hook := range map[string]func(*wherry.App){
		"BeforeRouting": func(a *wherry.App) { a.BeforeRouting(func(*wherry.Context) error { panic(1) }) },
		"AfterResponse": func(a *wherry.App) { a.AfterResponse(func(*wherry.Context, wherry.Result) { panic(1) }) },
		"OnDisconnect":  func(a *wherry.App) { a.OnDisconnect(func(*wherry.Conn, error) { panic(1) }) },
		"OnConnect":     func(a *wherry.App) { a.OnConnect(func(*wherry.Conn) error { panic(1) }) },
	} {
		app := quiet().Get("/", text(""))
		hook(app)
		ended := 0
		app.OnDisconnect(func(*wherry.Conn, error) { ended++ })
		answers, err := app.Test(get("/"))
		require.NoError(t, err, name)
		require.Equal(t, 1, ended, name)
		switch name {
		case "BeforeRouting":
			require.Equal(t, 500, answers[0].Status)
		case "OnConnect":
			require.Empty(t, answers)
		default:
			require.Equal(t, 200, answers[0].Status)
		}
	}
}

func TestStopAccepting(t *testing.T) {
	app := quiet().Get("/", text("")).OnConnect(func(*wherry.Conn) error { return wherry.ErrStopAccepting })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(ln) }()
	conn, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	require.NoError(t, <-served)
	require.NoError(t, conn.Close())
	require.NoError(t, app.Shutdown(context.Background()))
}

// told collects what hooks report, from several goroutines.
type told struct {
	mu    sync.Mutex // guards the following
	lines []string
}

func (l *told) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (l *told) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, ", ")
}

// TestBeforeRouting: a hook may answer, rewrite, fail or drop, and then
// nothing else runs.
func TestBeforeRouting(t *testing.T) {
	second := 0
	app := quiet().Use(mark("mw"))
	app.BeforeRouting(func(c *wherry.Context) error {
		require.Empty(t, c.Pattern())
		require.Empty(t, c.Param("id"))
		switch c.Header("X-Do") {
		case "text":
			return c.Text(202, "from the hook")
		case "status":
			c.Status(204)
		case "write":
			_, err := c.WriteString("written")
			return err
		case "flush":
			return c.Flush()
		case "path":
			c.SetPath("/users/a%2Fb")
		case "method":
			c.SetMethod("DELETE")
		case "unknown":
			c.SetMethod("BREW")
		case "bad path":
			c.SetPath("users")
		case "bad code":
			c.SetPath("/%zz")
		case "error":
			return wherry.NewError(451, "no")
		case "drop":
			return wherry.ErrDrop
		case "head":
			c.SetMethod("HEAD")
		}
		return nil
	})
	app.BeforeRouting(func(*wherry.Context) error { second++; return nil })
	app.Get("/users/:id", func(c *wherry.Context) error { return c.Text(200, c.Method()+" "+c.Param("id")+" "+c.Target()) })
	app.Delete("/users/:id", func(c *wherry.Context) error { return c.Text(200, "deleted "+c.Param("id")) })
	for _, test := range []struct {
		do, want, trace string
		second          int
	}{
		{"nothing", "200 GET 1 /users/1", "mw(/users/:id mw)", 1},
		{"text", "202 from the hook", "", 0},
		{"status", "204 ", "", 0},
		{"write", "200 written", "", 0},
		{"flush", "200 ", "", 0},
		{"path", "200 GET a/b /users/1", "mw(/users/:id mw)", 1},
		{"method", "200 deleted 1", "mw(/users/:id mw)", 1},
		{"head", "200 HEAD 1 /users/1", "mw(/users/:id mw)", 1},
		{"unknown", `501 {"title":"Not Implemented","status":501,"detail":"This server does not know the method."}`, "mw(/users/:id mw)", 1},
		{"bad path", `500 {"title":"Internal Server Error","status":500}`, "", 0},
		{"bad code", `500 {"title":"Internal Server Error","status":500}`, "", 0},
		{"error", `451 {"title":"Unavailable For Legal Reasons","status":451,"detail":"no"}`, "", 0},
	} {
		second = 0
		r := ask(t, app, "GET /users/1 HTTP/1.1\r\nHost: x\r\nX-Do: "+test.do+"\r\n\r\n")
		require.Equal(t, test.want, fmt.Sprintf("%d %s", r.Status, r.Body), test.do)
		require.Equal(t, test.second, second, test.do)
		require.Equal(t, test.trace, trace(r), test.do)
	}
	out, err := wherry.Wire(app, get("/users/1")+"GET / HTTP/1.1\r\nHost: x\r\nX-Do: drop\r\n\r\n"+get("/users/2"))
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(out, "HTTP/1.1 "), "what was answered before is sent, nothing behind is")
	require.True(t, strings.HasSuffix(out, "GET 1 /users/1"))
}

// TestBeforeRoutingRaisesBodyLimit: SetBodyLimit in a hook beats the route's.
func TestBeforeRoutingRaisesBodyLimit(t *testing.T) {
	app := quiet().Limits(wherry.Limits{Body: 4})
	app.BeforeRouting(func(c *wherry.Context) error { c.SetBodyLimit(8); return nil })
	app.Post("/", func(c *wherry.Context) error {
		b, err := c.BodyBytes()
		return errors.Join(err, c.Text(200, string(b)))
	}, wherry.BodyLimit(2))
	for n, status := range map[int]int{8: 200, 9: 413} {
		r := ask(t, app, fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", n, strings.Repeat("a", n)))
		require.Equal(t, status, r.Status)
	}
}

// TestAfterResponseOfEveryEnd: once for each exchange, with what was sent.
func TestAfterResponseOfEveryEnd(t *testing.T) {
	var log told
	app := quiet()
	app.AfterResponse(func(c *wherry.Context, r wherry.Result) {
		log.add("%s %d %d %v", c.RawPath(), r.Status, r.Bytes, r.Err)
		require.Error(t, c.Text(200, "too late"))
		_, err := c.Write([]byte("too late"))
		require.Error(t, err)
	})
	app.BeforeRouting(func(c *wherry.Context) error {
		if c.RawPath() == "/hook" {
			return c.Text(299, "hook")
		}
		return nil
	})
	app.Get("/stream", func(c *wherry.Context) error { return c.Stream(200, "a/b", io.LimitReader(zeros{}, 10000)) })
	app.Get("/big", func(c *wherry.Context) error { return c.Bytes(200, "a/b", make([]byte, 70<<10)) })
	app.Get("/none", func(c *wherry.Context) error { return c.NoContent() })
	app.Get("/notmodified", func(c *wherry.Context) error { return c.Text(304, "12345") })
	app.Get("/short", func(c *wherry.Context) error { c.SetHeader("Content-Length", "9"); return c.Flush() })
	app.Get("/latepanic", func(c *wherry.Context) error { _ = c.Flush(); panic("late") })
	app.Get("/inject", func(c *wherry.Context) error { c.SetHeader("X", "\n"); return nil })
	app.Post("/body", func(c *wherry.Context) error { _, err := c.BodyBytes(); return err })
	for raw, want := range map[string]string{
		get("/stream"): "/stream 200 10000 <nil>",
		"HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n": "/stream 200 0 <nil>",
		get("/big"):         "/big 200 71680 <nil>",
		get("/none"):        "/none 204 0 <nil>",
		get("/notmodified"): "/notmodified 304 0 <nil>",
		get("/short"):       "/short 200 0 " + wherry.ErrContentLength.Error(),
		get("/latepanic"):   "/latepanic 200 0 panic: late",
		get("/inject"):      `/inject 500 46 wherry: field "X" with value "\n" cannot be sent`,
		get("/hook"):        "/hook 299 4 <nil>",
		"OPTIONS /big HTTP/1.1\r\nHost: x\r\n\r\n":                      "/big 204 0 <nil>",
		"DELETE /big HTTP/1.1\r\nHost: x\r\n\r\n":                       "/big 405 43 405 Method Not Allowed",
		"BREW /big HTTP/1.1\r\nHost: x\r\n\r\n":                         "/big 501 89 501 Not Implemented: This server does not know the method.",
		"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n":                         "* 204 0 <nil>",
		"GET / HTTP/1.1\r\n\r\n":                                        "",
		"GET / HTTP/2.0\r\nHost: x\r\n\r\n":                             "",
		"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12": "/body 400 76 400 Bad Request: The content ended too early.: wherry: client has left",
	} {
		log.lines = nil
		_, err := wherry.Wire(app, raw)
		require.NoError(t, err)
		first, _, _ := strings.Cut(log.String(), "\n") // a joined error has a line for each
		require.Equal(t, want, first, raw)
	}
}

// TestOnDisconnectOverSockets: once, with the cause, whoever ends it.
func TestOnDisconnectOverSockets(t *testing.T) {
	causes := make(chan error, 10)
	app := quiet().Get("/", text("ok")).Get("/drop", func(*wherry.Context) error { return wherry.ErrDrop })
	app.Get("/close", func(c *wherry.Context) error { c.SetHeader("Connection", "close"); return c.Text(200, "bye") })
	app.Get("/panic", func(c *wherry.Context) error { _ = c.Flush(); panic("p") })
	app.OnDisconnect(func(_ *wherry.Conn, cause error) { causes <- cause })
	app.OnDisconnect(func(*wherry.Conn, error) { panic("in a hook") })
	app.OnDisconnect(func(_ *wherry.Conn, cause error) { causes <- cause })
	addr, stop := serve(t, app)
	for name, test := range map[string]struct {
		raw  string
		want func(error) bool
	}{
		"client closes":  {get("/"), func(err error) bool { return err == nil }},
		"never used":     {"", func(err error) bool { return err == nil }},
		"half a head":    {"GET / HT", func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		"drop":           {get("/drop"), func(err error) bool { return errors.Is(err, wherry.ErrDrop) }},
		"close":          {get("/close"), func(err error) bool { return err == nil }},
		"panic":          {get("/panic"), func(err error) bool { var p *wherry.PanicError; return errors.As(err, &p) }},
		"refused":        {"GET / HTTP/9.9\r\n\r\n", func(err error) bool { return err != nil }},
		"bad second one": {get("/") + "\x01", func(err error) bool { return err != nil }},
	} {
		conn := dial(t, addr)
		_, err := io.WriteString(conn, test.raw)
		require.NoError(t, err)
		require.NoError(t, conn.(*net.TCPConn).CloseWrite())
		_, err = io.ReadAll(conn)
		require.NoError(t, err, "%s: no reset", name)
		require.NoError(t, conn.Close())
		for range 2 {
			cause := <-causes
			require.True(t, test.want(cause), "%s: %v", name, cause)
		}
	}
	require.NoError(t, stop())
	require.Empty(t, causes, "exactly once")
}

// TestConnHooksTune: an OnConnect hook reaches the socket, and what it keeps
// is there for handlers.
func TestConnHooksTune(t *testing.T) {
	app := quiet()
	app.OnConnect(func(c *wherry.Conn) error {
		require.NotNil(t, c.NetConn())
		require.Equal(t, c.NetConn().RemoteAddr(), c.RemoteAddr())
		require.Nil(t, c.Tag())
		require.Zero(t, c.Requests())
		c.SetTag("kept")
		return nil
	})
	app.Get("/", func(c *wherry.Context) error {
		return c.Text(200, fmt.Sprint(c.Conn().Tag(), c.Conn().Requests(), c.RemoteAddr() == c.Conn().RemoteAddr()))
	})
	require.NoError(t, app.Build())
	answers, err := app.TestOn(engine.Threaded, get("/"), get("/"))
	require.NoError(t, err)
	require.Equal(t, "kept1 true", string(answers[0].Body))
	require.Equal(t, "kept2 true", string(answers[1].Body))
}

// TestRefusedOverSocket: refused connections are closed without a byte, and
// others are served.
func TestRefusedOverSocket(t *testing.T) {
	var refuse atomic.Bool
	ended := make(chan error, 10)
	app := quiet().Get("/", text("ok"))
	app.OnConnect(func(*wherry.Conn) error {
		if refuse.Load() {
			return errors.New("not now")
		}
		return nil
	})
	app.OnDisconnect(func(_ *wherry.Conn, cause error) { ended <- cause })
	addr, stop := serve(t, app)
	refuse.Store(true)
	conn := dial(t, addr)
	got, _ := io.ReadAll(conn)
	require.Empty(t, got)
	require.EqualError(t, <-ended, "not now")
	refuse.Store(false)
	require.Equal(t, "ok", fetch(t, addr, get("/")))
	require.NoError(t, conn.Close())
	require.NoError(t, stop())
}

// TestOnShutdownRunsOnce: however often a shutdown is asked for, and a panic
// in one hook does not keep the next from running.
func TestOnShutdownRunsOnce(t *testing.T) {
	var log told
	app := quiet().OnShutdown(func() { log.add("one"); panic("p") }).OnShutdown(func() { log.add("two") })
	require.NoError(t, app.Shutdown(context.Background()))
	require.NoError(t, app.Shutdown(context.Background()))
	require.Equal(t, "one, two", log.String())
}

// TestNetConnLeadsToTheSocket: as its documentation says, on every engine, and
// not in memory.
func TestNetConnLeadsToTheSocket(t *testing.T) {
	control := func(conn net.Conn) (found bool) {
		for {
			if s, ok := conn.(syscall.Conn); ok {
				raw, err := s.SyscallConn()
				require.NoError(t, err)
				require.NoError(t, raw.Control(func(uintptr) { found = true }))
				return found
			}
			w, ok := conn.(interface{ Unwrap() net.Conn })
			if !ok {
				return false
			}
			conn = w.Unwrap()
		}
	}
	found := false
	app := func() *wherry.App {
		return quiet().OnConnect(func(c *wherry.Conn) error { found = control(c.NetConn()); return nil }).Get("/", text("hello"))
	}
	for _, kind := range engine.All() {
		found = false
		_, err := app().TestOn(kind, get("/"))
		require.NoError(t, err)
		require.True(t, found, kind)
	}
	ask(t, app(), get("/"))
	require.False(t, found)
}
