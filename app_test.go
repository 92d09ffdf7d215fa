package wherry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
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

func quiet() *wherry.App { return wherry.New().Logger(slog.New(slog.DiscardHandler)) }

func text(s string) wherry.Handler {
	return func(c *wherry.Context) error { return c.Text(200, s) }
}

func get(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n" }

// ask sends one request in memory.
func ask(t *testing.T, app *wherry.App, raw string) *wherry.TestResponse {
	t.Helper()
	answers, err := app.Test(raw)
	require.NoError(t, err)
	require.Len(t, answers, 1)
	return answers[0]
}

// TestBuildTellsEverything: every mistake at once, each with its place.
func TestBuildTellsEverything(t *testing.T) {
	app := quiet().Engine("steam").Limits(wherry.Limits{Head: 10, Body: -5}).Timeouts(wherry.Timeouts{Idle: -7})
	app.Get("no-slash", text(""))
	app.Get("/a/:id", text("")).Get("/a/:other", text(""))
	app.Get("/nil", nil)
	app.Handle("G T", "/x", text(""))
	app.Get("/mw", text(""), wherry.With(nil))
	app.Get("/limit", text(""), wherry.BodyLimit(-9))
	app.Get("/n1", text(""), wherry.Name("n")).Get("/n2", text(""), wherry.Name("n"))
	app.Host("bad host", func(g *wherry.Group) { g.Get("/", text("")) })
	app.Mount("/self", app)
	app.Mount("/hooks", wherry.New().OnShutdown(func() {}))
	app.Mount("/errors", wherry.New().NotFound(text("")))
	app.Mount("/limits", wherry.New().Limits(wherry.Limits{Head: 1000}))
	err := app.Build()
	require.ErrorIs(t, err, engine.ErrUnsupported)
	for _, part := range []string{
		"steam", "threaded", "Limits.Head is 10", "Timeouts.Idle is -7", `write "/no-slash"`, "same route", "/a/:id",
		"handler is nil", `"G T" is no method`, "middleware around this route is nil", "BodyLimit is -9", "already belongs",
		"bad host", "mounted on itself", "has hooks", "NotFound or ErrorHandler", "Limits or Timeouts", "app_test.go:",
	} {
		require.ErrorContains(t, err, part)
	}
	require.Equal(t, err, app.Build(), "the answer stays")
	require.Nil(t, app.Routes())
	_, err = app.URL("n")
	require.Error(t, err)
	require.Error(t, app.Run(context.Background(), "127.0.0.1:0"))
	require.Error(t, app.Shutdown(context.Background()))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.Error(t, app.Serve(ln))
	require.Error(t, ln.Close(), "Serve has closed it")
	_, err = app.Test(get("/"))
	require.Error(t, err)
}

// mark is a middleware that leaves a trace.
func mark(name string) wherry.Middleware {
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			c.AddHeader("X-Trace", name+"("+c.Pattern())
			err := next(c)
			c.AddHeader("X-Trace", name+")")
			return err
		}
	}
}

func trace(r *wherry.TestResponse) string { return strings.Join(r.Headers.Values("X-Trace"), " ") }

func TestMiddlewareOrder(t *testing.T) {
	app := quiet()
	app.Get("/before", text("")) // registered before Use, wrapped all the same
	app.Use(mark("a"), mark("b"))
	app.Group("/g", func(g *wherry.Group) {
		g.Use(mark("c"))
		g.Get("/x", text(""), wherry.With(mark("d")))
		g.Group("/h", func(g *wherry.Group) {
			g.Use(mark("e"))
			g.Post("", text("")).Put("", text("")).Patch("", text("")).Delete("", text("")).Options("", text("own")).Head("", text(""))
		})
	})
	require.Equal(t, "a(/before b(/before b) a)", trace(ask(t, app, get("/before"))))
	require.Equal(t, "a(/g/x b(/g/x c(/g/x d(/g/x d) c) b) a)", trace(ask(t, app, get("/g/x"))))
	require.Equal(t, "a( b( b) a)", trace(ask(t, app, get("/nowhere"))), "404 has no pattern")
	denied := ask(t, app, "POST /g/x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
	require.Equal(t, 405, denied.Status)
	require.Equal(t, "a(/g/x b(/g/x c(/g/x d(/g/x", trace(denied)[:len("a(/g/x b(/g/x c(/g/x d(/g/x")])
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"} {
		r := ask(t, app, method+" /g/h HTTP/1.1\r\nHost: x\r\n\r\n")
		require.Equal(t, 200, r.Status, method)
		require.Contains(t, trace(r), "e(/g/h")
	}
	require.Len(t, app.Routes(), 8)
	require.Equal(t, "/g/x", app.Routes()[1].Pattern)
	require.Contains(t, app.Routes()[1].Location, "app_test.go:")
}

