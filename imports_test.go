package wherry_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "wherry.example/wherry"

// arrows says who may not import what, and why. A folder stands for itself
// and what is below it; the longest one that fits a file counts.
var arrows = []struct {
	folder string
	never  []string // a trailing slash stands for everything below
	why    string
}{
	{"internal/http1", []string{"net", "net/", "os", "os/", "time", "sync", "sync/", "log", "log/", "context", "unsafe", module, module + "/"},
		"bytes to messages and back: no I/O, no clock, no goroutine, no framework"},
	{"internal/peer", []string{"net/http", "net/http/", module, module + "/"},
		"addresses, and nothing above them"},
	{"engine", []string{"net/http", "net/http/", "log/slog", module, module + "/internal/"},
		"an engine knows no HTTP, and the two leaves never meet"},
	{"middleware", []string{module + "/internal/", module + "/engine"},
		"a middleware uses only what users may use"},
	{"static", []string{"net/http", "net/http/", module + "/internal/", module + "/engine"},
		"a handler uses only what users may use"},
	{"sse", []string{"net/http", "net/http/", module + "/internal/", module + "/engine"},
		"a handler uses only what users may use"},
	{"health", []string{"net/http", "net/http/", module + "/internal/", module + "/engine"},
		"a handler uses only what users may use"},
	{"debug", []string{"net/http", "net/http/", module + "/internal/"},
		"a handler uses only what users may use"},
	{"proxyproto", []string{"net/http", "net/http/", module + "/internal/"},
		"a listener knows no HTTP"},
	{"secure", []string{"net/http", "net/http/", module + "/internal/"},
		"a listener knows no HTTP"},
	{"examples", []string{module + "/internal/"},
		"an example uses only what users may use"},
	{".", []string{"net/http", "net/http/", "unsafe", "syscall/js", module + "/middleware", module + "/static", module + "/sse"},
		"the root package knows its two leaves only, and a hello-world binary stays small"},
}

// except names what a folder may import in spite of its arrow: who is trusted
// and what a precondition means is decided in one place, and that knows nothing
// of what is above it.
var except = map[string][]string{
	"debug":      {module + "/internal/peer"},
	"middleware": {module + "/internal/peer", module + "/internal/conditional"},
	"proxyproto": {module + "/internal/peer"},
}

// allowed lists the only foreign modules that code outside of tests imports.
var allowed = []string{module, "golang.org/x/sys/", "github.com/valyala/bytebufferpool"}

func TestImports(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != "." || nested(path)) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		seen++
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			checkImport(t, filepath.ToSlash(path), name)
		}
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, seen, 20, "the walk has found the sources")
}

// nested reports whether a folder is a module of its own.
func nested(path string) bool {
	if path == "." {
		return false
	}
	mods, _ := filepath.Glob(filepath.Join(path, "go.mod"))
	return len(mods) > 0
}

func checkImport(t *testing.T, path, name string) {
	t.Helper()
	for _, a := range arrows {
		if a.folder != "." && !strings.HasPrefix(path, a.folder+"/") || a.folder == "." && strings.Contains(path, "/") {
			continue
		}
		for _, never := range a.never {
			below := strings.HasSuffix(never, "/") && strings.HasPrefix(name, never)
			// The folder's own packages may know each other.
			own := strings.HasPrefix(name, module+"/"+a.folder)
			if (name == never || below) && !own && !slices.Contains(except[a.folder], name) {
				t.Errorf("%s imports %q: %s", path, name, a.why)
			}
		}
	}
	first, _, _ := strings.Cut(name, "/")
	if !strings.Contains(first, ".") {
		return // standard library
	}
	for _, prefix := range allowed {
		if name == prefix || strings.HasPrefix(name, strings.TrimSuffix(prefix, "/")+"/") {
			return
		}
	}
	t.Errorf("%s imports %q: what needs another module lives in a nested one", path, name)
}
