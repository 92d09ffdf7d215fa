package guard

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/engine"
)

// counting is a connection that counts what is asked of it.
type counting struct {
	net.Conn
	reads, writes *atomic.Int64
}

func (c counting) Read(p []byte) (int, error) {
	c.reads.Add(1)
	return c.Conn.Read(p)
}

func (c counting) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// countingListener makes counting connections.
type countingListener struct {
	net.Listener
	reads, writes atomic.Int64
}

func (l *countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return counting{conn, &l.reads, &l.writes}, nil
}

// TestReadsAndWrites holds the rule of the design: a request on the plain path
// makes one read and one write, and a batch of them makes one of each as well.
func TestReadsAndWrites(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ln := &countingListener{Listener: inner}
	a := app().Engine(engine.Threaded)
	served := make(chan error, 1)
	go func() { served <- a.Serve(ln) }()
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, a.Shutdown(ctx))
		require.NoError(t, <-served)
	}()
	conn, err := net.Dial("tcp", inner.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))

	one := converse(t, conn, request("/"), 0)
	for _, test := range []struct {
		name  string
		batch int
	}{{"one at a time", 1}, {"sixteen at once", 16}} {
		t.Run(test.name, func(t *testing.T) {
			text := ""
			for range test.batch {
				text += request("/")
			}
			const n = 500
			reads, writes := ln.reads.Load(), ln.writes.Load()
			for range n {
				converse(t, conn, text, one*test.batch)
			}
			require.LessOrEqual(t, float64(ln.reads.Load()-reads)/n, 2.05, "one read that finds bytes, one that waits for the next")
			require.LessOrEqual(t, float64(ln.writes.Load()-writes)/n, 1.05)
		})
	}
}

// converse sends text and reads want bytes, or what comes when want is 0.
func converse(t *testing.T, conn net.Conn, text string, want int) int {
	t.Helper()
	_, err := io.WriteString(conn, text)
	require.NoError(t, err)
	buf := make([]byte, max(want, 4096))
	if want == 0 {
		n, err := conn.Read(buf)
		require.NoError(t, err)
		return n
	}
	_, err = io.ReadFull(conn, buf[:want])
	require.NoError(t, err)
	return want
}
