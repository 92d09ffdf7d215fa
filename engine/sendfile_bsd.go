//go:build darwin || freebsd || dragonfly

package engine

import (
	"io"
	"syscall"
)

// sendFile copies once, without waiting for the socket, and moves the file on.
// These systems tell what they have sent also with EAGAIN.
func sendFile(socket, file, n int) (int, error) {
	at, err := syscall.Seek(file, 0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	m, err := syscall.Sendfile(socket, file, &at, n)
	if m <= 0 {
		return 0, err
	}
	if err == syscall.EAGAIN {
		err = nil
	}
	if _, failed := syscall.Seek(file, int64(m), io.SeekCurrent); failed != nil {
		err = failed
	}
	return m, err
}
