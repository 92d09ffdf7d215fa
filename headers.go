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
	lines   []headerLine
	err     error  // the first field that was refused
	lengths uint64 // of the names that were given, a bit for each, see mayHave
}

type headerLine struct {
	name, value string
	line        string // both as they are sent, where that is known; else ""
}

// Set replaces all lines of this name by one, at the place of the first.
func (h *Headers) Set(name, value string) {
	if h.valid(name, value) {
		h.put(name, value)
	}
}

// put is Set for a field that is known to be valid.
func (h *Headers) put(name, value string) { h.putLine(&headerLine{name: name, value: value}) }

// putLine is put for a field that may have been rendered. Where there is a line
// already, its name stays as it was given.
func (h *Headers) putLine(field *headerLine) {
	for i := range h.lines {
		if l := &h.lines[i]; equalFold(l.name, field.name) {
			l.value, l.line = field.value, ""
			h.remove(field.name, i+1)
			return
		}
	}
	h.append(field)
}

func (h *Headers) append(field *headerLine) {
	h.lengths |= 1 << (len(field.name) & 63)
	h.lines = append(h.lines, *field)
}

// Add appends a line.
func (h *Headers) Add(name, value string) {
	if h.valid(name, value) {
		h.append(&headerLine{name: name, value: value})
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

// mayHave reports whether a name of this length was given: if not, nobody needs
// to look for it.
func (h *Headers) mayHave(name string) bool { return h.lengths&(1<<(len(name)&63)) != 0 }

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
	for i := range h.lines { // there are few: clear, which is a call, takes longer
		l := &h.lines[i]
		l.name, l.value, l.line = "", "", ""
	}
	h.lines = h.lines[:0]
	h.err, h.lengths = nil, 0
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
