package wherry

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// bracketing is a coding that one can read: content in brackets, a dot where
// it was flushed.
type bracketing struct {
	dst     io.Writer
	begun   bool
	closed  *int
	failing error
	tail    string // what stands behind the content
}

func (b *bracketing) open() {
	if !b.begun {
		b.begun = true
		_, _ = io.WriteString(b.dst, "[")
	}
}

func (b *bracketing) Write(p []byte) (int, error) {
	if b.failing != nil {
		return 0, b.failing
	}
	b.open()
	return b.dst.Write(p)
}

func (b *bracketing) Flush() error {
	b.open()
	_, err := io.WriteString(b.dst, ".")
	return err
}

func (b *bracketing) Close() error {
	*b.closed++
	b.open()
	_, err := io.WriteString(b.dst, "]"+b.tail)
	return err
}

// bracketed is middleware that codes every answer, and counts.
type bracketed struct {
	chosen, closed int
	lengths        []int64
	failing        error
	tail           string
}

func (b *bracketed) around(next Handler) Handler {
	return func(c *Context) error {
		c.EncodeContent(func(c *Context, length int64) func(io.Writer) ContentEncoder {
			b.chosen++
			b.lengths = append(b.lengths, length)
			c.SetHeader(HeaderContentEncoding, "brackets")
			return func(dst io.Writer) ContentEncoder {
				return &bracketing{dst: dst, closed: &b.closed, failing: b.failing, tail: b.tail}
			}
		})
		return next(c)
	}
}

func codedApp(b *bracketed, h Handler) *App {
	return New().Logger(slog.New(slog.DiscardHandler)).Use(b.around).Get("/", h)
}

func TestEncodeContent(t *testing.T) {
	large := strings.Repeat("x", 100<<10)
	for name, test := range map[string]struct {
		handler Handler
		want    string
		length  int64 // that choose is told
		chunked bool
	}{
		"text":    {func(c *Context) error { return c.Text(200, "a") }, "[a]", 1, false},
		"json":    {func(c *Context) error { return c.JSON(200, 1) }, "[1]", 1, false},
		"nothing": {func(c *Context) error { return c.Text(200, "") }, "[]", 0, false},
		"writes": {func(c *Context) error {
			_, _ = io.WriteString(c, "a")
			_, err := io.WriteString(c, "b")
			return err
		}, "[ab]", 2, false},
		"held":  {func(c *Context) error { return c.Text(200, large[:60<<10]) }, "[" + large[:60<<10] + "]", 60 << 10, false},
		"large": {func(c *Context) error { return c.Bytes(200, "a/b", []byte(large)) }, "[" + large + "]", 100 << 10, true},
		"flushed": {func(c *Context) error {
			_, _ = io.WriteString(c, "a")
			_ = c.Flush()
			_, _ = io.WriteString(c, "b")
			return nil
		}, "[a.b]", -1, true},
		"trailers": {func(c *Context) error {
			c.SetTrailer("Sum", "1")
			return c.Text(200, "a")
		}, "[a]", -1, true},
		"declared": {func(c *Context) error {
			c.SetHeader(HeaderContentLength, "2")
			_, _ = io.WriteString(c, "a")
			_ = c.Flush()
			_, err := io.WriteString(c, "b")
			return err
		}, "[a.b]", 2, true},
		"an error": {func(*Context) error { return &Error{Status: 404} }, "[Not Found\n]", 10, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := &bracketed{}
			var result Result
			app := codedApp(b, test.handler).AfterResponse(func(_ *Context, r Result) { result = r })
			answers, err := app.Test("GET / HTTP/1.1\r\nHost: x\r\nAccept: text/plain\r\n\r\n")
			require.NoError(t, err)
			require.Len(t, answers, 1)
			require.Equal(t, test.want, string(answers[0].Body))
			require.Equal(t, test.chunked, answers[0].Headers.Has(HeaderTransferEncoding))
			require.Equal(t, []int64{test.length}, b.lengths)
			require.Equal(t, 1, b.closed)
			require.EqualValues(t, len(test.want), result.Bytes)
		})
	}
}

