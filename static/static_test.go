package static_test

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/static"
)

// long ago enough for files to be kept in memory.
var written = time.Date(2024, 5, 17, 8, 30, 15, 123456789, time.UTC)

const writtenDate = "Fri, 17 May 2024 08:30:15 GMT"

// tree writes files into a new directory: name to content. A name that ends
// in a slash is a directory.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if strings.HasSuffix(name, "/") {
			require.NoError(t, os.MkdirAll(file, 0o755))
			continue
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		write(t, file, content, written)
	}
	return dir
}

func write(t testing.TB, file, content string, mtime time.Time) {
	t.Helper()
	require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
	require.NoError(t, os.Chtimes(file, mtime, mtime))
}

func appOf(pattern string, h wherry.Handler) *wherry.App {
	app := wherry.New().Logger(slog.New(slog.DiscardHandler))
	app.Get(pattern, h)
	return app
}

// request writes a request: "GET /path", and fields as "Name: value".
func request(line string, fields ...string) string {
	var b strings.Builder
	b.WriteString(line + " HTTP/1.1\r\nHost: example.org\r\n")
	for _, f := range fields {
		b.WriteString(f + "\r\n")
	}
	return b.String() + "\r\n"
}

func ask(t *testing.T, app *wherry.App, line string, fields ...string) *wherry.TestResponse {
	t.Helper()
	answers, err := app.Test(request(line, fields...))
	require.NoError(t, err)
	require.Len(t, answers, 1)
	return answers[0]
}

func TestFile(t *testing.T) {
	dir := tree(t, map[string]string{"app.js": "let a = 1\n", "empty.txt": "", "sub/ä b.txt": "blank", "FOO.PNG": "png"})
	app := appOf("/assets/**", static.Dir(dir))

	r := ask(t, app, "GET /assets/app.js")
	require.Equal(t, 200, r.Status)
	require.Equal(t, "let a = 1\n", string(r.Body))
	for name, want := range map[string]string{
		"Content-Type": "text/javascript; charset=utf-8", "Content-Length": "10", "Last-Modified": writtenDate,
		"Accept-Ranges": "bytes", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache",
		"Vary": "", "Content-Encoding": "", "Content-Range": "",
	} {
		require.Equal(t, want, r.Headers.Get(name), name)
	}
	require.Regexp(t, `^"[0-9a-z]+-[0-9a-z]+"$`, r.Headers.Get("ETag"))

	require.Equal(t, "blank", string(ask(t, app, "GET /assets/sub/%C3%A4%20b.txt").Body))
	require.Equal(t, "image/png", ask(t, app, "GET /assets/FOO.PNG").Headers.Get("Content-Type"))
	r = ask(t, app, "GET /assets/empty.txt")
	require.Equal(t, 200, r.Status)
	require.Equal(t, "0", r.Headers.Get("Content-Length"))
	require.Equal(t, 404, ask(t, app, "GET /assets/none.js").Status)
	require.Equal(t, 404, ask(t, app, "GET /assets/app.js/").Status, "a file is no directory")
}

func TestHeadIsExact(t *testing.T) {
	dir := tree(t, map[string]string{"small.txt": "0123456789", "big.bin": strings.Repeat("x", 200_000), "sub/index.html": "<p>"})
	app := appOf("/**", static.Dir(dir, static.Options{Listing: true}))
	for _, path := range []string{"/small.txt", "/big.bin", "/sub", "/sub/", "/", "/none"} {
		get, head := ask(t, app, "GET "+path), ask(t, app, "HEAD "+path)
		require.Empty(t, head.Body, path)
		require.Equal(t, get.Status, head.Status, path)
		get.Headers.Del("Date")
		head.Headers.Del("Date")
		require.Equal(t, lines(get.Headers), lines(head.Headers), path)
	}
	r := ask(t, app, "HEAD /small.txt", "Range: bytes=0-3")
	require.Equal(t, 200, r.Status, "Range is for GET")
	require.Equal(t, "10", r.Headers.Get("Content-Length"))
	require.Equal(t, 304, ask(t, app, "HEAD /small.txt", "If-None-Match: *").Status)
}

func lines(h *wherry.Headers) (all []string) {
	for name, value := range h.All() {
		all = append(all, name+": "+value)
	}
	return all
}

func TestOtherMethods(t *testing.T) {
	dir := tree(t, map[string]string{"a.txt": "a"})
	app := appOf("/**", static.Dir(dir))
	r := ask(t, app, "POST /a.txt", "Content-Length: 0")
	require.Equal(t, 405, r.Status)
	require.Contains(t, r.Headers.Get("Allow"), "GET")

	app = wherry.New()
	app.Handle("POST", "/**", static.Dir(dir))
	r = ask(t, app, "POST /a.txt", "Content-Length: 0")
	require.Equal(t, 405, r.Status)
	require.Equal(t, "GET, HEAD", r.Headers.Get("Allow"))
	require.NotContains(t, string(r.Body), "a.txt")
}

