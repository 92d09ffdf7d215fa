package engine

import (
	"context"
	"crypto/tls"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStopListeningIsOfOne: the listener of the connection that says so ends,
// and no refusal elsewhere ends another one.
func TestStopListeningIsOfOne(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		served := make(chan error, 1)
		go func() { served <- b.e.Serve(ln) }()
		dial := func() *client {
			conn, err := net.Dial("tcp", ln.Addr().String())
			require.NoError(t, err)
			t.Cleanup(func() { conn.Close() })
			return &client{conn, t}
		}
		b.h.stop.Store(true)
		b.h.refuse.Store(true)
		b.client().hearEnd()
		require.NoError(t, <-b.served)
		b.served <- nil
		b.h.stop.Store(false)
		dial().hearEnd()
		b.h.refuse.Store(false)
		other := dial()
		other.say("echo on\n")
		other.hear("on\n")
		select {
		case err := <-served:
			t.Errorf("the other listener has ended: %v", err)
			served <- err
		default:
		}
		b.shutdown()
		b.served <- nil
		require.NoError(t, <-served)
	})
}

// TestStopListeningBelowALayer: it reaches the listener from above.
func TestStopListeningBelowALayer(t *testing.T) {
	config := &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}}
	for _, kind := range All() {
		t.Run(string(kind), func(t *testing.T) {
			h := &host{}
			h.stop.Store(true)
			h.refuse.Store(true)
			e, err := New(kind, Config{Handler: h})
			require.NoError(t, err)
			tcp, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			served := make(chan error, 1)
			go func() { served <- e.Serve(layeredListener{tcp, config}) }()
			conn, err := net.Dial("tcp", tcp.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, <-served)
			_, err = e.Shutdown(context.Background())
			require.NoError(t, err)
		})
	}
}
