package engine

import "golang.org/x/sys/unix"

// sendFile copies once, without waiting for the socket.
func sendFile(socket, file int, at int64, n int) (int, error) {
	m, err := unix.Sendfile(socket, file, &at, n)
	return max(m, 0), err
}
