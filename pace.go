package wherry

import (
	"sync/atomic"
	"time"

	"wherry.example/wherry/engine"
)

// This file remembers which routes take long. On an engine whose connections
// share a goroutine, a handler runs on it and so holds up the others until
// the engine notices, about a millisecond later, and takes that goroutine from
// it. A route that is caught lets the others go first from that moment on, while
// the run that was caught goes on still, and its runs are clocked, which costs
// nothing that matters to a handler that waits.
//
// To be caught proves little: on a busy machine it happens to any handler that
// the system has not let run. So a route that was caught is on probation for a
// few runs; only if one of them was long as well is it taken for slow. It is
// trusted again when enough runs in a row were short. Each relapse doubles
// what is enough, so a route that is slow only now and then is caught a few
// times and not for ever.

// manner is what the program says of a route.
type manner uint8

const (
	mannerLearned  manner = iota // nothing: see how it goes
	mannerBlocking               // it takes long
	mannerInline                 // it does not
)

const (
	shortRun  = 300 * time.Microsecond
	probation = 8
	firstNeed = 32
	mostNeed  = 1 << 16
)

// pace is how a route has been going. It is shared by all connections.
type pace struct {
	manner manner
	caught atomic.Bool  // set by the engine, until the next run
	left   atomic.Int32 // short runs in a row until it is trusted; 0: it is
	need   atomic.Int32 // how many those are after a long one
	slow   atomic.Bool  // a run beside the others was long: it is no accident
}

// run runs the handler of the route.
func (p *pace) run(c *Context, h Handler) error {
	y := c.wire.yielder()
	switch {
	case y == nil || p.manner == mannerInline:
		return h(c)
	case p.manner == mannerBlocking:
		y.Yield()
		return h(c)
	case p.caught.Load() && p.caught.Swap(false):
		p.slow.Store(false)
		p.left.Store(probation)
		return p.runBeside(y, c, h)
	case p.left.Load() > 0:
		return p.runBeside(y, c, h)
	}
	y.Charge(&p.caught)
	err := h(c)
	y.Charge(nil)
	return err
}

// runBeside runs the handler while others go on, and clocks it.
func (p *pace) runBeside(y engine.Yielder, c *Context, h Handler) error {
	y.Yield()
	began := time.Now()
	err := h(c)
	if time.Since(began) >= shortRun {
		if !p.slow.Swap(true) {
			need := p.need.Load()
			p.need.CompareAndSwap(need, min(max(2*need, firstNeed), mostNeed))
		}
		p.left.Store(p.need.Load())
		return err
	}
	if left := p.left.Load(); left > 0 {
		p.left.CompareAndSwap(left, left-1)
	}
	return err
}
