// Package peer knows the other end of a socket: its address in the one form
// in which addresses are compared, and whether it is one of those that a
// program has named, such as its load balancers, and what it has told about
// the client for whom it speaks.
//
// Addresses are compared in IPv4 form if they have one, and without a zone: a
// link-local peer is in fe80::/10 on every interface. A peer on a unix socket
// has no address and is in no network.
package peer

import (
	"fmt"
	"net"
	"net/netip"
)

// Set is a set of peers. The zero value is empty. It is set at construction,
// then read-only.
type Set struct {
	networks []netip.Prefix
	unix     bool
}

// NewSet makes a set of networks, and of all peers on unix sockets if unix is
// set. The error says which network cannot be meant as it is written, and what
// to write.
func NewSet(networks []netip.Prefix, unix bool) (Set, error) {
	s := Set{networks: make([]netip.Prefix, 0, len(networks)), unix: unix}
	for i, n := range networks {
		if !n.IsValid() {
			return Set{}, fmt.Errorf("network %d is the zero netip.Prefix; give one as netip.MustParsePrefix(\"10.0.0.0/8\")", i+1)
		}
		if n.Addr().Is4In6() {
			return Set{}, fmt.Errorf("%v never matches: addresses are compared in their IPv4 form; give %v in that form", n, n.Addr().Unmap())
		}
		if n != n.Masked() {
			return Set{}, fmt.Errorf("%v has bits beyond its length; give %v, or %v/%d", n, n.Masked(), n.Addr(), n.Addr().BitLen())
		}
		s.networks = append(s.networks, n)
	}
	return s, nil
}

// Empty reports whether nobody is in the set.
func (s *Set) Empty() bool { return len(s.networks) == 0 && !s.unix }

// Has reports whether the other end of a socket is in the set.
func (s *Set) Has(remote net.Addr) bool {
	switch {
	case s.Empty() || remote == nil:
		return false
	case remote.Network() == "unix":
		return s.unix
	}
	return s.Contains(AddrOf(remote))
}

// IsLocal reports whether one end of a socket is on this machine and cannot be
// reached from another: a loopback address, or a Unix socket.
func IsLocal(end net.Addr) bool {
	if end == nil {
		return false
	}
	return end.Network() == "unix" || AddrOf(end).IsLoopback()
}

// Contains reports whether an address is in one of the networks.
func (s *Set) Contains(addr netip.Addr) bool {
	addr = Plain(addr)
	for _, n := range s.networks {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}

// AddrOf returns the IP address of the other end of a socket in plain form;
// invalid if there is none.
func AddrOf(remote net.Addr) netip.Addr {
	if a, ok := remote.(interface{ AddrPort() netip.AddrPort }); ok {
		return Plain(a.AddrPort().Addr())
	}
	return netip.Addr{}
}

// Plain returns the form in which addresses are compared.
func Plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// Layer returns the first layer of a connection that is a T: the connection
// itself, or one that it wraps and returns from Unwrap or NetConn.
func Layer[T any](conn net.Conn) (layer T, ok bool) {
	for conn != nil {
		if layer, ok = conn.(T); ok {
			return layer, true
		}
		switch w := conn.(type) {
		case interface{ Unwrap() net.Conn }:
			conn = w.Unwrap()
		case interface{ NetConn() net.Conn }:
			conn = w.NetConn()
		default:
			return layer, false
		}
	}
	return layer, false
}

// ClientEncrypted reports whether a connection began with the word of a peer
// that is believed, such as a PROXY header, that the client for whom it speaks
// has come over TLS.
func ClientEncrypted(conn net.Conn) bool {
	told, ok := Layer[interface{ ClientEncrypted() bool }](conn)
	return ok && told.ClientEncrypted()
}
