package wherry_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/proxyproto"
	"wherry.example/wherry/secure"
)

// Limits.Connections counts a connection until it is closed, also one that was
// hijacked or whose answer is kept open, and behind every layer.

const proxyHeader = "PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n"

// layer is what may lie between the socket and the app, and how its peer
// begins.
type layer struct {
	listen func(t *testing.T, tcp net.Listener) net.Listener
	greet  func(conn net.Conn) net.Conn
}

func encrypted(t *testing.T, ln net.Listener) net.Listener {
	encrypted, err := secure.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{certificateForTLS(t)}})
	require.NoError(t, err)
	return encrypted
}

func proxied(t *testing.T, ln net.Listener) net.Listener {
	proxied, err := proxyproto.New(ln, proxyproto.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	require.NoError(t, err)
	return proxied
}

func greetTLS(conn net.Conn) net.Conn {
	return tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
}

func greetProxy(conn net.Conn) net.Conn {
	_, _ = io.WriteString(conn, proxyHeader)
	return conn
}

var layers = map[string]layer{
	"none":  {func(_ *testing.T, ln net.Listener) net.Listener { return ln }, func(conn net.Conn) net.Conn { return conn }},
	"tls":   {encrypted, greetTLS},
	"proxy": {proxied, greetProxy},
	"tls on proxy": {
		func(t *testing.T, ln net.Listener) net.Listener { return encrypted(t, proxied(t, ln)) },
		func(conn net.Conn) net.Conn { return greetTLS(greetProxy(conn)) },
	},
}

func TestConnectionsLimitCountsUntilClosed(t *testing.T) {
	for _, kind := range engine.All() {
		for name, l := range layers {
			for _, path := range []string{"/hijack", "/open"} {
				t.Run(string(kind)+"/"+name+path, func(t *testing.T) { countsUntilClosed(t, kind, l, path) })
			}
		}
	}
}

func countsUntilClosed(t *testing.T, kind engine.Kind, l layer, path string) {
	kept := make(chan io.Closer, 1)
	app := quiet().Engine(kind).Limits(wherry.Limits{Connections: 1}).Get("/", text("ok"))
	app.Get("/hijack", func(c *wherry.Context) error {
		conn, _, err := c.Hijack()
		if err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
			kept <- conn
		}
		return err
	})
	app.Get("/open", func(c *wherry.Context) error {
		answer, err := c.KeepOpen(func() {})
		if errors.Is(err, errors.ErrUnsupported) { // there it costs a goroutine, and the handler goes on
			kept <- nil
			return nil
		}
		kept <- answer
		return err
	})
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- app.Serve(l.listen(t, tcp)) }()
	ask := func(path string) (net.Conn, bool) {
		conn := l.greet(dial(t, tcp.Addr().String()))
		_, _ = io.WriteString(conn, get(path))
		_, err := http.ReadResponse(bufio.NewReader(conn), nil)
		return conn, err == nil
	}
	first, ok := ask(path)
	require.True(t, ok)
	if answer := <-kept; answer != nil {
		for range 20 { // the session of the first may not have ended yet
			_, ok := ask("/")
			require.False(t, ok)
		}
		require.NoError(t, answer.Close())
	} else {
		_ = first.Close()
	}
	require.Eventually(t, func() bool { conn, ok := ask("/"); _ = conn.Close(); return ok }, patience, time.Millisecond)
	require.NoError(t, errors.Join(app.Shutdown(t.Context()), <-served))
}
