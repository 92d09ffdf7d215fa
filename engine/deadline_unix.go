//go:build unix

package engine

import (
	"sync"
	"time"
)

// This file moves deadlines cheaply. A connection's idle deadline moves with
// every request; arming a runtime timer each time would cost more than the
// rest. So the timer is armed only when none is, or when the new deadline is
// earlier than the armed one; when it fires early, it is armed again.
//
// It is armed for a glance at first, and for the whole time only when nothing
// has happened since. The poller tells of bytes and of the end of the stream
// once; when both come together, the read that takes the bytes sees no end,
// and nobody tells of it again. The glance reads once more and finds it.

// glance is how long a connection is idle before it is looked at unasked.
const glance = time.Second

// lazyDeadline is the read deadline of a connection.
type lazyDeadline struct {
	set func(time.Time) error // arms the real timer; set at construction

	mu    sync.Mutex // guards the following
	want  time.Time  // zero: none
	armed time.Time  // zero: none
	moved bool       // since the timer was armed
	far   bool       // the timer is armed for the deadline, not for a glance
}

// move sets the deadline; zero means none.
func (d *lazyDeadline) move(t time.Time) error {
	d.mu.Lock()
	d.want, d.moved = t, true
	var err error
	if !t.IsZero() && (d.armed.IsZero() || d.far || t.Before(d.armed)) {
		err = d.arm(time.Now())
	}
	d.mu.Unlock()
	return err
}

// arm arms the timer for the deadline, or for a glance before it.
func (d *lazyDeadline) arm(now time.Time) error {
	d.armed, d.far = d.want, true
	if soon := now.Add(glance); d.moved && (d.want.IsZero() || soon.Before(d.want)) {
		d.armed, d.far = soon, false
	}
	d.moved = false
	return d.set(d.armed)
}

// fired is called when the real timer has fired. It reports whether the
// deadline has passed, and whether it has not moved since the timer was armed
// for a glance: then the connection is idle. It arms the timer for what is
// left.
func (d *lazyDeadline) fired() (passed, idle bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if d.want.IsZero() || now.Before(d.want) {
		idle = !d.moved && !d.far
		_ = d.arm(now)
		return false, idle
	}
	d.armed = time.Time{} // no timer, or no read could be tried any more
	_ = d.set(d.armed)
	return true, false
}

// passed reports whether the deadline has passed.
func (d *lazyDeadline) passed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.want.IsZero() && !time.Now().Before(d.want)
}
