package static_test

import (
	"archive/zip"
	"bytes"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/static"
)

//go:embed testdata/site
var embedded embed.FS

func TestEmbedded(t *testing.T) {
	site, err := fs.Sub(embedded, "testdata/site")
	require.NoError(t, err)
	app := appOf("/**", static.FS(site))
	r := ask(t, app, "GET /")
	require.Equal(t, 200, r.Status)
	require.Contains(t, string(r.Body), "embedded")
	require.False(t, r.Headers.Has("Last-Modified"), "there is no time to tell")
	etag := r.Headers.Get("ETag")
	require.Regexp(t, `^"[0-9a-f]{32}"$`, etag)
	require.Equal(t, 304, ask(t, app, "GET /index.html", "If-None-Match: "+etag).Status)
	require.Equal(t, "<!doctype", string(ask(t, app, "GET /", "Range: bytes=0-8").Body))
	require.Equal(t, "./sub/", ask(t, app, "GET /sub").Headers.Get("Location"))
	require.Equal(t, 404, ask(t, app, "GET /../fs_test.go").Status)

	again := ask(t, appOf("/**", static.FS(site, static.Options{Memory: -1})), "GET /")
	require.Equal(t, etag, again.Headers.Get("ETag"), "it depends on the content alone")
}

// TestPrecompressed: the siblings of a.js by what clients accept.
func TestPrecompressed(t *testing.T) {
	app := appOf("/**", static.Dir(tree(t, map[string]string{
		"a.js": "plain", "a.js.br": "brotli", "a.js.zst": "zstandard", "a.js.gz": "gzip", "b.js": "plain", "b.js.gz": "gzip",
		"c.js.gz": "gzip", "d.js": "plain", "a.js.gz.gz": "twice",
	})))
	for _, tc := range []struct{ path, accept, coding, body string }{
		{"/a.js", "", "", "plain"},
		{"/a.js", "gzip, br, zstd", "br", "brotli"},
		{"/a.js", "gzip, zstd", "zstd", "zstandard"},
		{"/a.js", "gzip", "gzip", "gzip"},
		{"/a.js", "x-gzip", "gzip", "gzip"},
		{"/a.js", "br;q=0.5, gzip;q=0.9", "gzip", "gzip"},
		{"/a.js", "br;q=0, gzip;q=0.1", "gzip", "gzip"},
		{"/a.js", "br;q=0.5, identity", "", "plain"},
		{"/a.js", "br;q=0.5, identity;q=0.2", "br", "brotli"},
		{"/a.js", "br;q=0", "", "plain"},
		{"/a.js", "*", "br", "brotli"},
		{"/a.js", "*;q=0, gzip", "gzip", "gzip"},
		{"/a.js", "deflate, compress", "", "plain"},
		{"/b.js", "br, gzip;q=0.1", "gzip", "gzip"},
		{"/b.js", "br", "", "plain"},
		{"/d.js", "br, gzip", "", "plain"},
	} {
		var fields []string
		if tc.accept != "" {
			fields = append(fields, "Accept-Encoding: "+tc.accept)
		}
		r := ask(t, app, "GET "+tc.path, fields...)
		require.Equal(t, 200, r.Status)
		require.Equal(t, tc.body, string(r.Body), "%s for %s", tc.path, tc.accept)
		require.Equal(t, tc.coding, r.Headers.Get("Content-Encoding"))
		require.Equal(t, "text/javascript; charset=utf-8", r.Headers.Get("Content-Type"))
		if tc.path == "/d.js" {
			require.False(t, r.Headers.Has("Vary"), "there is no choice")
			continue
		}
		require.Equal(t, "Accept-Encoding", r.Headers.Get("Vary"))
	}
	require.Equal(t, 404, ask(t, app, "GET /c.js", "Accept-Encoding: gzip").Status)
	r := ask(t, app, "GET /a.js.gz", "Accept-Encoding: gzip")
	require.Equal(t, "gzip", string(r.Body))
	require.Equal(t, "application/gzip", r.Headers.Get("Content-Type"))
	require.False(t, r.Headers.Has("Content-Encoding"), "the sibling itself is just a file")

	r = ask(t, app, "GET /a.js", "Accept-Encoding: zstd", "Range: bytes=1-3")
	require.Equal(t, "sta", string(r.Body), "a range is one of the chosen representation")
	require.Equal(t, "bytes 1-3/9", r.Headers.Get("Content-Range"))
	r = ask(t, app, "GET /a.js", "Accept-Encoding: zstd", "Range: bytes=99-")
	require.Equal(t, 416, r.Status)
	require.False(t, r.Headers.Has("Content-Encoding"))
	r = ask(t, app, "GET /a.js", "Accept-Encoding: gzip", `If-Match: "x"`)
	require.Equal(t, 412, r.Status)
	require.False(t, r.Headers.Has("Content-Encoding"))
}

