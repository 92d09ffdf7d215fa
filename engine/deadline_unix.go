//go:build unix

package engine

import (
	"errors"
	"sync"
	"time"
)

// This file moves deadlines cheaply. A connection's idle deadline moves with
// every request; arming a runtime timer each time would cost more than the
// rest. So the timer is armed only when none is, or when the new deadline is
// earlier than the armed one; when it fires early, it is armed again.
//
// It is armed for a glance at first, and for longer only when nothing has
// happened since. The poller tells of bytes and of the end of the stream once;
// when both come together, the read that takes the bytes sees no end, and
// nobody tells of it again. The glance reads once more and finds it.
//
// The timer also tells who is idle. Many connections come, ask once, and are
// idle from then on: the first glances are short and find these. Who was busy
// when they were over, or comes back, may well come back again, and what that
// costs must stay small: then it takes a long pause as well.

const (
	// glance is how long a connection is quiet before it is looked at unasked,
	glance = time.Second
	// firstGlance the same for a new one, and firstGlances how often.
	firstGlance  = 50 * time.Millisecond
	firstGlances = 2
	// longPause is how long it is quiet from then on until it is idle.
	longPause = 9 * time.Second
)

// lazyDeadline is the read deadline of a connection.
type lazyDeadline struct {
	set func(time.Time) error // arms the real timer; set at construction, then guarded by mu

	mu    sync.Mutex    // guards the following
	want  time.Time     // zero: none
	armed time.Time     // zero: none
	pause time.Duration // what the timer is armed for; 0: the deadline itself
	early uint8         // first glances that were
}

// move sets the deadline; zero means none.
func (d *lazyDeadline) move(t time.Time) error {
	d.mu.Lock()
	d.want = t
	var err error
	if !t.IsZero() && (d.armed.IsZero() || d.late() || t.Before(d.armed)) {
		err = d.arm(time.Now(), true)
	}
	d.mu.Unlock()
	return err
}

// late reports whether the timer comes later than a glance. mu is held.
func (d *lazyDeadline) late() bool { return d.pause == 0 || d.pause == longPause }

// arm arms the timer for the deadline, or for a pause before it. mu is held.
func (d *lazyDeadline) arm(now time.Time, busy bool) error {
	switch {
	case busy && d.early < firstGlances:
		d.pause = firstGlance
		d.early++
	case busy:
		d.pause = glance
	case d.pause == glance:
		d.pause = longPause
	default:
		d.pause = 0
	}
	d.armed = now.Add(d.pause)
	if d.pause == 0 || !d.want.IsZero() && !d.armed.Before(d.want) {
		d.armed, d.pause = d.want, 0
	}
	return d.set(d.armed)
}

// fired is called when the real timer has fired, or was put away, and is told
// whether the connection was busy since it was armed. It reports whether the
// deadline has passed, and whether the connection is idle. It arms the timer
// for what is left.
func (d *lazyDeadline) fired(busy bool) (passed, idle bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if d.want.IsZero() || now.Before(d.want) {
		idle = !busy && (d.pause == firstGlance || d.pause == longPause)
		_ = d.arm(now, busy)
		return false, idle
	}
	d.armed = time.Time{} // no timer, or no read could be tried any more
	_ = d.set(d.armed)
	return true, false
}

// stir is called when a connection has something to do for the first time
// since the timer has fired. It arms the timer for a glance, and reports
// whether it was not.
func (d *lazyDeadline) stir() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.armed.IsZero() && !d.want.IsZero() || !d.late() {
		return false
	}
	_ = d.arm(time.Now(), true)
	return true
}

// away disarms the timer until fired is called, and returns the deadline.
func (d *lazyDeadline) away() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.armed, d.pause = time.Time{}, glance // as if one had just been over
	_ = d.set(d.armed)
	return d.want
}

// pair adds a second timer, and arms it as the first one is.
func (d *lazyDeadline) pair(first, second func(time.Time) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.set = func(t time.Time) error { return errors.Join(first(t), second(t)) }
	_ = second(d.armed)
}

// unpair leaves the first one, as it is: a shutdown may have moved it.
func (d *lazyDeadline) unpair(first func(time.Time) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.set = first
}

// passed reports whether the deadline has passed.
func (d *lazyDeadline) passed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.want.IsZero() && !time.Now().Before(d.want)
}
