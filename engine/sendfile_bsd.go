//go:build darwin || freebsd || dragonfly

package engine

import "syscall"

// sendFile copies once, without waiting for the socket. These systems tell
// what they have sent also with EAGAIN.
func sendFile(socket, file int, at int64, n int) (int, error) {
	m, err := syscall.Sendfile(socket, file, &at, n)
	m = max(m, 0)
	if err == syscall.EAGAIN && m > 0 {
		err = nil
	}
	return m, err
}
