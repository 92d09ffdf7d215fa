package proxyproto_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
	"wherry.example/wherry/proxyproto"
)

const (
	headerV1 = "PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n"
	headerV2 = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x11\xc0\x00\x02\x01\xc6\x33\x64\x02\x30\x39\x01\xbb\x01\x00\x02h2"
	request  = "GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n"
)

// patience bounds what must happen. It is no measure of how fast it happens: a
// machine that is slow must not fail a test.
const patience = 30 * time.Second

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// pipes is a listener whose connections are pipes from an address.
type pipes struct {
	from net.Addr
	next chan net.Conn
}

func newPipes(from string) *pipes {
	return &pipes{net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from)), make(chan net.Conn, 16)}
}

type piped struct {
	net.Conn
	from net.Addr
}

func (p piped) RemoteAddr() net.Addr { return p.from }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.next <- piped{server, p.from}
	return client
}

func (p *pipes) Accept() (net.Conn, error) {
	c, ok := <-p.next
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p *pipes) Close() error   { close(p.next); return nil }
func (p *pipes) Addr() net.Addr { return p.from }

func wrap(t *testing.T, ln net.Listener, o proxyproto.Options) net.Listener {
	t.Helper()
	wrapped, err := proxyproto.New(ln, o)
	require.NoError(t, err)
	return wrapped
}

// serve serves an app that answers with the addresses it sees, on every
// engine, and tells why connections ended. Its own limits are far away.
func serve(t *testing.T, kind engine.Kind, o proxyproto.Options, shield func(net.Listener) net.Listener) (addr string, causes chan error) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	causes = make(chan error, 128)
	app := wherry.New().Engine(kind).
		Timeouts(wherry.Timeouts{Head: time.Hour, Idle: time.Hour, Handshake: time.Hour}).
		OnConnect(func(c *wherry.Conn) error { c.SetTag(c.RemoteAddr().String()); return nil }).
		OnDisconnect(func(_ *wherry.Conn, cause error) { causes <- cause }).
		Get("/", func(c *wherry.Context) error {
			h, ok := proxyproto.HeaderOf(c.Conn().NetConn())
			return c.Text(200, fmt.Sprintf("%v %v %v %v", c.RemoteAddr(), c.Conn().Tag(), ok, h.Destination))
		})
	served := make(chan error, 1)
	go func() { served <- app.Serve(shield(wrap(t, inner, o))) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, app.Shutdown(ctx))
		require.NoError(t, <-served)
	})
	return inner.Addr().String(), causes
}

func open(ln net.Listener) net.Listener { return ln }

func talk(t *testing.T, c net.Conn, sent string) string {
	t.Helper()
	defer func() { _ = c.Close() }()
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	_, err := io.WriteString(c, sent)
	require.NoError(t, err)
	answer, _ := io.ReadAll(c)
	_, body, _ := strings.Cut(string(answer), "\r\n\r\n")
	return body
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	return c
}

func TestEveryEngine(t *testing.T) {
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			addr, causes := serve(t, kind, proxyproto.Options{TrustedProxies: loopback}, open)
			const want = "192.0.2.1:12345 192.0.2.1:12345 true 198.51.100.2:443"
			require.Equal(t, want, talk(t, dial(t, addr), headerV1+request))
			require.Equal(t, want, talk(t, dial(t, addr), headerV2+request))
			<-causes
			<-causes
			require.Empty(t, talk(t, dial(t, addr), request), "a header is required")
			require.ErrorIs(t, <-causes, proxyproto.ErrHeader)
		})
	}
}

func TestBehindTLS(t *testing.T) {
	certificates := httptest.NewTLSServer(nil)
	defer certificates.Close()
	addr, _ := serve(t, engine.Threaded, proxyproto.Options{TrustedProxies: loopback}, func(ln net.Listener) net.Listener {
		return tls.NewListener(ln, &tls.Config{Certificates: certificates.TLS.Certificates})
	})
	c := dial(t, addr)
	_, err := io.WriteString(c, headerV1)
	require.NoError(t, err)
	secure := tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	require.Equal(t, "192.0.2.1:12345 192.0.2.1:12345 true 198.51.100.2:443", talk(t, secure, request))
}

