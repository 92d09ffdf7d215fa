package middleware

import (
	"fmt"
	"strings"

	"wherry.example/wherry"
)

// RequireContentType lets requests with content pass only if their
// Content-Type is one of these media types; others are answered 415, with the
// list in Accept. Requests without content pass.
//
// A type is "application/json", "image/*" for all its subtypes, or
// "application/*+json" for all with that suffix. Case and parameters do not
// count: neither those of the field nor a charset. A field that is malformed
// or given twice is refused, since somebody else may have read the other one.
//
// It stands inside of authentication and in front of whatever reads the
// content. It is part of a defence against cross-site requests, since a form
// can only send three media types, but no replacement for CSRF.
func RequireContentType(types ...string) wherry.Middleware {
	if len(types) == 0 {
		return cannot("RequireContentType: no media type is given; name one, as \"application/json\"")
	}
	wanted := make([]mediaPattern, len(types))
	for i, t := range types {
		p, ok := parseMediaPattern(t)
		if !ok {
			return cannot("RequireContentType(%q): this is no media type; give one as \"application/json\", \"image/*\" or \"application/*+json\"", t)
		}
		wanted[i] = p
	}
	accept := strings.Join(types, ", ")
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			if c.ContentLength() == 0 || acceptable(c.Headers().Values(wherry.HeaderContentType), wanted) {
				return next(c)
			}
			c.SetHeader(wherry.HeaderAccept, accept)
			return &wherry.Error{Status: 415, Detail: fmt.Sprintf("The Content-Type must be %s.", strings.Join(types, " or "))}
		}
	}
}

// mediaPattern is a media type in lower case. A suffix stands for all
// subtypes that end with it.
type mediaPattern struct {
	kind, sub string
	any       bool // the subtype ends with sub
}

func (p mediaPattern) matches(kind, sub string) bool {
	if !strings.EqualFold(kind, p.kind) {
		return false
	}
	if p.any {
		return len(sub) > len(p.sub) && strings.EqualFold(sub[len(sub)-len(p.sub):], p.sub)
	}
	return strings.EqualFold(sub, p.sub)
}

func parseMediaPattern(s string) (p mediaPattern, ok bool) {
	kind, sub, found := strings.Cut(s, "/")
	rest, star := strings.CutPrefix(sub, "*")
	if star && rest != "" && !strings.HasPrefix(rest, "+") {
		return p, false
	}
	if !star {
		rest = sub
	}
	if !found || !isToken(kind) || strings.Contains(kind+rest, "*") || !isToken(rest) && !(star && rest == "") {
		return p, false
	}
	return mediaPattern{strings.ToLower(kind), strings.ToLower(rest), star}, true
}

// acceptable reports whether the lines of a Content-Type are one, and of a
// wanted type.
func acceptable(lines []string, wanted []mediaPattern) bool {
	if len(lines) != 1 {
		return false
	}
	media, _, _ := strings.Cut(lines[0], ";")
	kind, sub, _ := strings.Cut(strings.Trim(media, " \t"), "/")
	if !isToken(kind) || !isToken(sub) {
		return false
	}
	for _, p := range wanted {
		if p.matches(kind, sub) {
			return true
		}
	}
	return false
}

// isToken reports whether s is a token, RFC 9110 section 5.6.2.
func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		b := s[i]
		switch {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0:
		default:
			return false
		}
	}
	return s != ""
}
