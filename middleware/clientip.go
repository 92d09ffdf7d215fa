package middleware

import (
	"net/netip"
	"strings"

	"wherry.example/wherry"
	"wherry.example/wherry/internal/peer"
)

// ClientIPOptions says who is believed about where a request came from. The
// zero value believes nobody: the client is the other end of the socket.
type ClientIPOptions struct {
	// TrustedProxies are the networks of the proxies between the clients and
	// this server: all of them, and nothing else. Each must add to Field, or
	// set it, and set X-Forwarded-Proto unless Field is Forwarded, and never
	// pass on what a client has put there. Behind package proxyproto a proxy
	// is the peer that a PROXY header names, not the balancer that sent it.
	TrustedProxies []netip.Prefix
	// TrustUnix believes every peer on a Unix socket, such as a proxy on
	// the same machine.
	TrustUnix bool
	// Field is where those proxies write. X-Forwarded-For, the default, and
	// Forwarded (RFC 7239) are walked from the right to the first address that
	// is none of TrustedProxies. Any other field, such as CF-Connecting-IP, is
	// one address that the nearest proxy sets in place of what was there.
	Field string
}

// maxHops is how many entries of a field are looked at, from the right.
const maxHops = 32

// origin is where a request came from, as far as that is known.
type origin struct {
	addr   netip.Addr // invalid if the client has no IP address
	scheme string     // "http", "https", or "" if nobody has told
	legacy bool       // the scheme would stand in X-Forwarded-Proto
}

var origins = wherry.NewKey[*origin]("client")

// ClientIPOf returns the address of the client: what [ClientIP] has found, or
// without it that of the other end of the socket. It is in IPv4 form if there
// is one, has no zone, and is invalid if the peer has no IP address.
func ClientIPOf(c *wherry.Context) netip.Addr {
	if o, found := origins.Get(c); found {
		return o.addr
	}
	return peer.AddrOf(c.RemoteAddr())
}

// SchemeOf returns how the client asked: "https" or "http". It is what a
// trusted proxy has told [ClientIP], else whether the connection is one of
// TLS, or began with a PROXY header that says so (package proxyproto, which
// believes only load balancers that are named).
func SchemeOf(c *wherry.Context) string {
	if o, found := origins.Get(c); found {
		if o.legacy {
			o.scheme, o.legacy = forwardedProto(c), false
		}
		if o.scheme != "" {
			return o.scheme
		}
	}
	if conn := c.Conn(); conn.Encrypted() || peer.ClientEncrypted(conn.NetConn()) {
		return "https"
	}
	return "http"
}

// ClientIP finds the address of the client behind proxies that are named, for
// [ClientIPOf] and [SchemeOf]; [wherry.Context.RemoteAddr] stays the other end
// of the socket.
//
// It fails closed: a field from a peer that is not named is not looked at; the
// walk along a field ends at an entry that is no address, and at the 32nd, and
// the client is then the last proxy that was known. The scheme comes from
// X-Forwarded-Proto, or from the entry of the client in Forwarded, under the
// same conditions.
//
// It stands inside of [RequestID] and [Recover], and outside of all that ask
// for the address or the scheme: [SecureHeaders], [HTTPSRedirect],
// [RateLimit]. Never use it with networks
// that clients are in, nor with a field that a proxy passes on unchanged.
func ClientIP(options ...ClientIPOptions) wherry.Middleware {
	o, wrong := given("ClientIP", options)
	if wrong != nil {
		return wrong
	}
	proxies, err := peer.NewSet(o.TrustedProxies, o.TrustUnix)
	switch {
	case err != nil:
		return cannot("ClientIP: TrustedProxies: %w", err)
	case o.Field != "" && !isToken(o.Field):
		return cannot("ClientIP: Field %q is no name of a field; give one as \"X-Forwarded-For\"", o.Field)
	case o.Field != "" && proxies.Empty():
		return cannot("ClientIP: Field is %q but nobody is believed; name the proxies in TrustedProxies", o.Field)
	}
	find := findSingle(o.Field)
	switch strings.ToLower(o.Field) {
	case "", "x-forwarded-for":
		find = findForwardedFor
	case "forwarded":
		find = findForwarded
	}
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			if remote := c.RemoteAddr(); proxies.Has(remote) {
				found := &origin{addr: peer.AddrOf(remote)}
				find(c, &proxies, found)
				origins.Set(c, found)
			}
			return next(c)
		}
	}
}

// findForwardedFor walks X-Forwarded-For from the right, over all its lines.
func findForwardedFor(c *wherry.Context, proxies *peer.Set, o *origin) {
	o.legacy = true
	hops := 0
	lines := c.Headers().Values(wherry.HeaderXForwardedFor)
	for i := len(lines) - 1; i >= 0; i-- {
		for rest, more := lines[i], true; more; {
			var entry string
			rest, entry, more = cutLast(rest)
			addr, ok := parseHop(entry)
			if hops++; !ok || hops > maxHops {
				return
			}
			o.addr = addr
			if !proxies.Contains(addr) {
				return
			}
		}
	}
}

// cutLast cuts the last member off a list.
func cutLast(list string) (rest, last string, more bool) {
	i := strings.LastIndexByte(list, ',')
	if i < 0 {
		return "", strings.Trim(list, " \t"), false
	}
	return list[:i], strings.Trim(list[i+1:], " \t"), true
}

// findSingle takes the address of a field that a proxy sets to one.
func findSingle(field string) func(*wherry.Context, *peer.Set, *origin) {
	return func(c *wherry.Context, _ *peer.Set, o *origin) {
		o.legacy = true
		lines := c.Headers().Values(field)
		if len(lines) != 1 {
			return // somebody has added to it: which one is the client's?
		}
		if addr, ok := parseHop(strings.Trim(lines[0], " \t")); ok {
			o.addr = addr
		}
	}
}

// forwardedProto returns the scheme in X-Forwarded-Proto. Of several nobody
// knows which is the client's.
func forwardedProto(c *wherry.Context) string {
	lines := c.Headers().Values("X-Forwarded-Proto")
	if len(lines) != 1 {
		return ""
	}
	return knownScheme(lines[0])
}

func knownScheme(s string) string {
	switch {
	case strings.EqualFold(s, "https"):
		return "https"
	case strings.EqualFold(s, "http"):
		return "http"
	}
	return ""
}

// parseHop reads an address as proxies write it, with or without a port. In
// brackets stands an address of version 6.
func parseHop(s string) (netip.Addr, bool) {
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		addr, err := netip.ParseAddr(s[1 : len(s)-1])
		return peer.Plain(addr), err == nil && addr.Is6()
	}
	if addr, err := netip.ParseAddr(s); err == nil {
		return peer.Plain(addr), true
	}
	with, err := netip.ParseAddrPort(s)
	return peer.Plain(with.Addr()), err == nil
}
