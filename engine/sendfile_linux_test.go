package engine

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestGather: what does not fill a segment leaves when the file is sent, and
// small answers behind it leave at once again.
func TestGather(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	client, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	defer client.Close()
	server, err := ln.Accept()
	require.NoError(t, err)
	defer server.Close()
	raw, err := server.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, []byte("0123456789"), 0o600))
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	noDelay := func(fd uintptr) int {
		on, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NODELAY)
		require.NoError(t, err)
		return on
	}
	require.NoError(t, raw.Control(func(fd uintptr) {
		require.Equal(t, 1, noDelay(fd))
		require.True(t, gather(int(fd)))
		require.False(t, gather(int(fd)), "it does already")
		require.Equal(t, 0, noDelay(fd))
		for _, n := range []int{4, 3, 3} {
			sent, err := sendFile(int(fd), int(f.Fd()), n)
			require.NoError(t, err)
			require.Equal(t, n, sent)
		}
		gathered(int(fd))
		require.Equal(t, 1, noDelay(fd))
	}))
	got := make([]byte, 10)
	_, err = io.ReadFull(client, got)
	require.NoError(t, err)
	require.Equal(t, "0123456789", string(got), "the file moves on by itself")
}
