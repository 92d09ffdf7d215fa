//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package engine

// This file translates what kqueue tells. It stands apart from the poller, so
// that it can be tested where no kqueue runs.

// What kqueue tells with an event; the numbers are the same on all systems
// that have it, but for the filters.
const (
	keventEOF   = 0x8000 // EV_EOF: the other side has ended this direction
	keventError = 0x4000 // EV_ERROR: a change could not be made
)

// fromKevent translates one event. With EOF, fflags holds the error of the
// socket, if it has one; on the filter of writes it means that the peer reads
// no more.
func fromKevent(isWrite bool, flags uint16, fflags uint32) (what readiness) {
	switch {
	case flags&keventError != 0:
		return 0
	case isWrite && flags&keventEOF != 0:
		return canRead | canWrite | peerLeft
	case isWrite:
		return canWrite
	case flags&keventEOF != 0 && fflags != 0:
		return canRead | canWrite | peerLeft
	case flags&keventEOF != 0:
		return canRead | peerLeft
	}
	return canRead
}
