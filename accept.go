package wherry

import (
	"strings"
)

// This file is content negotiation: RFC 9110 section 12.5.

// maxAccept is how many members of an Accept field are looked at.
const maxAccept = 100

// Accepts returns the one of the offered media types that the client likes
// best, the first of equals; the first one if the client says nothing, and ""
// if it wants none of them. json, html and text are short for their types. It
// adds Accept to Vary.
func (c *Context) Accepts(offers ...string) string {
	c.Vary(HeaderAccept)
	return c.prefer(HeaderAccept, offers, func(offer, have string) int {
		return matchMedia(longType(offer), have)
	})
}

// AcceptsEncoding is Accepts for content codings, such as br and gzip;
// "identity" is acceptable unless the client refuses it. It adds
// Accept-Encoding to Vary.
func (c *Context) AcceptsEncoding(offers ...string) string {
	c.Vary(HeaderAcceptEncoding)
	if !c.Headers().Has(HeaderAcceptEncoding) {
		for _, offer := range offers { // RFC 9110 section 12.5.3: any, but plain is safest
			if offer == "identity" {
				return offer
			}
		}
	}
	best := c.prefer(HeaderAcceptEncoding, offers, matchToken)
	if best == "" {
		for _, offer := range offers {
			if offer == "identity" && !c.refuses(HeaderAcceptEncoding, "identity") {
				return offer
			}
		}
	}
	return best
}

// AcceptsLanguage is Accepts for language tags, by basic filtering (RFC 4647
// section 3.3.1): the range "en" takes the offer "en-GB". It adds
// Accept-Language to Vary.
func (c *Context) AcceptsLanguage(offers ...string) string {
	c.Vary(HeaderAcceptLanguage)
	return c.prefer(HeaderAcceptLanguage, offers, matchLanguage)
}

// refuses reports whether a field gives a member, or "*", the weight 0.
func (c *Context) refuses(field, name string) bool {
	weight, rank := -1, 0
	for have, w := range c.members(field) {
		if r := matchToken(name, have); r > rank {
			weight, rank = w, r
		}
	}
	return weight == 0
}

// prefer weighs the offers by the members of a field. match tells how exactly
// a member fits an offer, 0 for not at all.
func (c *Context) prefer(field string, offers []string, match func(offer, have string) int) string {
	if len(offers) == 0 {
		return ""
	}
	if !c.Headers().Has(field) {
		return offers[0]
	}
	best, bestWeight := "", 0
	for _, offer := range offers {
		weight, rank := 0, 0
		for have, w := range c.members(field) {
			if r := match(offer, have); r > rank {
				weight, rank = w, r
			}
		}
		if weight > bestWeight {
			best, bestWeight = offer, weight
		}
	}
	return best
}

// members yields the members of a weighted list with their weights in
// thousandths. Malformed weights make a member count for nothing.
func (c *Context) members(field string) func(yield func(string, int) bool) {
	return func(yield func(string, int) bool) {
		seen := 0
		for _, value := range c.Headers().Values(field) {
			for member := range strings.SplitSeq(value, ",") {
				if seen++; seen > maxAccept {
					return
				}
				name, weight, ok := weighted(member)
				if ok && !yield(name, weight) {
					return
				}
			}
		}
	}
}

// weighted splits a member into its value, parameters included, and weight.
func weighted(member string) (name string, weight int, ok bool) {
	weight = 1000
	name, params, _ := strings.Cut(member, ";")
	name = strings.ToLower(strings.Trim(name, " \t"))
	for params != "" {
		var one string
		one, params = cutParameter(params)
		key, value, _ := strings.Cut(strings.Trim(one, " \t"), "=")
		if equalFold(key, "q") {
			weight, ok = parseWeight(value)
			return name, weight, ok && name != ""
		}
		name += ";" + strings.ToLower(strings.Trim(one, " \t"))
	}
	return name, weight, name != ""
}

// parseWeight reads qvalue, RFC 9110 section 12.4.2, as thousandths.
func parseWeight(s string) (thousandths int, ok bool) {
	if s == "" || len(s) > 5 || s[0] != '0' && s[0] != '1' || len(s) > 1 && s[1] != '.' {
		return 0, false
	}
	thousandths = int(s[0]-'0') * 1000
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

// longType returns the media type that a short name stands for.
func longType(offer string) string {
	switch offer {
	case "json":
		return "application/json"
	case "html":
		return "text/html"
	case "text":
		return "text/plain"
	}
	return strings.ToLower(offer)
}

// matchMedia ranks */* below type/* below type/subtype below parameters.
func matchMedia(offer, have string) int {
	plain, params, hasParams := strings.Cut(have, ";")
	offerPlain, offerParams, _ := strings.Cut(offer, ";")
	kind, _, _ := strings.Cut(offerPlain, "/")
	switch {
	case hasParams:
		if plain == offerPlain && strings.ReplaceAll(offerParams, " ", "") == params {
			return 4
		}
	case plain == offerPlain:
		return 3
	case plain == kind+"/*":
		return 2
	case plain == "*/*":
		return 1
	}
	return 0
}

func matchToken(offer, have string) int {
	switch {
	case equalFold(offer, have):
		return 2
	case have == "*":
		return 1
	}
	return 0
}

func matchLanguage(offer, have string) int {
	offer = strings.ToLower(offer)
	switch {
	case offer == have || strings.HasPrefix(offer, have+"-"):
		return 1 + len(have)
	case have == "*":
		return 1
	}
	return 0
}

// Offers is an answer in several forms; a nil or empty form is not offered.
type Offers struct {
	JSON any    // application/json
	HTML string // text/html
	Text string // text/plain
}

// Negotiate answers in the form that the client likes best, in the order
// JSON, HTML, text for equals. A client that wants none of them gets 406.
func (c *Context) Negotiate(status int, o Offers) error {
	var offers []string
	if o.JSON != nil {
		offers = append(offers, "json")
	}
	if o.HTML != "" {
		offers = append(offers, "html")
	}
	if o.Text != "" {
		offers = append(offers, "text")
	}
	switch c.Accepts(offers...) {
	case "json":
		return c.JSON(status, o.JSON)
	case "html":
		return c.HTML(status, o.HTML)
	case "text":
		return c.Text(status, o.Text)
	}
	return &Error{Status: 406, Detail: "There is no form of this that the client accepts."}
}