// A peer that sends no header keeps nobody else waiting.
func TestAcceptDoesNotRead(t *testing.T) {
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			addr, _ := serve(t, kind, proxyproto.Options{TrustedProxies: loopback, HeaderTimeout: time.Hour}, open)
			for range 8 {
				slow := dial(t, addr)
				defer func() { _ = slow.Close() }()
			}
			require.Contains(t, talk(t, dial(t, addr), headerV1+request), "192.0.2.1:12345")
		})
	}
}

func TestOthersAreRefused(t *testing.T) {
	ln := newPipes("203.0.113.9:1")
	closed := wrap(t, ln, proxyproto.Options{TrustedProxies: loopback})
	ended := make(chan error, 1)
	go func() {
		_, err := closed.Accept()
		ended <- err
	}()
	refused := ln.dial()
	_, err := refused.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, closed.Close())
	require.ErrorIs(t, <-ended, net.ErrClosed)
}

func TestOthersAreServedDirectly(t *testing.T) {
	ln := newPipes("203.0.113.9:1")
	direct := wrap(t, ln, proxyproto.Options{TrustedProxies: loopback, AllowDirect: true})
	client := ln.dial()
	server, err := direct.Accept()
	require.NoError(t, err)
	go func() { _, _ = io.WriteString(client, headerV1) }()
	got := make([]byte, len(headerV1))
	_, err = io.ReadFull(server, got)
	require.NoError(t, err)
	require.Equal(t, headerV1, string(got), "what somebody else says is content, not an address")
	require.Equal(t, "203.0.113.9:1", server.RemoteAddr().String())
	_, ok := proxyproto.HeaderOf(server)
	require.False(t, ok)
}

func accepted(t *testing.T, o proxyproto.Options) (client, server net.Conn) {
	t.Helper()
	ln := newPipes("10.0.0.1:1")
	o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	client = ln.dial()
	server, err := wrap(t, ln, o).Accept()
	require.NoError(t, err)
	return client, server
}

func TestByteByByte(t *testing.T) {
	for _, header := range []string{headerV1, headerV2} {
		client, server := accepted(t, proxyproto.Options{})
		go func() {
			for i := range len(header) {
				_, _ = io.WriteString(client, header[i:i+1])
			}
			_, _ = io.WriteString(client, "rest")
			_ = client.Close()
		}()
		got, err := io.ReadAll(server)
		require.NoError(t, err)
		require.Equal(t, "rest", string(got))
		require.Equal(t, "192.0.2.1:12345", server.RemoteAddr().String())
	}
}

func TestLocal(t *testing.T) {
	for _, header := range []string{"PROXY UNKNOWN\r\n", "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"} {
		client, server := accepted(t, proxyproto.Options{})
		go func() { _, _ = io.WriteString(client, header) }()
		require.Equal(t, "10.0.0.1:1", server.RemoteAddr().String())
		h, ok := proxyproto.HeaderOf(server)
		require.True(t, ok)
		require.Nil(t, h.Source)
	}
}

// The address of the load balancer must never pass for that of a client.
func TestBadHeader(t *testing.T) {
	client, server := accepted(t, proxyproto.Options{})
	go func() { _, _ = io.WriteString(client, request) }()
	require.Equal(t, "unknown", server.RemoteAddr().String())
	require.Equal(t, "unknown", server.RemoteAddr().Network())
	_, err := server.Read(make([]byte, 1))
	require.ErrorIs(t, err, proxyproto.ErrHeader)

	client, server = accepted(t, proxyproto.Options{})
	go func() { _, _ = io.WriteString(client, headerV1[:20]); _ = client.Close() }()
	_, err = server.Read(make([]byte, 1))
	require.ErrorIs(t, err, proxyproto.ErrHeader)

	client, server = accepted(t, proxyproto.Options{})
	_ = client.Close()
	_, err = server.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "a peer that only looks is no mistake")
}

func TestHeaderTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := accepted(t, proxyproto.Options{})
		defer func() { _ = client.Close() }()
		_, err := io.WriteString(pipeWriter{client, server}, headerV1[:30])
		require.NoError(t, err)
		start := time.Now()
		require.NoError(t, server.SetReadDeadline(time.Now().Add(time.Minute))) // cannot lengthen it
		_, err = server.Read(make([]byte, 1))
		require.ErrorIs(t, err, proxyproto.ErrHeader)
		require.Equal(t, 5*time.Second, time.Since(start))
		var timeout net.Error
		require.False(t, errors.As(err, &timeout), "it is no reason to try again")
		require.Equal(t, "unknown", server.RemoteAddr().String())
	})
}

// deadlines notes the last read deadline.
type deadlines struct {
	net.Conn
	last time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error { d.last = t; return d.Conn.SetReadDeadline(t) }

func (*deadlines) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:1"))
}

// Once the time of the header is over no deadline gives more of it: whoever
// waits for the header must wake up.
func TestLateStaysLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer func() { _ = client.Close() }()
		inner := &deadlines{Conn: server}
		ln := wrap(t, one{inner}, proxyproto.Options{TrustedProxies: loopback})
		late, err := ln.Accept()
		require.NoError(t, err)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		require.True(t, inner.last.Before(time.Now()))
		require.NoError(t, late.SetReadDeadline(time.Now().Add(time.Hour)))
		require.True(t, inner.last.Before(time.Now()))
		_, err = late.Read(make([]byte, 1))
		require.ErrorIs(t, err, proxyproto.ErrHeader)
	})
}

// one is a listener with one connection.
type one struct{ net.Conn }

func (o one) Accept() (net.Conn, error) { return o.Conn, nil }
func (one) Addr() net.Addr              { return nil }

// pipeWriter writes in the background: a pipe has no room of its own.
type pipeWriter struct{ client, server net.Conn }

func (w pipeWriter) Write(p []byte) (int, error) {
	go func() { _, _ = w.client.Write(p) }()
	return len(p), nil
}

// The user's deadline holds while the header is awaited, and loses nothing.
func TestUserDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := accepted(t, proxyproto.Options{HeaderTimeout: time.Minute})
		go func() {
			_, _ = io.WriteString(client, headerV1[:30])
			time.Sleep(10 * time.Second)
			_, _ = io.WriteString(client, headerV1[30:]+"x")
			time.Sleep(time.Hour)
			_, _ = io.WriteString(client, "y")
		}()
		require.NoError(t, server.SetReadDeadline(time.Now().Add(time.Second)))
		p := make([]byte, 1)
		_, err := server.Read(p)
		var timeout net.Error
		require.ErrorAs(t, err, &timeout)
		require.NoError(t, server.SetReadDeadline(time.Time{}))
		_, err = server.Read(p)
		require.NoError(t, err)
		require.Equal(t, "x", string(p))
		_, err = server.Read(p) // far behind the time for the header
		require.NoError(t, err)
		require.Equal(t, "y", string(p))
		require.NoError(t, client.Close())
	})
}

func TestOptions(t *testing.T) {
	ln := newPipes("10.0.0.1:1")
	for _, test := range []struct {
		ln   net.Listener
		o    proxyproto.Options
		want string
	}{
		{nil, proxyproto.Options{TrustedProxies: loopback}, "listener is nil"},
		{ln, proxyproto.Options{}, "Options.TrustedProxies is empty"},
		{ln, proxyproto.Options{TrustedProxies: []netip.Prefix{{}}}, "Options.TrustedProxies: network 1"},
		{ln, proxyproto.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.1.2.3/8")}}, "Options.TrustedProxies: 10.1.2.3/8"},
		{ln, proxyproto.Options{TrustedProxies: loopback, HeaderTimeout: -1}, "HeaderTimeout"},
		{ln, proxyproto.Options{TrustedProxies: loopback, HeaderBytes: 100}, "HeaderBytes 100"},
		{ln, proxyproto.Options{TrustedProxies: loopback, HeaderBytes: 1 << 20}, "HeaderBytes"},
	} {
		_, err := proxyproto.New(test.ln, test.o)
		require.ErrorContains(t, err, test.want)
	}
}
