package wherry_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
)

func TestSetPath(t *testing.T) {
	app := quiet().Get("/a/:x", func(c *wherry.Context) error { return c.Text(200, c.Param("x")) })
	app.BeforeRouting(func(c *wherry.Context) error {
		c.SetPath(strings.TrimPrefix(c.Header("X-To"), "="))
		return nil
	})
	for to, want := range map[string]int{"=/a/b%20c": 200, "=a": 500, "=/a/%4": 500, "=": 500, "=/b": 404} {
		r := ask(t, app, "GET / HTTP/1.1\r\nHost: x\r\nX-To: "+to+"\r\n\r\n")
		require.Equal(t, want, r.Status, to)
	}
}

func TestSetBodyLimit(t *testing.T) {
	app := quiet().Limits(wherry.Limits{Body: 4})
	app.Post("/", func(c *wherry.Context) error {
		require.EqualValues(t, c.ContentLength() == -1, strings.Contains(c.Header("Transfer-Encoding"), "chunked"))
		body, err := c.BodyBytes()
		if err != nil {
			return err
		}
		return c.Text(200, string(body)+c.Trailers().Get("x-t"))
	})
	app.BeforeRouting(func(c *wherry.Context) error {
		switch c.Header("X-Limit") {
		case "6":
			c.SetBodyLimit(6)
		case "none":
			c.SetBodyLimit(wherry.NoLimit)
		}
		return nil
	})
	post := func(limit, framing, body string) *wherry.TestResponse {
		return ask(t, app, "POST / HTTP/1.1\r\nHost: x\r\nX-Limit: "+limit+"\r\n"+framing+"\r\n\r\n"+body)
	}
	require.Equal(t, 413, post("", "Content-Length: 5", "hello").Status)
	require.Equal(t, 200, post("6", "Content-Length: 6", "hello!").Status)
	require.Equal(t, 413, post("6", "Transfer-Encoding: chunked", "7\r\nhello!!\r\n0\r\n\r\n").Status)
	require.Equal(t, "hello!!t", string(post("none", "Transfer-Encoding: chunked", "7\r\nhello!!\r\n0\r\nX-T: t\r\n\r\n").Body))
}

// TestCutWithoutLength: where only the end of the connection tells the end of
// the content, an answer that fails ends in a reset.
func TestCutWithoutLength(t *testing.T) {
	app := quiet().Get("/", func(c *wherry.Context) error {
		_, _ = c.Write([]byte("half"))
		_ = c.Flush()
		return errors.New("the rest is lost")
	})
	addr, stop := serve(t, app)
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	_, err = io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
	require.NoError(t, err)
	_, err = io.ReadAll(conn)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.NoError(t, conn.Close())
	require.NoError(t, stop())
}

// TestStreamedUpload reads far more than any buffer through a small one, in
// either framing, while it arrives.
func TestStreamedUpload(t *testing.T) {
	app := quiet().Post("/", func(c *wherry.Context) error {
		n, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{c.Body()}, make([]byte, 3000))
		require.EqualValues(t, 1<<20, n)
		return errors.Join(err, c.Text(200, "all of it"))
	})
	addr, stop := serve(t, app)
	for _, framing := range []string{"Content-Length: 1048576", "Transfer-Encoding: chunked"} {
		conn, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		body := strings.Repeat("x", 1<<20)
		if strings.HasPrefix(framing, "Transfer") {
			body = "80000\r\n" + body[:1<<19] + "\r\n80000\r\n" + body[1<<19:] + "\r\n0\r\n\r\n"
		}
		go func() {
			_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"+framing+"\r\n\r\n"+body)
		}()
		answer, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(string(answer), "all of it"), "%s", answer)
		require.NoError(t, conn.Close())
	}
	require.NoError(t, stop())
}
