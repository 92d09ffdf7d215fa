package middleware_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

// long compresses well and is longer than the default minimum.
var long = strings.Repeat("All work and no play makes Jack a dull boy. ", 100)

func compressing(o middleware.CompressOptions, h wherry.Handler) *wherry.App {
	return wherry.New().Use(middleware.Compress(o)).Get("/", h)
}

func compressedAnswer(t *testing.T, app *wherry.App, method string, fields ...string) *wherry.TestResponse {
	t.Helper()
	raw := method + " / HTTP/1.1\r\nHost: x\r\n"
	for _, f := range fields {
		raw += f + "\r\n"
	}
	answers, err := app.Test(raw + "\r\n")
	require.NoError(t, err)
	require.Len(t, answers, 1)
	return answers[0]
}

func gunzip(t *testing.T, coded []byte) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(coded))
	require.NoError(t, err)
	plain, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(plain)
}

func TestCompressWholeAnswers(t *testing.T) {
	huge := bytes.Repeat([]byte(long), 100)
	for name, test := range map[string]struct {
		handler wherry.Handler
		want    string
	}{
		"text":   {func(c *wherry.Context) error { return c.Text(200, long) }, long},
		"json":   {func(c *wherry.Context) error { return c.JSON(200, long) }, `"` + long + `"`},
		"bytes":  {func(c *wherry.Context) error { return c.Bytes(200, "text/css", []byte(long)) }, long},
		"large":  {func(c *wherry.Context) error { return c.Bytes(200, "text/css", huge) }, string(huge)},
		"error":  {func(c *wherry.Context) error { return c.Text(404, long) }, long},
		"writes": {writeThrice, long + long + long},
		"stream": {func(c *wherry.Context) error {
			return c.Stream(200, "text/plain", bytes.NewReader(huge))
		}, string(huge)},
		"declared": {func(c *wherry.Context) error {
			c.SetHeader("Content-Length", fmt.Sprint(3*len(long)))
			return writeThrice(c)
		}, long + long + long},
	} {
		t.Run(name, func(t *testing.T) {
			app := compressing(middleware.CompressOptions{}, test.handler)
			plain := compressedAnswer(t, app, "GET")
			require.Equal(t, test.want, string(plain.Body))
			require.False(t, plain.Headers.Has("Content-Encoding"))
			require.Equal(t, "Accept-Encoding", plain.Headers.Get("Vary"))

			for range 2 { // the second time with the encoder of the first
				coded := compressedAnswer(t, app, "GET", "Accept-Encoding: gzip")
				require.Equal(t, "gzip", coded.Headers.Get("Content-Encoding"))
				require.Equal(t, "Accept-Encoding", coded.Headers.Get("Vary"))
				require.Equal(t, test.want, gunzip(t, coded.Body))
				require.Less(t, len(coded.Body), len(test.want)/4)
				require.Equal(t, plain.Status, coded.Status)
			}
		})
	}
}

func writeThrice(c *wherry.Context) error {
	c.SetHeader("Content-Type", "text/plain")
	for range 3 {
		if _, err := c.WriteString(long); err != nil {
			return err
		}
	}
	return nil
}

func TestCompressKnowsTheLengthOfWholeAnswers(t *testing.T) {
	app := compressing(middleware.CompressOptions{}, func(c *wherry.Context) error { return c.Text(200, long) })
	coded := compressedAnswer(t, app, "GET", "Accept-Encoding: gzip")
	require.Equal(t, fmt.Sprint(len(coded.Body)), coded.Headers.Get("Content-Length"))
	require.False(t, coded.Headers.Has("Transfer-Encoding"))
}

