package wherry

import (
	"encoding/json"
	"unicode"
)

// This file finds objects that have the same name twice: RFC 8259 section 4
// leaves open what such an object means, so two readers of one request may
// see different values.

// nameScan walks through valid JSON. The names of all open objects stand
// behind each other; those of the innermost are names[from:].
type nameScan struct {
	data   []byte
	names  []string
	levels []nameLevel
}

type nameLevel struct {
	object bool
	name   bool                // a name comes next
	from   int                 // in names
	many   map[string]struct{} // of an object with many names
}

// manyNames is from where on names are looked up in a map.
const manyNames = 16

// duplicateName returns a name that an object in data, which is valid JSON,
// has twice. Names that differ only in case count as the same one.
func duplicateName(data []byte) (name string, found bool) {
	s := nameScan{data: data}
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '{', '[':
			s.levels = append(s.levels, nameLevel{object: data[i] == '{', name: data[i] == '{', from: len(s.names)})
		case '}', ']':
			top := len(s.levels) - 1
			s.names = s.names[:s.levels[top].from]
			s.levels = s.levels[:top]
		case ',':
			top := &s.levels[len(s.levels)-1]
			top.name = top.object
		case '"':
			end := stringEnd(data, i)
			if name, twice := s.text(data[i:end]); twice {
				return name, true
			}
			i = end - 1
		}
	}
	return "", false
}

// stringEnd returns the index behind the string that begins at i.
func stringEnd(data []byte, i int) int {
	for i++; data[i] != '"'; i++ {
		if data[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// text looks at a string, quotes included: is it a name that was seen before?
func (s *nameScan) text(quoted []byte) (name string, twice bool) {
	if len(s.levels) == 0 || !s.levels[len(s.levels)-1].name {
		return "", false
	}
	top := &s.levels[len(s.levels)-1]
	top.name = false
	name = foldedName(quoted)
	if top.many != nil {
		if _, twice = top.many[name]; twice {
			return name, true
		}
		top.many[name] = struct{}{}
		return "", false
	}
	for _, have := range s.names[top.from:] {
		if have == name {
			return name, true
		}
	}
	s.names = append(s.names, name)
	if len(s.names)-top.from >= manyNames {
		top.many = map[string]struct{}{}
		for _, have := range s.names[top.from:] {
			top.many[have] = struct{}{}
		}
	}
	return "", false
}

// foldedName decodes a name and makes equal what encoding/json takes for
// equal: letters of any case.
func foldedName(quoted []byte) string {
	plain := true
	for _, b := range quoted {
		plain = plain && b != '\\' && b < 0x80 && (b < 'A' || b > 'Z')
	}
	if plain {
		return string(quoted[1 : len(quoted)-1])
	}
	var name string
	_ = json.Unmarshal(quoted, &name) // it is valid
	folded := []rune(name)
	for i, r := range folded {
		least := r
		for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
			least = min(least, other)
		}
		if 'A' <= least && least <= 'Z' { // so that plain names need no folding
			least += 'a' - 'A'
		}
		folded[i] = least
	}
	return string(folded)
}
