package wherry

import (
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/engine"
)

// stuckConn is a socket whose TryWrite stands still between the look at its
// descriptor and the use of it.
type stuckConn struct {
	*toldConn
	begun, goOn chan struct{}
	closed      atomic.Bool
}

func (c *stuckConn) TryWrite(p []byte) (int, error) {
	if string(p) != "stuck" {
		return c.toldConn.TryWrite(p)
	}
	close(c.begun)
	<-c.goOn
	if c.closed.Load() {
		return 0, errReset // it would have met another connection
	}
	return len(p), nil
}

func (c *stuckConn) Close() error {
	c.closed.Store(true)
	return nil
}

// NetConn returns what is below, as TLS does: to reset that closes it.
func (c *stuckConn) NetConn() net.Conn { return belowStuck{above: c} }

type belowStuck struct {
	net.Conn
	above *stuckConn
}

func (c belowStuck) Close() error { return c.above.Close() }

// TestTryWriteMeetsClose: whoever closes the connection waits for a TryWrite
// that has begun, and what comes later is refused.
func TestTryWriteMeetsClose(t *testing.T) {
	for name, end := range map[string]func(s *session, o *OpenAnswer){
		"close": func(_ *session, o *OpenAnswer) { _ = o.Close() },
		"abort": func(_ *session, o *OpenAnswer) { o.Abort() },
		"engine": func(s *session, _ *OpenAnswer) {
			s.Close(engine.ErrForced)
			_ = s.conn.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			conn := &stuckConn{newToldConn(plainRequest), make(chan struct{}), make(chan struct{}), atomic.Bool{}}
			var o *OpenAnswer
			disconnected := 0
			app := New().Get("/", func(c *Context) (err error) {
				o, err = c.KeepOpen(nil)
				return err
			}).OnDisconnect(func(*Conn, error) { disconnected++ })
			require.NoError(t, app.Build())
			s := opener{app.server}.Open(conn).(*session)
			require.Equal(t, engine.Detach, s.Serve())

			written, ended := make(chan error, 1), make(chan struct{})
			go func() {
				_, err := o.TryWrite([]byte("stuck"))
				written <- err
			}()
			<-conn.begun
			go func() {
				end(s, o)
				close(ended)
			}()
			time.Sleep(10 * time.Millisecond) // the more it is, the surer an end that does not wait is found
			close(conn.goOn)
			require.NoError(t, <-written)
			<-ended
			require.True(t, conn.closed.Load())
			require.Equal(t, 1, disconnected)
			_, err := o.TryWrite([]byte("late"))
			require.ErrorIs(t, err, net.ErrClosed)
			_, err = o.Write([]byte("late"))
			require.ErrorIs(t, err, net.ErrClosed)
		})
	}
}
