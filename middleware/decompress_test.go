package middleware_test

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/middleware"
)

func packed(t testing.TB, content []byte) string {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	require.NoError(t, err)
	_, err = w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

func packedRequest(fields, content string) string {
	return fmt.Sprintf("POST / HTTP/1.1\nContent-Length: %d\n%s\n\n%s", len(content), fields, content)
}

// counting answers how many bytes of content came.
func counting(c *wherry.Context) error {
	n, err := io.Copy(io.Discard, c.Body())
	if err != nil {
		c.SetHeader("Read", fmt.Sprint(n))
		return err
	}
	return c.Text(200, fmt.Sprint(n))
}

func TestDecompress(t *testing.T) {
	app := wherry.New().Use(middleware.Decompress()).
		Post("/", func(c *wherry.Context) error {
			b, err := c.BodyBytes()
			if err != nil {
				return err
			}
			return c.Bytes(200, "text/plain", b)
		})
	whole := packed(t, []byte("content"))
	for _, test := range []struct {
		fields, content string
		status          int
		want            string
	}{
		{"Content-Encoding: gzip", whole, 200, "content"},
		{"Content-Encoding: X-GZip", whole, 200, "content"},
		{"Content-Encoding: identity, gzip", whole, 200, "content"},
		{"Content-Encoding: gzip", whole + whole, 200, "contentcontent"},
		{"Content-Encoding: identity", "plain", 200, "plain"},
		{"X: y", whole, 200, whole},
		{"Content-Encoding: gzip", "", 200, ""},
		{"Content-Encoding: br", "x", 415, ""},
		{"Content-Encoding: deflate", "x", 415, ""},
		{"Content-Encoding: gzip, gzip", whole, 415, ""},
		{"Content-Encoding: gzip\nContent-Encoding: gzip", whole, 415, ""},
		{"Content-Encoding: gzip\nContent-Encoding: br", whole, 415, ""},
		{"Content-Encoding: gzip", "plain", 400, ""},
		{"Content-Encoding: gzip", whole[:5], 400, ""},
		{"Content-Encoding: gzip", whole[:len(whole)-1], 400, ""},
		{"Content-Encoding: gzip", whole + "garbage", 400, ""},
		{"Content-Encoding: gzip", whole[:len(whole)-8] + "12345678", 400, ""}, // checksum
	} {
		answer := answerTo(t, app, packedRequest(test.fields, test.content))
		require.Equal(t, test.status, answer.Status, "%s %q", test.fields, test.content)
		if test.status == 200 {
			require.Equal(t, test.want, string(answer.Body), test.fields)
		}
		if test.status == 415 {
			require.Equal(t, "gzip", answer.Headers.Get("Accept-Encoding"))
		}
	}
	require.Equal(t, 200, answerTo(t, app, "POST / HTTP/1.1\nContent-Encoding: gzip\nTransfer-Encoding: chunked\n\n0\r\n\r\n").Status, "empty")
}

// A bomb is stopped by its ratio long before it has been unpacked.
func TestDecompressRatio(t *testing.T) {
	bomb := packed(t, make([]byte, 4<<20))
	app := wherry.New().Use(middleware.Decompress(middleware.DecompressOptions{MaxBytes: 1 << 30})).
		Post("/", counting, wherry.BodyLimit(wherry.NoLimit))
	answer := answerTo(t, app, packedRequest("Content-Encoding: gzip", bomb))
	require.Equal(t, 413, answer.Status)
	read := 0
	_, err := fmt.Sscan(answer.Headers.Get("Read"), &read)
	require.NoError(t, err)
	require.Less(t, read, 1<<20, "of 4 MiB")

	patient := wherry.New().Use(middleware.Decompress(middleware.DecompressOptions{MaxBytes: 1 << 30, MaxRatio: 2000})).
		Post("/", counting, wherry.BodyLimit(wherry.NoLimit))
	require.Equal(t, 200, answerTo(t, patient, packedRequest("Content-Encoding: gzip", bomb)).Status)
}

// The size is bounded even where the route has no limit; short content of one
// pattern passes.
func TestDecompressSize(t *testing.T) {
	app := func(o middleware.DecompressOptions) *wherry.App {
		o.MaxRatio = 2000
		return wherry.New().Use(middleware.Decompress(o)).Post("/", counting, wherry.BodyLimit(wherry.NoLimit))
	}
	status := func(app *wherry.App, size int) int {
		return answerTo(t, app, packedRequest("Content-Encoding: gzip", packed(t, make([]byte, size)))).Status
	}
	small := middleware.DecompressOptions{MaxBytes: 1000}
	require.Equal(t, 200, status(app(small), 1000))
	require.Equal(t, 413, status(app(small), 1001))
	require.Equal(t, 200, status(app(middleware.DecompressOptions{}), 8<<20))
	require.Equal(t, 413, status(app(middleware.DecompressOptions{}), 8<<20+1))
}

// The limit of the route holds for what was packed and for what it becomes.
func TestDecompressBodyLimit(t *testing.T) {
	app := wherry.New().Use(middleware.Decompress()).Post("/", counting, wherry.BodyLimit(1000))
	require.Equal(t, 200, answerTo(t, app, packedRequest("Content-Encoding: gzip", packed(t, make([]byte, 1000)))).Status)
	require.Equal(t, 413, answerTo(t, app, packedRequest("Content-Encoding: gzip", packed(t, make([]byte, 1001)))).Status)
	require.Equal(t, 413, answerTo(t, app, packedRequest("Content-Encoding: gzip", strings.Repeat("x", 1001))).Status)
}

// The limit of what is packed is told as such, not as a mistake in packing:
// here the content fits once unpacked, and its packed form does not.
func TestDecompressPackedLimit(t *testing.T) {
	app := wherry.New().Use(middleware.Decompress()).Post("/", counting, wherry.BodyLimit(1000))
	content := make([]byte, 995)
	_, _ = rand.Read(content)
	raw := packed(t, content)
	require.Greater(t, len(raw), 1000)
	answer := answerTo(t, app, fmt.Sprintf("POST / HTTP/1.1\nContent-Encoding: gzip\nTransfer-Encoding: chunked\n\n%x\r\n%s\r\n0\r\n\r\n", len(raw), raw))
	require.Equal(t, 413, answer.Status)
}

// What is wrong with the connection is no mistake in packing.
func TestDecompressPassesErrorsOn(t *testing.T) {
	var got error
	app := wherry.New().Use(middleware.Decompress()).
		Post("/", func(c *wherry.Context) error {
			_, got = io.Copy(io.Discard, c.Body())
			return got
		})
	whole := packed(t, []byte("content"))
	raw := fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(whole)+10, whole)
	_, err := app.Test(raw)
	require.NoError(t, err)
	require.ErrorIs(t, got, wherry.ErrClientGone)
}

