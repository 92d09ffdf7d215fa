//go:build unix

package engine

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// This file is Read in inline mode: inside the callback that runs the session.
// It happens when a handler hijacks an exchange that was not announced by Block
// and reads on. The runtime lends the descriptor to one reader at a time, and
// that is the callback; a wait in a system call would cost a thread. So the
// first read that has to wait makes a second descriptor of the socket, of which
// the runtime knows nothing but that it may wait there.
//
// The second descriptor is there in inline mode only, and only while the
// connection is open: leave and Close take it away, and whoever takes it closes
// it. A read that waits there returns then, and looks again. It is closed before
// the first one is, so the socket ends when it should.

// second is that descriptor.
type second struct {
	file *os.File
	raw  syscall.RawConn
}

// inlinePause is the time between two looks of a read that can wait nowhere,
// because the process has no descriptor left.
const inlinePause = 10 * time.Millisecond

// readInline is Read inside the callback. ok is false when the caller must
// look again.
func (c *readyConn) readInline(p []byte) (n int, err error, ok bool) {
	c.mu.Lock()
	if !c.inline.Load() {
		c.mu.Unlock()
		return 0, nil, false
	}
	if c.closed {
		c.mu.Unlock()
		return 0, net.ErrClosed, true
	}
	var s *second
	failed := c.raw.Control(func(fd uintptr) { n, err = receiveOrEnd(int(fd), p) })
	if failed != nil {
		err = failed
	} else if err == ErrWouldBlock {
		if c.deadline.passed() {
			err = os.ErrDeadlineExceeded
		} else {
			s = c.makeSecond()
		}
	}
	c.mu.Unlock()
	if err != ErrWouldBlock {
		return n, err, true
	}
	return c.readSecond(s, p)
}

// receiveOrEnd is receive, but the end is an error.
func receiveOrEnd(fd int, p []byte) (n int, err error) {
	n, err = receive(fd, p)
	if n == 0 && err == nil && len(p) > 0 {
		err = io.EOF
	}
	return n, err
}

// readSecond waits at the second descriptor, and reads what comes.
func (c *readyConn) readSecond(s *second, p []byte) (n int, err error, ok bool) {
	if s == nil {
		time.Sleep(inlinePause)
		return 0, nil, false
	}
	failed := s.raw.Read(func(fd uintptr) bool {
		n, err = receiveOrEnd(int(fd), p)
		return err != ErrWouldBlock
	})
	switch {
	case failed == nil:
		return n, err, true
	case errors.Is(failed, os.ErrDeadlineExceeded):
		if passed, _ := c.deadline.fired(false); passed {
			return 0, os.ErrDeadlineExceeded, true
		}
	case c.second.Load() == s: // it was not taken away: the runtime cannot wait there
		time.Sleep(inlinePause)
	}
	return 0, nil, false
}

// makeSecond returns the second descriptor, nil if there is none to be had. mu
// is held.
func (c *readyConn) makeSecond() *second {
	if s := c.second.Load(); s != nil {
		return s
	}
	file, err := c.Conn.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		return nil
	}
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return nil
	}
	s := &second{file: file, raw: raw}
	c.deadline.pair(c.Conn.SetReadDeadline, file.SetReadDeadline)
	c.second.Store(s)
	if !c.inline.Load() { // leave may not have met it
		c.dropSecond()
	}
	return s
}

// dropSecond closes the second descriptor, if there is one.
func (c *readyConn) dropSecond() {
	s := c.second.Swap(nil)
	if s == nil {
		return
	}
	c.deadline.unpair(c.Conn.SetReadDeadline)
	_ = s.file.Close()
}
