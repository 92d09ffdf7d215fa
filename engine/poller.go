//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package engine

// This file is what a loop asks of the system: which of its sockets can go on.
// A poller only translates; everything else about loops stands in loop.go and
// is the same for all of them.

// readiness is what has become possible on a socket, or has happened to it.
type readiness uint8

const (
	canRead  readiness = 1 << iota // bytes, the end, or an error wait to be read
	canWrite                       // there is room again, or an error
	peerLeft                       // the peer has ended its sending, or more
	// The loop tells itself of these.
	expired // a deadline has passed
	ending  // a shutdown has begun
)

// event is news of one socket. The generation tells it from others that have
// had the same descriptor.
type event struct {
	fd   int32
	gen  uint32
	what readiness
}

// poller watches sockets for one loop. wait is called by one goroutine at a
// time, the others by any.
type poller interface {
	// add begins to watch for canRead and peerLeft.
	add(fd int32, gen uint32) error
	// arm asks for the next event of this kind. It is called before each wait
	// for one; a poller that tells of every change unasked has nothing to do
	// there. None tells again of what was there before: whoever has read only
	// a part must read on.
	arm(fd int32, gen uint32, what readiness)
	// remove ends the watching; the descriptor is closed next.
	remove(fd int32)
	// wait fills events with what is known. When there is nothing it calls
	// sleep, and if that agrees waits until there is something or wake is
	// called; it may return 0.
	wait(events []event, sleep func() bool) (int, error)
	// wake ends a wait, now or the next one.
	wake()
	close()
}
