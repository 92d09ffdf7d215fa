package doctest

import (
	"go/types"
	"regexp"
	"strings"
	"testing"
)

// This file resolves names that stand in the text of the pages, as c.SetHeader
// and Timeouts.Idle, in the packages.

// values are the variables that pages call by these names.
var values = map[string]string{"c": "Context", "app": "App", "hub": "sse.Hub", "g": "Group"}

// name is a selector: what it is of, and one or two names.
var name = regexp.MustCompile(`(?:^|[^\w.])([A-Za-z]\w*)\.([A-Z]\w*)(?:\.([A-Z]\w*))?`)

// ours returns the packages of this module by their names.
func ours(t *testing.T) map[string]*types.Package {
	t.Helper()
	c, err := newChecker(".", rootPaths())
	if err != nil {
		t.Fatal(err)
	}
	packages := map[string]*types.Package{}
	for _, path := range rootPaths() {
		if !strings.HasPrefix(path, module) {
			continue
		}
		p, err := c.importer.Import(path)
		if err != nil {
			t.Fatal(err)
		}
		packages[p.Name()] = p
	}
	return packages
}

func TestNames(t *testing.T) {
	packages := ours(t)
	seen := 0
	for _, p := range pages(t) {
		if strings.Contains(p.name, "CHANGELOG") {
			continue // it tells what was
		}
		p.spans(func(line int, code string) {
			for _, m := range name.FindAllStringSubmatch(code, -1) {
				found, ours := lookUp(packages, m[1], m[2:])
				if ours {
					seen++
				}
				if ours && !found && m[2] != "NAME" {
					t.Errorf("%s:%d: there is no %s", p.name, line, strings.TrimLeft(m[0], " (*&[\"'"))
				}
			}
		})
	}
	if seen < 100 {
		t.Errorf("only %d names were found", seen)
	}
}

// lookUp resolves a selector: of a package, of a variable, or of a type, which
// may be of any package. It reports whether the first name is one of ours.
func lookUp(packages map[string]*types.Package, of string, names []string) (found, ours bool) {
	if p := packages[of]; p != nil {
		first := p.Scope().Lookup(names[0])
		return first != nil && (names[1] == "" || has(first, names[1])), true
	}
	inPackage := ""
	if typ, ok := values[of]; ok {
		before, after, dotted := strings.Cut(typ, ".")
		if inPackage, of = "wherry", typ; dotted {
			inPackage, of = before, after
		}
	}
	for _, p := range packages {
		object := p.Scope().Lookup(of)
		if _, ok := object.(*types.TypeName); !ok || inPackage != "" && p.Name() != inPackage {
			continue
		}
		ours = true
		found = found || has(object, names[0])
	}
	return found, ours
}

// has reports whether the type has that field or method; what is no type may
// have anything.
func has(object types.Object, name string) bool {
	typ, ok := object.(*types.TypeName)
	if !ok {
		return true
	}
	member, _, _ := types.LookupFieldOrMethod(types.NewPointer(typ.Type()), true, object.Pkg(), name)
	return member != nil
}

// TestNothingIsLeftOut: the page of middleware lists every one, and the page of
// operations every limit and timeout.
func TestNothingIsLeftOut(t *testing.T) {
	packages := ours(t)
	listed := map[string]bool{} // first cells of the rows of tables, by page
	for _, p := range pages(t) {
		p.prose(func(_ int, text string) {
			if cells := strings.Split(text, "|"); len(cells) > 2 && cells[0] == "" {
				for _, s := range span.FindAllString(cells[1], -1) {
					before, _, _ := strings.Cut(strings.Trim(s, "`"), "(")
					listed[p.name+" "+before] = true
				}
			}
		})
	}
	want := func(page, name string) {
		if !listed[page+" "+name] {
			t.Errorf("%s: no table has a row for %s", page, name)
		}
	}
	scope := packages["middleware"].Scope()
	for _, name := range scope.Names() {
		f, ok := scope.Lookup(name).Type().(*types.Signature)
		if ok && scope.Lookup(name).Exported() && f.Results().Len() == 1 && f.Results().At(0).Type().String() == module+".Middleware" {
			want("docs/middleware.md", name)
		}
	}
	for _, name := range []string{"Limits", "Timeouts"} {
		fields := packages["wherry"].Scope().Lookup(name).Type().Underlying().(*types.Struct)
		for field := range fields.Fields() {
			want("docs/operations.md", field.Name())
		}
	}
}

// TestLookUp: what is there is found, what is not is not.
func TestLookUp(t *testing.T) {
	packages := map[string]*types.Package{"wherry": ours(t)["wherry"]}
	for _, test := range []struct {
		of, first, second string
		found, ours       bool
	}{
		{"wherry", "New", "", true, true},
		{"wherry", "News", "", false, true},
		{"wherry", "Timeouts", "Idle", true, true},
		{"wherry", "Timeouts", "Idling", false, true},
		{"Timeouts", "Idle", "", true, true},
		{"Timeouts", "Idling", "", false, true},
		{"c", "SetHeader", "", true, true},
		{"c", "SetHeaders", "", false, true},
		{"http", "Error", "", false, false},
	} {
		found, ours := lookUp(packages, test.of, []string{test.first, test.second})
		if found != test.found || ours != test.ours {
			t.Errorf("%s.%s.%s: got %v, %v", test.of, test.first, test.second, found, ours)
		}
	}
}