func TestCompressLeavesAlone(t *testing.T) {
	text := func(fields ...string) wherry.Handler {
		return func(c *wherry.Context) error {
			for i := 0; i < len(fields); i += 2 {
				c.SetHeader(fields[i], fields[i+1])
			}
			return c.Text(200, long)
		}
	}
	status := func(status int) wherry.Handler {
		return func(c *wherry.Context) error { return c.Text(status, long) }
	}
	for name, h := range map[string]wherry.Handler{
		"coded already":   text("Content-Encoding", "br"),
		"identity":        text("Content-Encoding", "identity"),
		"a range":         text("Content-Range", "bytes 0-3/9"),
		"no content":      status(204),
		"reset":           status(205),
		"no-transform":    text("Cache-Control", "max-age=3 , No-Transform"),
		"a digest":        text("Repr-Digest", "sha-256=:AA==:"),
		"an older digest": text("Digest", "sha-256=AA=="),
		"an image":        func(c *wherry.Context) error { return c.Bytes(200, "image/png", []byte(long)) },
		"text of a type that only begins alike": func(c *wherry.Context) error {
			return c.Bytes(200, "application/jsonx", []byte(long))
		},
		"short": func(c *wherry.Context) error { return c.Text(200, long[:1023]) },
		"short, in pieces": func(c *wherry.Context) error {
			c.SetHeader("Content-Type", "text/plain")
			_, _ = c.WriteString(long[:500])
			_, err := c.WriteString(long[:500])
			return err
		},
		"without a type": func(c *wherry.Context) error { _, err := c.WriteString(long); return err },
		"empty":          func(c *wherry.Context) error { return c.Text(200, "") },
	} {
		t.Run(name, func(t *testing.T) {
			app := compressing(middleware.CompressOptions{}, h)
			plain := compressedAnswer(t, app, "GET")
			coded := compressedAnswer(t, app, "GET", "Accept-Encoding: gzip")
			require.Equal(t, plain.Body, coded.Body)
			require.Equal(t, plain.Headers.Get("Content-Encoding"), coded.Headers.Get("Content-Encoding"))
			require.False(t, coded.Headers.Has("Vary"), "nothing here depends on the client")
		})
	}
}

// TestCompressPartial: a part is never coded, and has the Vary of the whole, RFC
// 9110 section 15.3.7.
func TestCompressPartial(t *testing.T) {
	for _, test := range []struct{ kind, field, value, vary string }{
		{"text/plain", "Content-Range", "bytes 0-2047/4096", "Accept-Encoding"},
		{"multipart/byteranges; boundary=x", "", "", "Accept-Encoding"},
		{"image/png", "Content-Range", "bytes 0-2047/4096", ""},
		{"text/plain", "Content-Encoding", "br", ""},
		{"text/plain", "Cache-Control", "no-transform", ""},
	} {
		app := compressing(middleware.CompressOptions{}, func(c *wherry.Context) error {
			if test.field != "" {
				c.SetHeader(test.field, test.value)
			}
			return c.Bytes(206, test.kind, []byte(long))
		})
		for _, accept := range []string{"gzip", "identity"} {
			got := compressedAnswer(t, app, "GET", "Accept-Encoding: "+accept)
			require.Equal(t, 206, got.Status)
			require.Equal(t, long, string(got.Body))
			require.NotEqual(t, "gzip", got.Headers.Get("Content-Encoding"))
			require.Equal(t, test.vary, got.Headers.Get("Vary"), "%+v", test)
		}
	}
}

func TestCompressChoice(t *testing.T) {
	app := compressing(middleware.CompressOptions{MinBytes: 1, Types: []string{"image/*", "application/*+json", "text/plain"}},
		func(c *wherry.Context) error { return c.Bytes(200, c.Header("Want"), []byte("a")) })
	for _, test := range []struct{ accept, kind, want string }{
		{"gzip", "text/plain", "gzip"},
		{"GZip", "Text/Plain;charset=utf-8", "gzip"},
		{"x-gzip", "text/plain", "gzip"},
		{"*", "text/plain", "gzip"},
		{"gzip;q=0", "text/plain", ""},
		{"gzip;q=0, *", "text/plain", ""},
		{"gzip;q=0.5, identity", "text/plain", ""},
		{"br, zstd", "text/plain", ""},
		{"identity;q=0, br", "text/plain", ""}, // nothing is acceptable: better plain than nothing
		{"", "text/plain", ""},
		{"gzip", "text/html", ""},
		{"gzip", "image/png", "gzip"},
		{"gzip", "application/problem+json", "gzip"},
		{"gzip", "application/json", ""},
	} {
		got := compressedAnswer(t, app, "GET", "Accept-Encoding: "+test.accept, "Want: "+test.kind)
		require.Equal(t, test.want, got.Headers.Get("Content-Encoding"), "%+v", test)
	}
}

