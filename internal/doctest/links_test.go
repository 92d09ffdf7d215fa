package doctest

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// This file resolves what pages point at: links, anchors, and paths in the
// text. Links to other sites are not followed.

var (
	link    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	heading = regexp.MustCompile(`^#{1,6} +(.*?)[ #]*$`)
	scheme  = regexp.MustCompile(`^[a-z]+:`)
)

func TestLinks(t *testing.T) {
	all := pages(t)
	anchors := map[string]map[string]bool{}
	for _, p := range all {
		anchors[p.name] = p.anchors()
	}
	seen := 0
	for _, p := range all {
		p.prose(func(line int, text string) {
			for _, m := range link.FindAllStringSubmatch(span.ReplaceAllString(text, ""), -1) {
				seen++
				if err := resolve(p.name, m[1], anchors); err != nil {
					t.Errorf("%s:%d: %v", p.name, line, err)
				}
			}
		})
	}
	if seen < 20 {
		t.Errorf("only %d links were found", seen)
	}
}

// resolve returns an error if a link of a page leads nowhere.
func resolve(from, target string, anchors map[string]map[string]bool) error {
	if scheme.MatchString(target) {
		return nil
	}
	file, anchor, _ := strings.Cut(target, "#")
	name := from
	if file != "" {
		name = path.Join(path.Dir(from), file)
	}
	if !exists(name) {
		return fmt.Errorf("%s: there is no %s", target, name)
	}
	if anchor != "" && !anchors[name][anchor] {
		return fmt.Errorf("%s: no heading of %s makes #%s", target, name, anchor)
	}
	return nil
}

// exists reports whether the module has a file or a folder of that name.
func exists(name string) bool {
	_, err := os.Stat(filepath.Join(root, filepath.FromSlash(name)))
	return err == nil
}

// anchors are the fragments that the headings of a page get.
func (p page) anchors() map[string]bool {
	all := map[string]bool{}
	p.prose(func(_ int, text string) {
		m := heading.FindStringSubmatch(text)
		if m == nil {
			return
		}
		slug := anchorOf(m[1])
		for i, first := 1, slug; all[slug]; i++ {
			slug = fmt.Sprintf("%s-%d", first, i)
		}
		all[slug] = true
	})
	return all
}

// anchorOf is the fragment of a heading: small letters, digits, hyphens and
// underscores stay, blanks become hyphens, everything else goes.
func anchorOf(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

func TestAnchors(t *testing.T) {
	for text, want := range map[string]string{
		"WebSocket and other upgrades": "websocket-and-other-upgrades",
		"From net/http":                "from-nethttp",
		"What `Build` says, and when":  "what-build-says-and-when",
	} {
		if got := anchorOf(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestResolve(t *testing.T) {
	readme := newPage("README.md", "# One\n\n## One\n\n    # code\n").anchors()
	for target, works := range map[string]bool{
		"#one": true, "README.md#one-1": true, "#one-2": false, "#code": false,
		"nowhere.md": false, "docs/README.md": true, "https://example.org/": true,
	} {
		if err := resolve("README.md", target, map[string]map[string]bool{"README.md": readme}); (err == nil) != works {
			t.Errorf("%s: %v", target, err)
		}
	}
	if err := resolve("docs/README.md", "../go.mod", nil); err != nil {
		t.Error(err)
	}
}

// place is a path as the text of a page writes it, from the root or from the
// folder of the page.
var place = regexp.MustCompile(`^(\./)?(\.ci|benchmarks|contrib|docs|engine|examples|internal|testdata)/[\w./-]*$`)

// TestPlaces: what looks like a path in this module is one. NAME and DIR stand
// for any.
func TestPlaces(t *testing.T) {
	seen := 0
	for _, p := range pages(t) {
		if strings.Contains(p.name, "CHANGELOG") {
			continue // it tells what was
		}
		p.spans(func(line int, code string) {
			if !place.MatchString(code) || strings.Contains(code, "NAME") || strings.Contains(code, "DIR") {
				return
			}
			seen++
			if !exists(code) && !exists(path.Join(path.Dir(p.name), code)) {
				t.Errorf("%s:%d: there is no %s", p.name, line, code)
			}
		})
	}
	if seen < 10 {
		t.Errorf("only %d paths were found", seen)
	}
}
