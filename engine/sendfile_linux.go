package engine

import "golang.org/x/sys/unix"

// sendFile copies once, without waiting for the socket, and moves the file on.
func sendFile(socket, file, n int) (int, error) {
	m, err := unix.Sendfile(socket, file, nil, n)
	return max(m, 0), err
}

// gather has TCP fill its segments while a file is sent, until gathered has it
// send what is left. It reports false where that is so anyway. The system hands
// it the file a few pages at a time, and with TCP_NODELAY the rest of each
// leaves as a segment of its own: over loopback that is a third more work for
// server and client.
func gather(socket int) (gathers bool) {
	noDelay, err := unix.GetsockoptInt(socket, unix.IPPROTO_TCP, unix.TCP_NODELAY)
	return err == nil && noDelay != 0 && unix.SetsockoptInt(socket, unix.IPPROTO_TCP, unix.TCP_NODELAY, 0) == nil
}

// gathered ends what gather has begun.
func gathered(socket int) { _ = unix.SetsockoptInt(socket, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) }
