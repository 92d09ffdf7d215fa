package wherry

import (
	"slices"
	"strings"

	"wherry.example/wherry/internal/http1"
)

// This file is content negotiation: RFC 9110 section 12.5. Members that are
// malformed count for nothing; a field with nothing else counts as absent.

// maxAccept is how many members of a field are looked at.
const maxAccept = 100

// Accepts returns the one of the offered media types that the client likes
// best, the first of equals; the first one if the client says nothing, and ""
// if it wants none of them. json, html and text are short for their types. It
// adds Accept to Vary.
func (c *Context) Accepts(offers ...string) string {
	c.Vary(HeaderAccept)
	ranges := c.ranges(HeaderAccept, mediaRange)
	if len(offers) > 0 && len(ranges) == 0 {
		return offers[0]
	}
	return prefer(ranges, offers, func(offer string, r acceptRange) int {
		return matchMedia(longType(offer), r)
	})
}

// AcceptsEncoding is Accepts for content codings, such as br and gzip. It
// returns "identity", offered or not, when that is liked best or when nothing
// else is wanted; "" only if the client refuses even that. It adds
// Accept-Encoding to Vary.
func (c *Context) AcceptsEncoding(offers ...string) string {
	c.Vary(HeaderAcceptEncoding)
	ranges := c.ranges(HeaderAcceptEncoding, tokenRange)
	if best := prefer(ranges, offers, matchCoding); best != "" {
		return best
	}
	// Section 12.5.3: identity is acceptable unless a member refuses it.
	if weight, rank := weigh(ranges, "identity", matchCoding); rank > 0 && weight == 0 {
		return ""
	}
	return "identity"
}

// AcceptsLanguage is Accepts for language tags: a range takes the tags that
// begin with it, so "en" takes "en-GB" (basic filtering, RFC 4647 section
// 3.3.1), and, if no tag is that good, those it begins with, so "en-GB" takes
// "en" (lookup, section 3.4). "" leaves the choice to the caller. It adds
// Accept-Language to Vary.
func (c *Context) AcceptsLanguage(offers ...string) string {
	c.Vary(HeaderAcceptLanguage)
	ranges := c.ranges(HeaderAcceptLanguage, tokenRange)
	if len(offers) > 0 && len(ranges) == 0 {
		return offers[0]
	}
	return prefer(ranges, offers, matchLanguage)
}

// acceptRange is a member of a field: what it covers, in lower case, and its
// weight in thousandths.
type acceptRange struct {
	name   string
	params []string // of a media range, as name=value
	weight int
}

// ranges reads a field. read reads a member without its weight.
func (c *Context) ranges(field string, read func(string) (acceptRange, bool)) []acceptRange {
	var ranges []acceptRange
	left := maxAccept
	for i := c.head.Find(field, 0); i >= 0; i = c.head.Find(field, i+1) {
		for rest := string(c.head.Value(i)); rest != "" && left > 0; left-- {
			var member string
			member, rest = cutUnquoted(rest, ',')
			member, weight, ok := cutWeight(strings.Trim(member, " \t"))
			if !ok {
				continue
			}
			if r, ok := read(strings.ToLower(member)); ok {
				r.weight = weight
				ranges = append(ranges, r)
			}
		}
	}
	return ranges
}

// cutWeight cuts the weight off a member, section 12.4.2. What stood behind
// a weight in older versions of HTTP is dropped with it.
func cutWeight(member string) (rest string, weight int, ok bool) {
	for i := 0; i < len(member); {
		part, _ := cutUnquoted(member[i:], ';')
		name, value, _ := strings.Cut(strings.Trim(part, " \t"), "=")
		if i > 0 && (name == "q" || name == "Q") {
			weight, ok = parseWeight(value)
			return strings.TrimRight(member[:i-1], " \t"), weight, ok
		}
		i += len(part) + 1
	}
	return member, 1000, true
}

