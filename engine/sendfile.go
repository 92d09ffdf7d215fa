//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package engine

import (
	"errors"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// This file sends files on loops. The system reads them for us, and may have
// to wait for the disk: so the loop is given away first.

// SendFile sends n bytes of f from where it stands.
func (c *loopConn) SendFile(f *os.File, n int64) (sent int64, err error) {
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, errors.ErrUnsupported
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, errors.ErrUnsupported
	}
	c.Yield()
	c.writing.Lock()
	defer c.writing.Unlock()
	if !c.use() {
		return 0, net.ErrClosed
	}
	defer c.release()
	var failed error
	if err := raw.Control(func(file uintptr) { sent, failed = c.copyFile(int(file), at, n) }); err != nil {
		return 0, errors.ErrUnsupported
	}
	if sent > 0 {
		if _, err := f.Seek(at+sent, io.SeekStart); err != nil {
			return sent, err
		}
	}
	return sent, failed
}

// copyFile sends n bytes of a file from at on.
func (c *loopConn) copyFile(file int, at, n int64) (sent int64, err error) {
	for sent < n {
		m, err := sendFile(int(c.fd), file, at+sent, int(min(n-sent, 1<<30)))
		sent += int64(m)
		switch {
		case err == unix.EINTR || err == nil && m > 0:
			continue
		case err == nil:
			return sent, io.ErrUnexpectedEOF
		case err == unix.EAGAIN:
			err = c.await(&c.writer, &c.writeBy, canWrite)
		case sent == 0 && (err == unix.EINVAL || err == unix.ENOSYS || err == unix.EOPNOTSUPP || err == unix.ENOTSOCK):
			err = errors.ErrUnsupported
		}
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}
