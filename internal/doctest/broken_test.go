package doctest

import (
	"strings"
	"testing"
)

// pageOf is a page with one block, whose first line is line 4 of the page.
func pageOf(needs, code string) page {
	return newPage("page.md", "# Page\n\n"+needs+"```go\n"+code+"\n```\n")
}

// TestMistakesAreFound: a mistake in a block is reported with its line in the
// page, and what is no mistake is not.
func TestMistakesAreFound(t *testing.T) {
	c, err := newChecker(".", rootPaths())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, needs, code, want string }{
		{"statements", "", "app.Get(\"/\", h)\nreturn c.NoContent()", ""},
		{"a name of its own", "", "c, err := app.URL(\"x\")\nvar a, b int", ""},
		{"declarations", "", "func f() {}\n\nfunc g() { f() }", ""},
		{"a whole file", "", "package main\n\nimport \"os\"\n\nfunc main() { os.Exit(1) }", ""},
		{"what it needs", "<!-- go: ln net.Listener -->\n", "return app.Serve(ln)", ""},

		{"no such method", "", "// here\napp.Got(\"/\", h)", "page.md:5: app.Got undefined"},
		{"no such package", "", "gopher.Do()", "page.md:4: undefined: gopher"},
		{"no such name", "", "func f() {\n\twherry.Nothing()\n}", "page.md:5: undefined: wherry.Nothing"},
		{"a wrong type", "", "app.Get(\"/\", 7)", "page.md:4: cannot use 7"},
		{"an unused variable inside", "", "app.Get(\"/\", func(c *wherry.Context) error {\n\tx := 1\n\treturn nil\n})", "page.md:5: declared and not used: x"},
		{"no import in a whole file", "", "package main\n\nfunc main() { os.Exit(1) }", "page.md:6: undefined: os"},
		{"an import that is not used", "", "package main\n\nimport \"os\"\n\nfunc main() {}", "page.md:6: \"os\" imported and not used"},
		{"statements that do not parse", "", "app.Get(\"/\")\nif {", "page.md:5:"},
		{"declarations that do not parse", "", "func f() {}\n\nfunc g( {}", "page.md:6:"},
		{"what it needs is missing", "", "return app.Serve(ln)", "page.md:4: undefined: ln"},
		{"what it needs is wrong", "<!-- go: ln net.Nothing -->\n", "return app.Serve(ln)", "page.md:3: undefined: net.Nothing"},
		{"declarations need nothing", "<!-- go: ln net.Listener -->\n", "func f() {}", "are declarations"},
	} {
		t.Run(test.name, func(t *testing.T) {
			blocks, err := pageOf(test.needs, test.code).blocks()
			if err != nil {
				t.Fatal(err)
			}
			err = c.checkPage(blocks)
			switch {
			case err == nil && test.want != "":
				t.Errorf("no mistake was found, want %q", test.want)
			case err != nil && (test.want == "" || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// TestMistakesOfPages: a comment for no block, and a block without an end.
func TestMistakesOfPages(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"a comment for no block", "<!-- go: x int -->\n\n```go\n```\n", "page.md:2: a block of Go must follow"},
		{"a comment for a block of something else", "<!-- go: x int -->\n```json\n```\n", "page.md:2: the comment before"},
		{"a block without an end", "```go\nx := 1\n", "page.md:2: the block is not closed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := newPage("page.md", test.text).blocks()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
