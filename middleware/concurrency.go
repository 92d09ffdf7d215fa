package middleware

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"wherry.example/wherry"
)

// ConcurrencyLimitOptions says how many requests are served at once. Limit has
// to be given.
type ConcurrencyLimitOptions struct {
	// Limit is how many handlers may run at once.
	Limit int
	// Queue is how many requests may wait for one of them to end. Default
	// none.
	Queue int
	// Wait is how long one may wait. Default 5 s.
	Wait time.Duration
	// RetryAfter is when a refused client is told to come again, in whole
	// seconds. Default 1 s.
	RetryAfter time.Duration
}

// ConcurrencyLimit lets only so many requests run at once in what it wraps,
// together over all its routes. Further ones wait in a queue of bounded
// length, the first to come being the first to go on, for a bounded time;
// when the queue is full or the time is over they are answered 503 with
// Retry-After. A client that leaves gives its place in the queue up.
//
// It stands inside of [RateLimit] and outside of [Timeout]. Waiting blocks the
// handler's goroutine, not others. Do not put it around event streams and
// other requests that stay: they would keep their places.
func ConcurrencyLimit(o ConcurrencyLimitOptions) wherry.Middleware {
	if o.Wait == 0 {
		o.Wait = 5 * time.Second
	}
	if o.RetryAfter == 0 {
		o.RetryAfter = time.Second
	}
	if err := o.check(); err != nil {
		return cannot("%w", err)
	}
	g := &gate{places: make(chan struct{}, o.Limit), queue: int64(o.Queue), wait: o.Wait}
	retryAfter := deltaSeconds(o.RetryAfter)
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			if err := g.enter(c); err != nil {
				c.SetHeader(wherry.HeaderRetryAfter, retryAfter)
				return err
			}
			defer g.leave() // also by a panic
			return next(c)
		}
	}
}

func (o *ConcurrencyLimitOptions) check() error {
	switch {
	case o.Limit <= 0 || o.Limit > 1<<30:
		return fmt.Errorf("ConcurrencyLimit: Limit is %d; give how many handlers may run at once", o.Limit)
	case o.Queue < 0:
		return fmt.Errorf("ConcurrencyLimit: Queue is %d; give how many requests may wait, 0 for none", o.Queue)
	case o.Wait < 0:
		return fmt.Errorf("ConcurrencyLimit: Wait is %v; give how long a request may wait, 0 for 5 s", o.Wait)
	case o.RetryAfter < 0:
		return fmt.Errorf("ConcurrencyLimit: RetryAfter is %v; give a positive duration, 0 for 1 s", o.RetryAfter)
	}
	return nil
}

// gate has places for those within and counts those before it.
type gate struct {
	places  chan struct{}
	queue   int64
	wait    time.Duration
	waiting atomic.Int64
}

// enter takes a place, or says why there is none.
func (g *gate) enter(c *wherry.Context) error {
	select {
	case g.places <- struct{}{}:
		return nil
	default:
	}
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > g.queue {
		return &wherry.Error{Status: 503, Detail: "The server is busy; try again later."}
	}
	timer := time.NewTimer(g.wait)
	defer timer.Stop()
	ctx := c.Context()
	select {
	case g.places <- struct{}{}:
		return nil
	case <-timer.C:
		return &wherry.Error{Status: 503, Detail: "The server is busy; try again later."}
	case <-ctx.Done():
		return &wherry.Error{Status: 503, Err: context.Cause(ctx)}
	}
}

func (g *gate) leave() { <-g.places }
