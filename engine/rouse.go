//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package engine

import (
	"os"

	"golang.org/x/sys/unix"
)

// rouse ends the wait of a poller that has no means of its own: a pipe that
// does not block, whose reading end the poller watches.
type rouse [2]int

// noRouse is one that is not open.
var noRouse = rouse{-1, -1}

func openRouse() (rouse, error) {
	r := noRouse
	if err := unix.Pipe(r[:]); err != nil {
		return noRouse, os.NewSyscallError("pipe", err)
	}
	for _, fd := range r {
		unix.CloseOnExec(fd)
		if err := unix.SetNonblock(fd, true); err != nil {
			r.close()
			return noRouse, os.NewSyscallError("fcntl", err)
		}
	}
	return r, nil
}

// out returns the descriptor to watch.
func (r *rouse) out() int { return r[0] }

// ring ends the wait, now or the next one.
func (r *rouse) ring() { _, _ = unix.Write(r[1], []byte{0}) }

// drain takes out what ring has put in.
func (r *rouse) drain() {
	var bytes [64]byte
	_, _ = unix.Read(r[0], bytes[:])
}

func (r *rouse) close() {
	for _, fd := range r {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}
