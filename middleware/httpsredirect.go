package middleware

import (
	"fmt"
	"strings"

	"wherry.example/wherry"
)

// HTTPSRedirectOptions says where [HTTPSRedirect] may lead. Hosts is
// required.
type HTTPSRedirectOptions struct {
	// Hosts are the names that are served over https, without port, as
	// "example.com", or "*.example.com" for all names below one. A request
	// for another host is answered 421, never sent there: its Host field is
	// only what somebody wrote. The first one must be a whole name.
	Hosts []string
	// Port is that of https; 0 means 443, which is left out.
	Port int
}

// HTTPSRedirect sends GET and HEAD requests that came in clear to the same
// path over https with 308. Other methods are answered 403: their content has
// crossed the network already, and a client that is not told will do it again.
// Which came in clear is what [SchemeOf] tells: behind a proxy that ends TLS
// it needs [ClientIP], or package proxyproto, and without them it redirects
// for ever.
//
// It stands inside of [ClientIP], which knows whether a proxy was asked over
// TLS, and of [SecureHeaders], whose fields its answers have like all others;
// in front of everything else that looks at the request. It is no replacement
// for Strict-Transport-Security (SecureHeaders), which spares the next request
// in clear. Health checks in clear are excepted with [Skip].
func HTTPSRedirect(o HTTPSRedirectOptions) wherry.Middleware {
	switch {
	case len(o.Hosts) == 0:
		return cannot("HTTPSRedirect: Hosts is empty; name the hosts that are served over https")
	case o.Port < 0 || o.Port > 65535:
		return cannot("HTTPSRedirect: Port %d is none; give 1 to 65535, or 0 for 443", o.Port)
	}
	served := hostSet{exact: make(map[string]struct{}, len(o.Hosts))}
	for i, host := range o.Hosts {
		if !served.add(host, false) || i == 0 && len(served.below) > 0 {
			return cannot("HTTPSRedirect: Hosts[%d] %q is no host; give a name as \"example.com\" without scheme and port, or behind the first one \"*.example.com\"", i, host)
		}
	}
	port := ""
	if o.Port != 0 && o.Port != 443 {
		port = fmt.Sprintf(":%d", o.Port)
	}
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			if SchemeOf(c) == "https" {
				return next(c)
			}
			if m := c.Method(); m != "GET" && m != "HEAD" {
				return &wherry.Error{Status: 403, Detail: "Use https. What was sent has crossed the network in clear."}
			}
			host, ok := served.find(c.Host())
			if !ok {
				return &wherry.Error{Status: 421}
			}
			return c.Redirect(308, "https://"+host+port+pathAndQuery(c))
		}
	}
}

// pathAndQuery returns the path and the query of the request as they were
// sent: a hook may have put another path in their place, which clients need
// not know.
func pathAndQuery(c *wherry.Context) string {
	target := c.Target()
	if strings.HasPrefix(target, "/") {
		return target
	}
	// In absolute form, RFC 9112 section 3.2.2: the path may be empty.
	_, target, _ = strings.Cut(target, "://")
	if i := strings.IndexAny(target, "/?"); i >= 0 && target[i] == '/' {
		return target[i:]
	} else if i >= 0 {
		return "/" + target[i:]
	}
	return "/"
}