func TestSiblingsThatAreNot(t *testing.T) {
	dir := tree(t, map[string]string{"a.js": "new", "a.js.gz": "old", "b.js": "plain", "b.js.gz/": "", "c.js": "c", "c.js.gz": "C"})
	require.NoError(t, os.Chtimes(filepath.Join(dir, "a.js.gz"), written, written.Add(-time.Hour)))
	require.NoError(t, os.Chtimes(filepath.Join(dir, "c.js.gz"), written, written.Truncate(time.Second)))
	app := appOf("/**", static.Dir(dir))
	const accept = "Accept-Encoding: gzip"
	require.Equal(t, "new", string(ask(t, app, "GET /a.js", accept).Body), "an old sibling is of other content")
	require.Equal(t, "plain", string(ask(t, app, "GET /b.js", accept).Body), "a directory is no sibling")
	require.Equal(t, "C", string(ask(t, app, "GET /c.js", accept).Body), "archives cut fractions of seconds off")
	plain := appOf("/**", static.Dir(dir, static.Options{NoPrecompressed: true}))
	require.Equal(t, "c", string(ask(t, plain, "GET /c.js", accept).Body))
	require.False(t, ask(t, plain, "GET /c.js", accept).Headers.Has("Vary"))
}

// TestZip: files that cannot seek are sent whole, unless they are small enough
// to be kept.
func TestZip(t *testing.T) {
	big := strings.Repeat("zip", 40_000)
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for name, content := range map[string]string{"big.txt": big, "small.txt": digits} {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: written})
		require.NoError(t, err)
		_, err = io.WriteString(f, content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	fsys, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
	require.NoError(t, err)
	app := appOf("/**", static.FS(fsys))
	r := ask(t, app, "GET /big.txt", "Range: bytes=0-2")
	require.Equal(t, 200, r.Status)
	require.Equal(t, "none", r.Headers.Get("Accept-Ranges"))
	require.Equal(t, big, string(r.Body))
	require.Equal(t, 304, ask(t, app, "GET /big.txt", "If-None-Match: "+r.Headers.Get("ETag")).Status)
	require.Equal(t, "89", string(ask(t, app, "GET /small.txt", "Range: bytes=-2").Body))
}

// TestShelfFollowsDisk: what is kept is compared with the disk again after a
// second, and not before.
func TestShelfFollowsDisk(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a.txt": "one", "b.txt": "b"})
	fsys := &counting{FS: os.DirFS(dir)}
	app := appOf("/**", static.FS(fsys, static.Options{NoPrecompressed: true}))
	body := func(path string) string { return string(ask(t, app, "GET "+path).Body) }
	for range 100 {
		begin := time.Now()
		require.Equal(t, "one", body("/a.txt"))
		looked := fsys.count()
		require.Equal(t, "one", body("/a.txt"))
		require.Equal(t, "one", body("/a.txt"))
		if looked == fsys.count() {
			break
		}
		require.GreaterOrEqual(t, time.Since(begin), time.Second, "it did not come from memory")
	}
	require.Equal(t, "b", body("/b.txt"))

	write(t, filepath.Join(dir, "a.txt"), "two", written.Add(time.Second))
	require.NoError(t, os.Remove(filepath.Join(dir, "b.txt")))
	require.Eventually(t, func() bool { return body("/a.txt") == "two" }, 30*time.Second, 50*time.Millisecond)
	require.Eventually(t, func() bool { return ask(t, app, "GET /b.txt").Status == 404 }, 30*time.Second, 50*time.Millisecond)

	looked := fsys.count()
	time.Sleep(1100 * time.Millisecond)
	require.Equal(t, "two", body("/a.txt"))
	require.Equal(t, looked+1, fsys.count(), "one look at the disk, and no second read")
}

// TestFreshFilesAreNotKept: a change within one tick of the file system's
// clock leaves size and time as they were.
func TestFreshFilesAreNotKept(t *testing.T) {
	dir := t.TempDir()
	app := appOf("/**", static.Dir(dir))
	for i := range 100 {
		name, now := fmt.Sprintf("%d.txt", i), time.Now()
		write(t, filepath.Join(dir, name), "one", now)
		require.Equal(t, "one", string(ask(t, app, "GET /"+name).Body))
		write(t, filepath.Join(dir, name), "two", now)
		if string(ask(t, app, "GET /"+name).Body) == "two" {
			return
		}
		require.GreaterOrEqual(t, time.Since(now), 2*time.Second, "it was kept") // else it is not fresh any more
	}
	t.Fatal("it was never fresh")
}