func TestEncodeContentWithoutContent(t *testing.T) {
	b := &bracketed{}
	app := codedApp(b, func(c *Context) error { return c.Status(304).NoContent() })
	app.Get("/204", func(c *Context) error { return c.NoContent() })
	answers, err := app.Test("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /204 HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	require.Len(t, answers, 2)
	require.Equal(t, 2, b.chosen)
	require.Zero(t, b.closed, "no encoder was made")
}

func TestEncodeContentHead(t *testing.T) {
	b := &bracketed{}
	app := codedApp(b, func(c *Context) error { return c.Text(200, "abc") })
	answers, err := app.Test("HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	require.Len(t, answers, 2)
	require.Equal(t, "5", answers[0].Headers.Get(HeaderContentLength))
	require.Equal(t, answers[1].Headers, answers[0].Headers)
	require.Equal(t, 2, b.closed)
}

// What of a stream is there when its head leaves is not all of it.
func TestEncodeContentHeadOfAStream(t *testing.T) {
	b := &bracketed{}
	app := codedApp(b, func(c *Context) error {
		c.SetHeader(HeaderContentLength, "2")
		_, _ = io.WriteString(c, "a")
		_ = c.Flush()
		_, err := io.WriteString(c, "b")
		return err
	})
	answers, err := app.Test("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	require.False(t, answers[0].Headers.Has(HeaderContentLength))
	require.Equal(t, "brackets", answers[0].Headers.Get(HeaderContentEncoding))
}

// The handler's promise is about what it writes itself.
func TestEncodeContentKeepsHandlersToTheirLength(t *testing.T) {
	for _, text := range []string{"a", "abc"} {
		b := &bracketed{}
		var failure error
		app := codedApp(b, func(c *Context) error {
			c.SetHeader(HeaderContentLength, "2")
			_ = c.Flush()
			_, err := io.WriteString(c, text)
			return err
		}).AfterResponse(func(_ *Context, r Result) { failure = r.Err })
		_, err := app.Test("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "the answer must not look complete")
		require.ErrorIs(t, failure, ErrContentLength)
		require.Equal(t, 1, b.closed, "the encoder has ended")
	}
}

func TestEncodeContentCutShort(t *testing.T) {
	for name, h := range map[string]Handler{
		"error": func(c *Context) error { _ = c.Flush(); return errors.New("no more") },
		"panic": func(c *Context) error { _ = c.Flush(); panic("no more") },
	} {
		b := &bracketed{tail: strings.Repeat("x", 100<<10)} // none of this is sent
		var sent int64
		app := codedApp(b, h).AfterResponse(func(_ *Context, r Result) { sent = r.Bytes })
		_, err := app.Test("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, name)
		require.Equal(t, 1, b.closed, name)
		require.EqualValues(t, len("[."), sent, name)
	}
}

func TestEncodeContentEncoderFails(t *testing.T) {
	failure := errors.New("the encoder is broken")
	for _, method := range []string{"GET", "HEAD"} {
		b := &bracketed{failing: failure}
		var told error
		app := codedApp(b, func(c *Context) error { return c.Text(200, "a") }).
			AfterResponse(func(_ *Context, r Result) { told = r.Err })
		answers, err := app.Test(method + " / HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		require.Empty(t, answers, "nothing has left yet")
		require.ErrorIs(t, told, failure)
		require.Equal(t, 1, b.closed)
	}
}

func TestEncodeContentRefusesFields(t *testing.T) {
	app := New().Logger(slog.New(slog.DiscardHandler)).Get("/", func(c *Context) error {
		c.EncodeContent(func(c *Context, _ int64) func(io.Writer) ContentEncoder {
			c.SetHeader(HeaderContentEncoding, "a\r\nb")
			return nil
		})
		return c.Text(200, "a")
	})
	answers, err := app.Test("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	require.Empty(t, answers)
}

// The later call is nearer to the handler.
func TestEncodeContentTwice(t *testing.T) {
	outer, inner := &bracketed{}, &bracketed{}
	app := New().Use(outer.around, inner.around).Get("/", func(c *Context) error { return c.Text(200, "a") })
	answers, err := app.Test("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	require.Equal(t, "[[a]]", string(answers[0].Body))
	require.Equal(t, []int64{1}, inner.lengths)
	require.Equal(t, []int64{3}, outer.lengths)
}

func TestEncodeContentAfterTheHead(t *testing.T) {
	b := &bracketed{}
	app := New().Get("/", func(c *Context) error {
		_ = c.Flush()
		return b.around(func(c *Context) error { _, err := io.WriteString(c, "a"); return err })(c)
	})
	answers, err := app.Test("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	require.Equal(t, "a", string(answers[0].Body))
	require.Zero(t, b.chosen)
}

// What else the wire does is not in the encoder's way.
func TestEncodeContentPassesTheRest(t *testing.T) {
	b := &bracketed{}
	app := codedApp(b, nil)
	app.Post("/", func(c *Context) error {
		if err := c.Interim(103); err != nil {
			return err
		}
		body, err := c.BodyBytes()
		if err != nil {
			return err
		}
		return c.Text(200, fmt.Sprintf("%s %s %v", body, c.Trailers().Get("Sum"), c.RemoteAddr()))
	})
	app.registrations = app.registrations[1:] // only the POST
	app.Get("/away", func(c *Context) error {
		conn, _, err := c.Hijack()
		if err != nil {
			return err
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
		return conn.Close()
	})
	answers, err := app.Test("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nSum: 7\r\n\r\n" +
		"GET /away HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	require.Len(t, answers, 2)
	require.Equal(t, []int{103}, answers[0].Interim)
	require.Equal(t, "[a 7 memory]", string(answers[0].Body))
	require.Equal(t, 101, answers[1].Status)
	require.Equal(t, 1, b.chosen)
}

// A choice for the content as it is costs one allocation.
func TestEncodeContentWithoutCodingIsCheap(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates on its own account")
	}
	unpoisoned(t)
	choose := func(*Context, int64) func(io.Writer) ContentEncoder { return nil }
	app := New().Get("/", func(c *Context) error { return c.Text(200, "a") }, With(func(next Handler) Handler {
		return func(c *Context) error { c.EncodeContent(choose); return next(c) }
	}))
	serve := scripted(t, app, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	for range 100 { // let buffers find their size
		serve()
	}
	require.LessOrEqual(t, testing.AllocsPerRun(1000, serve), 1.0)
}
