//go:build unix

package engine

import "time"

// This file lets go of the goroutine of a socket that is idle, where the system
// can be asked to tell of it without one; when that is stands in
// deadline_unix.go. What tells of the socket stands in watch_linux.go; the
// deadline, which the runtime keeps only for whoever waits, gets a timer of
// its own. Both call rouse, as does whoever moves the deadline, closes the
// connection or begins a shutdown; the first of them starts a goroutine, and the
// others do nothing.
// To be roused for nothing does no harm.
//
// rest is the only way from a goroutine to none, rouse the only way back.

// bed is what a connection has while it rests. Owned by the goroutine that
// calls rest, then by the one that rouse has started.
type bed struct {
	watch *watch
	timer *time.Timer // of the deadline; nil without one
}

// rest gives the connection up until there is a reason to run it. It reports
// false when it could not: then the caller still has it.
func (c *readyConn) rest() bool {
	c.mu.Lock()
	if c.bed.watch = c.watch(anyNews, c.rouse); c.bed.watch == nil {
		c.mu.Unlock()
		return false
	}
	if until := c.deadline.away(); !until.IsZero() {
		c.bed.timer = time.AfterFunc(time.Until(until), c.rouse)
	}
	c.rests = true
	c.mu.Unlock()
	if c.e.closing.Load() { // it may not have been met at rest
		c.rouse()
	}
	return true
}

// rouse starts a goroutine for a connection that rests, and does nothing for
// others.
func (c *readyConn) rouse() {
	c.mu.Lock()
	rested := c.rests
	c.rests = false
	c.mu.Unlock()
	if rested {
		go c.e.carry(c, c.session)
	}
}

// rise is what the new goroutine does first.
func (c *readyConn) rise() {
	if c.bed.watch == nil {
		return
	}
	c.unwatch(c.bed.watch)
	if c.bed.timer != nil {
		c.bed.timer.Stop()
	}
	c.bed = bed{}
	c.glance()
}
