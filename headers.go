package wherry

import (
	"fmt"
	"iter"

	"wherry.example/wherry/internal/http1"
)

// Headers is a list of fields that is going to be sent: the header section or
// the trailer section of a response. Names are compared without regard to
// case and sent as they were given, in the order they were given. The zero
// value is an empty list. It is valid until the handler returns.
//
// A name that is no token, or a value with CR, LF, NUL or another control
// byte, is not taken: the answer becomes a 500 and the mistake is logged. So
// no input can split a response.
type Headers struct {
	lines    []headerLine
	err      error // the first field that was refused
	measured bool  // there may be a Content-Length
}

type headerLine struct{ name, value string }

// Set replaces all lines of this name by one, at the place of the first.
func (h *Headers) Set(name, value string) {
	if h.valid(name, value) {
		h.put(name, value)
	}
}

// put is Set for a field that is known to be valid.
func (h *Headers) put(name, value string) {
	for i := range h.lines {
		if equalFold(h.lines[i].name, name) {
			h.lines[i].value = value
			h.remove(name, i+1)
			return
		}
	}
	h.append(name, value)
}

func (h *Headers) append(name, value string) {
	h.measured = h.measured || len(name) == len(HeaderContentLength)
	h.lines = append(h.lines, headerLine{name, value})
}

// Add appends a line.
func (h *Headers) Add(name, value string) {
	if h.valid(name, value) {
		h.append(name, value)
	}
}

// Get returns the value of the first line of this name, or "".
func (h *Headers) Get(name string) string {
	for i := range h.lines {
		if equalFold(h.lines[i].name, name) {
			return h.lines[i].value
		}
	}
	return ""
}

// Values returns the values of all lines of this name, in order.
func (h *Headers) Values(name string) []string {
	var values []string
	for i := range h.lines {
		if equalFold(h.lines[i].name, name) {
			values = append(values, h.lines[i].value)
		}
	}
	return values
}

// Has reports whether there is a line of this name.
func (h *Headers) Has(name string) bool {
	for i := range h.lines {
		if equalFold(h.lines[i].name, name) {
			return true
		}
	}
	return false
}

// Del removes all lines of this name.
func (h *Headers) Del(name string) { h.remove(name, 0) }

// Len returns the number of lines.
func (h *Headers) Len() int { return len(h.lines) }

// All yields the lines in order.
func (h *Headers) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, l := range h.lines {
			if !yield(l.name, l.value) {
				return
			}
		}
	}
}

func (h *Headers) remove(name string, from int) {
	kept := h.lines[:from]
	for _, l := range h.lines[from:] {
		if !equalFold(l.name, name) {
			kept = append(kept, l)
		}
	}
	clear(h.lines[len(kept):])
	h.lines = kept
}

func (h *Headers) valid(name, value string) bool {
	if http1.IsToken(name) && http1.IsFieldValue(value) {
		return true
	}
	if h.err == nil {
		h.err = fmt.Errorf("wherry: field %q with value %q cannot be sent", name, value)
	}
	return false
}

// reset forgets everything but the room, and no string is kept alive by it.
func (h *Headers) reset() {
	if len(h.lines) > 0 {
		clear(h.lines)
		h.lines = h.lines[:0]
	}
	h.err, h.measured = nil, false
}

func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	if a == b {
		return true
	}
	for i := 0; i < len(a); i++ {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z' {
			return false
		}
	}
	return true
}

// Fields is the header section or trailer section of a request, read-only.
// Strings it hands out are owned by whoever asked. The list itself is valid
// until the handler returns.
type Fields struct {
	list fieldList
}

// fieldList is where the lines stand: an http1.Head or an http1.Chunked.
type fieldList interface {
	Len() int
	Name(i int) []byte
	Value(i int) []byte
}

// Len returns the number of field lines.
func (f Fields) Len() int {
	if f.list == nil {
		return 0
	}
	return f.list.Len()
}

// Get returns the value of the first line of this name, or "".
func (f Fields) Get(name string) string { return string(f.Bytes(name)) }

// Bytes returns the value of the first line of this name, or nil. It points
// into the connection's buffer: valid until the handler returns; copy what
// must live longer.
func (f Fields) Bytes(name string) []byte {
	for i := range f.Len() {
		if http1.EqualFold(f.list.Name(i), name) {
			return f.list.Value(i)
		}
	}
	return nil
}

// Has reports whether there is a line of this name.
func (f Fields) Has(name string) bool {
	for i := range f.Len() {
		if http1.EqualFold(f.list.Name(i), name) {
			return true
		}
	}
	return false
}

// Values returns the values of all lines of this name, in order.
func (f Fields) Values(name string) []string {
	var values []string
	for i := range f.Len() {
		if http1.EqualFold(f.list.Name(i), name) {
			values = append(values, string(f.list.Value(i)))
		}
	}
	return values
}

// All yields the lines in the order they were sent.
func (f Fields) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := range f.Len() {
			if !yield(string(f.list.Name(i)), string(f.list.Value(i))) {
				return
			}
		}
	}
}
