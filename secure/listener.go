// Package secure serves an app over TLS, on every engine, and renews
// certificates while it runs.
//
//	ln, err := secure.Listen(":8443", "cert.pem", "key.pem")
//	if err != nil {
//		log.Fatal(err)
//	}
//	if err := app.ListenOn(ln); err != nil {
//		log.Fatal(err)
//	}
//
// The framework speaks HTTP/1.1 only, and so ALPN offers nothing else. A client
// that asks in clear is told with a 400 that TLS is spoken here, and its
// connection is closed.
package secure

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"wherry.example/wherry"
)

// Listener accepts TLS connections. The handshake does not run in Accept: it
// runs with the first read, or when the engine asks for it, within
// wherry.Timeouts.Handshake.
type Listener struct {
	under  net.Listener
	config *tls.Config
}

// Listen listens on an address, in any form that [wherry.OpenListener] takes,
// with the certificate of two PEM files, which are read again when they change:
// see [Files].
func Listen(addr, certFile, keyFile string) (*Listener, error) {
	cert, err := Files(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	ln, err := wherry.OpenListener(addr)
	if err != nil {
		return nil, fmt.Errorf("secure: %w", err)
	}
	return NewListener(ln, &tls.Config{GetCertificate: cert.Get})
}

// NewListener serves TLS on the connections of another listener, which Close
// closes. The config is copied; it must have a certificate or a way to get
// one. Unless it says otherwise the least version is TLS 1.2 and the protocol
// that ALPN offers is http/1.1. Its connections wrap a *tls.Conn: a server that
// looks for that itself, as net/http for HTTP/2, needs tls.NewListener.
func NewListener(under net.Listener, config *tls.Config) (*Listener, error) {
	if config == nil || len(config.Certificates) == 0 && config.GetCertificate == nil && config.GetConfigForClient == nil {
		return nil, errors.New("secure: the tls.Config has no certificate; set Certificates, GetCertificate or GetConfigForClient")
	}
	config = config.Clone()
	if config.MinVersion == 0 {
		config.MinVersion = tls.VersionTLS12
	}
	if config.NextProtos == nil {
		config.NextProtos = []string{"http/1.1"}
	}
	return &Listener{under, config}, nil
}

// Accept waits for a connection and returns it with the methods of a *tls.Conn,
// whose handshake has not run yet.
func (l *Listener) Accept() (net.Conn, error) {
	conn, err := l.under.Accept()
	if err != nil {
		return nil, err
	}
	return &shielded{tls.Server(conn, l.config)}, nil
}

// Close closes the listener below.
func (l *Listener) Close() error { return l.under.Close() }

// Addr returns the address of the listener below.
func (l *Listener) Addr() net.Addr { return l.under.Addr() }

// layered is engine.Layered.
type layered interface {
	Under() net.Listener
	Layer(net.Conn) net.Conn
}

// Under returns the listener below, for engines that accept sockets
// themselves: the lowest one, if the listener below is a layer as well.
func (l *Listener) Under() net.Listener {
	if below, ok := l.under.(layered); ok {
		return below.Under()
	}
	return l.under
}

// Layer returns what Accept would of a connection of the listener that
// [Listener.Under] returns.
func (l *Listener) Layer(conn net.Conn) net.Conn {
	if below, ok := l.under.(layered); ok {
		conn = below.Layer(conn)
	}
	return &shielded{tls.Server(conn, l.config)}
}

// State returns what was agreed in the handshake of a connection that a
// listener of this package has accepted, as wherry.Conn.NetConn returns it. It
// reports false for others.
func State(conn net.Conn) (tls.ConnectionState, bool) {
	for conn != nil {
		if t, ok := conn.(*tls.Conn); ok {
			return t.ConnectionState(), true
		}
		layer, ok := conn.(interface{ Unwrap() net.Conn })
		if !ok {
			break
		}
		conn = layer.Unwrap()
	}
	return tls.ConnectionState{}, false
}
