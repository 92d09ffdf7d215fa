package wherry_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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

// wire returns exactly what an app writes for one request to h.
func wire(t *testing.T, h wherry.Handler, raw string) (head, content string) {
	t.Helper()
	app := quiet().Get("/", h).Post("/", h)
	out, err := wherry.Wire(app, raw)
	require.NoError(t, err)
	head, content, whole := strings.Cut(out, "\r\n\r\n")
	require.True(t, whole || out == "", "%q", out)
	return head + "\r\n", content
}

const (
	getHTTP10 = "GET / HTTP/1.0\r\n\r\n"
	getKeep10 = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
	headRoot  = "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
)

// write writes pieces of these sizes.
func write(sizes ...int) wherry.Handler {
	return func(c *wherry.Context) error {
		for _, n := range sizes {
			if _, err := c.Write(bytes.Repeat([]byte("x"), n)); err != nil {
				return err
			}
		}
		return nil
	}
}

// framing returns what follows Date and a Content-Type.
func framing(head string) string {
	_, fields, _ := strings.Cut(head, " GMT\r\n")
	if strings.HasPrefix(fields, "Content-Type: ") {
		_, fields, _ = strings.Cut(fields, "\r\n")
	}
	return fields
}

// TestFraming: which field delimits the content, on the wire.
func TestFraming(t *testing.T) {
	flushed := func(c *wherry.Context) error {
		_, _ = c.WriteString("a")
		if err := c.Flush(); err != nil {
			return err
		}
		_, err := c.WriteString("b")
		return err
	}
	declared := func(h wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error { c.SetHeader("content-length", "10000"); return h(c) }
	}
	const chunked, counted, closing, none = "Transfer-Encoding: chunked\r\n", "Content-Length: %d\r\n", "Connection: close\r\n", ""
	for _, test := range []struct {
		name    string
		h       wherry.Handler
		raw     string
		framing string
		n       int // of the content as framed
	}{
		{"nothing", write(), get("/"), counted, 0},
		{"text", text("abc"), get("/"), counted, 3},
		{"probe is full", write(8192), get("/"), counted, 8192},
		{"probe is full in pieces", write(8000, 192), get("/"), counted, 8192},
		{"one beyond the probe", write(8193), get("/"), chunked, 6 + 8193 + 2 + 5},
		{"one beyond in pieces", write(8192, 1), get("/"), chunked, 6 + 8193 + 2 + 5},
		{"gathered", write(8193, 8191), get("/"), chunked, 6 + 16384 + 2 + 5},
		{"large piece", write(100000), get("/"), chunked, 7 + 100000 + 2 + 5},
		{"flushed", flushed, get("/"), chunked, 6 + 6 + 5},
		{"declared and kept", declared(write(9000, 1000)), get("/"), counted, 10000},
		{"head of text", text("abc"), headRoot, counted, -3},
		{"head of a stream", write(8193), headRoot, chunked, 0},
		{"head of a declared one", declared(write()), headRoot, counted, -10000},
		{"head of a declared stream", declared(write(10000)), headRoot, counted, -10000},
		{"1.0 known", text("abc"), getHTTP10, counted + closing, 3},
		{"1.0 stream", write(8193), getHTTP10, closing, 8193},
		{"1.0 flushed", flushed, getHTTP10, closing, 2},
		{"1.0 stream that wants to stay", write(8193), getKeep10, closing, 8193},
		{"1.0 known that stays", text("abc"), getKeep10, counted + "Connection: keep-alive\r\n", 3},
		{"1.0 head of a stream", write(8193), "HEAD / HTTP/1.0\r\n\r\n", closing, 0},
	} {
		head, content := wire(t, test.h, test.raw)
		fields := framing(head)
		want := test.framing
		if strings.Contains(want, "%d") {
			want = fmt.Sprintf(want, max(test.n, -test.n))
		}
		require.Equal(t, want, fields, test.name)
		require.Len(t, content, max(test.n, 0), test.name)
		require.Equal(t, 1, strings.Count(head, "\r\nDate: "), test.name)
	}
}

