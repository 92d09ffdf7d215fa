//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package engine

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// This file is the loop: it takes events from a poller and calls the sessions
// they are for, on its own goroutine. That goroutine is only the loop's leader
// for the time being. A session that has to wait, or that takes too long,
// loses the loop to another goroutine, which goes on where the first has left
// off: the batch of events and the place in it belong to the loop. The late
// goroutine keeps its connection until that can be parked, and then ends.
//
// Who owns what:
//
//	leader      the fields below "of the leader"; every connection that is
//	            parked; the one whose session it runs
//	elsewhere   a connection whose state has the bit away belongs to the
//	            goroutine that lost the loop
//
// One number decides all races for the leadership: turn is odd while the
// leader is inside a session. To lead on, the leader adds one to it when the
// session has returned; to take the loop, anybody else adds that one first.

// eventBatch is how many events are taken from the system at once.
const eventBatch = 128

// loop drives a share of the connections of an engine.
type loop struct {
	e      *loops
	p      poller
	wheel  wheel
	rest   func() bool   // sleep, made once
	asleep atomic.Bool   // waits, or is about to: whoever has work wakes it
	due    atomic.Bool   // a deadline may have passed
	turn   atomic.Uint64 // see above

	mu    sync.Mutex // guards the following
	ended bool       // the poller is closed

	// Of the leader.
	current *loopConn // whose session runs; set before turn becomes odd
	events  [eventBatch]event
	next, n int
	queue   []task      // work that is no event
	done    int         // of the queue
	again   []*loopConn // whose sessions have made way for others
	failed  bool        // the poller could not wait
	swept   bool        // the beginning of a shutdown was told to all
	late    []*loopConn
}

// task is news for a connection that comes from the engine itself.
type task struct {
	c    *loopConn
	what readiness
}

// lead runs the loop until it is taken over or has nothing left to do.
func (l *loop) lead() {
	for {
		for l.next < l.n {
			e := &l.events[l.next]
			l.next++
			if c := l.e.table.get(e.fd); c != nil && c.gen == e.gen && !l.news(c, e.what) {
				return
			}
		}
		for l.done < len(l.queue) {
			t := l.queue[l.done]
			l.queue[l.done] = task{}
			l.done++
			if !l.news(t.c, t.what) {
				return
			}
		}
		l.queue, l.done = l.queue[:0], 0
		if l.over() {
			return
		}
		l.collect()
		n, err := l.p.wait(l.events[:], l.rest)
		l.asleep.Store(false)
		if err != nil && !l.failed {
			l.e.cfg.OnError(fmt.Errorf("engine: a loop cannot wait: %w", err))
		}
		if l.failed = err != nil; l.failed {
			time.Sleep(shortestPause)
		}
		l.next, l.n = 0, n
	}
}

// sleep agrees to wait unless there is work. From then on whoever has work
// wakes the loop.
func (l *loop) sleep() bool {
	if len(l.queue)+len(l.again) > 0 {
		return false
	}
	l.asleep.Store(true)
	return !l.due.Load() && (l.swept || !l.e.closing.Load()) && !l.e.finished()
}

// collect gathers the work that is no event.
func (l *loop) collect() {
	for i, c := range l.again {
		l.queue = append(l.queue, task{c, canRead})
		l.again[i] = nil
	}
	l.again = l.again[:0]
	if l.due.Swap(false) {
		l.late = l.wheel.passed(l.late[:0])
		for _, c := range l.late {
			l.queue = append(l.queue, task{c, expired})
		}
		clear(l.late)
	}
	if !l.swept && l.e.closing.Load() {
		l.swept = true
		l.e.table.all(func(c *loopConn) {
			if c.l == l {
				l.queue = append(l.queue, task{c, ending})
			}
		})
	}
}

// rouse wakes the loop if it sleeps.
func (l *loop) rouse() {
	if !l.asleep.Load() || !l.asleep.Swap(false) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended { // else the number may be that of another file by now
		l.p.wake()
	}
}

// over ends the loop when the engine has nothing left for it.
func (l *loop) over() bool {
	if !l.e.finished() {
		return false
	}
	l.current = nil // the last one is garbage, if the engine is not
	l.wheel.close()
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.p.close()
	l.e.loopEnds()
	return true
}

// news is told of a connection. It reports whether this goroutine still leads.
func (l *loop) news(c *loopConn, what readiness) bool {
	if c.state.Load() != 0 && c.notify(what) {
		return true
	}
	if what&peerLeft != 0 {
		c.hup = true
	}
	if what&(expired|ending) != 0 {
		c.expired = what&ending != 0 || c.readPassed()
	}
	if what&(canRead|ending) == 0 && !c.expired {
		return true
	}
	return l.serve(c)
}

// serve runs the session of a parked connection. It reports whether this
// goroutine still leads.
func (l *loop) serve(c *loopConn) bool {
	turn := l.turn.Load() + 1
	c.turn = turn
	l.current = c
	l.turn.Store(turn)
	l.e.watchman.look()
	ended := false
	defer func() {
		if !ended { // the goroutine ends, by runtime.Goexit
			l.deserted(c, turn)
		}
	}()
	next := c.converse()
	ended = true
	if l.turn.CompareAndSwap(turn, turn+1) {
		l.settle(c, next)
		return true
	}
	c.awaitTaken()
	c.goOn(next)
	return false
}

// settle takes back a connection whose session has returned to the leader.
func (l *loop) settle(c *loopConn, next Next) {
	switch next {
	case Again:
		l.again = append(l.again, c) // and not into the queue, which is worked off before others are heard
	case Park:
		l.p.arm(c.fd, c.gen, canRead|peerLeft)
	}
}

// take takes the loop from its leader, if that is still in the turn, and gives
// it to a new one.
func (l *loop) take(turn uint64, takesLong bool) bool {
	if !l.turn.CompareAndSwap(turn, turn+1) {
		return false
	}
	c := l.current
	l.current = nil
	if late := c.late.Load(); takesLong && late != nil {
		late.Store(true)
	}
	c.state.Or(away)
	go l.lead()
	return true
}

// deserted makes up for a goroutine that a session has ended.
func (l *loop) deserted(c *loopConn, turn uint64) {
	if !l.take(turn, false) {
		c.awaitTaken()
	}
	c.finish(Hangup, errDeserted)
}
