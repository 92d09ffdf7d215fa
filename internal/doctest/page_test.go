package doctest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// This file reads Markdown: as much of it as the pages of this project use.

// root is where the module begins, seen from this package.
const root = "../.."

// page is one file of Markdown.
type page struct {
	name  string // from the root of the module, with slashes
	lines []string
	kinds []kind // of the lines
}

type kind int

const (
	prose  kind = iota
	code        // between fences, or indented by four blanks
	border      // a fence
)

// block is what stands between two fences.
type block struct {
	page  string
	line  int    // of its first line, from 1
	lang  string // what stands behind the opening fence
	needs string // what stands behind "go:" in the comment before it
	text  string
}

func (b block) at() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// pages returns every page that is written for readers of the root module.
func pages(t *testing.T) []page {
	t.Helper()
	var all []page
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*/*.md", "benchmarks/*.md"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, newPage(filepath.ToSlash(name), string(text)))
		}
	}
	if len(all) < 10 {
		t.Fatalf("the walk has found %d pages only", len(all))
	}
	return all
}

func newPage(name, text string) page {
	p := page{name: name, lines: strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")}
	fenced := false
	for _, line := range p.lines {
		switch {
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
			p.kinds = append(p.kinds, border)
		case fenced || strings.HasPrefix(line, "    "):
			p.kinds = append(p.kinds, code)
		default:
			p.kinds = append(p.kinds, prose)
		}
	}
	return p
}

var need = regexp.MustCompile(`^<!-- go: (.*) -->$`)

// blocks returns the fenced blocks, and an error for a fence that is not
// closed, or a comment about a block that does not follow.
func (p page) blocks() ([]block, error) {
	var all []block
	var open *block
	needs := ""
	for i, line := range p.lines {
		switch {
		case p.kinds[i] == border && open != nil:
			all, open = append(all, *open), nil
		case p.kinds[i] == border:
			open = &block{page: p.name, line: i + 2, lang: strings.TrimPrefix(line, "```"), needs: needs}
			if needs != "" && open.lang != "go" {
				return nil, fmt.Errorf("%s:%d: the comment before this block is for Go", p.name, i+1)
			}
			needs = ""
		case open != nil:
			open.text += line + "\n"
		case needs != "":
			return nil, fmt.Errorf("%s:%d: a block of Go must follow the comment", p.name, i+1)
		default:
			if m := need.FindStringSubmatch(line); m != nil {
				needs = m[1]
			}
		}
	}
	if open != nil {
		return nil, fmt.Errorf("%s: the block is not closed", open.at())
	}
	return all, nil
}

// prose calls f with each line of prose, and its number from 1.
func (p page) prose(f func(line int, text string)) {
	for i, text := range p.lines {
		if p.kinds[i] == prose {
			f(i+1, text)
		}
	}
}

var span = regexp.MustCompile("`[^`]+`")

// spans calls f with what stands between backquotes in prose.
func (p page) spans(f func(line int, code string)) {
	p.prose(func(line int, text string) {
		for _, s := range span.FindAllString(text, -1) {
			f(line, strings.Trim(s, "`"))
		}
	})
}
