package doctest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var version = regexp.MustCompile(`([a-z]+) v(\d+) \|`)

// TestVersions: the README compares with those versions of other projects that
// the benchmarks pin.
func TestVersions(t *testing.T) {
	pinned, err := os.ReadFile(filepath.Join(root, "benchmarks", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := version.FindAllStringSubmatch(string(readme), -1)
	if len(named) == 0 {
		t.Fatal("README.md names no version")
	}
	for _, m := range named {
		if !strings.Contains(string(pinned), "/"+m[1]+"/v"+m[2]+" ") {
			t.Errorf("README.md compares with %s v%s, which benchmarks/go.mod does not pin", m[1], m[2])
		}
	}
}