func TestMount(t *testing.T) {
	inner := wherry.New().Use(mark("inner"))
	inner.Get("/", text("root of inner")).Get("/x", text("x of inner"), wherry.Name("x"))
	middle := wherry.New().Mount("/in", inner)
	app := quiet().Use(mark("outer")).Mount("/m", middle)
	app.Host("h.example", func(g *wherry.Group) { g.Mount("/hm/", inner2()) })
	r := ask(t, app, get("/m/in/x"))
	require.Equal(t, "x of inner", string(r.Body))
	require.Equal(t, "outer(/m/in/x inner(/m/in/x inner) outer)", trace(r))
	require.Equal(t, "root of inner", string(ask(t, app, get("/m/in/")).Body))
	require.Equal(t, 404, ask(t, app, get("/m/in")).Status)
	require.Equal(t, "two", string(ask(t, app, "GET /hm/two HTTP/1.1\r\nHost: H.example:80\r\n\r\n").Body))
	require.Equal(t, 404, ask(t, app, get("/hm/two")).Status)
	u, err := app.URL("x")
	require.NoError(t, err)
	require.Equal(t, "/m/in/x", u)
}

func inner2() *wherry.App { return wherry.New().Get("/two", text("two")) }

func TestURL(t *testing.T) {
	app := quiet()
	app.Get("/users/:id/files/**", text(""), wherry.Name("file"))
	app.Get("/here", func(c *wherry.Context) error {
		u, err := c.URL("file", 7, "a b/c")
		if err != nil {
			return err
		}
		return c.Redirect(303, u)
	})
	for _, test := range []struct {
		args []any
		want string
	}{
		{[]any{7, "a/b.txt"}, "/users/7/files/a/b.txt"},
		{[]any{"a/b", "ü"}, "/users/a%2Fb/files/%C3%BC"},
		{[]any{"x", "/a"}, "/users/x/files/a"},
		{[]any{"100%", ""}, "/users/100%25/files/"},
	} {
		u, err := app.URL("file", test.args...)
		require.NoError(t, err)
		require.Equal(t, test.want, u)
	}
	for _, args := range [][]any{{}, {1}, {"", "x"}, {"..", "x"}, {"x", "a/../b"}} {
		_, err := app.URL("file", args...)
		require.Error(t, err, "%v", args)
	}
	_, err := app.URL("nobody")
	require.Error(t, err)
	require.Equal(t, "/users/7/files/a%20b/c", ask(t, app, get("/here")).Headers.Get("Location"))
}

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