func TestCompressPrefersTheFirstOfEquals(t *testing.T) {
	other := middleware.Gzip(1)
	other.Name = "other"
	app := compressing(middleware.CompressOptions{Codings: []middleware.Coding{other, middleware.Gzip(9)}},
		func(c *wherry.Context) error { return c.Text(200, long) })
	for accept, want := range map[string]string{"gzip, other": "other", "other;q=0.9, gzip": "gzip", "*": "other"} {
		got := compressedAnswer(t, app, "GET", "Accept-Encoding: "+accept)
		require.Equal(t, want, got.Headers.Get("Content-Encoding"), accept)
		require.Equal(t, long, gunzip(t, got.Body))
	}
}

func TestCompressMendsFields(t *testing.T) {
	app := compressing(middleware.CompressOptions{}, func(c *wherry.Context) error {
		c.SetHeader("ETag", c.Header("Tag"))
		c.SetHeader("Accept-Ranges", "bytes")
		c.Vary("Origin", "accept-encoding")
		return c.Text(200, long)
	})
	coded := compressedAnswer(t, app, "GET", "Accept-Encoding: gzip", `Tag: "a"`)
	require.Equal(t, `W/"a"`, coded.Headers.Get("ETag"))
	require.False(t, coded.Headers.Has("Accept-Ranges"))
	require.Equal(t, []string{"Origin, accept-encoding"}, coded.Headers.Values("Vary"))
	coded = compressedAnswer(t, app, "GET", "Accept-Encoding: gzip", `Tag: W/"a"`)
	require.Equal(t, `W/"a"`, coded.Headers.Get("ETag"))

	plain := compressedAnswer(t, app, "GET", `Tag: "a"`)
	require.Equal(t, `"a"`, plain.Headers.Get("ETag"))
	require.Equal(t, "bytes", plain.Headers.Get("Accept-Ranges"))
}

func TestCompressNotModified(t *testing.T) {
	app := compressing(middleware.CompressOptions{}, func(c *wherry.Context) error {
		c.SetHeader("ETag", `"a"`)
		if kind := c.Header("Want"); kind != "" {
			c.SetHeader("Content-Type", kind)
		}
		return c.Status(304).NoContent()
	})
	for _, test := range []struct{ known, kind, tag, vary string }{
		{`W/"b", W/"a"`, "", `W/"a"`, "Accept-Encoding"},
		{`"a"`, "", `"a"`, "Accept-Encoding"},
		{`W/"ab"`, "", `"a"`, "Accept-Encoding"},
		{`W/"a"`, "image/png", `"a"`, ""},
		{`W/"a"`, "text/html", `W/"a"`, "Accept-Encoding"},
	} {
		got := compressedAnswer(t, app, "GET", "Accept-Encoding: gzip", "If-None-Match: "+test.known, "Want: "+test.kind)
		require.Equal(t, 304, got.Status)
		require.Equal(t, test.tag, got.Headers.Get("ETag"), "%+v", test)
		require.Equal(t, test.vary, got.Headers.Get("Vary"), "%+v", test)
		require.False(t, got.Headers.Has("Content-Encoding"))
	}
}

// A list is read member by member: what only looks like the weak form of the
// tag, across the border of two others, is none.
func TestCompressNotModifiedBorders(t *testing.T) {
	app := compressing(middleware.CompressOptions{}, func(c *wherry.Context) error {
		c.SetHeader("ETag", `","`)
		return c.Status(304).NoContent()
	})
	for known, tag := range map[string]string{
		`"aW/","b", ","`:       `","`,
		`"aW/","b", W/","`:     `W/","`,
		`"b" W/","`:            `","`, // behind a mistake nothing is read
		`","` + ", " + `W/","`: `","`, // both are there: the one that says more
	} {
		got := compressedAnswer(t, app, "GET", "Accept-Encoding: gzip", "If-None-Match: "+known)
		require.Equal(t, tag, got.Headers.Get("ETag"), known)
	}
}

func TestCompressHeadHasTheFieldsOfGet(t *testing.T) {
	for name, h := range map[string]wherry.Handler{
		"text":    func(c *wherry.Context) error { return c.Text(200, long) },
		"json":    func(c *wherry.Context) error { c.SetHeader("ETag", `"x"`); return c.JSON(200, long) },
		"short":   func(c *wherry.Context) error { return c.Text(200, "short") },
		"flushed": func(c *wherry.Context) error { _ = c.Text(200, long); return c.Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			app := compressing(middleware.CompressOptions{}, h)
			get := compressedAnswer(t, app, "GET", "Accept-Encoding: gzip")
			head := compressedAnswer(t, app, "HEAD", "Accept-Encoding: gzip")
			get.Headers.Del("Date")
			head.Headers.Del("Date")
			require.Equal(t, get.Headers, head.Headers)
			require.Empty(t, head.Body)
		})
	}
}

