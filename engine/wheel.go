//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package engine

import (
	"sync"
	"time"
)

// This file keeps the deadlines of a loop's connections: a wheel of short
// slots for what is near and one of long slots for the rest. A deadline that
// moves to a later time costs nothing: the connection stays in its slot and is
// looked at when that is due. So the idle deadline of a busy connection, which
// moves with every request, is one store.
//
// A slot holds only hints: what is due is decided by the connection's own
// deadlines, and one in a wrong slot is put into the right one.

const (
	shortBits  = 23 // a short slot is 8.4 ms
	longBits   = 30 // a long slot is 1.07 s
	wheelSlots = 128
)

// wheel is a wheel of deadlines, in nanoseconds since the engine was made.
type wheel struct {
	ring func() // called when something may be due
	now  func() int64

	mu      sync.Mutex // guards the following
	short   [wheelSlots]*loopConn
	long    [wheelSlots]*loopConn
	at      int64 // all before this has been looked at
	count   int
	timer   *time.Timer
	timerAt int64 // 0: not armed
	closed  bool
}

// arm makes sure that c is looked at when this time has passed.
func (w *wheel) arm(c *loopConn, at int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if armed := c.armed.Load(); w.closed || armed != 0 && armed <= at {
		return
	}
	w.unlink(c)
	w.link(c, at, w.now())
	w.setTimer()
}

// dropped is when the wheel looks at a connection that it has forgotten: before
// every deadline, so no one has it looked at again.
const dropped = 1

// drop forgets a connection for good.
func (w *wheel) drop(c *loopConn) {
	w.mu.Lock()
	w.unlink(c)
	c.armed.Store(dropped)
	w.mu.Unlock()
}

// link puts c into the slot of a time. mu is held.
func (w *wheel) link(c *loopConn, due, now int64) {
	if w.count == 0 {
		w.at = now
	}
	due = max(due, now)
	head := &w.short[due>>shortBits%wheelSlots]
	if due>>shortBits-now>>shortBits >= wheelSlots {
		slot := min(due>>longBits, now>>longBits+wheelSlots-1)
		due = slot << longBits
		head = &w.long[slot%wheelSlots]
	}
	c.armed.Store(due)
	c.slot = head
	c.later, c.earlier = *head, nil
	if c.later != nil {
		c.later.earlier = c
	}
	*head = c
	w.count++
}

func (w *wheel) unlink(c *loopConn) {
	if c.slot == nil {
		return
	}
	if c.earlier != nil {
		c.earlier.later = c.later
	} else {
		*c.slot = c.later
	}
	if c.later != nil {
		c.later.earlier = c.earlier
	}
	c.slot, c.later, c.earlier = nil, nil, nil
	c.armed.Store(0)
	w.count--
}

// passed appends the connections of which a deadline has passed.
func (w *wheel) passed(list []*loopConn) []*loopConn {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	w.timerAt = 0
	for _, ring := range []struct {
		slots *[wheelSlots]*loopConn
		bits  uint
	}{{&w.long, longBits}, {&w.short, shortBits}} {
		first, last := w.at>>ring.bits, now>>ring.bits
		for tick := max(first, last-wheelSlots+1); tick <= last; tick++ {
			list = w.visit(&ring.slots[tick%wheelSlots], now, list)
		}
	}
	w.at = now
	w.setTimer()
	return list
}

// visit looks at each connection of a slot. mu is held.
func (w *wheel) visit(head **loopConn, now int64, list []*loopConn) []*loopConn {
	c := *head
	for c != nil {
		next := c.later
		w.unlink(c) // first: who sets a deadline from now on finds the connection in no slot
		passed, due := c.due(now)
		if passed {
			list = append(list, c)
		}
		if due != 0 {
			w.link(c, due, now)
		}
		c = next
	}
	return list
}

// setTimer makes the timer ring for the first slot in use. mu is held.
func (w *wheel) setTimer() {
	at := w.next()
	if at == 0 || w.closed || w.timerAt != 0 && w.timerAt <= at {
		return
	}
	w.timerAt = at
	wait := time.Duration(max(at-w.now(), 0))
	if w.timer == nil {
		w.timer = time.AfterFunc(wait, w.ring)
		return
	}
	w.timer.Reset(wait)
}

// next returns when the first slot in use ends, or, of the long ones, begins;
// 0 when none is in use.
func (w *wheel) next() int64 {
	if w.count == 0 {
		return 0
	}
	for tick := w.at >> shortBits; tick < w.at>>shortBits+wheelSlots; tick++ {
		if w.short[tick%wheelSlots] != nil {
			return (tick + 1) << shortBits
		}
	}
	for tick := w.at >> longBits; tick < w.at>>longBits+wheelSlots; tick++ {
		if w.long[tick%wheelSlots] != nil {
			return max(tick<<longBits, w.at+1)
		}
	}
	return 0
}

// close stops the timer for good.
func (w *wheel) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.timer != nil {
		w.timer.Stop()
	}
}
