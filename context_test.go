package wherry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
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
	} {
		require.Equal(t, want, string(ask(t, app, get(path)).Body), path)
	}
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
