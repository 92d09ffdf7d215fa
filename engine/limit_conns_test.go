package engine

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Config.MaxConns counts a connection until it is closed, whoever has it.

// limitBench serves with room for two connections.
func limitBench(t *testing.T, kind Kind, network string) *bench {
	h := &host{given: make(chan net.Conn, 1), goOn: make(chan struct{})}
	if network != "layer" {
		return newBench(t, kind, network, h, Config{MaxConns: 2})
	}
	b := &bench{t: t, h: h, served: make(chan error, 1)}
	var err error
	b.e, err = New(kind, Config{Handler: h, MaxConns: 2})
	require.NoError(t, err)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	config := &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}}
	go func() { b.served <- b.e.Serve(layeredListener{tcp, config}) }()
	b.dial = func() (net.Conn, error) {
		return tls.Dial("tcp", tcp.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	}
	return b
}

func onEachLimited(t *testing.T, test func(t *testing.T, b *bench)) {
	for _, kind := range All() {
		for _, network := range []string{"tcp", "unix", "pipe", "layer"} {
			t.Run(string(kind)+"/"+network, func(t *testing.T) {
				b := limitBench(t, kind, network)
				test(t, b)
				b.shutdown()
				require.Nil(t, b.h.broken.Load(), "contract")
			})
		}
	}
}

// answered reports whether there is room for one more connection, which stays
// open until the end of the test.
func (b *bench) answered() bool {
	conn, err := b.dial()
	if err != nil {
		return false
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, "echo on\n")
	got := make([]byte, 3)
	if _, err := io.ReadFull(conn, got); err != nil {
		_ = conn.Close()
		return false
	}
	b.t.Cleanup(func() { conn.Close() })
	return true
}

// TestMaxConnsOfGiven: who was given a connection has its place until it is
// closed.
func TestMaxConnsOfGiven(t *testing.T) {
	onEachLimited(t, func(t *testing.T, b *bench) {
		first := b.client()
		first.say("give\n")
		given := <-b.h.given
		eventually(t, "the session has ended", func() bool { return b.e.Conns() == 0 })
		require.True(t, b.answered())
		require.False(t, b.answered(), "a given connection counts")
		require.NoError(t, given.Close())
		eventually(t, "there is room again", b.answered)
		require.False(t, b.answered(), "and no more than there was")
		_ = given.Close()
		require.False(t, b.answered(), "closing it once more makes no room")
	})
}

// TestMaxConnsOfClosedEarly: who closes a connection before its session has
// given it away leaves no place behind, and takes none from others.
func TestMaxConnsOfClosedEarly(t *testing.T) {
	for _, next := range []Next{Detach, Hangup} {
		for _, kind := range All() {
			hold := make(chan struct{})
			opened := make(chan struct{}, 10)
			e, err := New(kind, Config{MaxConns: 1, Handler: sessions(func(c net.Conn) Session {
				opened <- struct{}{}
				_ = c.SetReadDeadline(time.Now().Add(time.Hour))
				return callSession(func() Next {
					if n, err := readNow(c, make([]byte, 1)); n == 0 && err == ErrWouldBlock {
						return Park
					}
					_, _ = c.Write([]byte("x"))
					_ = c.Close()
					<-hold
					return next
				})
			})})
			require.NoError(t, err)
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			served := make(chan error, 1)
			go func() { served <- e.Serve(ln) }()
			conn, err := net.Dial("tcp", ln.Addr().String())
			require.NoError(t, err)
			_, _ = conn.Write([]byte("x"))
			<-opened
			_, err = io.ReadFull(conn, make([]byte, 1))
			require.NoError(t, err)
			require.NoError(t, visit(ln.Addr().String()))
			require.Empty(t, opened, "the descriptor is open while its session runs")
			close(hold)
			eventually(t, "there is room again", func() bool { return visit(ln.Addr().String()) == nil && len(opened) > 0 })
			_ = conn.Close()
			_, err = e.Shutdown(context.Background())
			require.NoError(t, err)
			require.NoError(t, <-served)
			if threads, ok := e.(*threaded); ok {
				require.Empty(t, threads.places.shut)
				require.Empty(t, threads.places.given)
			}
		}
	}
}

// sessions is a Handler.
type sessions func(c net.Conn) Session

func (open sessions) Open(c net.Conn) Session { return open(c) }

// callSession is a Session.
type callSession func() Next

func (serve callSession) Serve() Next { return serve() }
func (callSession) Close(error)       {}

// TestMaxConnsOfBoth: connections that are sockets and such that are not share
// the limit.
func TestMaxConnsOfBoth(t *testing.T) {
	for _, kind := range All() {
		t.Run(string(kind), func(t *testing.T) {
			b := limitBench(t, kind, "tcp")
			p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
			served := make(chan error, 1)
			go func() { served <- b.e.Serve(p) }()
			require.True(t, b.answered())
			sockets := b.dial
			b.dial = p.dial
			require.True(t, b.answered())
			require.False(t, b.answered())
			b.dial = sockets
			require.False(t, b.answered())
			b.shutdown()
			require.NoError(t, <-served)
		})
	}
}
