package wherry_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
)

// TestIdleOnASocket: an idle connection ends when its time is over, not before
// and with the cause that says so, however the engine keeps it meanwhile.
func TestIdleOnASocket(t *testing.T) {
	const limit = 400 * time.Millisecond
	causes := make(chan error, 1)
	build := func() *wherry.App {
		return quiet().Timeouts(wherry.Timeouts{Idle: limit}).Get("/", text("on")).
			OnDisconnect(func(_ *wherry.Conn, cause error) { causes <- cause })
	}
	onEngines(t, build, func(t *testing.T, conn *net.TCPConn) {
		begin := time.Now()
		_, err := io.WriteString(conn, get("/"))
		require.NoError(t, err)
		select {
		case cause := <-causes:
			require.ErrorIs(t, cause, wherry.ErrIdle)
		case <-time.After(patience):
			require.Fail(t, "the connection stays")
		}
		require.GreaterOrEqual(t, time.Since(begin), limit*9/10) // an idle deadline may lag behind a little
	})
}
