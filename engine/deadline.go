package engine

import (
	"sync"
	"time"
)

// This file moves deadlines cheaply. A connection's idle deadline moves with
// every request; arming a runtime timer each time would cost more than the
// rest. So the timer is armed only when none is, or when the new deadline is
// earlier than the armed one; when it fires early, it is armed again.

// lazyDeadline is the read deadline of a connection.
type lazyDeadline struct {
	set func(time.Time) error // arms the real timer; set at construction

	mu    sync.Mutex // guards the following
	want  time.Time  // zero: none
	armed time.Time  // zero: none
}

// move sets the deadline; zero means none.
func (d *lazyDeadline) move(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.want = t
	if t.IsZero() || !d.armed.IsZero() && !t.Before(d.armed) {
		return nil
	}
	return d.arm(t)
}

func (d *lazyDeadline) arm(t time.Time) error {
	d.armed = t
	return d.set(t)
}

// fired is called when the real timer has fired. It reports whether the
// deadline has really passed, and arms the timer for what is left.
func (d *lazyDeadline) fired() (passed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.want.IsZero() {
		_ = d.arm(time.Time{})
		return false
	}
	if time.Now().Before(d.want) {
		_ = d.arm(d.want)
		return false
	}
	_ = d.arm(time.Time{}) // or no read could be tried any more
	return true
}

// passed reports whether the deadline has passed.
func (d *lazyDeadline) passed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.want.IsZero() && !time.Now().Before(d.want)
}
