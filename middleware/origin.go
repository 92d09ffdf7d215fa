package middleware

import (
	"errors"
	"net/netip"
	"strings"
)

// This file knows what an origin is, RFC 6454 section 6.2, as browsers send it
// in Origin, and patterns of such.

// originPattern is an origin, or a set of them: "https://example.org",
// "https://*.example.org" for all names below, "http://localhost:*" for all
// ports.
type originPattern struct {
	scheme  string // with "://"
	below   bool   // all names that end with "." and host
	host    string
	port    string // with its colon, "" for none
	anyPort bool
}

func (p *originPattern) exact() bool { return !p.below && !p.anyPort }

// parseOriginPattern reads a pattern. Whatever no browser would send is a
// mistake, since it would never match.
func parseOriginPattern(s string) (p originPattern, err error) {
	scheme, rest, found := strings.Cut(s, "://")
	switch {
	case s == "null":
		return p, errors.New("null is the origin of every sandboxed page and file; name real origins")
	case s != strings.ToLower(s):
		return p, errors.New("browsers send origins in lower case")
	case !found || scheme != "http" && scheme != "https":
		return p, errors.New("an origin begins with https:// or http://")
	}
	p.scheme = scheme + "://"
	p.host, p.port = splitPort(rest)
	p.host, p.below = strings.CutPrefix(p.host, "*.")
	if p.port == ":*" {
		p.port, p.anyPort = "", true
	}
	switch {
	case p.port == ":80" && scheme == "http" || p.port == ":443" && scheme == "https":
		return p, errors.New("browsers leave the port of the scheme out; leave it out here")
	case !isHost(p.host+p.port, true):
		return p, errors.New("what follows :// is a host name and perhaps a port, without path, in ASCII")
	case p.below && (!strings.Contains(p.host, ".") || isAddress(p.host)):
		return p, errors.New("*. needs a name of at least two labels, as that of one owner: *.example.org")
	}
	return p, nil
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil
}

// insecure reports whether others on the network can pose as this origin.
func (p *originPattern) insecure() bool {
	if p.scheme == "https://" {
		return false
	}
	if p.host == "localhost" || strings.HasSuffix(p.host, ".localhost") {
		return false
	}
	addr, err := netip.ParseAddr(strings.Trim(p.host, "[]"))
	return err != nil || !addr.IsLoopback()
}

// matches reports whether an origin is of the set.
func (p *originPattern) matches(origin string) bool {
	rest, ok := strings.CutPrefix(origin, p.scheme)
	if !ok {
		return false
	}
	host, port := splitPort(rest)
	if p.anyPort && port != "" && !isPort(port[1:]) || !p.anyPort && port != p.port {
		return false
	}
	if !p.below {
		return host == p.host
	}
	cut := len(host) - len(p.host) - 1
	return cut > 0 && host[cut] == '.' && host[cut+1:] == p.host && isName(host)
}