func TestCompressTellsHooksWhatWasSent(t *testing.T) {
	var results []wherry.Result
	app := compressing(middleware.CompressOptions{}, func(c *wherry.Context) error { return c.Text(200, long) })
	app.AfterResponse(func(_ *wherry.Context, r wherry.Result) { results = append(results, r) })
	coded := compressedAnswer(t, app, "GET", "Accept-Encoding: gzip")
	require.Len(t, results, 1)
	require.NoError(t, results[0].Err)
	require.EqualValues(t, len(coded.Body), results[0].Bytes)
}

func TestCompressAnswersInOrder(t *testing.T) {
	app := compressing(middleware.CompressOptions{}, func(c *wherry.Context) error { return c.Text(200, long) })
	raw := "GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"
	answers, err := app.Test(raw + raw)
	require.NoError(t, err)
	require.Len(t, answers, 4)
	for i, a := range answers {
		if i%2 == 0 {
			require.Equal(t, long, gunzip(t, a.Body))
		} else {
			require.Equal(t, long, string(a.Body))
		}
	}
}

func TestCompressReportsMistakes(t *testing.T) {
	for _, test := range []struct {
		o    middleware.CompressOptions
		want string
	}{
		{middleware.CompressOptions{MinBytes: -1}, "MinBytes is -1"},
		{middleware.CompressOptions{Types: []string{"text"}}, `"text" is no media type`},
		{middleware.CompressOptions{Codings: []middleware.Coding{middleware.Gzip(0)}}, "gzip at level 0"},
		{middleware.CompressOptions{Codings: []middleware.Coding{middleware.Gzip(10)}}, "gzip at level 10"},
		{middleware.CompressOptions{Codings: []middleware.Coding{{Name: "br"}}}, "give it a New"},
		{middleware.CompressOptions{Codings: []middleware.Coding{middleware.Gzip(1), middleware.Gzip(2)}}, "twice"},
		{middleware.CompressOptions{Codings: []middleware.Coding{{Name: "identity", New: middleware.Gzip(1).New}}}, "is none"},
	} {
		err := compressing(test.o, func(*wherry.Context) error { return nil }).Build()
		require.ErrorContains(t, err, test.want)
		require.ErrorContains(t, err, "middleware.Compress: ")
		require.ErrorContains(t, err, "compress_test.go:")
	}
}

// Over a real socket every flushed piece can be decoded before the next one
// is written.
func TestCompressStreamsWithFlush(t *testing.T) {
	read := make(chan struct{})
	app := compressing(middleware.CompressOptions{}, func(c *wherry.Context) error {
		c.SetHeader("Content-Type", "text/plain")
		for i := range 3 {
			fmt.Fprintf(c, "piece %d\n", i)
			if err := c.Flush(); err != nil {
				return err
			}
			<-read
		}
		return nil
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(ln) }()
	defer func() {
		require.NoError(t, app.Shutdown(context.Background()))
		require.NoError(t, <-served)
	}()

	conn, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	// HTTP/1.0 has no chunks: what follows the head is the coded content.
	_, err = io.WriteString(conn, "GET / HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n")
	require.NoError(t, err)
	in := bufio.NewReader(conn)
	for line := ""; line != "\r\n"; {
		line, err = in.ReadString('\n')
		require.NoError(t, err)
	}
	decoder, err := gzip.NewReader(in)
	require.NoError(t, err)
	lines := bufio.NewReader(decoder)
	for i := range 3 {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("piece %d\n", i), line)
		read <- struct{}{}
	}
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.Empty(t, rest)
}

// TestCompressWithoutOptions: the zero ones count, and are given once.
func TestCompressWithoutOptions(t *testing.T) {
	app := wherry.New().Use(middleware.Compress()).Get("/", func(c *wherry.Context) error {
		return c.Text(200, strings.Repeat("hello", 1000))
	})
	require.Equal(t, "gzip", answerTo(t, app, "GET / HTTP/1.1\nAccept-Encoding: gzip").Headers.Get("Content-Encoding"))
	twice := middleware.Compress(middleware.CompressOptions{}, middleware.CompressOptions{})
	require.Contains(t, mistakeOf(t, twice), "Compress: options are given 2 times")
}
