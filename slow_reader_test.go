//go:build linux || darwin

package wherry_test

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
)

// TestSlowReaderHoldsLittle: what a client that does not read makes the system
// hold is bounded. So a write that waits goes on as soon as the client has read
// a little, and a slow one is no stalled one.
func TestSlowReaderHoldsLittle(t *testing.T) {
	taken := make(chan int, 1)
	build := func() *wherry.App {
		app := quiet().Timeouts(wherry.Timeouts{WriteStall: 200 * time.Millisecond})
		return app.Get("/", func(c *wherry.Context) error {
			written := 0
			for piece := make([]byte, 16<<10); ; {
				n, err := c.Write(piece)
				if written += n; err != nil {
					taken <- written
					return err
				}
			}
		})
	}
	overPlainAndTLS(t, build, func(t *testing.T, dial func() net.Conn) {
		client := dial()
		var socket any = client
		if over, ok := client.(*tls.Conn); ok {
			socket = over.NetConn()
		}
		require.NoError(t, socket.(*net.TCPConn).SetReadBuffer(16<<10))
		_, err := io.WriteString(client, get("/"))
		require.NoError(t, err)
		require.Less(t, <-taken, 2<<20)
		_ = client.Close()
	})
}
