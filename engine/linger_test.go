package engine

import (
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// lingering notes what it is told to do with bytes that were not sent yet.
type lingering struct {
	net.Conn
	seconds []int
}

func (l *lingering) SetLinger(sec int) error { l.seconds = append(l.seconds, sec); return nil }

// TestPlainSetLinger: a connection that is no socket of ours passes it on, so
// that a cut answer ends in a reset behind a wrapper as well.
func TestPlainSetLinger(t *testing.T) {
	under := &lingering{}
	require.NoError(t, (&plainConn{Conn: under}).SetLinger(0))
	require.Equal(t, []int{0}, under.seconds)
	one, two := net.Pipe()
	defer one.Close()
	defer two.Close()
	require.ErrorIs(t, (&plainConn{Conn: one}).SetLinger(0), errors.ErrUnsupported)
}
