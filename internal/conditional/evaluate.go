package conditional

import "wherry.example/wherry/internal/http1"

// Fields is the header section of a request. An http1.Head is one.
type Fields interface {
	// Find returns the index of the first line from i on with this name, -1
	// if there is none.
	Find(name string, i int) int
	// Value returns the value of line i without white space around it.
	Value(i int) []byte
}

// Current is the selected representation as it is now. If there is none, that
// is the zero value.
type Current struct {
	Exists   bool
	Tag      string // entity tag, Valid; "" if it has none
	Modified int64  // seconds since 1970, never in the future; 0 if not known
}

// Verdict is what the preconditions make of a request.
type Verdict uint8

// Verdicts.
const (
	Perform     Verdict = iota // as if there were no preconditions
	NotModified                // 304
	Failed                     // 412
	Malformed                  // 400
)

// Names of the fields, as a verdict names them.
const (
	ifMatch           = "If-Match"
	ifUnmodifiedSince = "If-Unmodified-Since"
	ifNoneMatch       = "If-None-Match"
	ifModifiedSince   = "If-Modified-Since"
	ifRange           = "If-Range"
)

// Evaluate goes through steps 1 to 4 of section 13.2.2. reading says that the
// method is GET or HEAD; the caller leaves out methods to which preconditions
// mean nothing (section 13.2.1). field is what decided, "" for Perform.
func Evaluate(f Fields, reading bool, now Current) (v Verdict, field string) {
	if line := f.Find(ifMatch, 0); line >= 0 {
		switch held, malformed := holds(f, ifMatch, line, now); {
		case malformed && !reading:
			return Malformed, ifMatch
		case !held:
			return Failed, ifMatch
		}
	} else if since, ok := date(f, ifUnmodifiedSince); ok && now.dated() && now.Modified > since {
		return Failed, ifUnmodifiedSince
	}
	if line := f.Find(ifNoneMatch, 0); line >= 0 {
		switch held, malformed := holds(f, ifNoneMatch, line, now); {
		case malformed && !reading:
			return Malformed, ifNoneMatch
		case held && reading:
			return NotModified, ifNoneMatch
		case held:
			return Failed, ifNoneMatch
		}
		return Perform, ""
	}
	if !reading {
		return Perform, ""
	}
	if since, ok := date(f, ifModifiedSince); ok && now.dated() && now.Modified <= since {
		return NotModified, ifModifiedSince
	}
	return Perform, ""
}

// Range is step 5: it reports whether a Range field may be heeded. clock is
// the time in seconds since 1970.
//
//	If-Range = entity-tag / HTTP-date
func Range(f Fields, now Current, clock int64) bool {
	line := f.Find(ifRange, 0)
	if line < 0 {
		return true
	}
	if f.Find(ifRange, line+1) >= 0 {
		return false
	}
	value := f.Value(line)
	if opaque, weak, rest, ok := cutTag(value); ok {
		return !weak && len(rest) == 0 && string(opaque) == now.Tag
	}
	since, ok := http1.ParseDate(value)
	// A date is a strong validator only if a change in the same second would
	// have been seen, section 8.8.2.2.
	return ok && now.dated() && now.Modified == since && clock-since > 1
}

func (now Current) dated() bool { return now.Modified != 0 }

// holds reports whether the lists of a field, whose first line is given, name
// the current representation, and whether they are malformed. If-Match
// compares strongly, If-None-Match weakly.
//
//	"*" / #entity-tag
func holds(f Fields, name string, line int, now Current) (held, malformed bool) {
	first := f.Value(line)
	if string(first) == "*" && f.Find(name, line+1) < 0 {
		return now.Exists, false
	}
	var l list
	for ; line >= 0; line = f.Find(name, line+1) {
		l.read(f.Value(line), now.Tag, name == ifMatch)
	}
	return l.found, l.malformed || l.members == 0
}

// date reads a field that is one HTTP-date.
func date(f Fields, name string) (unix int64, ok bool) {
	line := f.Find(name, 0)
	if line < 0 || f.Find(name, line+1) >= 0 {
		return 0, false
	}
	return http1.ParseDate(f.Value(line))
}
