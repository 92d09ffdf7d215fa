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
// and with the cause that says so, however the engine keeps it meanwhile. Its
// time may be over before the server has read the request: such a try says
// nothing.
func TestIdleOnASocket(t *testing.T) {
	const limit = 400 * time.Millisecond
	causes := make(chan error, 1)
	build := func() *wherry.App {
		return quiet().Timeouts(wherry.Timeouts{Idle: limit}).Get("/", text("on")).
			OnDisconnect(func(_ *wherry.Conn, cause error) { causes <- cause })
	}
	onEngines(t, build, func(t *testing.T, conn *net.TCPConn) {
		for range 20 {
			begin := time.Now()
			_, err := io.WriteString(conn, get("/"))
			var cause error
			select {
			case cause = <-causes:
			case <-time.After(patience):
				require.Fail(t, "the connection stays")
			}
			took := time.Since(begin)
			answer, _ := io.ReadAll(conn)
			if len(answer) > 0 {
				require.NoError(t, err)
				require.ErrorIs(t, cause, wherry.ErrIdle)
				require.GreaterOrEqual(t, took, limit*9/10) // an idle deadline may lag behind a little
				return
			}
			next, err := net.Dial("tcp", conn.RemoteAddr().String())
			require.NoError(t, err)
			defer next.Close()
			require.NoError(t, next.SetDeadline(time.Now().Add(2*patience)))
			conn = next.(*net.TCPConn)
		}
		require.Fail(t, "it was never in time")
	})
}