// TestChunks: what Flush sends apart arrives as chunks of its own.
func TestChunks(t *testing.T) {
	_, content := wire(t, func(c *wherry.Context) error {
		for _, s := range []string{"one", "", "three"} {
			_, _ = c.WriteString(s)
			require.NoError(t, c.Flush())
		}
		return nil
	}, get("/"))
	require.Equal(t, "3\r\none\r\n5\r\nthree\r\n0\r\n\r\n", content)
}

// TestContentless: statuses that have no content, whatever the handler gives.
func TestContentless(t *testing.T) {
	for status, want := range map[int]string{204: "", 304: "", 205: "Content-Length: 0\r\n"} {
		for name, h := range map[string]wherry.Handler{
			"text":    func(c *wherry.Context) error { return c.Text(status, "gone") },
			"written": func(c *wherry.Context) error { _, err := c.Status(status).WriteString("gone"); return err },
			"nothing": func(c *wherry.Context) error { return c.Status(status).NoContent() },
			"json":    func(c *wherry.Context) error { return c.JSON(status, "gone") },
		} {
			for _, raw := range []string{get("/"), headRoot} {
				head, content := wire(t, h, raw)
				require.True(t, strings.HasPrefix(head, fmt.Sprintf("HTTP/1.1 %d ", status)))
				require.Equal(t, want, framing(head), "%d %s", status, name)
				require.Empty(t, content, "%d %s", status, name)
			}
		}
	}
	large := func(status int) wherry.Handler {
		return func(c *wherry.Context) error { return c.Bytes(status, "a/b", make([]byte, 100<<10)) }
	}
	for _, status := range []int{204, 304} {
		_, content := wire(t, large(status), get("/"))
		require.Empty(t, len(content), status)
	}
	head, _ := wire(t, func(c *wherry.Context) error { c.SetHeader("Content-Length", "77"); return c.Status(304).NoContent() }, get("/"))
	require.Contains(t, head, "Content-Length: 77\r\n", "the length of the answer to GET may stand in a 304")
	head, _ = wire(t, func(c *wherry.Context) error { c.SetHeader("Content-Length", "77"); return c.NoContent() }, get("/"))
	require.NotContains(t, head, "Content-Length")
}

// TestFrameworkFields: what handlers set of the fields that are the
// framework's.
func TestFrameworkFields(t *testing.T) {
	set := func(name, value string) wherry.Handler {
		return func(c *wherry.Context) error { c.SetHeader(name, value); return c.Text(200, "abc") }
	}
	for _, value := range []string{"gzip", "chunked", "identity"} {
		head, content := wire(t, set("transfer-ENCODING", value), get("/"))
		require.NotContains(t, strings.ToLower(head), "transfer-encoding")
		require.Contains(t, head, "\r\nContent-Length: 3\r\n")
		require.Equal(t, "abc", content)
	}
	head, _ := wire(t, set("Connection", "keep-alive, X-Odd"), get("/"))
	require.NotContains(t, head, "Connection")
	head, content := wire(t, set("connection", "X-Odd, CLOSE"), get("/")+get("/"))
	require.Contains(t, head, "\r\nConnection: close\r\n")
	require.Equal(t, "abc", content, "nothing behind it is answered")
	head, _ = wire(t, set("DATE", "Sun, 06 Nov 1994 08:49:37 GMT"), get("/"))
	require.Equal(t, 1, strings.Count(head, " GMT\r\n"))
	require.Contains(t, head, "\r\nDATE: Sun, 06 Nov 1994 08:49:37 GMT\r\n")
	head, _ = wire(t, set("Server", "mine"), get("/"))
	require.Contains(t, head, "\r\nServer: mine\r\n")
	head, _ = wire(t, text(""), get("/"))
	require.NotContains(t, head, "Server")
}

