package doctest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// This file holds examples to what is said of them, and the pages to the
// examples that there are.

// examples returns the doc comment and the whole source of the program of
// each example, by its name.
func examples(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "examples", "*", "main.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no example was found: %v", err)
	}
	all := map[string]string{}
	for _, path := range paths {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(filepath.Dir(path))] = string(source)
	}
	return all
}

var (
	start = regexp.MustCompile(`(?:^|[\s/])examples/([\w-]+)(.*)`)
	flags = regexp.MustCompile(`\s-([a-z][\w-]*)`)
)

// TestCommands: a command that starts an example names one that exists, and
// flags that it has. The doc comments of the examples count as pages.
func TestCommands(t *testing.T) {
	all := examples(t)
	seen := 0
	check := func(at, command string) {
		m := start.FindStringSubmatch(command)
		if m == nil || m[1] == "NAME" {
			return
		}
		seen++
		source, ok := all[m[1]]
		if !ok {
			t.Errorf("%s: there is no example %s", at, m[1])
			return
		}
		arguments, _, _ := strings.Cut(m[2], "#")
		arguments, _, _ = strings.Cut(arguments, "&")
		for _, flag := range flags.FindAllStringSubmatch(arguments, -1) {
			if !strings.Contains(source, `"`+flag[1]+`",`) {
				t.Errorf("%s: example %s has no flag -%s", at, m[1], flag[1])
			}
		}
	}
	for _, p := range pages(t) {
		for i, line := range p.lines {
			if p.kinds[i] == code {
				check(block{page: p.name, line: i + 1}.at(), line)
			}
		}
		p.spans(func(line int, code string) { check(block{page: p.name, line: line}.at(), code) })
	}
	for name, source := range all {
		comment, _, _ := strings.Cut(source, "\npackage ")
		for i, line := range strings.Split(comment, "\n") {
			check(block{page: "examples/" + name + "/main.go", line: i + 1}.at(), strings.TrimPrefix(line, "//"))
		}
	}
	if seen < 8 {
		t.Errorf("only %d commands were found", seen)
	}
}

// TestExamplesAreListed: the README names every example, .ci/examples starts
// it, and it takes the flags that the README promises.
func TestExamplesAreListed(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	starts, err := os.ReadFile(filepath.Join(root, ".ci", "examples"))
	if err != nil {
		t.Fatal(err)
	}
	for name, source := range examples(t) {
		if !strings.Contains(string(readme), "`"+name+"`") {
			t.Errorf("README.md does not name the example %s", name)
		}
		if !strings.Contains(string(starts), "\tstart "+name+" ") {
			t.Errorf(".ci/examples does not start %s", name)
		}
		for _, flag := range []string{`"addr",`, `"engine",`} {
			if !strings.Contains(source, flag) {
				t.Errorf("example %s has no flag %s", name, flag)
			}
		}
		if !strings.HasPrefix(source, "// "+strings.ToUpper(name[:1])+name[1:]+" ") {
			t.Errorf("the doc comment of example %s does not begin with its name", name)
		}
	}
}
