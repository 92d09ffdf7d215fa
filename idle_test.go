package wherry_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
	"wherry.example/wherry/engine"
)

// TestIdleOnASocket: an idle connection ends when its time is over, not before
// and with the cause that says so, however the engine keeps it meanwhile.
func TestIdleOnASocket(t *testing.T) {
	const limit = 400 * time.Millisecond
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			causes := make(chan error, 1)
			app := quiet().Engine(kind).Timeouts(wherry.Timeouts{Idle: limit}).Get("/", text("on")).
				OnDisconnect(func(_ *wherry.Conn, cause error) { causes <- cause })
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			served := make(chan error, 1)
			go func() { served <- app.Serve(ln) }()
			conn, err := net.Dial("tcp", ln.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			begin := time.Now()
			_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
			require.NoError(t, err)
			require.ErrorIs(t, <-causes, wherry.ErrIdle)
			require.GreaterOrEqual(t, time.Since(begin), limit*9/10) // an idle deadline may lag behind a little
			require.NoError(t, app.Shutdown(context.Background()))
			require.NoError(t, <-served)
		})
	}
}