func TestDecompressLateRead(t *testing.T) {
	var kept io.Reader
	var late error
	after := func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			err := next(c)
			_, late = kept.Read(make([]byte, 8))
			return err
		}
	}
	app := wherry.New().Use(after, middleware.Decompress()).
		Post("/", func(c *wherry.Context) error {
			kept = c.Body()
			_, err := kept.Read(make([]byte, 1))
			return errors.Join(err, c.NoContent())
		})
	answer := answerTo(t, app, packedRequest("Content-Encoding: gzip", packed(t, []byte("content"))))
	require.Equal(t, 204, answer.Status)
	require.ErrorContains(t, late, "after Decompress has returned")
}

func TestDecompressMistakes(t *testing.T) {
	require.Contains(t, mistakeOf(t, middleware.Decompress(middleware.DecompressOptions{MaxBytes: -1})), "MaxBytes -1")
	require.Contains(t, mistakeOf(t, middleware.Decompress(middleware.DecompressOptions{MaxRatio: -1})), "MaxRatio -1")
}

func ExampleDecompress() {
	app := wherry.New().
		Use(middleware.Decompress(middleware.DecompressOptions{MaxBytes: 1 << 20})).
		Post("/logs", func(c *wherry.Context) error {
			lines, err := c.BodyBytes()
			if err != nil {
				return err
			}
			return c.Text(200, string(lines))
		})
	var content bytes.Buffer
	w := gzip.NewWriter(&content)
	_, _ = io.WriteString(w, "one line")
	_ = w.Close()
	answers, err := app.Test(fmt.Sprintf("POST /logs HTTP/1.1\r\nHost: example.com\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s",
		content.Len(), content.String()))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(answers[0].Body))
	// Output: one line
}
