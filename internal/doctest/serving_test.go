package doctest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// fatalEnd matches a line in which what serves is an argument of what ends the
// program: a served app returns nil when it has drained, which is no failure.
var fatalEnd = regexp.MustCompile(`(\blog\.(Fatal|Panic)(f|ln)?|\bpanic)\(.*\.(Listen|ListenOn|Run|RunOn|Serve|Shutdown)\(`)

// TestCleanEnds: no block of Go on a page, and no example in a doc comment,
// takes the end of an app that has drained for a failure.
func TestCleanEnds(t *testing.T) {
	for _, p := range pages(t) {
		blocks, err := p.blocks()
		if err != nil {
			t.Error(err)
		}
		for _, b := range blocks {
			for i, line := range strings.Split(b.text, "\n") {
				if b.lang == "go" && fatalEnd.MatchString(line) {
					t.Errorf("%s:%d: a clean end would be a failure: %q", b.page, b.line+i, line)
				}
			}
		}
	}
	seen := 0
	comments(t, func(at token.Position, line string) {
		seen++
		if fatalEnd.MatchString(line) {
			t.Errorf("%s: a clean end would be a failure: %q", at, line)
		}
	})
	if seen < 1000 {
		t.Errorf("only %d lines of comments were found", seen)
	}
}

// TestFatalEnds: which lines are such, and which are not.
func TestFatalEnds(t *testing.T) {
	for line, want := range map[string]bool{
		`	log.Fatal(app.Listen("127.0.0.1:8080")) // drains`:      true,
		`log.Fatalln(app.Engine(engine.Auto).RunOn(ctx, ln))`:     true,
		`panic(app.Serve(ln))`:                                    true,
		`if err := app.Listen(":80"); err != nil {`:               false,
		`	log.Fatal(err)`:                                         false,
		`log.Fatal(http.ListenAndServe(":80", nil)) // never nil`: false,
	} {
		if got := fatalEnd.MatchString(line); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}

// comments calls f with each line of the comments of the Go files of the root
// module, but for those of tests.
func comments(t *testing.T, f func(at token.Position, line string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != root {
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
				return filepath.SkipDir
			}
		}
		if entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, group := range file.Comments {
			for _, comment := range group.List {
				for line := range strings.Lines(comment.Text) {
					f(fset.Position(comment.Pos()), line)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
