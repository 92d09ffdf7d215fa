package doctest

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	// The cache of test results knows what a test imports, and not what it
	// has compiled.
	_ "wherry.example/wherry/debug"
	_ "wherry.example/wherry/health"
	_ "wherry.example/wherry/middleware"
	_ "wherry.example/wherry/proxyproto"
	_ "wherry.example/wherry/secure"
	_ "wherry.example/wherry/sse"
	_ "wherry.example/wherry/static"
)

// This file type-checks snippets against the packages as the go command has
// compiled them. It downloads nothing for nested modules.

// checker type-checks with the packages that one module can import.
type checker struct {
	fset     *token.FileSet
	importer types.Importer
}

// errAbsent: the modules that a nested module needs are not on this machine.
var errAbsent = errors.New("the modules it needs are not downloaded, and this test downloads nothing for them")

// newChecker compiles packages and what they need, in a folder of this module.
func newChecker(folder string, paths []string) (*checker, error) {
	list := exec.Command("go", append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}", "--"}, paths...)...)
	list.Dir = filepath.Join(root, folder)
	list.Env = append(os.Environ(), "GOWORK=off")
	if folder != "." {
		list.Env = append(list.Env, "GOPROXY=off")
	}
	var mistakes bytes.Buffer
	list.Stderr = &mistakes
	lines, err := list.Output()
	if err != nil {
		if strings.Contains(mistakes.String(), "GOPROXY=off") {
			err = errAbsent
		}
		return nil, fmt.Errorf("go list in %s: %w\n%s", folder, err, &mistakes)
	}
	exports := map[string]string{}
	for line := range strings.Lines(string(lines)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "=")
		exports[path] = file
	}
	fset := token.NewFileSet()
	return &checker{fset, importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("%s is in no table of imports", path)
		}
		return os.Open(exports[path])
	})}, nil
}

// check returns the mistakes of a package, each with its place in the page.
func (c *checker) check(files []*ast.File) error {
	var mistakes []error
	config := types.Config{Importer: c.importer, GoVersion: "go1.26", Error: func(err error) {
		var mistake types.Error
		if errors.As(err, &mistake) {
			err = fmt.Errorf("%s: %s", c.fset.Position(mistake.Pos), mistake.Msg)
		}
		mistakes = append(mistakes, err)
	}}
	if _, err := config.Check("page", c.fset, files, nil); err != nil && mistakes == nil {
		return err
	}
	return errors.Join(mistakes...)
}

// checkPage type-checks the blocks of a page: together, and each whole file
// by itself.
func (c *checker) checkPage(blocks []block) error {
	var together []*ast.File
	var mistakes []error
	for _, b := range blocks {
		s, err := goFile(c.fset, b)
		switch {
		case err != nil:
			mistakes = append(mistakes, err)
		case s.whole:
			mistakes = append(mistakes, c.check([]*ast.File{s.file}))
		default:
			together = append(together, s.file)
		}
	}
	return errors.Join(append(mistakes, c.check(together))...)
}

// nested is the module of its own below this one that a block needs, or ".".
func nested(b block) string {
	if strings.Contains(b.text, "compress.") {
		return "contrib/compress"
	}
	return "."
}

// rootPaths are the imports that the root module has.
func rootPaths() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Values(imports)), func(path string) bool {
		return strings.HasPrefix(path, module+"/contrib/")
	})
}

// TestSnippets: every block of Go on every page compiles. Blocks for a nested
// module are checked in that module.
func TestSnippets(t *testing.T) {
	checked := 0
	folders := map[string][]block{}
	for _, p := range pages(t) {
		blocks, err := p.blocks()
		if err != nil {
			t.Error(err)
		}
		for _, b := range blocks {
			reason, left := strings.CutPrefix(b.needs, "not checked: ")
			switch {
			case b.lang != "go":
			case left:
				t.Run(b.at(), func(t *testing.T) { t.Skipf("not checked: %s", reason) })
			default:
				checked++
				folders[nested(b)] = append(folders[nested(b)], b)
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d blocks of Go were found", checked)
	}
	for folder, blocks := range folders {
		t.Run(strconv.Quote(folder), func(t *testing.T) {
			paths := rootPaths()
			if folder != "." {
				paths = []string{module, module + "/middleware", module + "/" + folder}
			}
			c, err := newChecker(folder, paths)
			if errors.Is(err, errAbsent) {
				t.Skipf("%d blocks that need %s are not checked: %v", len(blocks), folder, err)
			}
			if err != nil {
				t.Fatal(err)
			}
			look(t, folder)
			for name, blocks := range byPage(blocks) {
				if err := c.checkPage(blocks); err != nil {
					t.Errorf("%s:\n%v", name, err)
				}
			}
		})
	}
}

// look opens the sources of a nested module, so that the cache of test results
// knows them.
func look(t *testing.T, folder string) {
	t.Helper()
	if folder == "." {
		return // imported
	}
	sources, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("no source was found in %s: %v", folder, err)
	}
	for _, source := range sources {
		if _, err := os.ReadFile(source); err != nil {
			t.Fatal(err)
		}
	}
}

func byPage(blocks []block) map[string][]block {
	all := map[string][]block{}
	for _, b := range blocks {
		all[b.page] = append(all[b.page], b)
	}
	return all
}