// parseWeight reads qvalue as thousandths.
func parseWeight(s string) (thousandths int, ok bool) {
	if s == "" || len(s) > 5 || len(s) > 1 && s[1] != '.' {
		return 0, false
	}
	thousandths = int(s[0]-'0') * 1000 // all but 0 and 1 are too many in the end
	unit := 100
	for i := 2; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		thousandths += int(s[i]-'0') * unit
		unit /= 10
	}
	return thousandths, thousandths <= 1000
}

// mediaRange reads type/subtype, type/* or */* with parameters, section
// 12.5.1.
func mediaRange(s string) (r acceptRange, ok bool) {
	name, params, _ := strings.Cut(s, ";")
	r.name = strings.TrimRight(name, " \t")
	kind, sub, _ := strings.Cut(r.name, "/")
	if !http1.IsToken(kind) || !http1.IsToken(sub) || kind == "*" && sub != "*" {
		return r, false
	}
	for params != "" {
		var one string
		one, params = cutUnquoted(params, ';')
		if one = strings.Trim(one, " \t"); one == "" {
			continue
		}
		name, value, ok := parameter(one)
		if !ok {
			return r, false
		}
		r.params = append(r.params, name+"="+value)
	}
	return r, true
}

// tokenRange reads a content coding, a language range, or "*".
func tokenRange(s string) (acceptRange, bool) {
	return acceptRange{name: s}, http1.IsToken(s)
}

// prefer returns the offer with the highest weight, the first of equals.
func prefer(ranges []acceptRange, offers []string, match func(offer string, r acceptRange) int) string {
	best, bestWeight := "", 0
	for _, offer := range offers {
		if weight, _ := weigh(ranges, offer, match); weight > bestWeight {
			best, bestWeight = offer, weight
		}
	}
	return best
}

// weigh returns the weight that the most exact range gives to an offer. match
// tells how exactly a range covers an offer, 0 for not at all. Of equally
// exact ones the first counts.
func weigh(ranges []acceptRange, offer string, match func(offer string, r acceptRange) int) (weight, rank int) {
	for _, r := range ranges {
		if m := match(offer, r); m > rank {
			weight, rank = r.weight, m
		}
	}
	return weight, rank
}

// longType returns the media type that a short name stands for.
func longType(offer string) string {
	switch offer {
	case "json":
		return typeJSON
	case "html":
		return "text/html"
	case "text":
		return "text/plain"
	}
	return strings.ToLower(offer)
}

// matchMedia ranks */* below type/* below type/subtype, and each below itself
// with parameters. A range with parameters covers only offers that have them.
func matchMedia(offer string, r acceptRange) int {
	name, _, _ := strings.Cut(offer, ";")
	name = strings.TrimRight(name, " \t")
	kind, _, _ := strings.Cut(name, "/")
	exact := 0
	switch {
	case r.name == name:
		exact = 3
	case strings.TrimSuffix(r.name, "/*") == kind:
		exact = 2
	case r.name == "*/*":
		exact = 1
	default:
		return 0
	}
	if len(r.params) > 0 {
		o, _ := mediaRange(offer)
		for _, p := range r.params {
			if !slices.Contains(o.params, p) {
				return 0
			}
		}
	}
	return exact<<16 + len(r.params)
}

// matchCoding compares content codings; x-gzip and x-compress are old names,
// section 8.4.1.
func matchCoding(offer string, r acceptRange) int {
	name := r.name
	if name == "x-gzip" || name == "x-compress" {
		name = name[len("x-"):]
	}
	switch {
	case equalFold(offer, name):
		return 2
	case name == "*":
		return 1
	}
	return 0
}

// matchLanguage ranks "*" below lookup below filtering, and there longer
// ranges above shorter ones. To refuse "en-GB" does not refuse "en".
func matchLanguage(offer string, r acceptRange) int {
	offer = strings.ToLower(offer)
	switch {
	case offer == r.name || strings.HasPrefix(offer, r.name+"-"):
		return 1<<16 + len(r.name)
	case strings.HasPrefix(r.name, offer+"-") && r.weight > 0:
		return 2
	case r.name == "*":
		return 1
	}
	return 0
}
