package conditional

import "bytes"

// This file reads entity tags and lists of them: RFC 9110 section 8.8.3.

// Valid reports whether a server's own entity tag can be sent and compared:
// whether it has its double quotes, and no others.
func Valid(tag string) bool {
	opaque := opaqueOf(tag)
	if len(opaque) < 2 || opaque[0] != '"' {
		return false
	}
	for i := 1; i < len(opaque); i++ {
		if opaque[i] == '"' {
			return i == len(opaque)-1
		}
	}
	return false
}

// opaqueOf returns an entity tag without its mark of weakness.
func opaqueOf(tag string) string {
	if len(tag) >= 2 && tag[:2] == "W/" {
		return tag[2:]
	}
	return tag
}

// list is what the lines of an If-Match or If-None-Match field amount to.
type list struct {
	found     bool // a member is the tag that is looked for
	members   int
	malformed bool
}

// read adds a line. The strong comparison (section 8.8.3.2) takes no weak tag
// for equal; "" is equal to none. What stands behind a mistake in the line is not
// read.
//
//	1#entity-tag
func (l *list) read(line []byte, tag string, strongly bool) {
	opaque := opaqueOf(tag)
	hopeless := strongly && len(opaque) < len(tag)
	for {
		line = bytes.TrimLeft(line, " \t,") // section 5.6.1.2: empty members count for nothing
		if len(line) == 0 {
			return
		}
		member, weak, rest, ok := cutTag(line)
		if !ok {
			l.malformed = true
			return
		}
		l.members++
		l.found = l.found || !hopeless && !(strongly && weak) && string(member) == opaque
		line = bytes.TrimLeft(rest, " \t")
		if len(line) > 0 && line[0] != ',' {
			l.malformed = true
			return
		}
	}
}

// Names reports whether the lines of an If-Match or If-None-Match field name a
// tag, by the strong comparison or the weak one.
func Names(lines []string, tag string, strongly bool) bool {
	var l list
	for _, line := range lines {
		l.read([]byte(line), tag, strongly)
	}
	return l.found
}

// cutTag cuts an entity tag off the front of s. The opaque tag has its quotes.
//
//	entity-tag = [ weak ] opaque-tag
//	weak       = %s"W/"
//	opaque-tag = DQUOTE *etagc DQUOTE
//	etagc      = %x21 / %x23-7E / obs-text
func cutTag(s []byte) (opaque []byte, weak bool, rest []byte, ok bool) {
	s, weak = bytes.CutPrefix(s, weakMark)
	if len(s) == 0 || s[0] != '"' {
		return nil, false, nil, false
	}
	for i := 1; i < len(s); i++ {
		switch b := s[i]; {
		case b == '"':
			return s[:i+1], weak, s[i+1:], true
		case b <= ' ' || b == 0x7f:
			return nil, false, nil, false
		}
	}
	return nil, false, nil, false
}

var weakMark = []byte("W/")
