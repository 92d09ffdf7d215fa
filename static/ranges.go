package static

import (
	"math"
	"strconv"
	"strings"
)

// This file reads the Range field: RFC 9110 section 14. What is malformed, in
// another unit, or too much is ignored as a whole, and the client gets
// everything with 200, as section 14.2 allows.

// maxRanges is how many ranges one request may ask for. Together with the
// merging of overlaps it bounds an answer to the content and a few heads.
const maxRanges = 16

// span is a part of the content, never empty.
type span struct{ start, length int64 }

// contentRange is the value of Content-Range for it.
func (p span) contentRange(size int64) string {
	return "bytes " + strconv.FormatInt(p.start, 10) + "-" + strconv.FormatInt(p.start+p.length-1, 10) +
		"/" + strconv.FormatInt(size, 10)
}

// parseRange returns the parts of the content that a Range field asks for, in
// the order asked, those that overlap or touch merged into the first of them.
// ok is false if the field is to be ignored; no part at all means that none
// can be satisfied.
//
//	ranges-specifier = range-unit "=" range-set
//	range-set        = 1#range-spec
func parseRange(field string, size int64) (parts []span, ok bool) {
	unit, set, found := strings.Cut(field, "=")
	// Nothing is part of empty content, not even the last bytes of it.
	if !found || !strings.EqualFold(unit, "bytes") || size == 0 {
		return nil, false
	}
	specs := 0
	for spec := range strings.SplitSeq(set, ",") {
		spec = strings.Trim(spec, " \t")
		if spec == "" { // section 5.6.1.2: empty members count for nothing
			continue
		}
		part, ok := parseSpec(spec, size)
		specs++
		if !ok || specs > maxRanges {
			return nil, false
		}
		if part.length > 0 {
			parts = merge(parts, part)
		}
	}
	return parts, specs > 0
}

// parseSpec reads one range; the length is 0 if it cannot be satisfied.
//
//	int-range    = first-pos "-" [ last-pos ]
//	suffix-range = "-" suffix-length
func parseSpec(spec string, size int64) (part span, ok bool) {
	first, last, found := strings.Cut(spec, "-")
	if !found {
		return span{}, false
	}
	if first == "" {
		n, ok := parsePosition(last)
		n = min(n, size)
		return span{size - n, n}, ok
	}
	start, ok := parsePosition(first)
	if !ok {
		return span{}, false
	}
	end := int64(math.MaxInt64)
	if last != "" {
		if end, ok = parsePosition(last); !ok || end < start {
			return span{}, false
		}
	}
	if start >= size {
		return span{}, true
	}
	return span{start, min(end, size-1) - start + 1}, true
}

// parsePosition reads 1*DIGIT. What no file can have counts as the greatest.
func parsePosition(s string) (n int64, ok bool) {
	for _, b := range []byte(s) {
		if b < '0' || b > '9' {
			return 0, false
		}
		if n > (math.MaxInt64-9)/10 {
			n = math.MaxInt64
			continue
		}
		n = n*10 + int64(b-'0')
	}
	return n, s != ""
}

// merge adds a part. The parts that it overlaps or touches become one with
// it, at the place of the first of them.
func merge(parts []span, add span) []span {
	at := len(parts)
	kept := parts[:0]
	for i, p := range parts {
		if p.start > add.start+add.length || add.start > p.start+p.length {
			kept = append(kept, p)
			continue
		}
		end := max(p.start+p.length, add.start+add.length)
		add.start = min(p.start, add.start)
		add.length = end - add.start
		at = min(at, i)
	}
	kept = append(kept, span{})
	copy(kept[at+1:], kept[at:])
	kept[at] = add
	return kept
}