func TestErrors(t *testing.T) {
	app := quiet()
	detailed := &wherry.Error{Status: 409, Type: "https://x/taken", Title: "Taken", Detail: "It is taken.",
		Errors: []wherry.FieldError{{Pointer: "#/a", Detail: "no"}}, Err: errors.New("internal")}
	app.Get("/detailed", func(*wherry.Context) error { return fmt.Errorf("wrapped: %w", detailed) })
	app.Get("/odd", func(*wherry.Context) error { return &wherry.Error{Status: 7} })
	app.Get("/fields", func(c *wherry.Context) error {
		c.SetHeader("Access-Control-Allow-Origin", "https://x")
		c.SetHeader("ETag", `"1"`)
		c.SetTrailer("X-T", "1")
		_ = c.Text(200, "was prepared")
		return detailed
	})
	r := ask(t, app, get("/detailed"))
	require.Equal(t, 409, r.Status)
	require.JSONEq(t, `{"type":"https://x/taken","title":"Taken","status":409,"detail":"It is taken.","errors":[{"pointer":"#/a","detail":"no"}]}`, string(r.Body))
	require.Equal(t, 500, ask(t, app, get("/odd")).Status)
	r = ask(t, app, "GET /detailed HTTP/1.1\r\nHost: x\r\nAccept: text/plain\r\n\r\n")
	require.Equal(t, "Taken: It is taken.\n", string(r.Body))
	r = ask(t, app, get("/fields"))
	require.Equal(t, "https://x", r.Headers.Get("access-control-allow-origin"))
	require.False(t, r.Headers.Has("ETag"))
	require.Equal(t, "409 Taken: It is taken.: internal", detailed.Error())
	require.Equal(t, 409, wherry.StatusOf(fmt.Errorf("x: %w", detailed)))
	require.Equal(t, 500, wherry.StatusOf(errors.New("x")))
	require.Equal(t, 200, wherry.StatusOf(nil))
	require.Equal(t, 418, wherry.StatusOf(teapot{}))
	require.Equal(t, 404, wherry.NewError(404, "x").StatusCode())
}

type teapot struct{}

func (teapot) Error() string   { return "teapot" }
func (teapot) StatusCode() int { return 418 }

func TestErrorHandler(t *testing.T) {
	calls := 0
	app := quiet().Get("/", func(*wherry.Context) error { return errors.New("x") })
	app.ErrorHandler(func(c *wherry.Context, err error) {
		calls++
		_ = c.Text(599, "own: "+err.Error())
	})
	r := ask(t, app, get("/"))
	require.Equal(t, 599, r.Status)
	require.Equal(t, "own: x", string(r.Body))
	require.Equal(t, 1, calls)
	failing := quiet().Get("/", func(*wherry.Context) error { return errors.New("x") })
	failing.ErrorHandler(func(*wherry.Context, error) { panic("in the error handler") })
	require.Equal(t, 500, ask(t, failing, get("/")).Status)
}