func TestDirectories(t *testing.T) {
	dir := tree(t, map[string]string{
		"index.html": "root", "sub/index.html": "sub", "sub/deep er/index.html": "deep", "bare/a.txt": "a", "home/start.htm": "start",
		"index/index.html/": "",
	})
	app := wherry.New()
	app.Get("/s/**", static.Dir(dir))
	app.Get("/start/**", static.Dir(dir, static.Options{Index: "start.htm"}))
	app.Get("/none/**", static.Dir(dir, static.Options{NoIndex: true}))
	app.Get("/exact", static.Dir(dir))
	app.Get("/users/:id/files/**", static.Dir(dir))
	app.Group("/g/:id", func(g *wherry.Group) { g.Get("/s/**", static.Dir(dir)) })
	for _, tc := range []struct {
		path     string
		status   int
		body     string
		location string
	}{
		{"/s/", 200, "root", ""},
		{"/s/index.html", 200, "root", ""},
		{"/s", 301, "", "./s/"},
		{"/s/sub", 301, "", "./sub/"},
		{"/s/sub?a=b&c=%2f", 301, "", "./sub/?a=b&c=%2f"},
		{"/s/sub/", 200, "sub", ""},
		{"/s/sub/deep%20er", 301, "", "./deep%20er/"},
		{"/s/sub/deep%20er/", 200, "deep", ""},
		{"/s/sub%2fdeep%20er/", 404, "", ""},
		{"/s/sub//", 404, "", ""},
		{"/s//sub/", 404, "", ""},
		{"/s//", 404, "", ""},
		{"/s/bare", 404, "", ""},
		{"/s/bare/", 404, "", ""},
		{"/s/index/", 404, "", ""},
		{"/start/home/", 200, "start", ""},
		{"/start/sub/", 404, "", ""},
		{"/none/sub/", 404, "", ""},
		{"/none/sub", 404, "", ""},
		{"/none/sub/index.html", 200, "sub", ""},
		{"/exact", 200, "root", ""},
		{"/users/a%2fb/files/sub/", 200, "sub", ""},
		{"/g/x%2f%2fy/s/sub/", 200, "sub", ""},
		{"/g/x/s/sub%2fdeep%20er/", 404, "", ""},
	} {
		r := ask(t, app, "GET "+tc.path)
		require.Equal(t, tc.status, r.Status, tc.path)
		require.Equal(t, tc.location, r.Headers.Get("Location"), tc.path)
		if tc.status == 200 {
			require.Equal(t, tc.body, string(r.Body), tc.path)
		}
	}
}

// TestNoOpenRedirect: a Location never begins with what names another host.
func TestNoOpenRedirect(t *testing.T) {
	fsys := fstest.MapFS{"evil.org/index.html": {Data: []byte("x")}, "\\evil.org/index.html": {Data: []byte("x")}}
	app := appOf("/**", static.FS(fsys))
	require.Equal(t, "./evil.org/", ask(t, app, "GET /evil.org").Headers.Get("Location"))
	for _, path := range []string{
		"//evil.org", "///evil.org", "//evil.org/..", "//evil.org/%2e%2e", "/%2fevil.org", "/%5cevil.org", "/\\evil.org",
		"/.//evil.org", "/%09/evil.org", "/%2f%2fevil.org",
	} {
		r := ask(t, app, "GET "+path)
		require.GreaterOrEqual(t, r.Status, 400, path)
		require.False(t, r.Headers.Has("Location"), path)
	}
}

func TestDotfiles(t *testing.T) {
	dir := tree(t, map[string]string{
		".env": "secret", ".git/config": "secret", "a/.hidden/b.txt": "secret", ".well-known/security.txt": "public",
		".well-known/.env": "secret", "..data/x": "secret",
	})
	shut, open := appOf("/**", static.Dir(dir)), appOf("/**", static.Dir(dir, static.Options{Dotfiles: true}))
	for _, path := range []string{"/.env", "/%2eenv", "/.git/config", "/a/.hidden/b.txt", "/.well-known/.env", "/..data/x"} {
		require.Equal(t, 404, ask(t, shut, "GET "+path).Status, path)
		require.Equal(t, "secret", string(ask(t, open, "GET "+path).Body), path)
	}
	require.Equal(t, "public", string(ask(t, shut, "GET /.well-known/security.txt").Body))
}

