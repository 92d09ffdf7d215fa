package doctest

import (
	"go/format"
	"strings"
	"testing"
)

// TestSnippetsAreFormatted: what is copied from a page is as gofmt writes it.
func TestSnippetsAreFormatted(t *testing.T) {
	for _, p := range pages(t) {
		blocks, err := p.blocks()
		if err != nil {
			t.Error(err)
		}
		for _, b := range blocks {
			if b.lang != "go" {
				continue
			}
			got, err := format.Source([]byte(b.text))
			if err != nil {
				continue // TestSnippets says what is wrong
			}
			have, want := strings.Split(b.text, "\n"), strings.Split(string(got), "\n")
			for i := range have {
				if i >= len(want) || have[i] != want[i] {
					t.Errorf("%s:%d: gofmt would change %q", b.page, b.line+i, have[i])
					break
				}
			}
		}
	}
}
