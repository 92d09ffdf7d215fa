package wherry_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
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

// serve serves an app on a loopback port.
func serve(t *testing.T, app *wherry.App) (addr string, stop func() error) {
	t.Helper()
	require.NoError(t, app.Build())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(ln) }()
	return ln.Addr().String(), func() error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return errors.Join(app.Shutdown(ctx), <-served)
	}
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

// dial connects to a served app; the connection ends with the test at the
// latest and never waits for ever.
func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(2*patience)))
	return conn
}

// fetch sends one request on a new connection and returns the content.
func fetch(t *testing.T, addr, raw string) string {
	t.Helper()
	conn := dial(t, addr)
	_, err := io.WriteString(conn, raw)
	require.NoError(t, err)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	content, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	return string(content)
}

// TestSetTwice: a setting that would replace another one in silence is a
// mistake, told with both places. The last Logger counts, and the last Engine.
func TestSetTwice(t *testing.T) {
	for name, set := range map[string]func(*wherry.App){
		"Limits":       func(a *wherry.App) { a.Limits(wherry.Limits{Body: 5}) },
		"Timeouts":     func(a *wherry.App) { a.Timeouts(wherry.Timeouts{Idle: time.Second}) },
		"JSON":         func(a *wherry.App) { a.JSON(plainJSON{}) },
		"NotFound":     func(a *wherry.App) { a.NotFound(text("none")) },
		"ErrorHandler": func(a *wherry.App) { a.ErrorHandler(func(*wherry.Context, error) {}) },
	} {
		app := quiet()
		set(app)
		require.NoError(t, app.Build(), name)
		app = quiet()
		set(app)
		set(app)
		err := app.Build()
		require.ErrorContains(t, err, name+" is set already, at ")
		require.Equal(t, 2, strings.Count(err.Error(), "app_test.go:"), "%v", err)
	}
	app := quiet().Logger(slog.New(slog.DiscardHandler))
	require.NoError(t, app.Build())
}

// TestAny: all methods with a shorthand have one handler, and one name.
func TestAny(t *testing.T) {
	app := quiet().Any("/any/:id", func(c *wherry.Context) error { return c.Text(200, c.Method()) }, wherry.Name("any"))
	app.Group("/api", func(g *wherry.Group) { g.Get("/users", text("users")).Any("/**", text("none")) })
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		answer := ask(t, app, method+" /any/7 HTTP/1.1\r\nHost: x\r\n\r\n")
		require.Equal(t, 200, answer.Status, method)
		if method != "HEAD" {
			require.Equal(t, method, string(answer.Body))
		}
	}
	answer := ask(t, app, "TRACE /any/7 HTTP/1.1\r\nHost: x\r\n\r\n")
	require.Equal(t, 405, answer.Status)
	require.Equal(t, "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT", answer.Headers.Get("Allow"))
	path, err := app.URL("any", 7)
	require.NoError(t, err)
	require.Equal(t, "/any/7", path)
	require.Equal(t, "none", string(ask(t, app, "POST /api/users HTTP/1.1\r\nHost: x\r\n\r\n").Body), "as docs/routing.md says of 405 below it")
	for _, route := range app.Routes() {
		require.Contains(t, route.Location, "app_test.go:")
	}
}
