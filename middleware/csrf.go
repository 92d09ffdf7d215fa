package middleware

import (
	"net/url"

	"wherry.example/wherry"
)

// CSRFOptions says who else may send requests that change something. The zero
// value trusts no other origin.
type CSRFOptions struct {
	// TrustedOrigins are origins as browsers send them, "https://example.org"
	// or "https://example.org:8443", whose pages may send such requests.
	TrustedOrigins []string
	// Refused is told of each refused request and why, on the goroutine of
	// the handler. The client does not learn the reason.
	Refused func(c *wherry.Context, why string)
}

// CSRF refuses, with 403, requests that a browser sends on behalf of a page
// from elsewhere and that may change something: all but GET, HEAD and OPTIONS.
// It needs no token and no cookie. The rules are those of
// CrossOriginProtection in net/http: a request passes if Sec-Fetch-Site says
// same-origin or none; if there is no Sec-Fetch-Site and Origin is for the
// host that was asked, or missing, as it is for clients that are no browser;
// or if its Origin is trusted.
//
// It stands inside of [CORS], and in front of everything that acts with the
// authority of a cookie. It is worth nothing where GET changes something, and
// that includes an upgrade to WebSocket, which has to look at Origin itself.
// Behind a proxy that rewrites Host old browsers are refused. A method that a
// BeforeRouting hook has put in place of the one sent is the one looked at.
func CSRF(options ...CSRFOptions) wherry.Middleware {
	o, wrong := given("CSRF", options)
	if wrong != nil {
		return wrong
	}
	trusted := make(map[string]struct{}, len(o.TrustedOrigins))
	for _, s := range o.TrustedOrigins {
		p, err := parseOriginPattern(s)
		if err != nil || !p.exact() {
			return cannot("CSRF: TrustedOrigins has %q: give an origin as browsers send it, \"https://example.org\" or \"https://example.org:8443\", without path and without *", s)
		}
		trusted[s] = struct{}{}
	}
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			why := crossOrigin(c, trusted)
			if why == "" {
				return next(c)
			}
			if o.Refused != nil {
				o.Refused(c, why)
			}
			return &wherry.Error{Status: 403, Detail: "The request comes from another site."}
		}
	}
}

// crossOrigin says why a request is refused, "" if it is not.
func crossOrigin(c *wherry.Context, trusted map[string]struct{}) string {
	switch c.Method() {
	case "GET", "HEAD", "OPTIONS":
		return ""
	}
	origin := c.HeaderBytes(wherry.HeaderOrigin)
	_, known := trusted[string(origin)]
	switch string(c.HeaderBytes("Sec-Fetch-Site")) {
	case "same-origin", "none":
		return ""
	case "":
		if len(origin) == 0 || known {
			return ""
		}
		// The scheme of Origin cannot be compared, as nothing says with which
		// one Host was meant: every browser since 2023 sends Sec-Fetch-Site.
		if u, err := url.Parse(string(origin)); err == nil && u.Host == c.Host() {
			return ""
		}
		return "there is no Sec-Fetch-Site, and Origin is not for this host"
	}
	if known {
		return ""
	}
	return "Sec-Fetch-Site says that the request comes from elsewhere"
}