func TestFallback(t *testing.T) {
	dir := tree(t, map[string]string{"index.html": "spa", "app.js": "js", "img/logo.svg": "svg", ".env": "secret"})
	app := appOf("/**", static.Dir(dir, static.Options{Fallback: "index.html"}))
	const page = "Accept: text/html,application/xhtml+xml,*/*;q=0.8"
	for _, tc := range []struct {
		line, accept, want string
		status             int
	}{
		{"GET /users/7", page, "spa", 200},
		{"GET /users/7/", page, "spa", 200},
		{"GET /img/", page, "spa", 200},
		{"GET /img", page, "spa", 200},
		{"GET /app.js", page, "js", 200},
		{"HEAD /users/7", page, "", 200},
		{"GET /users/7", "Accept: */*", "", 404},
		{"GET /users/7", "X: y", "", 404},
		{"GET /users/7", "Accept: application/json", "", 404},
		{"GET /users/7", "Accept: text/html;q=0, */*", "", 404},
		{"GET /chunk-1a2b3c4d.js", page, "", 404},
		{"GET /.env", page, "", 404},
		{"GET /a%2fb", page, "", 404},
		{"GET /a//b", page, "", 404},
		{"POST /users/7", page, "", 405},
	} {
		r := ask(t, app, tc.line, tc.accept)
		require.Equal(t, tc.status, r.Status, "%s with %s", tc.line, tc.accept)
		if tc.status == 200 {
			require.Equal(t, tc.want, string(r.Body), "%s with %s", tc.line, tc.accept)
		}
	}
	require.Contains(t, ask(t, app, "GET /users/7", page).Headers.Get("Vary"), "Accept")
	require.Contains(t, ask(t, app, "GET /users/7", "Accept: */*").Headers.Get("Vary"), "Accept")
	require.Equal(t, "text/html; charset=utf-8", ask(t, app, "GET /users/7", page).Headers.Get("Content-Type"))
}

func TestMistakesAreToldAtBuild(t *testing.T) {
	dir := tree(t, map[string]string{"a.txt": "a", "sub/": ""})
	for want, h := range map[string]wherry.Handler{
		"no such file":         static.Dir(filepath.Join(dir, "none")),
		"not a directory":      static.Dir(filepath.Join(dir, "a.txt")),
		"no such file or":      static.Dir(""),
		"is nil":               static.FS(nil),
		"one at most":          static.Dir(dir, static.Options{}, static.Options{}),
		"Options.Index":        static.Dir(dir, static.Options{Index: "sub/index.html"}),
		`Index ".."`:           static.Dir(dir, static.Options{Index: ".."}),
		"NoIndex":              static.Dir(dir, static.Options{Index: "a.txt", NoIndex: true}),
		"no path below":        static.Dir(dir, static.Options{Fallback: "/index.html"}),
		"name one that exists": static.Dir(dir, static.Options{Fallback: "index.html"}),
		`Fallback "sub"`:       static.Dir(dir, static.Options{Fallback: "sub"}),
		`Types["js"]`:          static.Dir(dir, static.Options{Types: map[string]string{"js": "text/x"}}),
		`Types[".x"]`:          static.Dir(dir, static.Options{Types: map[string]string{".x": "text/x\r\nA: b"}}),
		`Types[".y"]`:          static.Dir(dir, static.Options{Types: map[string]string{".y": "texty"}}),
		"root cannot be read":  static.FS(brokenFS{}),
	} {
		err := appOf("/**", h).Build()
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "static_test.go:")
	}
	require.NoError(t, appOf("/**", static.Dir(dir)).Build())
}

// brokenFS is a file system in which everything fails.
type brokenFS struct{}

func (brokenFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}

func TestTypes(t *testing.T) {
	fsys := fstest.MapFS{}
	for _, name := range []string{"a.woff2", "a.map", "a.webmanifest", "a.wasm", "a.mjs", "a.avif", "a.svg", "a.html", "a.x", "a.JS", "README", "a.foo"} {
		fsys[name] = &fstest.MapFile{Data: []byte("x")}
	}
	app := appOf("/**", static.FS(fsys, static.Options{Types: map[string]string{".FOO": "text/x-foo", ".svg": "image/x-svg"}}))
	for name, want := range map[string]string{
		"a.woff2": "font/woff2", "a.map": "application/json", "a.webmanifest": "application/manifest+json", "a.wasm": "application/wasm",
		"a.mjs": "text/javascript; charset=utf-8", "a.avif": "image/avif", "a.svg": "image/x-svg", "a.html": "text/html; charset=utf-8",
		"a.x": "application/octet-stream", "README": "application/octet-stream", "a.JS": "text/javascript; charset=utf-8", "a.foo": "text/x-foo",
	} {
		require.Equal(t, want, ask(t, app, "GET /"+name).Headers.Get("Content-Type"), name)
	}
}

