package wherry

import (
	"bytes"
	"fmt"
	"sort"
	"strings"

	"wherry.example/wherry/internal/http1"
)

// This file chooses the route of a request: by host, method and path, and
// what to say when only the path is known.

// route is one registration: set when the app is built, then read-only.
type route struct {
	method, pattern, host string
	name                  string
	loc                   string // file:line
	handler               Handler
	denied                Handler // for other methods of the same path
	opts                  routeOptions
	parsed                pattern
	pace                  pace
}

// index returns the number of the wildcard of that name, -1 without.
func (rt *route) index(name string) int {
	for i, have := range rt.parsed.names {
		if have == name {
			return i
		}
	}
	return -1
}

// url fills the wildcards of the pattern.
func (rt *route) url(args ...any) (string, error) {
	u, err := rt.parsed.url(args)
	if err != nil {
		return "", fmt.Errorf("wherry: URL of %q: %w", rt.pattern, err)
	}
	return u, nil
}

// outcome is how a lookup ended.
type outcome uint8

const (
	routeFound outcome = iota
	methodNotAllowed
	notFound
)

// match is the result of a lookup. It is made once and used again; values are
// valid as long as the path that was given.
type match struct {
	route *route // with methodNotAllowed: one of another method
	path  []byte
	spans []span
	parts []part
}

// value returns what wildcard i stands for, as it was sent.
func (m *match) value(i int) []byte {
	s := m.spans[i]
	return m.path[s.start:s.end]
}

// router holds the routes of one host.
type router struct {
	methods []methodTree // in the order of their first registration
}

type methodTree struct {
	method string
	root   *node
	table  *table
}

// add enters a route.
func (r *router) add(rt *route) error {
	tree := r.tree(rt.method)
	if tree == nil {
		r.methods = append(r.methods, methodTree{method: rt.method, root: &node{}})
		tree = &r.methods[len(r.methods)-1]
	}
	if same := tree.root.insert(rt); same != nil {
		return fmt.Errorf("the same route is registered as %q at %s; remove one of them", same.pattern, same.loc)
	}
	return nil
}

// match finds the route for a method and a raw path that begins with a slash.
func (r *router) match(m *match, method string, path []byte) outcome {
	m.path = path
	escaped := bytes.IndexByte(path, '%') >= 0
	if escaped {
		m.parts = splitPath(m.parts[:0], path)
	}
	if t := r.tree(method); t != nil {
		if m.route = t.find(m, escaped); m.route != nil {
			return routeFound
		}
	}
	if t := r.tree("GET"); t != nil && method == "HEAD" {
		if m.route = t.find(m, escaped); m.route != nil {
			return routeFound
		}
	}
	for i := range r.methods {
		if m.route = r.methods[i].find(m, escaped); m.route != nil {
			return methodNotAllowed
		}
	}
	return notFound
}

// tree returns the tree of a method, nil without.
func (r *router) tree(method string) *methodTree {
	for i := range r.methods {
		if r.methods[i].method == method {
			return &r.methods[i]
		}
	}
	return nil
}

func (t *methodTree) find(m *match, escaped bool) *route {
	if escaped {
		return t.root.walk(m, m.parts, 0)
	}
	return t.table.walk(m, 0, 1, 0)
}

// allow lists the methods of a path for the Allow field, sorted.
func (r *router) allow(m *match, path []byte) string {
	look := &match{path: path, spans: make([]span, len(m.spans)), parts: splitPath(nil, path)}
	set := map[string]bool{"OPTIONS": true}
	for i := range r.methods {
		if r.methods[i].root.walk(look, look.parts, 0) != nil {
			set[r.methods[i].method] = true
		}
	}
	if set["GET"] {
		set["HEAD"] = true
	}
	list := make([]string, 0, len(set))
	for method := range set {
		list = append(list, method)
	}
	sort.Strings(list)
	return strings.Join(list, ", ")
}

// hostTable holds the routers of all hosts.
type hostTable struct {
	anyHost   *router
	exact     map[string]*router
	below     map[string]*router // of "*.name", by name
	wildcards int                // the most that a pattern has
}

func newHostTable() *hostTable { return &hostTable{anyHost: &router{}} }

// add parses a route's pattern and enters it under its host.
func (t *hostTable) add(rt *route) (err error) {
	if rt.parsed, err = parsePattern(rt.pattern); err != nil {
		return err
	}
	t.wildcards = max(t.wildcards, len(rt.parsed.names))
	if rt.host == "" {
		return t.anyHost.add(rt)
	}
	name, below := strings.CutPrefix(rt.host, "*.")
	group := &t.exact
	if below {
		group = &t.below
	}
	if *group == nil {
		*group = map[string]*router{}
	}
	if (*group)[name] == nil {
		(*group)[name] = &router{}
	}
	return (*group)[name].add(rt)
}

// freeze builds the tables; nothing is added afterwards.
func (t *hostTable) freeze() {
	t.anyHost.freeze()
	for _, r := range t.exact {
		r.freeze()
	}
	for _, r := range t.below {
		r.freeze()
	}
}

func (r *router) freeze() {
	for i := range r.methods {
		r.methods[i].table = r.methods[i].root.freeze()
	}
}

// newMatch returns room for the results of lookups.
func (t *hostTable) newMatch() match { return match{spans: make([]span, t.wildcards+1)} }

// of returns the router for the host that a request is for.
func (t *hostTable) of(head *http1.Head) *router {
	if len(t.exact)+len(t.below) == 0 {
		return t.anyHost
	}
	return t.lookup(head.Host())
}

// lookup returns the router of a host, which may carry a port: that of its
// name, else that of the nearest domain above with "*.", else the general one.
func (t *hostTable) lookup(host []byte) *router {
	if i := bytes.LastIndexByte(host, ':'); i >= 0 && bytes.IndexByte(host[i:], ']') < 0 {
		host = host[:i]
	}
	host = bytes.ToLower(bytes.TrimSuffix(host, []byte(".")))
	if r := t.exact[string(host)]; r != nil {
		return r
	}
	for len(t.below) > 0 {
		i := bytes.IndexByte(host, '.')
		if i < 0 {
			break
		}
		host = host[i+1:]
		if r := t.below[string(host)]; r != nil {
			return r
		}
	}
	return t.anyHost
}