// TestInjection: no byte that a field must not hold reaches the wire, whoever
// writes it; the answer is a 500.
func TestInjection(t *testing.T) {
	for _, bad := range []string{"a\r\nX-Evil: 1", "a\nb", "a\rb", "a\x00b", "a\x7fb", "a\x01b"} {
		for name, h := range map[string]wherry.Handler{
			"SetHeader":  func(c *wherry.Context) error { c.SetHeader("X-A", bad); return c.Text(200, "fine") },
			"AddHeader":  func(c *wherry.Context) error { c.AddHeader("X-A", bad); return nil },
			"list":       func(c *wherry.Context) error { c.ResponseHeaders().Add("X-A", bad); return nil },
			"name":       func(c *wherry.Context) error { c.SetHeader(bad, "1"); return nil },
			"Bytes":      func(c *wherry.Context) error { return c.Bytes(200, bad, nil) },
			"big Bytes":  func(c *wherry.Context) error { return c.Bytes(200, bad, make([]byte, 100<<10)) },
			"Stream":     func(c *wherry.Context) error { return c.Stream(200, bad, io.LimitReader(zeros{}, 20000)) },
			"Vary":       func(c *wherry.Context) error { c.Vary(bad); return nil },
			"SetTrailer": func(c *wherry.Context) error { c.SetTrailer("X-A", bad); return nil },
			"Flush":      func(c *wherry.Context) error { c.SetHeader("X-A", bad); return c.Flush() },
			"Write":      func(c *wherry.Context) error { c.SetHeader("X-A", bad); return write(9000)(c) },
			"Interim":    func(c *wherry.Context) error { c.SetHeader("X-A", bad); return c.Interim(103) },
		} {
			head, content := wire(t, h, get("/"))
			require.True(t, strings.HasPrefix(head, "HTTP/1.1 500 "), "%s %q: %s", name, bad, head)
			require.NotContains(t, head, "X-Evil", name)
			require.JSONEq(t, `{"title":"Internal Server Error","status":500}`, content, name)
		}
		head, _ := wire(t, func(c *wherry.Context) error { return c.Redirect(302, "/"+bad) }, get("/"))
		require.True(t, strings.HasPrefix(head, "HTTP/1.1 302 "), head)
		require.NotContains(t, head, "X-Evil: 1")
	}
}

// TestLocation: what is no URI byte is encoded, the rest stays as it is.
func TestLocation(t *testing.T) {
	for location, want := range map[string]string{
		"/a?b=c#d": "/a?b=c#d", "https://x/%41": "https://x/%41", "/a b": "/a%20b", "/\x7f\xff": "/%7F%FF", "": "",
	} {
		app := quiet().Get("/", func(c *wherry.Context) error { return c.Redirect(307, location) })
		require.Equal(t, want, ask(t, app, get("/")).Headers.Get("Location"))
	}
	for _, status := range []int{0, 200, 299, 304, 309, 400} {
		app := quiet().Get("/", func(c *wherry.Context) error { return c.Redirect(status, "/") })
		require.Equal(t, 500, ask(t, app, get("/")).Status, status)
	}
}

// TestTrailersOfAnswers: behind the content, announced, and only where the
// client can take them.
func TestTrailersOfAnswers(t *testing.T) {
	sum := func(c *wherry.Context) error {
		c.SetTrailer("X-Sum", "")
		_, _ = c.WriteString("content")
		if c.Header("X-Flush") != "" {
			_ = c.Flush()
		}
		c.SetTrailer("X-Sum", "42")
		c.SetTrailer("X-More", "1")
		return nil
	}
	app := quiet().Get("/", sum)
	for extra, announced := range map[string]string{"": "X-Sum, X-More", "X-Flush: 1\r\n": "X-Sum"} {
		r := ask(t, app, "GET / HTTP/1.1\r\nHost: x\r\n"+extra+"\r\n")
		require.Equal(t, "content", string(r.Body))
		require.Equal(t, announced, r.Headers.Get("Trailer"), "those that are known when the head leaves")
		require.Equal(t, "42", r.Trailers.Get("x-sum"))
		require.Equal(t, "1", r.Trailers.Get("X-More"))
	}
	_, content := wire(t, sum, getHTTP10)
	require.Equal(t, "content", content, "HTTP/1.0 gets none")
	_, content = wire(t, sum, headRoot)
	require.Empty(t, content)
	own := quiet().Get("/", func(c *wherry.Context) error { c.SetHeader("Trailer", "X-Sum, X-More"); return sum(c) })
	require.Equal(t, []string{"X-Sum, X-More"}, ask(t, own, get("/")).Headers.Values("Trailer"))
	for _, name := range []string{"Content-Length", "transfer-encoding", "Host", "Trailer", "Authorization", "Set-Cookie", "Content-Type"} {
		h := func(c *wherry.Context) error { c.SetTrailer(name, "1"); return nil }
		require.Equal(t, 500, ask(t, quiet().Get("/", h), get("/")).Status, name)
	}
}