func TestResponses(t *testing.T) {
	app := quiet()
	add := func(path string, h wherry.Handler) { app.Get(path, h) }
	add("/html", func(c *wherry.Context) error { return c.HTML(200, "<p>") })
	add("/json", func(c *wherry.Context) error { return c.JSON(201, map[string]int{"a": 1}) })
	add("/badjson", func(c *wherry.Context) error { return c.JSON(200, func() {}) })
	add("/big", func(c *wherry.Context) error { return c.Bytes(200, "a/b", make([]byte, 100<<10)) })
	add("/probe", func(c *wherry.Context) error { _, err := c.Write(make([]byte, 8<<10)); return err })
	add("/beyond", func(c *wherry.Context) error { _, err := c.Write(make([]byte, 8<<10+1)); return err })
	add("/many", func(c *wherry.Context) error {
		for range 10000 {
			_, _ = c.WriteString("0123456789")
		}
		return nil
	})
	add("/exact", func(c *wherry.Context) error {
		c.SetHeader("Content-Length", "20000")
		_, err := c.Write(make([]byte, 20000))
		return err
	})
	add("/over", func(c *wherry.Context) error {
		c.SetHeader("Content-Length", "9000")
		_, _ = c.Write(make([]byte, 8999))
		_ = c.Flush()
		_, err := c.Write(make([]byte, 2))
		require.ErrorIs(t, err, wherry.ErrContentLength)
		return nil
	})
	add("/under", func(c *wherry.Context) error {
		c.SetHeader("Content-Length", "9000")
		_ = c.Flush()
		return nil
	})
	add("/badlength", func(c *wherry.Context) error { c.SetHeader("Content-Length", "x"); return nil })
	add("/twolengths", func(c *wherry.Context) error {
		c.AddHeader("Content-Length", "1")
		c.AddHeader("Content-Length", "1")
		return nil
	})
	add("/twice", func(c *wherry.Context) error { _ = c.Text(200, "one"); return c.Status(202).Text(203, "two") })
	add("/redirect", func(c *wherry.Context) error { return c.Redirect(302, "/ü x") })
	add("/badredirect", func(c *wherry.Context) error { return c.Redirect(200, "/") })
	add("/date", func(c *wherry.Context) error { c.SetHeader("Date", "mine"); return nil })
	add("/vary", func(c *wherry.Context) error {
		c.Vary("Accept", "Origin")
		c.Vary("accept")
		return nil
	})
	add("/badtrailer", func(c *wherry.Context) error { c.SetTrailer("Content-Length", "1"); return nil })
	add("/splittrailer", func(c *wherry.Context) error { c.SetTrailer("X", "a\r\nb"); return nil })
	add("/latetrailer", func(c *wherry.Context) error { _ = c.Flush(); c.SetTrailer("X", "a"); return nil })
	add("/interim", func(c *wherry.Context) error {
		require.Error(t, c.Interim(100))
		require.Error(t, c.Interim(200))
		require.NoError(t, c.Interim(102))
		require.False(t, c.Committed())
		require.NoError(t, c.Flush())
		require.True(t, c.Committed())
		require.Error(t, c.Interim(103))
		require.Error(t, c.Text(200, ""))
		return nil
	})
	add("/badname", func(c *wherry.Context) error { c.SetHeader("X Y", "1"); return c.Interim(103) })
	add("/stream", func(c *wherry.Context) error { return c.Stream(200, "a/b", io.LimitReader(zeros{}, 50000)) })
	add("/failing", func(c *wherry.Context) error { return c.Stream(200, "a/b", errReader{}) })
	add("/999", func(c *wherry.Context) error { return c.Text(999, "x") })
	add("/headers", func(c *wherry.Context) error {
		h := c.ResponseHeaders()
		h.Add("A", "1")
		h.Add("a", "2")
		h.Add("B", "3")
		h.Set("A", "4")
		h.Del("b")
		require.Equal(t, 1, h.Len())
		require.Equal(t, []string{"4"}, h.Values("a"))
		require.Equal(t, 0, c.StatusCode())
		for name, value := range h.All() {
			require.Equal(t, "A4", name+value)
			break
		}
		return nil
	})
	for path, want := range map[string]string{
		"/html": "200 3 text/html; charset=utf-8", "/json": "201 7 application/json", "/badjson": "500 46 application/problem+json",
		"/big": "200 102400 a/b", "/probe": "200 8192 ", "/beyond": "200 8193 ", "/many": "200 100000 ", "/exact": "200 20000 ",
		"/badlength": "500 46 application/problem+json", "/twolengths": "500 46 application/problem+json", "/twice": "203 3 text/plain; charset=utf-8",
		"/redirect": "302 0 ", "/badredirect": "500 46 application/problem+json", "/date": "200 0 ", "/vary": "200 0 ",
		"/badtrailer": "500 46 application/problem+json", "/splittrailer": "500 46 application/problem+json", "/interim": "200 0 ",
		"/badname": "500 46 application/problem+json", "/stream": "200 50000 a/b", "/failing": "500 46 application/problem+json", "/999": "999 1 text/plain; charset=utf-8", "/headers": "200 0 ",
	} {
		r := ask(t, app, get(path))
		require.Equal(t, want, fmt.Sprintf("%d %d %s", r.Status, len(r.Body), r.Headers.Get("Content-Type")), path)
		stream := path == "/beyond" || path == "/many" || path == "/stream" || path == "/interim"
		require.Equal(t, stream, r.Headers.Has("Transfer-Encoding"), path)
	}
	require.Equal(t, "/%C3%BC%20x", ask(t, app, get("/redirect")).Headers.Get("Location"))
	require.Equal(t, "mine", ask(t, app, get("/date")).Headers.Get("Date"))
	require.Equal(t, "Accept, Origin", ask(t, app, get("/vary")).Headers.Get("Vary"))
	require.Equal(t, []int{102}, ask(t, app, get("/interim")).Interim)
	for _, path := range []string{"/over", "/under", "/latetrailer"} {
		_, err := app.Test(get(path))
		require.Error(t, err, "%s is cut", path)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("the source fails") }

func TestRequest(t *testing.T) {
	app := quiet()
	app.Post("/a/:id/*/**", func(c *wherry.Context) error {
		major, minor := c.Proto()
		body, err := c.BodyBytes()
		again, _ := c.BodyBytes()
		require.Equal(t, body, again)
		require.NotNil(t, c.Conn())
		f := c.Headers()
		require.True(t, f.Has("x-a"))
		require.Equal(t, []string{"1", "2"}, f.Values("X-A"))
		require.Equal(t, "1", f.Get("x-A"))
		require.Empty(t, c.Header("none"))
		require.Zero(t, c.Trailers().Len())
		return errors.Join(err, c.Text(200, fmt.Sprintf("%s %s %s %s %s %s %d.%d %s|%s|%s|%s %d %s %s %v %v", c.Method(), c.Target(), c.Path(), c.RawPath(),
			c.RawQuery(), c.Host(), major, minor, c.Param("id"), c.Param("*"), c.Param("**"), c.Param("none"), c.ContentLength(), body, c.Header("X-A"),
			c.RemoteAddr(), c.LocalAddr())))
	})
	r := ask(t, app, "POST /a/%41/b/c%2Fd/e?q=1 HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 2\r\n\r\nhi")
	require.Equal(t, "POST /a/%41/b/c%2Fd/e?q=1 /a/A/b/c/d/e /a/%41/b/c%2Fd/e q=1 h 1.1 A|b|c/d/e| 2 hi 1 memory memory", string(r.Body))
}

func TestFilePath(t *testing.T) {
	app := quiet().Get("/f/**", func(c *wherry.Context) error {
		name, ok := wherry.FilePath(c)
		return c.Text(200, fmt.Sprint(name, " ", ok))
	})
	for path, want := range map[string]string{
		"/f": ". true", "/f/": ". true", "/f/a": "a true", "/f/a/b.txt": "a/b.txt true", "/f/a%20b": "a b true",
		"/f/..": " false", "/f/a/../b": " false", "/f/.": " false", "/f/%2e%2e": " false", "/f/%2e%2e/x": " false", "/f/a%2Fb": " false",
		"/f/a%5Cb": " false", "/f//a": " false", "/f/a/": " false", "/f/C:": " false", "/f/%252e%252e": "%2e%2e true", "/f/..%2f..": " false",
	} {
		require.Equal(t, want, string(ask(t, app, get(path)).Body), path)
	}
}

func TestContextAfterReturn(t *testing.T) {
	var kept *wherry.Context
	var body io.Reader
	app := quiet().Post("/kept/:id", func(c *wherry.Context) error {
		kept, body = c, c.Body()
		return nil
	})
	ask(t, app, "POST /kept/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
	require.PanicsWithValue(t, "wherry: the Context of POST /kept/:id is used after its handler returned; copy what you need, or keep c.Context()",
		func() { kept.Method() })
	_, err := body.Read(make([]byte, 1))
	require.Error(t, err)
}

func TestContextIsCancelled(t *testing.T) {
	var ctx context.Context
	key := wherry.NewKey[string]("name")
	app := quiet().Get("/", func(c *wherry.Context) error {
		ctx = c.Context()
		require.NoError(t, ctx.Err())
		type ctxKey struct{}
		c.SetContext(context.WithValue(ctx, ctxKey{}, "value"))
		require.Equal(t, "value", c.Context().Value(ctxKey{}))
		key.Set(c, "one")
		key.Set(c, "two")
		value, ok := key.Get(c)
		require.True(t, ok)
		require.Equal(t, "two", value)
		_, ok = wherry.NewKey[string]("name").Get(c)
		require.False(t, ok)
		require.Equal(t, "name", key.String())
		return nil
	})
	ask(t, app, get("/"))
	require.ErrorIs(t, ctx.Err(), context.Canceled)
}

// serve serves an app on a loopback port.
func serve(t *testing.T, app *wherry.App) (addr string, stop func() error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(ln) }()
	return ln.Addr().String(), func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return errors.Join(app.Shutdown(ctx), <-served)
	}
}

