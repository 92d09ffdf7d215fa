package wherry_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry"
)

// TestGoneBesideHook: a hook that asks for the context of an exchange that was
// left open does not keep the owner of the answer from hearing that the client
// has left.
func TestGoneBesideHook(t *testing.T) {
	gone, told := make(chan struct{}, 1), make(chan struct{}, 1)
	open := make(chan *wherry.OpenAnswer, 1)
	build := func() *wherry.App {
		app := quiet().Get("/", func(c *wherry.Context) error {
			o, err := c.KeepOpen(func() { gone <- struct{}{} })
			open <- o
			return err
		})
		return app.AfterResponse(func(c *wherry.Context, _ wherry.Result) {
			_ = c.Context()
			told <- struct{}{}
		})
	}
	onEngines(t, build, func(t *testing.T, conn *net.TCPConn) {
		_, err := io.WriteString(conn, get("/"))
		require.NoError(t, err)
		<-told
		o := <-open
		defer o.Close()
		require.NoError(t, conn.Close())
		select {
		case <-gone:
		case <-time.After(patience):
			require.Fail(t, "the owner was not told")
		}
	})
}