// TestInterim: with the fields set so far, as often as one likes, and none to
// HTTP/1.0.
func TestInterim(t *testing.T) {
	h := func(c *wherry.Context) error {
		c.SetHeader("Link", "</a>")
		if err := errors.Join(c.Interim(103), c.Interim(102)); err != nil {
			return err
		}
		c.ResponseHeaders().Del("Link")
		return c.Text(200, "ok")
	}
	out, err := wherry.Wire(quiet().Get("/", h), get("/"))
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(out, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n"), out)
	require.Equal(t, 1, strings.Count(out, "Date: "), "no interim answer needs one")
	head, _ := wire(t, h, getHTTP10)
	require.True(t, strings.HasPrefix(head, "HTTP/1.1 200 "))
	for _, status := range []int{0, 99, 100, 101, 200, 500} {
		bad := func(c *wherry.Context) error { return c.Interim(status) }
		head, _ := wire(t, bad, get("/"))
		require.True(t, strings.HasPrefix(head, "HTTP/1.1 500 "), "%d: %s", status, head)
	}
}

// TestVary: each name once, in any case, and none beside the asterisk.
func TestVary(t *testing.T) {
	for _, test := range []struct {
		before string
		names  []string
		want   string
	}{
		{"", nil, ""}, {"", []string{"A", "a", "B"}, "A, B"}, {"A,B", []string{"b", "C"}, "A,B, C"}, {"*", []string{"A"}, "*"}, {"AB", []string{"A"}, "AB, A"},
	} {
		app := quiet().Get("/", func(c *wherry.Context) error {
			if test.before != "" {
				c.SetHeader("Vary", test.before)
			}
			c.Vary(test.names...)
			return nil
		})
		require.Equal(t, test.want, ask(t, app, get("/")).Headers.Get("Vary"))
	}
}

// TestReplacedAnswers: middleware may replace a whole answer on the way out,
// but not one that has left.
func TestReplacedAnswers(t *testing.T) {
	app := quiet()
	app.Use(func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			if err := next(c); err != nil {
				return err
			}
			c.AddHeader("X-Late", fmt.Sprint(c.StatusCode(), c.Committed()))
			if c.Committed() {
				require.Equal(t, 200, c.Status(201).StatusCode(), "the status has left")
				return nil
			}
			return c.Text(203, "replaced")
		}
	})
	app.Get("/text", text("first"))
	app.Get("/json", func(c *wherry.Context) error { return c.JSON(200, "first") })
	app.Get("/written", write(8192))
	app.Get("/stream", write(8193))
	app.Get("/big", func(c *wherry.Context) error { return c.Bytes(200, "a/b", make([]byte, 64<<10+1)) })
	for _, path := range []string{"/text", "/json", "/written"} {
		r := ask(t, app, get(path))
		require.Equal(t, "203 replaced", fmt.Sprintf("%d %s", r.Status, r.Body), path)
		require.True(t, r.Headers.Has("X-Late"))
	}
	for path, n := range map[string]int{"/stream": 8193, "/big": 64<<10 + 1} {
		r := ask(t, app, get(path))
		require.Equal(t, 200, r.Status)
		require.Len(t, r.Body, n)
		require.False(t, r.Headers.Has("X-Late"))
	}
}

// TestBytesAreCopied: what was given may be used again at once.
func TestBytesAreCopied(t *testing.T) {
	for _, n := range []int{10, 64 << 10, 64<<10 + 1} {
		app := quiet().Get("/", func(c *wherry.Context) error {
			b := bytes.Repeat([]byte("a"), n)
			err := c.Bytes(200, "a/b", b)
			clear(b)
			return err
		}).Get("/write", func(c *wherry.Context) error {
			b := bytes.Repeat([]byte("a"), n)
			_, err := c.Write(b)
			clear(b)
			return err
		})
		require.Equal(t, strings.Repeat("a", n), string(ask(t, app, get("/")).Body))
		require.Equal(t, strings.Repeat("a", n), string(ask(t, app, get("/write")).Body))
	}
}

// pacedReader yields one piece for each signal.
type pacedReader struct{ pieces chan string }

func (r pacedReader) Read(p []byte) (int, error) {
	s, ok := <-r.pieces
	if !ok {
		return 0, io.EOF
	}
	return copy(p, s), nil
}