func TestClientLeavesWhileHandlerRuns(t *testing.T) {
	for name, extra := range map[string]string{"plain": "", "unread body": "12345", "pipelined": "1234567890" + get("/")} {
		cause := make(chan error, 1)
		app := quiet().Post("/", func(c *wherry.Context) error {
			ctx := c.Context()
			select {
			case <-ctx.Done():
			case <-time.After(5 * time.Second):
			}
			cause <- context.Cause(ctx)
			return ctx.Err()
		}).Get("/", text(""))
		addr, stop := serve(t, app)
		conn, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"+extra)
		require.NoError(t, err)
		time.Sleep(10 * time.Millisecond)
		require.NoError(t, conn.Close())
		require.ErrorIs(t, <-cause, wherry.ErrClientGone, name)
		require.NoError(t, stop())
	}
}

func TestShutdownAnswersWhatIsInFlight(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	told := make(chan struct{})
	app := quiet().Get("/", func(c *wherry.Context) error {
		close(begun)
		<-goOn
		return c.Text(200, "done")
	}).OnShutdown(func() { close(told) })
	addr, stop := serve(t, app)
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, get("/"))
	require.NoError(t, err)
	<-begun
	done := make(chan error, 1)
	go func() { done <- stop() }()
	<-told
	close(goOn)
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Contains(t, string(answer), "Connection: close")
	require.Contains(t, string(answer), "done")
	require.NoError(t, <-done)
	require.Error(t, app.Serve(&net.TCPListener{}), "an app is not served twice")
}

