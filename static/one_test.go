package static_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/static"
)

// sender answers with the file that the path names, by the handler's choice.
func sender(fsys fs.FS, around ...wherry.Middleware) *wherry.App {
	return appOf("/**", func(c *wherry.Context) error {
		return static.Send(c, fsys, c.Param("**"))
	}).Use(around...)
}

func rootOf(t *testing.T, dir string) fs.FS {
	t.Helper()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { _ = root.Close() })
	return root.FS()
}

// TestSend: a file that a handler has chosen is answered as by Dir.
func TestSend(t *testing.T) {
	dir := tree(t, map[string]string{"report.pdf": "0123456789", "large.txt": strings.Repeat("large", 1<<15), "ä b.html": "<p>", "empty": ""})
	whole, chosen := appOf("/**", static.Dir(dir)), sender(rootOf(t, dir))
	etag := ask(t, whole, "GET /report.pdf").Headers.Get("ETag")
	require.NotEmpty(t, etag)
	for _, test := range []struct {
		line   string
		fields []string
		status int
	}{
		{"GET /report.pdf", nil, 200},
		{"HEAD /report.pdf", nil, 200},
		{"GET /large.txt", nil, 200},
		{"HEAD /large.txt", nil, 200},
		{"GET /%C3%A4%20b.html", nil, 200},
		{"GET /empty", nil, 200},
		{"GET /report.pdf", []string{"Range: bytes=2-4"}, 206},
		{"GET /large.txt", []string{"Range: bytes=-5"}, 206},
		{"HEAD /report.pdf", []string{"Range: bytes=2-4"}, 200},
		{"GET /report.pdf", []string{"Range: bytes=2-4", "If-Range: \"other\""}, 200},
		{"GET /report.pdf", []string{"Range: bytes=2-4", "If-Range: " + etag}, 206},
		{"GET /report.pdf", []string{"Range: bytes=90-"}, 416},
		{"GET /report.pdf", []string{"If-None-Match: " + etag}, 304},
		{"GET /report.pdf", []string{"If-Modified-Since: " + writtenDate}, 304},
		{"GET /report.pdf", []string{"If-Match: \"other\""}, 412},
		{"GET /none.pdf", nil, 404},
	} {
		want, got := ask(t, whole, test.line, test.fields...), ask(t, chosen, test.line, test.fields...)
		want.Headers.Del("Date")
		got.Headers.Del("Date")
		require.Equal(t, test.status, got.Status, test)
		require.Equal(t, want.Status, got.Status, test)
		require.ElementsMatch(t, lines(want.Headers), lines(got.Headers), test)
		require.Equal(t, string(want.Body), string(got.Body), test)
	}
	parts := partsOf(t, ask(t, chosen, "GET /report.pdf", "Range: bytes=0-1,5-6"))
	require.Equal(t, []string{"01", "56"}, bodies(parts))
}

// TestSendNoFile: what is no file below the root is a 404, also where the
// handler gives a name from the path away unseen.
func TestSendNoFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a Unix file system")
	}
	dir := tree(t, map[string]string{"in/a.txt": "a", "in/sub/b.txt": "b", "secret.txt": "secret", "in/.env": "key"})
	require.NoError(t, os.Symlink(filepath.Join(dir, "secret.txt"), filepath.Join(dir, "in", "link.txt")))
	makeFifo(t, filepath.Join(dir, "in", "pipe"))
	var cause error
	for name, fsys := range map[string]fs.FS{"root": rootOf(t, filepath.Join(dir, "in")), "map": fstest.MapFS{"sub": {Mode: fs.ModeDir}}} {
		for _, file := range []string{"", ".", "sub", "none", "../secret.txt", "/etc/passwd", "sub/../a.txt", "sub//b.txt", "a.txt/", "link.txt", "pipe", "a\x00.txt"} {
			app := appOf("/", func(c *wherry.Context) error {
				cause = static.Send(c, fsys, file)
				return cause
			})
			answer := ask(t, app, "GET /")
			require.Equal(t, 404, answer.Status, "%s %q: %v", name, file, answer)
			require.NotContains(t, string(answer.Body), "secret")
			var own *wherry.Error
			require.ErrorAs(t, cause, &own)
			require.Error(t, errors.Unwrap(own), "%s %q", name, file)
		}
	}
	require.Equal(t, "key", string(ask(t, sender(rootOf(t, filepath.Join(dir, "in"))), "GET /.env").Body), "what a handler names it means")
}

// TestSendOwnFields: what the handler knows better stands, and goes with the
// content when there is none.
func TestSendOwnFields(t *testing.T) {
	fsys := fstest.MapFS{"7f3a": {Data: []byte("GIF89a")}, "7f3a.gz": {Data: []byte("older")}}
	around := func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			c.SetHeader(wherry.HeaderContentType, "image/gif")
			c.SetHeader(wherry.HeaderCacheControl, "private")
			c.SetHeader(wherry.HeaderContentDisposition, static.Attachment("Bär.gif"))
			return next(c)
		}
	}
	app := sender(fsys, around)
	r := ask(t, app, "GET /7f3a", "Accept-Encoding: gzip")
	require.Equal(t, "GIF89a", string(r.Body))
	require.Equal(t, "image/gif", r.Headers.Get("Content-Type"))
	require.Equal(t, "private", r.Headers.Get("Cache-Control"))
	require.Equal(t, `attachment; filename="B_r.gif"; filename*=UTF-8''B%C3%A4r.gif`, r.Headers.Get("Content-Disposition"))
	require.Equal(t, "nosniff", r.Headers.Get("X-Content-Type-Options"))
	require.Empty(t, r.Headers.Get("Vary"), "no sibling is looked for")
	r = ask(t, app, "GET /7f3a", "If-None-Match: "+r.Headers.Get("ETag"))
	require.Equal(t, 304, r.Status, "the ETag of what has no time is made of its content")
	r = ask(t, app, "GET /none")
	require.Equal(t, 404, r.Status)
	require.Empty(t, r.Headers.Get("Content-Disposition"), "an error is not to be saved")
	require.Equal(t, "application/octet-stream", ask(t, sender(fsys), "GET /7f3a").Headers.Get("Content-Type"))
}
