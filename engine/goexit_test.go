package engine

import (
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A Handler or session that ends its goroutine, as a failed test does, costs
// its own connection and nothing else.

// exiting is a host whose Open, or whose sessions' Close, does that.
type exiting struct {
	*host
	inOpen, inClose atomic.Bool
}

func (h *exiting) Open(c net.Conn) Session {
	if h.inOpen.Load() {
		runtime.Goexit()
	}
	s := h.host.Open(c)
	if h.inClose.Load() {
		return exitingSession{s}
	}
	return s
}

type exitingSession struct{ Session }

func (s exitingSession) Close(cause error) {
	s.Session.Close(cause)
	runtime.Goexit()
}

// onEachExiting runs a test on every engine with room for two connections.
func onEachExiting(t *testing.T, test func(t *testing.T, b *bench, h *exiting)) {
	for _, kind := range All() {
		for _, network := range []string{"tcp", "pipe", "layer"} {
			t.Run(string(kind)+"/"+network, func(t *testing.T) {
				h := &exiting{host: &host{given: make(chan net.Conn, 1)}}
				b := &bench{t: t, h: h.host, served: make(chan error, 1)}
				var err error
				b.e, err = New(kind, Config{Handler: h, MaxConns: 2})
				require.NoError(t, err)
				p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
				var ln net.Listener = p
				b.dial = p.dial
				if network != "pipe" {
					ln, err = net.Listen("tcp", "127.0.0.1:0")
					require.NoError(t, err)
					addr := ln.Addr().String()
					b.dial = func() (net.Conn, error) { return net.Dial("tcp", addr) }
					if network == "layer" {
						ln = layeredListener{ln, &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}}}
						b.dial = func() (net.Conn, error) {
							raw, err := net.Dial("tcp", addr)
							return tls.Client(raw, &tls.Config{InsecureSkipVerify: true}), err
						}
					}
				}
				go func() { b.served <- b.e.Serve(ln) }()
				test(t, b, h)
				b.shutdown()
				require.Nil(t, h.broken.Load(), "contract")
				require.Equal(t, h.opened.Load(), h.closed.Load(), "every session is closed once")
				require.Zero(t, b.e.Conns())
			})
		}
	}
}

// there looks that the engine serves two more connections.
func (b *bench) there() {
	b.t.Helper()
	eventually(b.t, "nothing is left of the others", func() bool { return b.e.Conns() == 0 })
	require.True(b.t, b.answered())
	require.True(b.t, b.answered())
}

// TestGoexitInOpen: the connection is refused, and more are accepted.
func TestGoexitInOpen(t *testing.T) {
	onEachExiting(t, func(t *testing.T, b *bench, h *exiting) {
		h.inOpen.Store(true)
		for range 3 {
			conn, err := b.dial()
			require.NoError(t, err)
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(patience))
			_, err = conn.Read(make([]byte, 1))
			require.Error(t, err)
			timeout, ok := err.(net.Error)
			require.False(t, ok && timeout.Timeout(), "it is not closed")
		}
		require.Zero(t, h.opened.Load())
		h.inOpen.Store(false)
		b.there()
	})
}

// TestGoexitInClose: whatever has ended the session, it is closed once and its
// connection ends.
func TestGoexitInClose(t *testing.T) {
	for _, last := range []string{"bye\n", "exit\n", "panic\n", "sleep 5ms\nbye\n", "sleep 5ms\nexit\n"} {
		onEachExiting(t, func(t *testing.T, b *bench, h *exiting) {
			h.inClose.Store(true)
			for range 3 {
				c := b.client()
				go func() { _, _ = io.WriteString(c, last) }()
				_, err := io.ReadAll(c)
				timeout, ok := err.(net.Error)
				require.False(t, ok && timeout.Timeout(), "%q: it is not closed", last)
				_ = c.Close()
				eventually(t, "it has ended", func() bool { return b.e.Conns() == 0 })
			}
			require.EqualValues(t, 3, h.closed.Load())
			h.inClose.Store(false)
			b.there()
		})
	}
}

// TestGoexitInCloseOfGiven: the connection is its new owner's.
func TestGoexitInCloseOfGiven(t *testing.T) {
	onEachExiting(t, func(t *testing.T, b *bench, h *exiting) {
		h.inClose.Store(true)
		c := b.client()
		c.say("give\n")
		theirs := <-h.given
		eventually(t, "the session has ended", func() bool { return b.e.Conns() == 0 })
		go func() { _, _ = io.WriteString(theirs, "world") }()
		c.hear("world")
		h.inClose.Store(false)
		require.True(t, b.answered())
		require.False(t, b.answered(), "it has its place")
		require.NoError(t, theirs.Close())
		_ = c.Close()
		eventually(t, "there is room again", b.answered)
	})
}

// leavingListener ends the goroutine that accepts, as a failed assertion in a
// wrapper does.
type leavingListener struct{ net.Listener }

func (leavingListener) Accept() (net.Conn, error) {
	runtime.Goexit()
	return nil, nil
}

// TestGoexitInAccept: a listener that ends its goroutine is one that fails.
func TestGoexitInAccept(t *testing.T) {
	e := makeThreaded(Config{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- e.Serve(leavingListener{ln}) }()
	select {
	case err := <-served:
		require.ErrorIs(t, err, errAcceptEnded)
	case <-time.After(patience):
		require.Fail(t, "it is still served")
	}
}