func TestHijack(t *testing.T) {
	ended := make(chan error, 1)
	given := make(chan net.Conn, 1)
	app := quiet().Get("/", func(c *wherry.Context) error {
		conn, ahead, err := c.Hijack()
		require.NoError(t, err)
		require.Equal(t, "ahead", string(ahead))
		_, _, err = c.Hijack()
		require.ErrorIs(t, err, wherry.ErrHijacked)
		_, err = c.Write([]byte("x"))
		require.ErrorIs(t, err, wherry.ErrHijacked)
		require.ErrorIs(t, c.Text(200, ""), wherry.ErrHijacked)
		_, err = c.Body().Read(make([]byte, 1))
		require.Error(t, err)
		given <- conn
		return errors.New("is only logged")
	})
	app.OnDisconnect(func(_ *wherry.Conn, cause error) { ended <- cause })
	for _, announced := range []string{"", "Connection: upgrade\r\nUpgrade: x\r\n"} {
		addr, stop := serve(t, app)
		conn, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n"+announced+"\r\nahead")
		require.NoError(t, err)
		theirs := <-given
		_, err = io.WriteString(theirs, "hello")
		require.NoError(t, err)
		got := make([]byte, 5)
		_, err = io.ReadFull(conn, got)
		require.NoError(t, err)
		require.Equal(t, "hello", string(got))
		require.NoError(t, theirs.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
		_, err = theirs.Read(got)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, theirs.(interface{ CloseWrite() error }).CloseWrite())
		require.Empty(t, ended)
		require.NoError(t, theirs.Close())
		require.NoError(t, theirs.Close(), "closing twice is closing once")
		require.NoError(t, <-ended)
		require.NoError(t, conn.Close())
		if announced == "" {
			continue
		}
		require.NoError(t, stop())
	}
}

