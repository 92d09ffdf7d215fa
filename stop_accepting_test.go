package wherry_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

// TestStopAcceptingIsOfOneListener: the wish of a hook is for the listener of
// the connection it refuses. Another listener goes on after other refusals,
// and tells when it fails.
func TestStopAcceptingIsOfOneListener(t *testing.T) {
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			one, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			two, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			var refuses atomic.Bool
			app := quiet().Engine(kind).Get("/", text("on")).OnConnect(func(c *wherry.Conn) error {
				switch {
				case c.LocalAddr().String() == one.Addr().String():
					return wherry.ErrStopAccepting
				case refuses.Load():
					return errors.New("not now")
				}
				return nil
			})
			ends := func(ln net.Listener) chan error {
				served := make(chan error, 1)
				go func() { served <- app.Serve(ln) }()
				return served
			}
			ask := func(ln net.Listener) string {
				conn, err := net.Dial("tcp", ln.Addr().String())
				require.NoError(t, err)
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(patience))
				_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
				answer, _ := io.ReadAll(conn)
				return string(answer)
			}
			oneEnds, twoEnds := ends(one), ends(two)
			require.Empty(t, ask(one))
			require.NoError(t, <-oneEnds)
			refuses.Store(true)
			require.Empty(t, ask(two))
			refuses.Store(false)
			require.Contains(t, ask(two), "200 OK")
			require.Empty(t, twoEnds)
			require.NoError(t, two.Close())
			require.ErrorIs(t, <-twoEnds, net.ErrClosed, "nobody has wished that")
			require.NoError(t, app.Shutdown(context.Background()))
		})
	}
}