// TestFilesSettle: a file that was too fresh to be kept is kept later.
func TestFilesSettle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.txt"), "one", time.Now().Add(-1500*time.Millisecond))
	fsys := &counting{FS: os.DirFS(dir)}
	app := appOf("/**", static.FS(fsys, static.Options{NoPrecompressed: true}))
	ask(t, app, "GET /a.txt")
	require.Eventually(t, func() bool {
		before := fsys.count()
		ask(t, app, "GET /a.txt")
		return fsys.count() == before
	}, 30*time.Second, 100*time.Millisecond)
}

// TestShelfIsBounded: more files than there is room for are all served. It is
// one moment for the shelf, which looks at the disk again after a second.
func TestShelfIsBounded(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	for _, room := range []int64{-1, 1, 25_000, 1 << 20} {
		synctest.Test(t, func(t *testing.T) {
			fsys := fstest.MapFS{}
			for _, name := range names {
				fsys[name] = &fstest.MapFile{Data: bytes.Repeat([]byte(name), 10_000), ModTime: time.Now().Add(-time.Hour)}
			}
			opened := &counting{FS: fsys}
			app := appOf("/**", static.FS(opened, static.Options{Memory: room}))
			for range 2 {
				for _, name := range names {
					require.Equal(t, string(fsys[name].Data), string(ask(t, app, "GET /"+name).Body))
				}
			}
			if room == 1<<20 {
				require.Equal(t, 1+len(names)*(1+1+3), opened.count(), "root, then each file: a look, a read, three siblings")
				return
			}
			require.Greater(t, opened.count(), 1+len(names)*5, "room for %d bytes", room)
			before := opened.count()
			ask(t, app, "GET /h")
			require.Equal(t, room == 25_000, opened.count() == before, "the last one is there if there is any room")
		})
	}
}

// TestChangeBetweenLookAndOpen: a file that grows is described as it is when
// it is opened, so that head and content agree.
func TestChangeBetweenLookAndOpen(t *testing.T) {
	dir := tree(t, map[string]string{"log.txt": strings.Repeat("a", 100_000)})
	app := appOf("/**", static.Dir(dir))
	first := ask(t, app, "GET /log.txt")
	write(t, filepath.Join(dir, "log.txt"), strings.Repeat("b", 150_000), written)
	second := ask(t, app, "GET /log.txt")
	require.Equal(t, "150000", second.Headers.Get("Content-Length"))
	require.Len(t, second.Body, 150_000)
	require.NotEqual(t, first.Headers.Get("ETag"), second.Headers.Get("ETag"))
}

// TestStaleLook: what a file turns out to be when it is opened counts.
func TestStaleLook(t *testing.T) {
	big := strings.Repeat("x", 100_000)
	was := fstest.MapFS{
		"small": {Data: []byte("one"), ModTime: written}, "big": {Data: []byte(big), ModTime: written}, "dir": {Data: []byte(big), ModTime: written},
		"grown": {Data: []byte("one"), ModTime: written},
	}
	is := fstest.MapFS{
		"small": {Data: []byte("four"), ModTime: written}, "big": {Data: []byte(big[1:]), ModTime: written}, "dir": {Mode: fs.ModeDir, ModTime: written},
		"grown": {Data: []byte(big), ModTime: written},
	}
	app := appOf("/**", static.FS(stale{is, was}, static.Options{NoPrecompressed: true}))
	require.Equal(t, "four", string(ask(t, app, "GET /small").Body))
	require.Len(t, ask(t, app, "GET /big").Body, 99_999)
	require.Len(t, ask(t, app, "GET /grown").Body, 100_000)
	require.Equal(t, 404, ask(t, app, "GET /dir").Status)
}

// stale is a file system whose Stat tells how things were.
type stale struct {
	fs.FS
	was fs.FS
}

func (f stale) Stat(name string) (fs.FileInfo, error) { return fs.Stat(f.was, name) }

// TestShrinkingFile: an answer that cannot be kept is cut, not padded.
func TestShrinkingFile(t *testing.T) {
	fsys := fstest.MapFS{"a.bin": {Data: bytes.Repeat([]byte("x"), 100_000), ModTime: written}}
	app := appOf("/**", static.FS(short{fsys}))
	answers, err := app.Test(request("GET /a.bin") + request("GET /a.bin"))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Len(t, answers, 1)
	require.Less(t, len(answers[0].Body), 100_000)
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	dir := tree(t, map[string]string{"a.txt": "a", "a.txt.gz": "z", "b.txt": "b"})
	app := appOf("/**", static.Dir(dir, static.Options{Memory: 3000}))
	require.NoError(t, app.Build())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				for _, path := range []string{"/a.txt", "/b.txt", "/none"} {
					_, err := app.Test(request("GET "+path, "Accept-Encoding: gzip"))
					if err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
}

// counting counts how often it is asked.
type counting struct {
	fs.FS
	mu sync.Mutex // guards the following
	n  int
}

func (f *counting) Open(name string) (fs.File, error) {
	f.mu.Lock()
	f.n++
	f.mu.Unlock()
	return f.FS.Open(name)
}

func (f *counting) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}

