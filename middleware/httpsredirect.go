package middleware

import (
	"fmt"
	"net/netip"
	"strings"

	"wherry.example/wherry"
	"wherry.example/wherry/internal/peer"
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
	// TrustedProxies are networks whose X-Forwarded-Proto is believed, for
	// servers behind a proxy that ends TLS. Without one only the connection
	// itself counts.
	TrustedProxies []netip.Prefix
	// TrustUnix believes X-Forwarded-Proto of connections over Unix sockets.
	TrustUnix bool
}

// HTTPSRedirect sends GET and HEAD requests that came in clear to the same
// path over https with 308. Other methods are answered 403: their content has
// crossed the network already, and a client that is not told will do it again.
//
// It stands in front of everything that looks at the request, behind AccessLog
// only. It is no replacement for Strict-Transport-Security (SecureHeaders),
// which spares the next request in clear. Health checks in clear are excepted
// with [Skip].
func HTTPSRedirect(o HTTPSRedirectOptions) wherry.Middleware {
	trusted, err := peer.NewSet(o.TrustedProxies, o.TrustUnix)
	switch {
	case err != nil:
		return cannot("HTTPSRedirect: TrustedProxies: %w", err)
	case len(o.Hosts) == 0:
		return cannot("HTTPSRedirect: Hosts is empty; name the hosts that are served over https")
	case o.Port < 0 || o.Port > 65535:
		return cannot("HTTPSRedirect: Port %d is none; give 1 to 65535, or 0 for 443", o.Port)
	}
	hosts := make([]string, len(o.Hosts))
	for i, host := range o.Hosts {
		name := strings.TrimPrefix(host, "*.")
		if !hostName(name) || i == 0 && name != host {
			return cannot("HTTPSRedirect: Hosts[%d] %q is no host; give a name as \"example.com\" without scheme and port, or behind the first one \"*.example.com\"", i, host)
		}
		hosts[i] = strings.ToLower(host)
	}
	port := ""
	if o.Port != 0 && o.Port != 443 {
		port = fmt.Sprintf(":%d", o.Port)
	}
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			if c.Conn().Encrypted() || forwardedHTTPS(c, &trusted) {
				return next(c)
			}
			if m := c.Method(); m != "GET" && m != "HEAD" {
				return &wherry.Error{Status: 403, Detail: "Use https. What was sent has crossed the network in clear."}
			}
			host, ok := servedHost(c.Host(), hosts)
			if !ok {
				return &wherry.Error{Status: 421}
			}
			return c.Redirect(308, "https://"+host+port+pathAndQuery(c))
		}
	}
}

// forwardedHTTPS reports whether a trusted proxy says that it was asked over
// https. The last value is the one that it has written itself.
func forwardedHTTPS(c *wherry.Context, trusted *peer.Set) bool {
	if trusted.Empty() || !trusted.Has(c.RemoteAddr()) {
		return false
	}
	lines := c.Headers().Values("X-Forwarded-Proto")
	if len(lines) == 0 {
		return false
	}
	last := lines[len(lines)-1]
	last = last[strings.LastIndexByte(last, ',')+1:]
	return strings.EqualFold(strings.Trim(last, " \t"), "https")
}

// servedHost returns the name in a Host field without its port, if it is one
// of the hosts.
func servedHost(field string, hosts []string) (string, bool) {
	name := strings.ToLower(field)
	if i := strings.LastIndexByte(name, ':'); i >= 0 && !strings.HasSuffix(name, "]") {
		name = name[:i]
	}
	for _, host := range hosts {
		suffix, below := strings.CutPrefix(host, "*")
		if name == host || below && strings.HasSuffix(name, suffix) && hostName(name) {
			return name, true
		}
	}
	return "", false
}

// hostName reports whether s is a name of letters, digits, hyphens and dots.
func hostName(s string) bool {
	for i := 0; i < len(s); i++ {
		b := s[i]
		letter := 'a' <= b|0x20 && b|0x20 <= 'z' || '0' <= b && b <= '9' || b == '-'
		if !letter && (b != '.' || i == 0 || s[i-1] == '.') {
			return false
		}
	}
	return s != "" && len(s) <= 253
}

// pathAndQuery returns the path and the query of the request as they were
// sent.
func pathAndQuery(c *wherry.Context) string {
	if query := c.RawQuery(); query != "" {
		return c.RawPath() + "?" + query
	}
	return c.RawPath()
}
