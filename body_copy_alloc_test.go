//go:build !race

package wherry

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/engine"
)

// readableConn is a scriptedConn that can be waited for.
type readableConn struct{ scriptedConn }

func (c *readableConn) Read(p []byte) (int, error) { return c.TryRead(p) }

// plainSink can only be written to.
type plainSink struct{}

func (plainSink) Write(p []byte) (int, error) { return len(p), nil }

// TestCopyAllocations: passing content on costs the reader that Body makes,
// and nothing else. Pools forget under the race detector, so it does not run
// under it.
func TestCopyAllocations(t *testing.T) {
	unpoisoned(t)
	app := New().Post("/", func(c *Context) error {
		if _, err := io.Copy(plainSink{}, c.Body()); err != nil {
			return err
		}
		return c.Bytes(200, "text/plain", okBytes)
	})
	require.NoError(t, app.Build())
	for name, raw := range map[string]string{
		"within the first read": "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
		"beyond a small piece":  "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n" + strings.Repeat("a", 300000),
	} {
		conn := &readableConn{scriptedConn{out: make([]byte, 0, 4096)}}
		s := opener{app.server}.Open(conn)
		request := []byte(raw)
		serve := func() {
			conn.in = request
			next := s.Serve()
			for next == engine.Block {
				next = s.Serve()
			}
			if next != engine.Park || len(conn.in) > 0 {
				t.Fatal("the request is not over")
			}
		}
		for range 100 {
			serve()
		}
		require.LessOrEqual(t, testing.AllocsPerRun(500, serve), 1.0, name)
	}
}
