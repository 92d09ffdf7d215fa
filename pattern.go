package wherry

import (
	"fmt"
	"strconv"
	"strings"
)

// This file is the syntax of patterns. How they are matched stands in tree.go.

// kind is what a segment of a pattern matches.
type kind uint8

const (
	literal kind = iota // exactly these bytes
	named               // one segment that is not empty, by name
	star                // the same without a name
	rest                // zero or more segments; the last one only
)

// segment is a part of a pattern between slashes.
type segment struct {
	kind kind
	text string // of a literal, decoded; the name of a named one
}

// pattern is a parsed pattern.
type pattern struct {
	segments []segment
	names    []string // of the wildcards in order, as Param knows them
}

// parsePattern reads a pattern. Its errors say where and what to write.
func parsePattern(s string) (p pattern, err error) {
	offset := 1
	defer func() {
		if err != nil {
			err = fmt.Errorf("pattern %q, offset %d: %w", s, offset, err)
		}
	}()
	if !strings.HasPrefix(s, "/") {
		offset = 0
		return p, fmt.Errorf("a pattern begins with a slash; write %q", "/"+s)
	}
	stars := 0
	for i, part := range strings.Split(s[1:], "/") {
		if i > 0 {
			offset++
		}
		if n := len(p.segments); n > 0 && p.segments[n-1].kind == rest {
			return p, fmt.Errorf("`**` stands for the whole rest; nothing can follow it")
		}
		seg, err := parseSegment(part)
		if err != nil {
			return p, err
		}
		p.segments = append(p.segments, seg)
		name := seg.text
		switch seg.kind {
		case literal:
			offset += len(part)
			continue
		case star:
			stars++
			name = "*"
			if stars > 1 {
				name += strconv.Itoa(stars)
			}
		case rest:
			name = "**"
		}
		for _, have := range p.names {
			if have == name {
				return p, fmt.Errorf("the name %q is given twice; rename one", name)
			}
		}
		p.names = append(p.names, name)
		offset += len(part)
	}
	return p, nil
}

func parseSegment(part string) (segment, error) {
	switch {
	case strings.ContainsAny(part, "{}"):
		return segment{}, fmt.Errorf("%q: braces mean nothing in a pattern; %s", part, withoutBraces(part))
	case part == "**":
		return segment{kind: rest}, nil
	case part == "*":
		return segment{kind: star}, nil
	case strings.Contains(part, "*"):
		return segment{}, fmt.Errorf("%q: a star stands alone in its segment; write *, ** or :name", part)
	case strings.HasPrefix(part, ":"):
		if part == ":" {
			return segment{}, fmt.Errorf("a name is missing behind the colon; write :name")
		}
		if !isName(part[1:]) {
			return segment{}, fmt.Errorf("%q: a name has letters, digits and underscores only", part)
		}
		return segment{kind: named, text: part[1:]}, nil
	}
	for i := 0; i < len(part); i++ {
		switch b := part[i]; {
		case b == '?' || b == '#':
			return segment{}, fmt.Errorf("%q: a pattern has no query and no fragment; ask c for the query", part)
		case b == '%':
			return segment{}, fmt.Errorf("%q: a pattern is written decoded; write the character itself, or :name, which also matches a percent sign", part)
		case b < ' ' || b == 0x7f || b == '\\':
			return segment{}, fmt.Errorf("%q: control bytes and backslashes never match", part)
		}
	}
	return segment{kind: literal, text: part}, nil
}

// isName reports whether a wildcard can have that name.
func isName(s string) bool {
	for i := range len(s) {
		if b := s[i] | 0x20; s[i] != '_' && (b < 'a' || b > 'z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return s != ""
}

// withoutBraces says what to write in the place of a segment with braces. They
// are no part of a literal either: a wildcard in the manner of other routers
// would otherwise be taken for one, and match nothing.
func withoutBraces(part string) string {
	name := strings.TrimSuffix(strings.TrimPrefix(part, "{"), "}")
	if name == "$" {
		return "leave it out, a pattern ends where its path ends"
	}
	write := ":name"
	if strings.HasSuffix(name, "...") {
		write = "**"
	} else if isName(name) {
		write = ":" + name
	}
	return "write " + write + " (which also matches a segment that has braces)"
}

// url fills the wildcards with args.
func (p *pattern) url(args []any) (string, error) {
	if len(args) != len(p.names) {
		return "", fmt.Errorf("%d values for %d wildcards (%s)", len(args), len(p.names), strings.Join(p.names, ", "))
	}
	var b strings.Builder
	n := 0
	for _, seg := range p.segments {
		if seg.kind == literal {
			b.WriteByte('/')
			writeEscaped(&b, seg.text)
			continue
		}
		value := fmt.Sprint(args[n])
		n++
		if seg.kind == rest {
			if err := writeRest(&b, value); err != nil {
				return "", err
			}
			continue
		}
		if value == "" || value == "." || value == ".." {
			return "", fmt.Errorf("%q cannot be the value of %q", value, p.names[n-1])
		}
		b.WriteByte('/')
		writeEscaped(&b, value)
	}
	return b.String(), nil
}

// writeRest writes the value of a `**`: its slashes stay.
func writeRest(b *strings.Builder, value string) error {
	for part := range strings.SplitSeq(strings.TrimPrefix(value, "/"), "/") {
		if part == "." || part == ".." {
			return fmt.Errorf("%q cannot be part of the value of \"**\"", part)
		}
		b.WriteByte('/')
		writeEscaped(b, part)
	}
	return nil
}

// writeEscaped percent-encodes everything but the unreserved characters and
// those that mean nothing within a segment, RFC 3986 section 3.3.
func writeEscaped(b *strings.Builder, s string) {
	const hex = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		c := s[i]
		if 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-._~!$&'()*+,;=:@", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
}
