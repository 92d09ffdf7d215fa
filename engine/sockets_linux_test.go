package engine

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestAcceptedSockets: small answers leave at once, the descriptor does not
// block and is not inherited, and addresses are those of the socket.
func TestAcceptedSockets(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", "[::]:0"} {
		tcp, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("no %s here: %v", address, err)
			continue
		}
		ln, err := listenSockets(tcp)
		require.NoError(t, err)
		to := tcp.Addr().String()
		if address == "[::]:0" { // that takes IPv4 as well, where the system lets it
			to = net.JoinHostPort("127.0.0.1", portOf(tcp))
		}
		client, err := net.Dial("tcp", to)
		if err != nil {
			client, err = net.Dial("tcp", tcp.Addr().String())
		}
		require.NoError(t, err)
		accepted, err := ln.Accept()
		require.NoError(t, err)
		c := accepted.(*loopConn)
		c.l = &loop{e: &loops{}}
		c.refs.Store(2) // so that it is never disposed of by an engine that is none
		require.Equal(t, client.LocalAddr().String(), c.RemoteAddr().String())
		require.Equal(t, client.RemoteAddr().String(), c.LocalAddr().String())
		raw, err := c.SyscallConn()
		require.NoError(t, err)
		require.NoError(t, raw.Control(func(fd uintptr) {
			on, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NODELAY)
			require.NoError(t, err)
			require.Equal(t, 1, on)
			flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
			require.NoError(t, err)
			require.NotZero(t, flags&unix.O_NONBLOCK)
			flags, err = unix.FcntlInt(fd, unix.F_GETFD, 0)
			require.NoError(t, err)
			require.NotZero(t, flags&unix.FD_CLOEXEC)
		}))
		require.ErrorIs(t, raw.Read(nil), syscall.EINVAL)
		require.ErrorIs(t, raw.Write(nil), syscall.EINVAL)
		require.NoError(t, unix.Close(int(c.fd)))
		require.NoError(t, client.Close())
		require.NoError(t, ln.Close())
	}
}

func portOf(ln net.Listener) string {
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}
