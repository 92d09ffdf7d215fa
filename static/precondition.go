package static

import (
	"strings"
	"time"

	"wherry.example/wherry"
)

// This file evaluates preconditions, in the order of RFC 9110 section 13.2.2.
// A field that is malformed counts as absent; a malformed member of a list and
// what stands behind it match nothing.

// verdict is what the preconditions make of a request.
type verdict uint8

const (
	perform     verdict = iota // answer as if there were none
	notModified                // 304
	failed                     // 412
)

// evaluate compares the preconditions with the chosen representation. The
// method is GET or HEAD. now bounds the time of modification: a date in the
// future was never sent.
func evaluate(h wherry.Fields, v *variant, now time.Time) verdict {
	if h.Has(wherry.HeaderIfMatch) {
		if !matches(h.Values(wherry.HeaderIfMatch), v.etag, false) {
			return failed
		}
	} else if since, ok := date(h, wherry.HeaderIfUnmodifiedSince); ok && v.modified != "" && v.changed(now).After(since) {
		return failed
	}
	if h.Has(wherry.HeaderIfNoneMatch) {
		if matches(h.Values(wherry.HeaderIfNoneMatch), v.etag, true) {
			return notModified
		}
		return perform
	}
	if since, ok := date(h, wherry.HeaderIfModifiedSince); ok && v.modified != "" && !v.changed(now).After(since) {
		return notModified
	}
	return perform
}

// partial reports whether a Range field may be heeded: always without
// If-Range, else only if that names the very representation (section 13.1.5).
func partial(h wherry.Fields, v *variant, now time.Time) bool {
	values := h.Values(wherry.HeaderIfRange)
	if len(values) == 0 {
		return true
	}
	if len(values) > 1 {
		return false
	}
	if strings.HasPrefix(values[0], `"`) || strings.HasPrefix(values[0], "W/") {
		tag, weak, rest, ok := cutTag(values[0])
		return ok && !weak && rest == "" && tag == v.etag
	}
	since, ok := parseDate(values[0])
	// A date is a strong validator only if a change in the same second would
	// have been seen, section 8.8.2.2.
	return ok && v.modified != "" && v.changed(now).Equal(since) && now.Sub(since) > time.Second
}

// changed returns the time of modification as it is sent: in whole seconds
// and never after now (section 8.8.2.1).
func (v *variant) changed(now time.Time) time.Time {
	if v.mtime.After(now) {
		return now.Truncate(time.Second)
	}
	return v.mtime.Truncate(time.Second)
}

// lastModified returns the field value, "" for none.
func (v *variant) lastModified(now time.Time) string {
	if v.modified != "" && v.mtime.After(now) {
		return formatDate(now)
	}
	return v.modified
}

// matches reports whether the lists hold `*` or the entity tag. The strong
// comparison (section 8.8.3.2) takes no weak tag for equal.
func matches(lists []string, etag string, weakly bool) bool {
	if len(lists) == 1 && lists[0] == "*" {
		return true
	}
	for _, list := range lists {
		for list != "" {
			list = strings.TrimLeft(list, " \t,")
			tag, weak, rest, ok := cutTag(list)
			if !ok {
				break
			}
			if tag == etag && (weakly || !weak) {
				return true
			}
			rest = strings.TrimLeft(rest, " \t")
			if rest != "" && rest[0] != ',' {
				break
			}
			list = rest
		}
	}
	return false
}

// cutTag cuts an entity tag off the front of s, the tag without its W/.
//
//	entity-tag = [ weak ] opaque-tag
//	opaque-tag = DQUOTE *etagc DQUOTE
func cutTag(s string) (tag string, weak bool, rest string, ok bool) {
	s, weak = strings.CutPrefix(s, "W/")
	if s == "" || s[0] != '"' {
		return "", false, "", false
	}
	end := strings.IndexByte(s[1:], '"')
	if end < 0 {
		return "", false, "", false
	}
	return s[:end+2], weak, s[end+2:], true
}

// date reads a field that is one HTTP-date.
func date(h wherry.Fields, name string) (t time.Time, ok bool) {
	if !h.Has(name) {
		return time.Time{}, false
	}
	values := h.Values(name)
	if len(values) != 1 {
		return time.Time{}, false
	}
	return parseDate(values[0])
}

// Forms of HTTP-date, section 5.6.7: the one that is sent, and two old ones.
const (
	imfFixdate = "Mon, 02 Jan 2006 15:04:05 GMT"
	rfc850Date = "Monday, 02-Jan-06 15:04:05 GMT"
	asctime    = "Mon Jan _2 15:04:05 2006"
)

func parseDate(s string) (time.Time, bool) {
	for _, form := range [...]string{imfFixdate, rfc850Date, asctime} {
		if t, err := time.Parse(form, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func formatDate(t time.Time) string { return t.UTC().Format(imfFixdate) }
