package wherry_test

import (
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
)

// TestHooksThatExit: a hook that ends its goroutine, as a failed test does,
// costs its own connection, and the hooks behind it run nevertheless.
func TestHooksThatExit(t *testing.T) {
	hijack := func(c *wherry.Context) error {
		conn, _, err := c.Hijack()
		if err == nil {
			go conn.Close()
		}
		return err
	}
	for name, test := range map[string]struct {
		add        func(app *wherry.App, exit func())
		handler    wherry.Handler
		told, left int64 // how often the hooks behind it run
	}{
		"OnConnect": {func(app *wherry.App, exit func()) {
			app.OnConnect(func(*wherry.Conn) error { exit(); return nil })
		}, text("served"), 0, 1},
		"OnConnect's refusal": {func(app *wherry.App, exit func()) {
			app.OnConnect(func(*wherry.Conn) error { return io.ErrNoProgress })
			app.OnDisconnect(func(*wherry.Conn, error) { exit() })
		}, text("served"), 0, 1},
		"OnDisconnect": {func(app *wherry.App, exit func()) {
			app.OnDisconnect(func(*wherry.Conn, error) { exit() })
		}, text("served"), 1, 1},
		"OnDisconnect of a hijacked one": {func(app *wherry.App, exit func()) {
			app.OnDisconnect(func(*wherry.Conn, error) { exit() })
		}, hijack, 1, 1},
		"AfterResponse": {func(app *wherry.App, exit func()) {
			app.AfterResponse(func(*wherry.Context, wherry.Result) { exit() })
		}, text("served"), 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var exits atomic.Bool
			var told, left atomic.Int64
			build := func() *wherry.App {
				app := quiet().Get("/", test.handler)
				test.add(app, func() {
					if exits.Load() {
						runtime.Goexit()
					}
				})
				app.AfterResponse(func(*wherry.Context, wherry.Result) { told.Add(1) })
				return app.OnDisconnect(func(*wherry.Conn, error) { left.Add(1) })
			}
			onEngines(t, build, func(t *testing.T, conn *net.TCPConn) {
				const n = 3
				_, _ = io.WriteString(conn, get("/"))
				_, _ = conn.Read(make([]byte, 1)) // it has been accepted
				exits.Store(true)
				told.Store(0)
				left.Store(0)
				for range n {
					client, err := net.Dial("tcp", conn.RemoteAddr().String())
					require.NoError(t, err)
					_ = client.SetDeadline(time.Now().Add(patience))
					_, _ = io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
					_, err = io.ReadAll(client)
					timeout, ok := err.(net.Error)
					require.False(t, ok && timeout.Timeout(), "it is not closed")
					_ = client.Close()
				}
				require.Eventually(t, func() bool { return left.Load() >= n*test.left && told.Load() >= n*test.told }, patience, time.Millisecond)
				exits.Store(false)
				answer := exchange(t, conn.RemoteAddr().String(), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
				if name != "OnConnect's refusal" && name != "OnDisconnect of a hijacked one" {
					require.Contains(t, answer, "served")
				}
				require.Eventually(t, func() bool { return left.Load() >= (n+1)*test.left }, patience, time.Millisecond)
				require.LessOrEqual(t, left.Load(), (n+1)*test.left+1, "each is told once; the first connection may be gone as well")
			})
		})
	}
}