// short is a file system whose files end early.
type short struct{ fs.FS }

type shortFile struct {
	fs.File
	left int
}

func (f short) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	return &shortFile{file, 50_000}, err
}

func (f *shortFile) Read(p []byte) (int, error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	n, err := f.File.Read(p[:min(len(p), f.left)])
	f.left -= n
	return n, err
}

func TestListing(t *testing.T) {
	dir := tree(t, map[string]string{
		"b.txt": "12345", "a <b>&\"'.txt": strings.Repeat("x", 1234), "zeta/": "", "alpha/index.html": "index", ".env": "secret",
		"sub/c d?#%.txt": "odd", "sub/javascript:alert(1)": "colon", ".well-known/x": "x", "ünï.txt": "",
	})
	require.NoError(t, os.Symlink("/etc", filepath.Join(dir, "etc")))
	require.NoError(t, os.Symlink("b.txt", filepath.Join(dir, "link.txt")))
	makeFifo(t, filepath.Join(dir, "pipe"))
	app := appOf("/files/**", static.Dir(dir, static.Options{Listing: true}))
	r := ask(t, app, "GET /files/")
	require.Equal(t, 200, r.Status)
	require.Equal(t, "text/html; charset=utf-8", r.Headers.Get("Content-Type"))
	require.Contains(t, r.Headers.Get("Content-Security-Policy"), "default-src 'none'")
	require.Equal(t, "no-cache", r.Headers.Get("Cache-Control"))
	page := string(r.Body)
	require.NotContains(t, page, ".env")
	require.NotContains(t, page, "etc")
	require.NotContains(t, page, "pipe")
	require.NotContains(t, page, "../", "there is nothing above that could be shown")
	require.NotContains(t, page, "<b>")
	require.Contains(t, page, `<a href="./a%20%3Cb%3E%26%22%27.txt">a &lt;b&gt;&amp;&#34;&#39;.txt</a><td class="n">1.2 kB`)
	require.Contains(t, page, `<a href="./%C3%BCn%C3%AF.txt">ünï.txt</a>`)
	require.Contains(t, page, `2024-05-17 08:30:15`)
	require.Contains(t, page, "prefers-color-scheme: dark")
	last := -1
	for _, name := range []string{".well-known/", "alpha/", "sub/", "zeta/", "a ", "b.txt", "link.txt", "ünï.txt"} {
		at := strings.Index(page, ">"+name)
		require.Greater(t, at, last, "%s is in its place", name)
		last = at
	}

	page = string(ask(t, app, "GET /files/sub/").Body)
	require.Contains(t, page, `href="../"`)
	require.Contains(t, page, `href="./c%20d%3F%23%25.txt"`)
	require.NotContains(t, page, "javascript")
	require.Equal(t, "odd", string(ask(t, app, "GET /files/sub/c%20d%3F%23%25.txt").Body), "the link works")
	require.Equal(t, "index", string(ask(t, app, "GET /files/alpha/").Body), "an index comes first")
	require.Contains(t, string(ask(t, app, "GET /files/zeta/").Body), "nothing here")
	require.Equal(t, "./zeta/", ask(t, app, "GET /files/zeta").Headers.Get("Location"))
	require.Equal(t, 404, ask(t, app, "GET /files/none/").Status)
	require.Equal(t, 404, ask(t, app, "GET /files/b.txt/").Status)
	require.Equal(t, 404, ask(t, appOf("/**", static.Dir(dir)), "GET /").Status, "off by default")
}

func TestLongListingSaysSo(t *testing.T) {
	fsys := fstest.MapFS{}
	for i := range 10_001 {
		fsys["many/"+strings.Repeat("n", i%7)+time.Duration(i).String()] = &fstest.MapFile{}
	}
	fsys["few/a"] = &fstest.MapFile{}
	app := appOf("/**", static.FS(fsys, static.Options{Listing: true}))
	require.Contains(t, string(ask(t, app, "GET /many/").Body), "more here than is shown")
	require.NotContains(t, string(ask(t, app, "GET /few/").Body), "more here than is shown")
}

func TestListedSizes(t *testing.T) {
	for n, want := range map[int64]string{
		-1: "", 0: "0 B", 999: "999 B", 1000: "1.0 kB", 9949: "9.9 kB", 9950: "10 kB", 999_499: "999 kB", 999_500: "1.0 MB",
		1_500_000: "1.5 MB", 2 << 30: "2.1 GB", 1 << 62: "4612 PB",
	} {
		require.Equal(t, want, static.HumanSize(n))
	}
}

var _ wherry.Handler = static.FS(embedded)
