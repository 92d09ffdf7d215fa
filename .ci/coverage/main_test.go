package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// source is a root package of twenty statements, one of them in T.Part, as the profile says.
const source = `package wherry

type T struct{}

func Whole() {
	print(1, 2, 3)
}

func (t *T) Part() {
	print(4)
}
`

// check runs the checker on source, of which Part was run so many times by
// each of two test binaries, and returns what it says.
func check(t *testing.T, first, second, reasons string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	write("a.go", source)
	block := func(lines, n, count string) string { return module + "/a.go:" + lines + " " + n + " " + count + "\n" }
	leaf := module + "/internal/http1/b.go:1.1,2.2 1 1\n"
	if err := os.MkdirAll(filepath.Join(dir, "internal", "http1"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("internal/http1/b.go", "package http1\n\nfunc B() {}\n")
	profile := write("profile", "mode: set\n"+block("5.14,7.2", "19", "1")+block("9.20,11.2", "1", first)+
		block("5.14,7.2", "19", "0")+block("9.20,11.2", "1", second)+leaf)
	var out bytes.Buffer
	if err := run(&out, dir, profile, write("reasons.txt", reasons)); err != nil {
		return err.Error()
	}
	return out.String()
}

func TestCheck(t *testing.T) {
	for name, test := range map[string]struct{ first, second, reasons, want string }{
		"covered":               {"0", "1", "", "100.0 % of 20 statements"},
		"no reason":             {"0", "0", "", "a.go:T.Part: 1 statements are not covered, at line 9"},
		"a reason":              {"0", "0", "# why\n\na.go:T.Part 1: it is so\n", "95.0 % of 20 statements"},
		"a stale reason":        {"1", "0", "a.go:T.Part 1: it is so\n", "a.go:T.Part has a reason, and is covered"},
		"a reason for too much": {"0", "0", "a.go:T.Part 2: it is so\n", "a reason for 2: lower it"},
		"a reason of nothing":   {"1", "1", "a.go:Part 1: it is so\n", "a.go:Part has a reason, and no statements"},
		"sometimes":             {"1", "1", "a.go:T.Part 1 sometimes: it races\n", "1 functions with a reason"},
		"sometimes of nothing":  {"1", "1", "a.go:Gone 1 sometimes: it races\n", "a.go:Gone has a reason, and no statements"},
		"no text":               {"0", "0", "a.go:T.Part 1:\n", "is not FILE:FUNCTION N: REASON"},
		"no number":             {"0", "0", "a.go:T.Part x: it is so\n", "is no number"},
		"twice":                 {"0", "0", "a.go:T.Part 1: it is so\na.go:T.Part 1: it is\n", "has a reason already"},
	} {
		if got := check(t, test.first, test.second, test.reasons); !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q, want %q in it", name, got, test.want)
		}
	}
}

func TestBound(t *testing.T) {
	bounds[module] = 96
	defer func() { bounds[module] = 90 }()
	if got := check(t, "0", "0", "a.go:T.Part 1: it is so\n"); !strings.Contains(got, "95.0 % are covered, and 96 % must be") {
		t.Error(got)
	}
}

func TestProfileMustBeOne(t *testing.T) {
	for _, wrong := range []string{"mode: set\nnonsense\n", "a.go:1.2,3.4 5\n"} {
		if _, err := parseProfile(wrong); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}