func TestShutdownClosesHijacked(t *testing.T) {
	given := make(chan net.Conn, 1)
	app := quiet().Get("/", func(c *wherry.Context) error {
		conn, _, err := c.Hijack()
		given <- conn
		return err
	})
	addr, _ := serve(t, app)
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
	require.NoError(t, err)
	<-given
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, app.Shutdown(ctx), "1 connections were cut")
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
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

func TestRun(t *testing.T) {
	app := quiet().Get("/", text("here"))
	socket := filepath.Join(t.TempDir(), "s")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- app.Run(ctx, "127.0.0.1:0", "unix:"+socket) }()
	client := http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", socket)
	}}}
	var body []byte
	require.Eventually(t, func() bool {
		r, err := client.Get("http://x/")
		if err != nil {
			return false
		}
		defer r.Body.Close()
		body, err = io.ReadAll(r.Body)
		return err == nil
	}, 5*time.Second, 5*time.Millisecond)
	require.Equal(t, "here", string(body))
	cancel()
	require.NoError(t, <-done)
	require.Error(t, quiet().Run(context.Background()), "no address")
	require.Error(t, quiet().Run(context.Background(), "127.0.0.1:0", "nowhere:-1"))
}

// TestListen sends a signal to a child process.
func TestListen(t *testing.T) {
	if os.Getenv("WHERRY_TEST_LISTEN") != "" {
		require.NoError(t, quiet().Get("/", text("child")).Listen(os.Getenv("WHERRY_TEST_LISTEN")))
		return
	}
	socket := filepath.Join(t.TempDir(), "s")
	child := exec.Command(os.Args[0], "-test.run", "^TestListen$")
	child.Env = append(os.Environ(), "WHERRY_TEST_LISTEN=unix:"+socket)
	require.NoError(t, child.Start())
	require.Eventually(t, func() bool {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}, 5*time.Second, 5*time.Millisecond)
	require.NoError(t, child.Process.Signal(syscall.SIGTERM))
	require.NoError(t, child.Wait())
}

func TestInMemory(t *testing.T) {
	app := quiet().Post("/", func(c *wherry.Context) error { return c.Stream(200, "a/b", c.Body()) })
	request, err := http.NewRequest("POST", "http://x/", strings.NewReader("hello"))
	require.NoError(t, err)
	r, err := app.TestRequest(request)
	require.NoError(t, err)
	require.Equal(t, "hello", string(r.Body))
	answers, err := app.TestOn(engine.Threaded, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nho\r\n0\r\n\r\n")
	require.NoError(t, err)
	require.Equal(t, "hi", string(answers[0].Body))
	require.Equal(t, "ho", string(answers[1].Body))
}

// TestStress: each answer belongs to its request.
func TestStress(t *testing.T) {
	app := quiet()
	app.Post("/:n", func(c *wherry.Context) error {
		body, err := c.BodyBytes()
		if err != nil {
			return err
		}
		_ = c.Context()
		return c.Text(200, c.Param("n")+string(body))
	})
	addr, stop := serve(t, app)
	var clients sync.WaitGroup
	var served atomic.Int64
	for i := range 30 {
		clients.Add(1)
		go func() {
			defer clients.Done()
			client := http.Client{Transport: &http.Transport{DisableKeepAlives: i%5 == 0}}
			defer client.CloseIdleConnections()
			for j := range 30 {
				body := strings.Repeat("x", (i*37+j*911)%20000)
				var content io.Reader = strings.NewReader(body)
				if j%2 == 0 {
					content = io.MultiReader(content) // of unknown length
				}
				r, err := client.Post(fmt.Sprintf("http://%s/%d-%d", addr, i, j), "text/plain", content)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(r.Body)
				_ = r.Body.Close()
				if want := fmt.Sprintf("%d-%d", i, j) + body; err != nil || string(got) != want {
					t.Errorf("%d-%d: %d bytes, want %d: %v", i, j, len(got), len(want), err)
				}
				served.Add(1)
			}
		}()
	}
	clients.Wait()
	require.EqualValues(t, 900, served.Load())
	require.NoError(t, stop())
}
