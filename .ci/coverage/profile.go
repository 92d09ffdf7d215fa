package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// block is a row of statements of which all run or none.
type block struct {
	file               string // with its import path
	first, firstColumn int    // where it begins
	last, lastColumn   int
	statements         int
}

// parseProfile reads what `go test` writes, and returns how often each block
// was run by all test binaries together.
func parseProfile(text string) (map[block]int, error) {
	blocks := map[block]int{}
	for n, line := range strings.Split(text, "\n") {
		if line == "" || strings.HasPrefix(line, "mode:") {
			continue
		}
		var b block
		var count int
		file, rest, _ := strings.Cut(line, ":")
		_, err := fmt.Sscanf(rest, "%d.%d,%d.%d %d %d", &b.first, &b.firstColumn, &b.last, &b.lastColumn, &b.statements, &count)
		if err != nil {
			return nil, fmt.Errorf("line %d: %q is no block", n+1, line)
		}
		b.file = file
		blocks[b] += count
	}
	return blocks, nil
}

// covered returns how much of a package was run, in percent.
func covered(blocks map[block]int, pkg string) (share float64, statements int) {
	ran := 0
	for b, count := range blocks {
		if path.Dir(b.file) != pkg {
			continue
		}
		statements += b.statements
		if count > 0 {
			ran += b.statements
		}
	}
	if statements == 0 {
		return 0, 0
	}
	return 100 * float64(ran) / float64(statements), statements
}

// gap is what no test reaches of one function.
type gap struct {
	statements int
	at         []int // first lines of its blocks
}

func (g *gap) lines() string {
	slices.Sort(g.at)
	all := make([]string, len(g.at))
	for i, line := range g.at {
		all[i] = strconv.Itoa(line)
	}
	return strings.Join(all, ", ")
}

// findGaps returns the gap of every function of the checked packages, nil
// where there is none. Its key is FILE:FUNCTION or FILE:TYPE.METHOD.
func findGaps(root string, blocks map[block]int) (map[string]*gap, error) {
	gaps := map[string]*gap{}
	files := map[string][]function{}
	for b, count := range blocks {
		if _, checked := bounds[path.Dir(b.file)]; !checked {
			continue
		}
		name := strings.TrimPrefix(b.file, module+"/")
		functions, read := files[name]
		if !read {
			var err error
			if functions, err = functionsOf(filepath.Join(root, filepath.FromSlash(name))); err != nil {
				return nil, err
			}
			files[name] = functions
		}
		key := name + ":" + functionAt(functions, b.first)
		g := gaps[key]
		if count == 0 && b.statements > 0 {
			if g == nil {
				g = &gap{}
			}
			g.statements += b.statements
			g.at = append(g.at, b.first)
		}
		gaps[key] = g
	}
	return gaps, nil
}

// function is where a function stands in its file.
type function struct {
	name        string
	first, last int
}

// functionAt returns the name of the function around a line. Those that a
// variable holds are called var.
func functionAt(functions []function, line int) string {
	for _, f := range functions {
		if f.first <= line && line <= f.last {
			return f.name
		}
	}
	return "var"
}

func functionsOf(file string) ([]function, error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var all []function
	for _, d := range tree.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		name := f.Name.Name
		if f.Recv != nil {
			name = receiver(f.Recv.List[0].Type) + "." + name
		}
		all = append(all, function{name, set.Position(f.Pos()).Line, set.Position(f.End()).Line})
	}
	return all, nil
}

// receiver returns the name of a method's type.
func receiver(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return "?"
}
