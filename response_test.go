package wherry_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
)

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
