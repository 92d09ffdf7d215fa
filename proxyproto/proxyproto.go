// Package proxyproto reads the PROXY protocol, versions 1 and 2: a few bytes
// with which a load balancer begins each connection, and which say for whom
// it connects. It wraps a listener; what is served behind it sees the address
// of the client as that of the peer, in hooks and in Context.RemoteAddr.
//
//	ln, err := net.Listen("tcp", ":8080")
//	...
//	ln, err = proxyproto.New(ln, proxyproto.Options{
//		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
//	})
//	...
//	err = app.Serve(ln)
//
// Only peers that are named are believed, and they must send a header: a
// receiver that guesses whether there is one lets every client choose its
// address. Accept never reads, so a peer that is slow keeps nobody else
// waiting: an app waits for the header before its OnConnect hooks run, on
// event loops without a goroutine, and then serves the connection like any
// other socket. Elsewhere the header is read by whoever first asks for the
// address or for bytes.
//
// A balancer that ends TLS tells so in a header of version 2: see
// [Header.Encrypted]. The functions SchemeOf and HTTPSRedirect of package
// middleware go by it without further options. Conn.Encrypted of package
// wherry stays false, as the connection itself is in clear.
//
// TLS goes around it: secure.NewListener and tls.NewListener take what New
// returns. The hooks run behind the handshake then. Event loops serve the
// former themselves and give the latter a goroutine for each connection.
package proxyproto

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"wherry.example/wherry/internal/peer"
)

// Options says who is believed, and how much.
type Options struct {
	// TrustedProxies are the networks of the load balancers. Connections from them
	// begin with a header. Required, unless TrustUnix is set.
	TrustedProxies []netip.Prefix
	// TrustUnix: connections over Unix sockets begin with a header.
	TrustUnix bool
	// AssumeTLS: the load balancers end TLS, and every client comes to them
	// over it, so that [Header.Encrypted] is true though no header tells.
	// Version 1 cannot tell, and of version 2 not every balancer does. What
	// this is set for must not be reached in clear by way of them. A header
	// that tells counts before it.
	AssumeTLS bool
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
	case len(o.TrustedProxies) == 0 && !o.TrustUnix:
		return nil, errors.New("proxyproto: Options.TrustedProxies is empty; name the networks of the load balancers")
	case o.HeaderTimeout < 0:
		return nil, fmt.Errorf("proxyproto: Options.HeaderTimeout %v is negative; a header is always bounded in time", o.HeaderTimeout)
	case o.HeaderBytes < leastHeaderBytes || o.HeaderBytes > mostHeaderBytes:
		return nil, fmt.Errorf("proxyproto: Options.HeaderBytes %d: give %d to %d", o.HeaderBytes, leastHeaderBytes, mostHeaderBytes)
	}
	trusted, err := peer.NewSet(o.TrustedProxies, o.TrustUnix)
	if err != nil {
		return nil, fmt.Errorf("proxyproto: Options.TrustedProxies: %w", err)
	}
	return &listener{Listener: ln, options: o, trusted: trusted}, nil
}

// listener is set at construction, then read-only.
type listener struct {
	net.Listener
	options Options
	trusted peer.Set
}

// Accept waits for a connection, and for nothing that its peer sends.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		switch {
		case err != nil:
			return nil, err
		case l.trusted.Has(c.RemoteAddr()):
			p := &conn{}
			p.begin(c, l)
			return p, nil
		case l.options.AllowDirect:
			return c, nil
		}
		_ = c.Close()
	}
}

// Under returns the listener inside, for engines that accept sockets
// themselves.
func (l *listener) Under() net.Listener { return l.Listener }

// Layer returns what Accept would of a connection that was accepted inside.
func (l *listener) Layer(c net.Conn) net.Conn {
	trusted := l.trusted.Has(c.RemoteAddr())
	s, ready := c.(socket)
	switch {
	case !trusted && l.options.AllowDirect:
		return c
	case !trusted:
		return refusedConn{c}
	case !ready:
		p := &conn{}
		p.begin(c, l)
		return p
	}
	p := &socketConn{socket: s}
	p.try = s
	p.begin(c, l)
	return p
}

// SetDeadline bounds Accept, where the listener inside can do that. Engines
// use it to take what waits before they stop.
func (l *listener) SetDeadline(t time.Time) error {
	if d, ok := l.Listener.(interface{ SetDeadline(time.Time) error }); ok {
		return d.SetDeadline(t)
	}
	return errors.ErrUnsupported
}
