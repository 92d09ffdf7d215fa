package static_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/static"
)

// outside is what a traversal would reach.
const outside = "the password"

// traversals are paths that must not be served, though what they may be
// mistaken for exists. Each is tried below a prefix and at the root.
var traversals = []string{
	"/../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/%2e%2e%2fsecret.txt", "/.%2e/secret.txt", "/%2e./secret.txt",
	"/%252e%252e/secret.txt", "/%252e%252e%252fsecret.txt", "/..%255csecret.txt", "/..%c0%afsecret.txt", "/%c0%ae%c0%ae/secret.txt",
	"/..\\secret.txt", "/..%5csecret.txt", "/%2e%2e%5csecret.txt", "/sub/..%5c..%5csecret.txt", "/sub/../../secret.txt",
	"/sub/%2e%2e/%2e%2e/secret.txt", "/sub/../../../../../../../../etc/passwd", "/....//secret.txt", "/..;/secret.txt", "/.../secret.txt",
	"/%2fetc/passwd", "//etc/passwd", "/%2f%2fetc%2fpasswd", "/c:/secret.txt", "/C:%5csecret.txt", "/%5c%5chost%5cshare",
	"/a.txt%00", "/a.txt%00.html", "/%00a.txt", "/sub%2fb.txt", "/sub%5cb.txt", "/sub%252fb.txt", "/./a.txt", "/%2e/a.txt",
	"/sub/./b.txt", "/sub/../a.txt", "/sub//b.txt", "/a.txt/", "/a.txt/.", "/a.txt/..", "/a.txt%2f", "/a.txt::$DATA", "/a.txt:stream",
	"/sub/..", "/..", "/../", "/%2e%2e/", "/.", "/..%00/", "/sub/%2e%2e/", "/sub/..%2f",
	"/out.txt", "/outdir/secret.txt", "/outdir/", "/outdir", "/updir/secret.txt", "/absolute", "/loop", "/loop/", "/dangling",
	"/NUL", "/nul.txt", "/CON", "/con.html", "/COM1", "/aux.js", "/LPT1.txt", "/CONIN$", "/a.txt.", "/a.txt%20", "/GIT~1/config",
	"/fifo", "/fifo/", "/./", "/%2e/", "/sub/./", "/sub/%2e/", "/%ff.txt", "/%ff/", "/sub/%ff.txt", "//", "/sub//", "/%2f", "/sub%2f/",
}

// siege makes a root with everything around and in it that must stay inside.
func siege(t *testing.T) (dir string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("links and odd names need a Unix file system")
	}
	base := tree(t, map[string]string{"secret.txt": outside, "root/a.txt": "a", "root/sub/b.txt": "b"})
	dir = filepath.Join(base, "root")
	for name, target := range map[string]string{
		"out.txt": "../secret.txt", "outdir": "..", "updir": "sub/../..", "absolute": "/etc/passwd", "loop": "loop",
		"dangling": "nowhere", "in.txt": "sub/b.txt",
	} {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	makeFifo(t, filepath.Join(dir, "fifo"))
	return dir
}

func TestTraversal(t *testing.T) {
	dir := siege(t)
	var requests []string
	for _, path := range traversals {
		// A target with these is refused, and the connection with it.
		if !strings.Contains(path, "\\") && !strings.Contains(path, "%00") {
			requests = append(requests, request("GET "+path), request("GET /files"+path))
		}
	}
	for _, kind := range append(engine.All(), "memory") {
		t.Run(string(kind), func(t *testing.T) {
			app := appOf("/files/**", static.Dir(dir, static.Options{Dotfiles: true, Listing: true}))
			app.Get("/**", static.Dir(dir, static.Options{Dotfiles: true, Listing: true}))
			raw := append(requests, request("GET /files/in.txt"))
			var answers []*wherry.TestResponse
			var err error
			if kind == "memory" {
				answers, err = app.Test(strings.Join(raw, ""))
			} else {
				answers, err = app.TestOn(kind, raw...)
			}
			require.NoError(t, err)
			require.Len(t, answers, len(raw))
			for i, r := range answers[:len(requests)] {
				require.Equal(t, 404, r.Status, raw[i])
				require.NotContains(t, string(r.Body), outside, raw[i])
			}
			require.Equal(t, "b", string(answers[len(requests)].Body), "a link that stays inside")
		})
	}
}

// TestTraversalOneByOne has the paths that end the connection as well: those
// with a NUL or a raw backslash.
func TestTraversalOneByOne(t *testing.T) {
	app := appOf("/**", static.Dir(siege(t), static.Options{Dotfiles: true}))
	for _, path := range traversals {
		r := ask(t, app, "GET "+path)
		require.Contains(t, []int{400, 404}, r.Status, path)
	}
}

// TestOnlySafeNamesAreOpened: a file system that checks nothing is safe too.
func TestOnlySafeNamesAreOpened(t *testing.T) {
	fsys := &recording{}
	app := appOf("/**", static.FS(fsys, static.Options{Dotfiles: true, Listing: true}))
	for _, path := range append(traversals, "/a%5cb/", "/a%00/", "/a:b/", "/x/%2e%2e/", "/x/../", "/x/./", "/good/name/") {
		ask(t, app, "GET "+path)
	}
	require.Contains(t, fsys.names, "good/name/index.html")
	require.Contains(t, fsys.names, "GIT~1/config")
	for _, name := range fsys.names {
		require.True(t, fs.ValidPath(name) && !strings.ContainsAny(name, "\\:\x00"), "%q", name)
	}
}

// TestNamesThatAreNotUTF8 are neither served nor listed, whatever the file
// system thinks of them.
func TestNamesThatAreNotUTF8(t *testing.T) {
	app := appOf("/**", static.FS(anyName{fstest.MapFS{"dir/\xff.txt": {Data: []byte("a")}, "dir/b.txt": {Data: []byte("b")}}},
		static.Options{Listing: true}))
	require.Equal(t, 404, ask(t, app, "GET /dir/%ff.txt").Status)
	page := string(ask(t, app, "GET /dir/").Body)
	require.Contains(t, page, "b.txt")
	require.NotContains(t, strings.ToLower(page), "%ff.txt")
}

// anyName is a file system that takes any name for a file.
type anyName struct{ fs.FS }

func (f anyName) Stat(name string) (fs.FileInfo, error) {
	if info, err := fs.Stat(f.FS, name); err == nil {
		return info, nil
	}
	return fs.Stat(f.FS, "dir/b.txt")
}

// recording notes the names it is asked for.
type recording struct{ names []string }

func (f *recording) Open(name string) (fs.File, error) {
	f.names = append(f.names, name)
	return fstest.MapFS{}.Open(name)
}

func TestWindowsAlias(t *testing.T) {
	for _, name := range []string{
		"con", "CON", "nul", "NUL.txt", "aux.js", "prn.", "com1", "COM9.tar.gz", "lpt0.x", "com¹", "LPT³.txt", "conin$", "CONOUT$.x",
		"nul .txt", "a.", "a ", "a. .", ".env.", "GIT~1", "ENV~12",
	} {
		require.True(t, static.WindowsAlias(name), name)
	}
	for _, name := range []string{"con1", "console.js", "auxiliary", "com", "com10", "com1x.txt", "nul-a.txt", "a.txt", "a~b", "~", "1", "¹.txt"} {
		require.False(t, static.WindowsAlias(name), name)
	}
}
