// Package routes holds the four route lists that routers have been compared
// with for years: the APIs of GitHub, Google+ and Parse as they were, and the
// static files of an old golang.org. The lists are facts, one route a line.
package routes

import (
	_ "embed"
	"strings"
)

//go:embed github.txt
var github string

//go:embed gplus.txt
var gplus string

//go:embed parse.txt
var parse string

//go:embed static.txt
var static string

// Route is one line of a list: wildcards are written :name.
type Route struct {
	Method, Pattern string
}

// Set is a list with its name.
type Set struct {
	Name   string
	Routes []Route
}

// GitHub returns the 203 routes of the GitHub API.
func GitHub() []Route { return read(github) }

// Sets returns all four lists.
func Sets() []Set {
	return []Set{
		{"github", read(github)},
		{"gplus", read(gplus)},
		{"parse", read(parse)},
		{"static", read(static)},
	}
}

func read(list string) []Route {
	var all []Route
	for line := range strings.Lines(list) {
		method, pattern, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok {
			all = append(all, Route{method, pattern})
		}
	}
	return all
}

// Params returns the names of the wildcards in order: "owner", "repo".
func (r Route) Params() []string {
	var names []string
	for segment := range strings.SplitSeq(r.Pattern, "/") {
		if strings.HasPrefix(segment, ":") {
			names = append(names, segment[1:])
		}
	}
	return names
}

// Last returns the name of the last wildcard, "" without one. Its value is
// what every server answers with.
func (r Route) Last() string {
	names := r.Params()
	if len(names) == 0 {
		return ""
	}
	return names[len(names)-1]
}

// Path returns a path that the route matches: each wildcard stands for its own
// name behind an x, so ":owner" becomes "xowner".
func (r Route) Path() string {
	return strings.ReplaceAll(r.Pattern, ":", "x")
}

// Braces returns the pattern with wildcards written {name}, as net/http, chi
// and the router of fasthttp want them.
func (r Route) Braces() string {
	parts := strings.Split(r.Pattern, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, ":") {
			parts[i] = "{" + part[1:] + "}"
		}
	}
	return strings.Join(parts, "/")
}
