//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package engine

import (
	"errors"
	"io"
	"net"

	"golang.org/x/sys/unix"
)

// This file sends files on loops. The system reads them for us, and may have
// to wait for the disk: so the loop is given away first.

// SendFile sends n bytes of f from where it stands.
func (c *loopConn) SendFile(f File, n int64) (sent int64, err error) {
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
	if !c.unix && gather(int(c.fd)) {
		defer gathered(int(c.fd))
	}
	var failed error
	if err := raw.Control(func(file uintptr) { sent, failed = c.copyFile(int(file), n) }); err != nil {
		return 0, errors.ErrUnsupported
	}
	return sent, failed
}

// copyFile sends n bytes of a file.
func (c *loopConn) copyFile(file int, n int64) (sent int64, err error) {
	for sent < n {
		m, err := sendFile(int(c.fd), file, int(min(n-sent, 1<<30)))
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
