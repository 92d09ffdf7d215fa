package middleware

import (
	"fmt"
	"net"
	"net/netip"
)

// This file knows whom a request came from: the other end of the socket, and
// whether it is one of those that have been named. What fields say of an
// address stands in clientip.go.

// peers are the other ends that are believed. Set at construction, then
// read-only.
type peers struct {
	networks []netip.Prefix
	unix     bool
}

func newPeers(networks []netip.Prefix, unix bool) (peers, error) {
	p := peers{networks: make([]netip.Prefix, 0, len(networks)), unix: unix}
	for i, n := range networks {
		if !n.IsValid() {
			return p, fmt.Errorf("network %d is the zero netip.Prefix; give one as netip.MustParsePrefix(\"10.0.0.0/8\")", i+1)
		}
		if n.Addr().Is4In6() {
			return p, fmt.Errorf("%v never matches: addresses are compared in their IPv4 form; give %v in that form", n, n.Addr().Unmap())
		}
		if n != n.Masked() {
			return p, fmt.Errorf("%v has bits beyond its length; give %v, or %v/%d", n, n.Masked(), n.Addr(), n.Addr().BitLen())
		}
		p.networks = append(p.networks, n)
	}
	return p, nil
}

// none reports whether nobody is believed.
func (p *peers) none() bool { return len(p.networks) == 0 && !p.unix }

// include reports whether the other end of a socket is one of them.
func (p *peers) include(remote net.Addr) bool {
	if p.none() || remote == nil {
		return false
	}
	if p.unix && remote.Network() == "unix" {
		return true
	}
	return p.contain(addrOf(remote))
}

// contain reports whether an address is in one of the networks.
func (p *peers) contain(addr netip.Addr) bool {
	for _, n := range p.networks {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}

// addrOf returns the IP address of the other end of a socket, without a zone
// and in its IPv4 form if it has one; invalid if there is none.
func addrOf(remote net.Addr) netip.Addr {
	if a, ok := remote.(interface{ AddrPort() netip.AddrPort }); ok {
		return plain(a.AddrPort().Addr())
	}
	return netip.Addr{}
}

func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }
