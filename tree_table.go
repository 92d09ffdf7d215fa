package wherry

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// This file is the tree of tree.go in a form that is fast to walk, for paths
// without percent-encoding: all literal edges of all nodes in one table,
// keyed by the node and the first eight bytes and the length of the segment.
// One load of eight bytes finds the slash, makes the key and its hash. It is
// built from the plain tree; a fuzz target holds the two equal.
//
// GitHub's 203 routes, parameters stored: see benchmarks/micro.

// table is a frozen tree.
type table struct {
	nodes []tableNode
	edges []edge // open addressing; a power of two
	shift uint
}

type tableNode struct {
	named, star int32 // 0: none, as nothing leads to the root
	literals    bool
	route, rest *route
}

// edge leads from a node over a literal to another.
type edge struct {
	head uint64 // the first eight bytes, zeros behind a shorter one
	node int32
	size int32
	next int32 // 0: the place is free
	text string
}

// freeze makes the table of a tree.
func (n *node) freeze() *table {
	t := &table{}
	var edges []edge
	t.lay(n, &edges)
	size := 4
	for size < 4*len(edges) {
		size *= 2
	}
	t.edges = make([]edge, size)
	t.shift = uint(64 - bits.TrailingZeros(uint(size)))
	for _, e := range edges {
		i := t.place(e.node, e.head, e.size)
		for t.edges[i].next != 0 {
			i = (i + 1) & (len(t.edges) - 1)
		}
		t.edges[i] = e
	}
	return t
}

// lay numbers a node and what is below it, and collects the edges.
func (t *table) lay(n *node, edges *[]edge) int32 {
	id := int32(len(t.nodes))
	t.nodes = append(t.nodes, tableNode{literals: len(n.literals) > 0, route: n.route, rest: n.rest})
	for text, next := range n.literals {
		var first [8]byte
		copy(first[:], text)
		e := edge{head: binary.LittleEndian.Uint64(first[:]), node: id, size: int32(len(text)), text: text}
		e.next = t.lay(next, edges)
		*edges = append(*edges, e)
	}
	if n.named != nil {
		next := t.lay(n.named, edges)
		t.nodes[id].named = next
	}
	if n.star != nil {
		next := t.lay(n.star, edges)
		t.nodes[id].star = next
	}
	return id
}

// place returns where an edge is looked for first.
func (t *table) place(node int32, head uint64, size int32) int {
	h := (head ^ uint64(node)<<32 ^ uint64(size)<<56) * 0x9E3779B97F4A7C15
	return int((h ^ h>>29) * 0xBF58476D1CE4E5B9 >> t.shift)
}

// find returns the node behind a literal, 0 for none.
func (t *table) find(node int32, head uint64, segment []byte) int32 {
	for i := t.place(node, head, int32(len(segment))); ; i = (i + 1) & (len(t.edges) - 1) {
		e := &t.edges[i]
		if e.next == 0 {
			return 0
		}
		if e.head == head && e.node == node && int(e.size) == len(segment) &&
			(len(segment) <= 8 || e.text[8:] == string(segment[8:])) {
			return e.next
		}
	}
}

const (
	swarOnes    = 0x0101010101010101
	swarHighs   = 0x8080808080808080
	swarSlashes = 0x2F2F2F2F2F2F2F2F
)

// segmentAt returns the end of the segment that begins at pos, and its first
// eight bytes as a key.
func segmentAt(path []byte, pos int) (end int, head uint64) {
	switch left := len(path) - pos; {
	case left >= 8:
		head = binary.LittleEndian.Uint64(path[pos:])
	case len(path) >= 8 && left > 0:
		head = binary.LittleEndian.Uint64(path[len(path)-8:]) >> (8 * uint(8-left))
	default:
		for i := 0; i < left; i++ {
			head |= uint64(path[pos+i]) << (8 * i)
		}
	}
	x := head ^ swarSlashes
	if found := (x - swarOnes) &^ x & swarHighs; found != 0 {
		n := bits.TrailingZeros64(found) &^ 7
		return pos + n/8, head & (1<<n - 1)
	}
	if len(path)-pos <= 8 {
		return len(path), head
	}
	if i := bytes.IndexByte(path[pos+8:], '/'); i >= 0 {
		return pos + 8 + i, head
	}
	return len(path), head
}

// walk finds the route of the segments from pos on, as node.walk does. pos is
// behind the slash, or one beyond the path when nothing is left.
func (t *table) walk(m *match, id int32, pos, count int) *route {
	n := &t.nodes[id]
	path := m.path
	if pos > len(path) {
		if n.route != nil {
			return n.route
		}
		if n.rest != nil {
			m.spans[count] = span{uint32(len(path)), uint32(len(path))}
		}
		return n.rest
	}
	end, head := segmentAt(path, pos)
	if n.literals {
		if next := t.find(id, head, path[pos:end]); next != 0 {
			if rt := t.walk(m, next, end+1, count); rt != nil {
				return rt
			}
		}
	}
	if end > pos {
		if n.named != 0 {
			if rt := t.walk(m, n.named, end+1, count+1); rt != nil {
				m.spans[count] = span{uint32(pos), uint32(end)}
				return rt
			}
		}
		if n.star != 0 {
			if rt := t.walk(m, n.star, end+1, count+1); rt != nil {
				m.spans[count] = span{uint32(pos), uint32(end)}
				return rt
			}
		}
	}
	if n.rest != nil {
		m.spans[count] = span{uint32(pos), uint32(len(path))}
	}
	return n.rest
}