// TestStreamIsOnItsWay: once a stream has begun, each Read of its source is
// sent before the next one.
func TestStreamIsOnItsWay(t *testing.T) {
	source := pacedReader{make(chan string)}
	app := quiet().Get("/", func(c *wherry.Context) error { return c.Stream(200, "a/b", source) })
	addr, stop := serve(t, app)
	conn := dial(t, addr)
	_, err := io.WriteString(conn, get("/"))
	require.NoError(t, err)
	source.pieces <- strings.Repeat("x", 9000)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	_, err = io.ReadFull(answer.Body, make([]byte, 9000))
	require.NoError(t, err)
	for _, piece := range []string{"one", "two"} {
		source.pieces <- piece
		got := make([]byte, 3)
		_, err = io.ReadFull(answer.Body, got)
		require.NoError(t, err)
		require.Equal(t, piece, string(got))
	}
	close(source.pieces)
	rest, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Empty(t, rest)
	require.NoError(t, stop())
}

// TestLargeAnswerToSlowReader: a client that reads late gets everything, and
// the server holds no more than the sockets do.
func TestLargeAnswerToSlowReader(t *testing.T) {
	const size = 32 << 20
	var given atomic.Int64
	app := quiet().Get("/", func(c *wherry.Context) error {
		return c.Stream(200, "a/b", io.TeeReader(io.LimitReader(zeros{}, size), counter{&given}))
	})
	addr, stop := serve(t, app)
	conn := dial(t, addr)
	_, err := io.WriteString(conn, get("/"))
	require.NoError(t, err)
	in := bufio.NewReader(conn)
	answer, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	last := int64(-1)
	require.Eventually(t, func() bool { // the sockets are full
		now := given.Load()
		defer func() { last = now }()
		return now == last
	}, patience, 20*time.Millisecond)
	require.Less(t, given.Load(), int64(size/2), "backpressure reaches the source")
	n, err := io.Copy(io.Discard, answer.Body)
	require.NoError(t, err)
	require.EqualValues(t, size, n)
	require.NoError(t, stop())
}

// counter counts what is written to it.
type counter struct{ n *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) { c.n.Add(int64(len(p))); return len(p), nil }

// TestDateLine: the time of the answer, in the one format.
func TestDateLine(t *testing.T) {
	before := time.Now().Add(-time.Second)
	r := ask(t, quiet().Get("/", text("")), get("/"))
	date, err := time.Parse(http.TimeFormat, r.Headers.Get("Date"))
	require.NoError(t, err)
	require.WithinRange(t, date, before, time.Now())
	r = ask(t, quiet(), "BAD\r\n\r\n")
	require.Equal(t, 400, r.Status)
	require.True(t, r.Headers.Has("Date"), "the parser's own answers have one too")
}

// TestPrepared: middleware sees a whole answer before it leaves, and nothing
// of one that has.
func TestPrepared(t *testing.T) {
	var seen []string
	look := func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			err := next(c)
			content, whole := c.Prepared()
			seen = append(seen, fmt.Sprintf("%s %v", content, whole))
			return err
		}
	}
	app := quiet().Use(look)
	app.Get("/text", func(c *wherry.Context) error { return c.Text(200, "text") })
	app.Get("/bytes", func(c *wherry.Context) error { return c.Bytes(200, "a/b", []byte("bytes")) })
	app.Get("/held", func(c *wherry.Context) error { _, err := c.Write([]byte("held")); return err })
	app.Get("/none", func(c *wherry.Context) error { return c.NoContent() })
	app.Get("/sent", func(c *wherry.Context) error { _, _ = c.Write([]byte("sent")); return c.Flush() })
	app.Get("/bad", func(c *wherry.Context) error { c.SetHeader("a b", "c"); return c.Text(200, "bad") })
	for _, path := range []string{"/text", "/bytes", "/held", "/none", "/sent", "/bad"} {
		answers, err := app.Test(get(path))
		require.NoError(t, err)
		if path == "/text" || path == "/held" {
			require.Equal(t, path[1:], string(answers[0].Body))
		}
	}
	require.Equal(t, []string{"text true", "bytes true", "held true", " true", " false", " false"}, seen)
}
