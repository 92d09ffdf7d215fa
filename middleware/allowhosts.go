package middleware

import (
	"net/netip"
	"strings"

	"wherry.example/wherry"
)

// AllowHosts lets requests pass only if they are for one of these hosts;
// others are answered 421. So a page whose name was bound to this server's
// address cannot talk to it (DNS rebinding), and no foreign name reaches a
// cache or a link that is built from [wherry.Context.Host].
//
// A host is a name as "example.org", which allows every port, a name and a
// port as "example.org:8443", an IP address, in brackets if it is one of
// version 6, or "*.example.org" for all names below, but not that name itself.
// Case and a dot at the end do not count. Only the target and Host are looked
// at: X-Forwarded-Host is the word of whoever sends it.
//
// It stands inside of [SecureHeaders], and in front of everything else that
// answers by itself. It does not replace [wherry.App.Host], which chooses routes.
func AllowHosts(hosts ...string) wherry.Middleware {
	if len(hosts) == 0 {
		return cannot("AllowHosts: no host is given; name those that this server answers for, as \"example.org\"")
	}
	own := hostSet{exact: make(map[string]struct{}, len(hosts))}
	for _, h := range hosts {
		if !own.add(h, true) {
			return cannot("AllowHosts(%q): this is no host; give a name as \"example.org\", \"*.example.org\" or \"example.org:8443\", not a URL, in ASCII", h)
		}
	}
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			if _, ok := own.find(c.Host()); ok {
				return next(c)
			}
			return &wherry.Error{Status: 421, Detail: "This server does not answer for that host."}
		}
	}
}

// hostSet is the hosts that a server answers for. Set at construction, then
// read-only.
type hostSet struct {
	exact map[string]struct{}
	below []string // ".example.org" for all names below
}

// add takes a host in, or a pattern "*.example.org", and reports whether it is
// one.
func (s *hostSet) add(host string, port bool) bool {
	name, wild := strings.CutPrefix(strings.ToLower(host), "*.")
	switch {
	case !isHost(name, port && !wild):
		return false
	case wild:
		s.below = append(s.below, "."+name)
	default:
		s.exact[name] = struct{}{}
	}
	return true
}

// find returns the name in a Host field, in lower case and without its port
// and a dot at the end, if it is in the set.
func (s *hostSet) find(field string) (name string, ok bool) {
	name, port := splitPort(strings.ToLower(field))
	name = strings.TrimSuffix(name, ".")
	if _, ok = s.exact[name]; ok {
		return name, true
	}
	if _, ok = s.exact[name+port]; ok && port != "" {
		return name, true
	}
	for _, suffix := range s.below {
		if strings.HasSuffix(name, suffix) && isName(name) {
			return name, true
		}
	}
	return "", false
}

// splitPort cuts the port off a host, with its colon.
func splitPort(host string) (name, port string) {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.IndexByte(host[i:], ']') >= 0 {
		return host, ""
	}
	return host[:i], host[i:]
}

// isHost reports whether s, in lower case, is a name or an address, with a
// port if that is allowed.
func isHost(s string, port bool) bool {
	name, p := splitPort(s)
	if p != "" && (!port || !isPort(p[1:])) {
		return false
	}
	if inner, found := strings.CutPrefix(name, "["); found {
		inner, found = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		return found && err == nil && addr.Is6() && addr.Zone() == "" && addr.String() == inner
	}
	return isName(name)
}

// isName reports whether s is a host name in lower case, or an IPv4 address:
// labels of letters, digits, hyphens and underscores between dots.
func isName(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for i := 0; i < len(label); i++ {
			if b := label[i]; b != '-' && b != '_' && (b < '0' || b > '9') && (b < 'a' || b > 'z') {
				return false
			}
		}
	}
	return len(s) <= 253
}

// isPort reports whether s is a port number without leading zeros.
func isPort(s string) bool {
	if s == "" || len(s) > 5 || s[0] == '0' {
		return false
	}
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n < 1<<16
}
