package wherry

import (
	"sync/atomic"
	"time"
)

// This file remembers which routes take long. On an engine whose connections
// share a goroutine, a handler runs on it and so holds up the others until
// the engine notices, about a millisecond later. A route that was caught lets
// the others go first from then on. Its runs are clocked meanwhile, which
// costs nothing that matters to a handler that waits; when enough of them in
// a row were short it is trusted again. Each relapse doubles what is enough,
// so a route that is slow only now and then is caught a few times and not for
// ever.

// manner is what the program says of a route.
type manner uint8

const (
	mannerLearned  manner = iota // nothing: see how it goes
	mannerBlocking               // it takes long
	mannerInline                 // it does not
)

const (
	shortRun  = 300 * time.Microsecond
	firstNeed = 32
	mostNeed  = 1 << 16
)

// pace is how a route has been going. It is shared by all connections.
type pace struct {
	manner manner
	left   atomic.Int32 // short runs in a row until it is trusted; 0: it is
	need   atomic.Int32 // how many those were at first
}

// run runs the handler of the route.
func (p *pace) run(c *Context, h Handler) error {
	if p.manner == mannerBlocking {
		c.wire.yield()
		return h(c)
	}
	if p.left.Load() > 0 {
		return p.runBeside(c, h)
	}
	err := h(c)
	if c.wire.taken() && p.manner != mannerInline {
		p.relapse()
	}
	return err
}

// runBeside runs the handler while others go on, and clocks it.
func (p *pace) runBeside(c *Context, h Handler) error {
	c.wire.yield()
	began := time.Now()
	err := h(c)
	if time.Since(began) >= shortRun {
		p.left.Store(p.need.Load())
		return err
	}
	if left := p.left.Load(); left > 0 {
		p.left.CompareAndSwap(left, left-1)
	}
	return err
}

// relapse notes that the route was caught.
func (p *pace) relapse() {
	need := p.need.Load()
	next := min(max(2*need, firstNeed), mostNeed)
	p.need.CompareAndSwap(need, next)
	p.left.Store(next)
}
