// Package proxyproto reads the PROXY protocol, versions 1 and 2: a few bytes
// with which a load balancer begins each connection, and which say for whom
// it connects. It wraps a listener; what is served behind it sees the address
// of the client as that of the peer, in hooks and in Context.RemoteAddr.
//
//	ln, err := net.Listen("tcp", ":8080")
//	...
//	ln, err = proxyproto.New(ln, proxyproto.Options{
//		Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
//	})
//	...
//	err = app.Serve(ln)
//
// Only peers that are named are believed, and they must send a header: a
// receiver that guesses whether there is one lets every client choose its
// address. Accept never reads: the header is read on the goroutine of its
// connection when that first asks for the address or for bytes, so a peer that
// is slow keeps nobody else waiting. TLS goes around it: tls.NewListener takes
// what New returns.
//
// Connections of such a listener are no plain sockets: engines serve them as
// they serve TLS, with a goroutine each.
package proxyproto

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Options says who is believed, and how much.
type Options struct {
	// Trusted are the networks of the load balancers. Connections from them
	// begin with a header. Required, unless TrustUnix is set.
	Trusted []netip.Prefix
	// TrustUnix: connections over Unix sockets begin with a header.
	TrustUnix bool
	// AllowDirect serves connections from elsewhere as they are, without a
	// header. Without it they are closed: who can go around the load balancer
	// can go around what it keeps away.
	AllowDirect bool
	// HeaderTimeout is the time from accept to a complete header; 0 means 5 s.
	HeaderTimeout time.Duration
	// HeaderBytes bounds a header of version 2; 0 means 536, which is room
	// for every address and some TLVs. At least 232, at most 65551. One of
	// version 1 has at most 107 bytes.
	HeaderBytes int
}

const (
	defaultHeaderBytes = 536
	leastHeaderBytes   = headV2 + 216 // two addresses of Unix sockets
	mostHeaderBytes    = headV2 + 1<<16 - 1
)

// New returns a listener whose connections come from those for whom the peers
// of ln speak. The error names the option that cannot be.
func New(ln net.Listener, o Options) (net.Listener, error) {
	if o.HeaderTimeout == 0 {
		o.HeaderTimeout = 5 * time.Second
	}
	if o.HeaderBytes == 0 {
		o.HeaderBytes = defaultHeaderBytes
	}
	switch {
	case ln == nil:
		return nil, errors.New("proxyproto: the listener is nil; give one of net.Listen")
	case len(o.Trusted) == 0 && !o.TrustUnix:
		return nil, errors.New("proxyproto: Options.Trusted is empty; name the networks of the load balancers")
	case o.HeaderTimeout < 0:
		return nil, fmt.Errorf("proxyproto: Options.HeaderTimeout %v is negative; a header is always bounded in time", o.HeaderTimeout)
	case o.HeaderBytes < leastHeaderBytes || o.HeaderBytes > mostHeaderBytes:
		return nil, fmt.Errorf("proxyproto: Options.HeaderBytes %d: give %d to %d", o.HeaderBytes, leastHeaderBytes, mostHeaderBytes)
	}
	trusted := make([]netip.Prefix, len(o.Trusted))
	for i, p := range o.Trusted {
		if !p.IsValid() || p.Addr().Is4In6() || p != p.Masked() {
			return nil, fmt.Errorf("proxyproto: Options.Trusted[%d] %v is no network; give one as netip.MustParsePrefix(\"10.0.0.0/8\"), without bits beyond its length", i, p)
		}
		trusted[i] = p
	}
	o.Trusted = trusted
	return &listener{Listener: ln, options: o}, nil
}

// listener is set at construction, then read-only.
type listener struct {
	net.Listener
	options Options
}

// Accept waits for a connection, and for nothing that its peer sends.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		switch {
		case err != nil:
			return nil, err
		case l.trusts(c.RemoteAddr()):
			return newConn(c, l.options), nil
		case l.options.AllowDirect:
			return c, nil
		}
		_ = c.Close()
	}
}

func (l *listener) trusts(peer net.Addr) bool {
	if peer == nil {
		return false
	}
	if peer.Network() == "unix" {
		return l.options.TrustUnix
	}
	withPort, ok := peer.(interface{ AddrPort() netip.AddrPort })
	if !ok {
		return false
	}
	addr := withPort.AddrPort().Addr().Unmap().WithZone("")
	for _, p := range l.options.Trusted {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// SetDeadline bounds Accept, where the listener inside can do that. Engines
// use it to take what waits before they stop.
func (l *listener) SetDeadline(t time.Time) error {
	if d, ok := l.Listener.(interface{ SetDeadline(time.Time) error }); ok {
		return d.SetDeadline(t)
	}
	return errors.ErrUnsupported
}
