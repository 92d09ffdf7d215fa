//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package engine

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What no event tells of again must not be forgotten by a loop.

// TestEmptyRead: a read of nothing does not hide the bytes behind the one before.
func TestEmptyRead(t *testing.T) {
	reads := map[string]func(c net.Conn) (int, error){
		"TryRead": func(c net.Conn) (int, error) { return c.(NonBlocking).TryRead(nil) },
		"Read":    func(c net.Conn) (int, error) { return c.Read(nil) },
	}
	for _, kind := range All() {
		for name, read := range reads {
			t.Run(string(kind)+"/"+name, func(t *testing.T) {
				got := make(chan string, 10)
				addr, _ := startFunc(t, kind, func(c net.Conn) Session {
					_ = c.SetReadDeadline(time.Now().Add(time.Hour))
					return &funcSession{serve: func() Next {
						p := make([]byte, 4)
						n, err := c.(NonBlocking).TryRead(p)
						switch {
						case n > 0:
							got <- string(p[:n])
						case err != ErrWouldBlock:
							return Hangup
						}
						if n, err := read(c); n != 0 || err != nil {
							t.Errorf("it says %d, %v", n, err)
						}
						return Park
					}}
				})
				conn, err := net.Dial("tcp", addr)
				require.NoError(t, err)
				defer conn.Close()
				_, err = io.WriteString(conn, "onetwo!!")
				require.NoError(t, err)
				require.Equal(t, "onet", come(t, got))
				require.Equal(t, "wo!!", come(t, got))
			})
		}
	}
}

// TestDeadlineBehindHandshake: the deadline of a session that is earlier than
// that of the handshake is met soon after it.
func TestDeadlineBehindHandshake(t *testing.T) {
	config := &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}}
	for _, kind := range All() {
		if kind == Threaded {
			continue // there the session's deadline ends the handshake too
		}
		t.Run(string(kind), func(t *testing.T) {
			h := &host{deadline: 20 * time.Millisecond}
			e, err := New(kind, Config{Handler: h, Handshake: time.Hour})
			require.NoError(t, err)
			tcp, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			served := make(chan error, 1)
			go func() { served <- e.Serve(layeredListener{tcp, config}) }()
			raw, err := net.Dial("tcp", tcp.Addr().String())
			require.NoError(t, err)
			defer raw.Close()
			eventually(t, "it is accepted", func() bool { return h.opened.Load() == 1 })
			time.Sleep(4 * h.deadline) // the session's own has been looked at
			conn := tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
			_ = conn.SetDeadline(time.Now().Add(patience))
			require.NoError(t, conn.Handshake())
			_, err = conn.Read(make([]byte, 1))
			require.ErrorIs(t, err, io.EOF)
			b := &bench{t: t, e: e, served: served}
			b.shutdown()
		})
	}
}
