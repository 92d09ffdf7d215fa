package doctest

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"slices"
	"strings"
)

// This file makes Go files of the blocks of a page.

const module = "wherry.example/wherry"

// imports are the packages that a block may name without an import.
var imports = map[string]string{
	"wherry":     module,
	"compress":   module + "/contrib/compress",
	"debug":      module + "/debug",
	"engine":     module + "/engine",
	"health":     module + "/health",
	"middleware": module + "/middleware",
	"proxyproto": module + "/proxyproto",
	"secure":     module + "/secure",
	"sse":        module + "/sse",
	"static":     module + "/static",

	"base64":   "encoding/base64",
	"bytes":    "bytes",
	"context":  "context",
	"errors":   "errors",
	"fmt":      "fmt",
	"http":     "net/http",
	"httptest": "net/http/httptest",
	"io":       "io",
	"log":      "log",
	"net":      "net",
	"netip":    "net/netip",
	"os":       "os",
	"sha1":     "crypto/sha1",
	"signal":   "os/signal",
	"slog":     "log/slog",
	"sql":      "database/sql",
	"strconv":  "strconv",
	"strings":  "strings",
	"sync":     "sync",
	"synctest": "testing/synctest",
	"syscall":  "syscall",
	"testing":  "testing",
	"time":     "time",
	"tls":      "crypto/tls",
}

// snippet is a block as a Go file, whose positions are those of the page.
type snippet struct {
	block
	file  *ast.File
	whole bool // a package of its own
}

// goFile makes a Go file of a block.
func goFile(fset *token.FileSet, b block) (snippet, error) {
	begin := fmt.Sprintf("\n//line %s:%d\n", b.page, b.line)
	if strings.HasPrefix(b.text, "package ") {
		file, err := parse(fset, begin[1:]+b.text)
		return snippet{b, file, true}, err
	}
	source := "package page" + begin + b.text
	file, err := parse(token.NewFileSet(), source)
	if err == nil && b.needs != "" {
		return snippet{}, fmt.Errorf("%s: the comment above is for statements, and these are declarations", b.at())
	}
	if err != nil {
		declarations := err
		file, err = parse(token.NewFileSet(), function(b, begin, ""))
		if err != nil {
			return snippet{}, further(declarations, err)
		}
		source = function(b, begin, uses(file))
	}
	if len(file.Imports) == 0 {
		source = strings.Replace(source, "package page", "package page"+importsOf(file), 1)
	}
	file, err = parse(fset, source)
	return snippet{b, file, false}, err
}

func parse(fset *token.FileSet, source string) (*ast.File, error) {
	return parser.ParseFile(fset, "", source, parser.SkipObjectResolution)
}

// function is a file with one function, of the statements of a block, which
// may declare names anew. The line of the comment is that of its parameters.
func function(b block, begin, end string) string {
	parameters := "app *wherry.App, c *wherry.Context, h wherry.Handler"
	if b.needs != "" {
		parameters += ", " + b.needs
	}
	return fmt.Sprintf("package page\n//line %s:%d\nfunc _(%s) error { {%s%s%s}; return nil }\n",
		b.page, max(1, b.line-2), parameters, begin, b.text, end)
}

// uses has a use for each variable that the statements declare, since what a
// page does with them may go on in the head of its reader.
func uses(file *ast.File) string {
	var end strings.Builder
	body := file.Decls[0].(*ast.FuncDecl).Body.List[0].(*ast.BlockStmt)
	for _, statement := range body.List {
		for _, name := range declared(statement) {
			if name != "_" {
				fmt.Fprintf(&end, "_ = %s\n", name)
			}
		}
	}
	return end.String()
}

// declared returns the variables that a statement declares in its own block.
func declared(statement ast.Stmt) (names []string) {
	switch s := statement.(type) {
	case *ast.AssignStmt:
		for _, left := range s.Lhs {
			if name, ok := left.(*ast.Ident); ok && s.Tok == token.DEFINE {
				names = append(names, name.Name)
			}
		}
	case *ast.DeclStmt:
		for _, spec := range s.Decl.(*ast.GenDecl).Specs {
			if values, ok := spec.(*ast.ValueSpec); ok {
				for _, name := range values.Names {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}

// importsOf returns the imports that a file needs, in the line of its package
// clause. A variable by the name of a package is not told apart: its block
// needs another name for it.
func importsOf(file *ast.File) string {
	var paths []string
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.IsExported() {
			if x, ok := s.X.(*ast.Ident); ok && imports[x.Name] != "" {
				paths = append(paths, imports[x.Name])
			}
		}
		return true
	})
	slices.Sort(paths)
	var clause strings.Builder
	for _, path := range slices.Compact(paths) {
		fmt.Fprintf(&clause, "; import %q", path)
	}
	return clause.String()
}

// further returns the error that comes later in the text: it belongs to the
// reading that got further.
func further(a, b error) error {
	var first, second scanner.ErrorList
	if errors.As(a, &first) && errors.As(b, &second) && first[0].Pos.Line > second[0].Pos.Line {
		return a
	}
	return b
}
