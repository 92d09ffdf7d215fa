package wherry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

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
		"/f/%C3%BC": "ü true", "/f/%ff": " false", "/f/a/%C3": " false", "/f/%c0%ae": " false",
	} {
		require.Equal(t, want, string(ask(t, app, get(path)).Body), path)
	}
}

// TestDirPath takes exactly the paths with a slash at the end, FilePath the
// others, and both the same names.
func TestDirPath(t *testing.T) {
	app := quiet().Get("/f/**", func(c *wherry.Context) error {
		file, ok := wherry.FilePath(c)
		dir, slash := wherry.DirPath(c)
		return c.Text(200, fmt.Sprintf("%s %v %s %v", file, ok, dir, slash))
	})
	for path, want := range map[string]string{
		"/f": ". true  false", "/f/": ". true . true", "/f/a": "a true  false", "/f/a/": " false a true", "/f/a/b/": " false a/b true",
		"/f/a%20b/": " false a b true", "/f/%C3%BC/": " false ü true", "/f/.../": " false ... true", "/f/..": " false  false",
	} {
		require.Equal(t, want, string(ask(t, app, get(path)).Body), path)
	}
	for _, path := range []string{
		"/f//", "/f/a//", "/f//a/", "/f/./", "/f/../", "/f/a/../", "/f/%2e/", "/f/%2E%2e/", "/f/a%2F", "/f/a%2F/", "/f/%2F/", "/f/a%5C/", "/f/C:/", "/f/%ff/",
		"/f/a/%c3/", "/f/%c0%ae/",
	} {
		require.Equal(t, " false  false", string(ask(t, app, get(path)).Body), path)
	}
	inHandler(t, get("/"), func(c *wherry.Context) {
		name, ok := wherry.DirPath(c)
		require.Equal(t, ".", name, "a route without ** has no rest")
		require.True(t, ok)
	})
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

// TestClientLeavesWhileHandlerRuns: the handler is told, also while a body or
// a pipelined request waits to be read.
func TestClientLeavesWhileHandlerRuns(t *testing.T) {
	for name, test := range map[string]struct {
		extra string
		leave func(*net.TCPConn) error
	}{
		"plain":       {"1234567890", (*net.TCPConn).Close},
		"reset":       {"1234567890", func(c *net.TCPConn) error { return errors.Join(c.SetLinger(0), c.Close()) }},
		"no body yet": {"", (*net.TCPConn).Close},
		"unread body": {"12345", (*net.TCPConn).Close},
		"pipelined":   {"1234567890" + get("/"), (*net.TCPConn).Close},
		"large body":  {"1234567890" + strings.Repeat("a", 30000), (*net.TCPConn).Close},
	} {
		begun, cause, ended := make(chan struct{}), make(chan error, 1), make(chan error, 1)
		app := quiet().Post("/", func(c *wherry.Context) error {
			ctx := c.Context()
			close(begun)
			<-ctx.Done()
			cause <- context.Cause(ctx)
			return ctx.Err()
		}).Get("/", text(""))
		app.OnDisconnect(func(_ *wherry.Conn, cause error) { ended <- cause })
		addr, stop := serve(t, app)
		conn := dial(t, addr)
		_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"+test.extra)
		require.NoError(t, err)
		<-begun
		require.NoError(t, test.leave(conn.(*net.TCPConn)))
		select {
		case err := <-cause:
			require.ErrorIs(t, err, wherry.ErrClientGone, name)
		case <-time.After(patience):
			t.Fatalf("%s: the handler was not told", name)
		}
		<-ended
		require.NoError(t, stop())
	}
}

// TestClientLeavesIsNoFailure: the echo of a leaving client is not logged.
func TestClientLeavesIsNoFailure(t *testing.T) {
	app, log := logged()
	begun := make(chan struct{})
	app.Get("/", func(c *wherry.Context) error {
		ctx := c.Context()
		close(begun)
		<-ctx.Done()
		return fmt.Errorf("query: %w", context.Cause(ctx))
	})
	ended := make(chan error, 1)
	app.OnDisconnect(func(_ *wherry.Conn, cause error) { ended <- cause })
	addr, stop := serve(t, app)
	conn := dial(t, addr)
	_, err := io.WriteString(conn, get("/"))
	require.NoError(t, err)
	<-begun
	require.NoError(t, conn.Close())
	<-ended
	require.NoError(t, stop())
	require.Empty(t, log.String())
}

// TestParamsAreDecodedOnce: split on raw slashes first, then each segment is
// decoded once.
func TestParamsAreDecodedOnce(t *testing.T) {
	app := quiet()
	app.Get("/u/:a/*/x/*", func(c *wherry.Context) error {
		return c.Text(200, strings.Join([]string{c.Param("a"), c.Param("*"), c.Param("*2"), c.Param("*3"), c.Path(), c.RawPath()}, "|"))
	})
	app.Get("/r/:a/**", func(c *wherry.Context) error { return c.Text(200, c.Param("a")+"|"+c.Param("**")+"|"+c.Path()) })
	for path, want := range map[string]string{
		"/u/a/b/x/c":                "a|b|c||/u/a/b/x/c|/u/a/b/x/c",
		"/u/%61/%2F/x/%252F":        "a|/|%2F||/u/a///x/%2F|/u/%61/%2F/x/%252F",
		"/u/a%20b/+/x/%C3%BC":       "a b|+|ü||/u/a b/+/x/ü|/u/a%20b/+/x/%C3%BC",
		"/%75/%2e%2e/./x/..":        "..|.|..||/u/.././x/..|/%75/%2e%2e/./x/..",
		"/r/a":                      "a||/r/a",
		"/r/a/":                     "a||/r/a/",
		"/r/a/b%2Fc/%2525//d?q=%41": "a|b/c/%25//d|/r/a/b/c/%25//d",
	} {
		require.Equal(t, want, string(ask(t, app, get(path)).Body), path)
	}
}

// TestRequestLine: the forms of a target, as handlers see them.
func TestRequestLine(t *testing.T) {
	show := func(c *wherry.Context) error {
		major, minor := c.Proto()
		return c.Text(200, strings.Join([]string{c.Method(), c.Target(), c.RawPath(), c.RawQuery(), c.Host(), c.Pattern(), fmt.Sprint(major, minor)}, " "))
	}
	app := quiet().Get("/**", show).Handle("CONNECT", "/", show).Handle("PURGE", "/x", show)
	for raw, want := range map[string]string{
		"GET /a?b?c HTTP/1.1\r\nHost: x:80\r\n\r\n":              "GET /a?b?c /a b?c x:80 /** 1 1",
		"GET http://H.example:1/p?q HTTP/1.1\r\nHost: x\r\n\r\n": "GET http://H.example:1/p?q /p q H.example:1 /** 1 1",
		"GET http://h HTTP/1.1\r\nHost: x\r\n\r\n":               "GET http://h /  h /** 1 1",
		"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n":          "CONNECT h:443 /  h:443 / 1 1",
		"PURGE /x HTTP/1.0\r\n\r\n":                              "PURGE /x /x   /x 1 0",
	} {
		require.Equal(t, want, string(ask(t, app, raw).Body))
	}
	r := ask(t, quiet().Get("/", text("")), "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n")
	require.GreaterOrEqual(t, r.Status, 400, "a tunnel that nobody registered")
}

// TestFilePathWithoutRest: a route without ** has no rest.
func TestFilePathWithoutRest(t *testing.T) {
	inHandler(t, get("/"), func(c *wherry.Context) {
		name, ok := wherry.FilePath(c)
		require.Equal(t, ".", name)
		require.True(t, ok)
	})
}

// TestFilePathTricks: nothing that leaves the folder, in any spelling. What
// is let through is also opened below a root, where it stays.
func TestFilePathTricks(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	require.NoError(t, err)
	defer root.Close()
	app := quiet().Get("/f/**", func(c *wherry.Context) error {
		name, ok := wherry.FilePath(c)
		if !ok {
			return wherry.NewError(404, "no such file")
		}
		require.True(t, fs.ValidPath(name), name)
		_, err := root.Stat(name)
		if err != nil {
			require.ErrorIs(t, err, fs.ErrNotExist, name)
		}
		return c.Text(200, name)
	})
	for _, path := range []string{
		"/f/..", "/f/../x", "/f/x/..", "/f/x/../../y", "/f/%2e%2e/x", "/f/.%2e/x", "/f/%2E./x", "/f/..%2fx", "/f/..%5cx", "/f/%2e%2e%2fx", "/f/x%2f..%2fy",
		"/f/./x", "/f/x/.", "/f//x", "/f/x//y", "/f/x/", "/f/%2fetc/passwd", "/f//etc/passwd", "/f/%5cx", "/f/C:x", "/f/C%3a/x", "/f/x:stream", "/f/%2f",
	} {
		require.Equal(t, 404, ask(t, app, get(path)).Status, path)
	}
	for path, want := range map[string]string{
		"/f/...": "...", "/f/..x": "..x", "/f/x..": "x..", "/f/%252e%252e/x": "%2e%2e/x", "/f/a/b/c.txt": "a/b/c.txt", "/f/%C3%BC": "ü", "/f/.hidden": ".hidden", "/f/~": "~",
	} {
		r := ask(t, app, get(path))
		require.Equal(t, want, string(r.Body), path)
	}
	require.Equal(t, 400, ask(t, app, get("/f/%00")).Status)
}

// TestContextIsLazyAndKept: the same one each time, alive while the handler
// runs, cancelled when it has returned, whatever replaced it.
func TestContextIsLazyAndKept(t *testing.T) {
	type name struct{}
	var first, second context.Context
	app := quiet().Get("/", func(c *wherry.Context) error {
		first = c.Context()
		require.Equal(t, first, c.Context())
		ctx, cancel := context.WithTimeout(context.WithValue(first, name{}, "v"), time.Hour)
		defer cancel()
		c.SetContext(ctx)
		second = c.Context()
		require.Equal(t, "v", second.Value(name{}))
		require.NoError(t, second.Err())
		return nil
	})
	ask(t, app, get("/"))
	for _, ctx := range []context.Context{first, second} {
		<-ctx.Done()
		require.ErrorIs(t, ctx.Err(), context.Canceled)
	}
	require.ErrorIs(t, context.Cause(first), context.Canceled)
}

// TestContextEndsOnEveryPath: also when the handler panics, fails or drops.
func TestContextEndsOnEveryPath(t *testing.T) {
	var ctx context.Context
	end := errors.New("end")
	for _, h := range []wherry.Handler{
		func(*wherry.Context) error { return end },
		func(*wherry.Context) error { panic(end) },
		func(*wherry.Context) error { return wherry.ErrDrop },
		func(c *wherry.Context) error { return errors.Join(c.Flush(), end) },
		func(c *wherry.Context) error { conn, _, err := c.Hijack(); return errors.Join(err, conn.Close()) },
	} {
		app := quiet().Get("/", func(c *wherry.Context) error { ctx = c.Context(); return h(c) })
		_, err := wherry.Wire(app, get("/"))
		require.NoError(t, err)
		require.ErrorIs(t, ctx.Err(), context.Canceled)
	}
}

// TestSetDeadline: the earliest deadline holds, for a context that is there
// and for one that is not, and is gone with its exchange.
func TestSetDeadline(t *testing.T) {
	over := errors.New("over")
	app := quiet()
	app.Get("/before", func(c *wherry.Context) error {
		c.SetDeadline(time.Now().Add(time.Millisecond), over)
		c.SetDeadline(time.Now().Add(time.Hour), nil)
		<-c.Context().Done()
		return c.Text(200, context.Cause(c.Context()).Error())
	})
	app.Get("/after", func(c *wherry.Context) error {
		early := c.Context()
		c.SetDeadline(time.Now().Add(time.Millisecond), nil)
		<-c.Context().Done()
		require.NoError(t, early.Err(), "a context handed out before is not bound")
		return c.Text(200, context.Cause(c.Context()).Error())
	})
	app.Get("/none", func(c *wherry.Context) error {
		_, bound := c.Context().Deadline()
		return c.Text(200, fmt.Sprint(bound))
	})
	answers, err := app.TestOn(engine.Auto, get("/before"), get("/none"), get("/after"), get("/none"))
	require.NoError(t, err)
	var got []string
	for _, a := range answers {
		got = append(got, string(a.Body))
	}
	require.Equal(t, []string{"over", "false", context.DeadlineExceeded.Error(), "false"}, got)
}
