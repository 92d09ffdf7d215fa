// Command coverage checks a profile of `go test -coverprofile` against reasons.txt:
//
//	go test -coverprofile=PROFILE -coverpkg=.,./internal/http1 ./...
//	go run ./.ci/coverage PROFILE
//
// It fails if a package falls below its bound, if a statement that no test
// reaches has no reason, and if a reason speaks of what is covered or gone. It
// runs in the root of the module, on the source that the profile is of.
package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

const module = "wherry.example/wherry"

// bounds are the packages that are checked, and how much of each, in percent,
// must be covered whatever the reasons.
var bounds = map[string]float64{
	module:                     90,
	module + "/internal/http1": 90,
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./.ci/coverage PROFILE")
		os.Exit(2)
	}
	if err := run(os.Stdout, ".", os.Args[1], ".ci/coverage/reasons.txt"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run checks the profile of the module in root and writes the figures to w.
func run(w io.Writer, root, profile, list string) error {
	text, err := os.ReadFile(profile)
	if err != nil {
		return err
	}
	blocks, err := parseProfile(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", profile, err)
	}
	text, err = os.ReadFile(list)
	if err != nil {
		return err
	}
	reasons, err := parseReasons(string(text))
	if err != nil {
		return fmt.Errorf("%s:%w", list, err)
	}
	var mistakes []string
	for _, pkg := range slices.Sorted(maps.Keys(bounds)) {
		share, statements := covered(blocks, pkg)
		fmt.Fprintf(w, "%s: %.1f %% of %d statements\n", pkg, share, statements)
		if bound := bounds[pkg]; share < bound {
			mistakes = append(mistakes, fmt.Sprintf("%s: %.1f %% are covered, and %.0f %% must be", pkg, share, bound))
		}
	}
	gaps, err := findGaps(root, blocks)
	if err != nil {
		return err
	}
	mistakes = append(mistakes, compare(gaps, reasons)...)
	fmt.Fprintf(w, "%d functions with a reason\n", len(reasons))
	if len(mistakes) > 0 {
		slices.Sort(mistakes)
		return errors.New(strings.Join(mistakes, "\n"))
	}
	return nil
}

// compare returns what is wrong with the reasons for these gaps.
func compare(gaps map[string]*gap, reasons map[string]reason) (mistakes []string) {
	for key, g := range gaps {
		r, found := reasons[key]
		switch {
		case g == nil:
		case !found:
			mistakes = append(mistakes, fmt.Sprintf("%s: %d statements are not covered, at line %s: write a test, or a reason", key, g.statements, g.lines()))
		case g.statements > r.statements:
			mistakes = append(mistakes, fmt.Sprintf("%s: %d statements are not covered, at line %s, and there is a reason for %d", key, g.statements, g.lines(), r.statements))
		case g.statements < r.statements && !r.sometimes:
			mistakes = append(mistakes, fmt.Sprintf("%s: only %d statements are not covered, at line %s, and there is a reason for %d: lower it", key, g.statements, g.lines(), r.statements))
		}
	}
	for key, r := range reasons {
		switch g, exists := gaps[key]; {
		case !exists:
			mistakes = append(mistakes, key+" has a reason, and no statements: take it away")
		case g == nil && !r.sometimes:
			mistakes = append(mistakes, key+" has a reason, and is covered: take it away")
		}
	}
	return mistakes
}
