//go:build unix && !linux

package engine

import "syscall"

// receive reads what is there: 0 and no error is the end.
func receive(fd int, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return attempt(syscall.Read, fd, p)
}

// send writes what fits.
func send(fd int, p []byte) (int, error) { return attempt(syscall.Write, fd, p) }

func attempt(call func(int, []byte) (int, error), fd int, p []byte) (int, error) {
	for {
		n, err := call(fd, p)
		switch err {
		case nil:
			return n, nil
		case syscall.EAGAIN:
			return 0, ErrWouldBlock
		case syscall.EINTR:
			continue
		}
		return 0, err
	}
}

// readable reports whether a read would not wait: bytes, the end, or an error.
func readable(fd int) bool {
	_, _, err := syscall.Recvfrom(fd, make([]byte, 1), syscall.MSG_PEEK)
	return err != syscall.EAGAIN
}
