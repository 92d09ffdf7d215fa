package middleware

import (
	"errors"
	"fmt"
	"strings"

	"wherry.example/wherry"
)

// RewriteRule sends one shape of path to another.
type RewriteRule struct {
	// From is a path in which a segment may be `*`, any one segment that is
	// not empty, and the last one `**`, the rest, which may be empty.
	From string
	// To is the path in its place. Its first `*` is what the first one of
	// From was, and so on; `**` is the rest.
	To string
}

// Rewrite is a hook for [wherry.App.BeforeRouting] that replaces the path of
// requests before their route is looked up. The first rule that fits is used,
// and only that one: what it leads to is not rewritten again. Query, host and
// method stay.
//
//	app.BeforeRouting(middleware.Rewrite(middleware.RewriteRule{From: "/v1/**", To: "/api/v1/**"}))
//
// A hook runs before all middleware: authentication and limits see the path
// that is served, so a rewrite cannot lead around them. Segments are compared
// and moved as they were sent, so an encoded slash stays one. Nothing is sent
// to the client; to lead it elsewhere, register a route that redirects.
//
// A rule that cannot work makes every request fail with an error that says
// why.
func Rewrite(rules ...RewriteRule) wherry.Handler {
	compiled := make([]rewriter, len(rules))
	for i, rule := range rules {
		r, err := newRewriter(rule)
		if err != nil {
			return wherry.Broken(fmt.Errorf("middleware.Rewrite: rule %d, %q to %q: %w", i+1, rule.From, rule.To, err))
		}
		compiled[i] = r
	}
	if len(rules) == 0 {
		return wherry.Broken(fmt.Errorf("middleware.Rewrite: there is no rule; give at least one"))
	}
	return func(c *wherry.Context) error {
		path := c.RawPath()
		for i := range compiled {
			if to, ok := compiled[i].rewrite(path); ok {
				c.SetPath(to)
				return nil
			}
		}
		return nil
	}
}

// rewriter is a rule, split at its slashes.
type rewriter struct{ from, to []string }

func newRewriter(rule RewriteRule) (r rewriter, err error) {
	var stars [2]int
	var rest [2]bool
	for i, path := range []string{rule.From, rule.To} {
		if stars[i], rest[i], err = checkRewrite(path); err != nil {
			return r, err
		}
	}
	switch {
	case stars[1] > stars[0]:
		return r, errors.New("there are more * in To than in From; each stands for one of From")
	case rest[1] && !rest[0]:
		return r, errors.New("there is a ** in To and none in From")
	}
	return rewriter{segments(rule.From), segments(rule.To)}, nil
}

// checkRewrite counts the wildcards of one side of a rule.
func checkRewrite(path string) (stars int, rest bool, err error) {
	if !strings.HasPrefix(path, "/") {
		return 0, false, fmt.Errorf("%q does not begin with a slash", path)
	}
	all := segments(path)
	for i, s := range all {
		switch {
		case s == "*":
			stars++
		case s == "**" && i == len(all)-1:
			rest = true
		case strings.Contains(s, "*"):
			return 0, false, fmt.Errorf("%q: * is a segment of its own, and ** the last one", path)
		case !pathSegment(s):
			return 0, false, fmt.Errorf("%q: segment %q is not percent-encoded as a path is", path, s)
		}
	}
	return stars, rest, nil
}

func segments(path string) []string { return strings.Split(path[1:], "/") }

// rewrite returns the path that takes the place of another, if the rule fits.
func (r *rewriter) rewrite(path string) (string, bool) {
	if !strings.HasPrefix(path, "/") {
		return "", false
	}
	var stars []string
	rest, left := "", path
	for i, want := range r.from {
		if want == "**" {
			rest, left = left, ""
			break
		}
		if left == "" {
			return "", false
		}
		got := left[1:]
		if end := strings.IndexByte(got, '/'); end >= 0 {
			got = got[:end]
		}
		left = left[1+len(got):]
		switch {
		case want == "*" && got != "":
			stars = append(stars, got)
		case want != got:
			return "", false
		}
		if i == len(r.from)-1 && left != "" {
			return "", false
		}
	}
	return r.build(stars, rest), true
}

// build puts a path together. The rest begins with its slash, or is empty.
func (r *rewriter) build(stars []string, rest string) string {
	var b strings.Builder
	for _, s := range r.to {
		switch s {
		case "**":
			b.WriteString(rest)
			continue
		case "*":
			s, stars = stars[0], stars[1:]
		}
		b.WriteByte('/')
		b.WriteString(s)
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

// pathSegment reports whether s can stand between two slashes of a target,
// RFC 3986 section 3.3.
func pathSegment(s string) bool {
	for i := 0; i < len(s); i++ {
		b := s[i]
		switch {
		case 'a' <= b|0x20 && b|0x20 <= 'z', '0' <= b && b <= '9':
		case strings.IndexByte("-._~!$&'()+,;=:@", b) >= 0:
		case b == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			i += 2
		default:
			return false
		}
	}
	return true
}

func isHex(b byte) bool { return '0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'f' }
