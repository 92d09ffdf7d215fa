package wherry

import (
	"bytes"
	"fmt"
	"sort"
	"strings"

	"wherry.example/wherry/internal/http1"
)

// This file matches paths, plainly. The patterns of one method form a tree
// with an edge for each segment. At each node a literal edge is tried first,
// then the one of a name, then that of a star, then the rest; when a way ends
// nowhere, the next one is tried. A path leads to a node in one way only, so a
// lookup sees each node at most once, however it is built.
//
// The path is split at its slashes first and each segment is decoded then, so
// an encoded slash never splits. tree_table.go holds a faster form for paths
// without percent-encoding; this one is always right.

// node is a place in the tree.
type node struct {
	literals map[string]*node
	named    *node
	star     *node
	route    *route // of a pattern that ends here
	rest     *route // of a pattern that ends here with `**`
}

// insert adds a route and returns the one that has the same shape, if any.
func (n *node) insert(rt *route) (same *route) {
	for _, seg := range rt.parsed.segments {
		switch seg.kind {
		case literal:
			next := n.literals[seg.text]
			if next == nil {
				if n.literals == nil {
					n.literals = map[string]*node{}
				}
				next = &node{}
				n.literals[seg.text] = next
			}
			n = next
		case named:
			if n.named == nil {
				n.named = &node{}
			}
			n = n.named
		case star:
			if n.star == nil {
				n.star = &node{}
			}
			n = n.star
		case rest:
			if n.rest != nil {
				return n.rest
			}
			n.rest = rt
			return nil
		}
	}
	if n.route != nil {
		return n.route
	}
	n.route = rt
	return nil
}

// part is a segment of a path: where it stands, and its decoded bytes.
type part struct {
	span    span
	decoded []byte
}

// span is a run of bytes in the path.
type span struct{ start, end uint32 }

// splitPath splits at slashes and decodes each segment. The path begins with
// a slash and is validly encoded.
func splitPath(parts []part, path []byte) []part {
	for start := 1; ; {
		end := len(path)
		if i := bytes.IndexByte(path[start:], '/'); i >= 0 {
			end = start + i
		}
		p := part{span: span{uint32(start), uint32(end)}, decoded: path[start:end]}
		if bytes.IndexByte(p.decoded, '%') >= 0 {
			p.decoded, _ = http1.Unescape(nil, p.decoded)
		}
		parts = append(parts, p)
		if end == len(path) {
			return parts
		}
		start = end + 1
	}
}

// walk finds the route of the parts behind a node. count is the number of
// wildcards on the way so far.
func (n *node) walk(m *match, parts []part, count int) *route {
	if len(parts) == 0 {
		if n.route != nil {
			return n.route
		}
		if n.rest != nil {
			end := uint32(len(m.path))
			m.spans[count] = span{end, end}
		}
		return n.rest
	}
	p := &parts[0]
	if next := n.literals[string(p.decoded)]; next != nil {
		if rt := next.walk(m, parts[1:], count); rt != nil {
			return rt
		}
	}
	if len(p.decoded) > 0 {
		for _, next := range [...]*node{n.named, n.star} {
			if next == nil {
				continue
			}
			if rt := next.walk(m, parts[1:], count+1); rt != nil {
				m.spans[count] = p.span
				return rt
			}
		}
	}
	if n.rest != nil {
		m.spans[count] = span{p.span.start, uint32(len(m.path))}
	}
	return n.rest
}

// String draws the tree, sorted, for tests and people.
func (n *node) String() string {
	var b strings.Builder
	n.draw(&b, "")
	return b.String()
}

func (n *node) draw(b *strings.Builder, indent string) {
	names := make([]string, 0, len(n.literals))
	for text := range n.literals {
		names = append(names, text)
	}
	sort.Strings(names)
	line := func(label string, rt *route) {
		b.WriteString(indent + label)
		if rt != nil {
			fmt.Fprintf(b, " -> %s", rt.pattern)
		}
		b.WriteByte('\n')
	}
	for _, text := range names {
		line("/"+text, n.literals[text].route)
		n.literals[text].draw(b, indent+"  ")
	}
	if n.named != nil {
		line("/:", n.named.route)
		n.named.draw(b, indent+"  ")
	}
	if n.star != nil {
		line("/*", n.star.route)
		n.star.draw(b, indent+"  ")
	}
	if n.rest != nil {
		line("/**", n.rest)
	}
}