func TestCacheControl(t *testing.T) {
	dir := tree(t, map[string]string{"app.3f2a9c1b.js": "x", "app.js": "x"})
	hashed := appOf("/**", static.Dir(dir, static.Options{CacheControl: static.ImmutableIfHashed}))
	require.Equal(t, "public, max-age=31536000, immutable", ask(t, hashed, "GET /app.3f2a9c1b.js").Headers.Get("Cache-Control"))
	require.Equal(t, "no-cache", ask(t, hashed, "GET /app.js").Headers.Get("Cache-Control"))
	r := ask(t, hashed, "GET /app.3f2a9c1b.js", "If-None-Match: *")
	require.Equal(t, 304, r.Status)
	require.Equal(t, "public, max-age=31536000, immutable", r.Headers.Get("Cache-Control"))
	require.Empty(t, ask(t, hashed, "GET /none.3f2a9c1b.js").Headers.Get("Cache-Control"), "what is missing now may come")

	aged := appOf("/**", static.Dir(dir, static.Options{CacheControl: static.MaxAge(90 * time.Second)}))
	require.Equal(t, "public, max-age=90", ask(t, aged, "GET /app.js").Headers.Get("Cache-Control"))
	silent := appOf("/**", static.Dir(dir, static.Options{CacheControl: func(string) string { return "" }}))
	require.False(t, ask(t, silent, "GET /app.js").Headers.Has("Cache-Control"))

	private := appOf("/**", static.Dir(dir)).Use(func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			c.SetHeader("Cache-Control", "private")
			return next(c)
		}
	})
	require.Equal(t, "private", ask(t, private, "GET /app.js").Headers.Get("Cache-Control"))
}

func TestHashedNames(t *testing.T) {
	for name, want := range map[string]bool{
		"app.3f2a9c1b.js": true, "app-3f2a9c1b4d.js.map": true, "chunk-5XQWJ2VN.js": true, "index-DiwrgTd4.js": true, "a-_-x1Yz9Q.css": true,
		"index-D-w_gTd4.css": true, "app.js": false, "report-20240501.pdf": false, "face-deadfeed.js": false, "avatar-128x128px.png": false,
		"3f2a9c1b.js": false, "app.3f2a9c1.js": false, "index-DropDown.js": false, "jquery-3.7.1.min.js": false, "": false, ".": false,
		"app-20240501.a.js": false, "v1.2.3f2a9c1b": false,
	} {
		require.Equal(t, want, strings.Contains(static.ImmutableIfHashed("assets/"+name), "immutable"), name)
	}
}

func TestErrorsHaveTheirCause(t *testing.T) {
	dir := tree(t, map[string]string{"a.txt": "a"})
	var seen error
	app := appOf("/**", static.Dir(dir)).ErrorHandler(func(c *wherry.Context, err error) {
		seen = err
		_ = c.Text(wherry.StatusOf(err), "gone")
	})
	require.Equal(t, "gone", string(ask(t, app, "GET /none").Body))
	require.ErrorIs(t, seen, fs.ErrNotExist)
	require.Equal(t, 404, wherry.StatusOf(seen))
}

func TestLargeFiles(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 1<<14) // 256 KiB
	dir := tree(t, map[string]string{"big.bin": content})
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			app := appOf("/**", static.Dir(dir))
			answers, err := app.TestOn(kind, request("GET /big.bin"), request("GET /big.bin", "Range: bytes=100000-199999"),
				request("GET /big.bin", "Range: bytes=0-15,262143-"), request("HEAD /big.bin"), request("GET /big.bin", "If-None-Match: *"))
			require.NoError(t, err)
			require.Equal(t, content, string(answers[0].Body))
			require.Equal(t, content[100_000:200_000], string(answers[1].Body))
			require.Equal(t, []string{content[:16], "f"}, bodies(partsOf(t, answers[2])))
			require.Equal(t, "262144", answers[3].Headers.Get("Content-Length"))
			require.Equal(t, 304, answers[4].Status)
		})
	}
}

// TestSparseFile: offsets beyond 4 GiB reach the file as they are.
func TestSparseFile(t *testing.T) {
	const size = 5 << 30
	file := filepath.Join(t.TempDir(), "sparse.bin")
	f, err := os.Create(file)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(size))
	_, err = f.WriteAt([]byte("the end"), size-7)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	app := appOf("/**", static.Dir(filepath.Dir(file)))
	r := ask(t, app, "GET /sparse.bin", fmt.Sprintf("Range: bytes=%d-", int64(size-7)))
	require.Equal(t, 206, r.Status)
	require.Equal(t, "the end", string(r.Body))
	require.Equal(t, fmt.Sprintf("bytes %d-%d/%d", int64(size-7), int64(size-1), int64(size)), r.Headers.Get("Content-Range"))
	require.Equal(t, fmt.Sprint(int64(size)), ask(t, app, "HEAD /sparse.bin").Headers.Get("Content-Length"))
}
