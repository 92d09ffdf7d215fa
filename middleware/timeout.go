package middleware

import (
	"context"
	"errors"
	"time"

	"wherry.example/wherry"
)

// ErrTimeout is the cause of a request context that [Timeout] has cancelled.
var ErrTimeout = errors.New("middleware: the handler's time is over")

// Timeout puts a deadline on [wherry.Context.Context]. A handler that gives it
// to what it waits for, a database or another server, and returns the error it
// gets, is answered 503; one that has finished in spite of the deadline, or
// does not look at it, is left alone.
//
// The handler always runs on its own goroutine, to its end: nothing is
// abandoned, so nothing can write to an answer behind its back. A handler that
// computes without looking at the context is not interrupted, and neither is
// one that waits for the client: that is bounded by [wherry.Timeouts].
//
// It stands inside of [RateLimit] and [ConcurrencyLimit], so that waiting for
// a place does not count. Do not put it around event streams, nor around
// handlers that hand the context to work that is to go on afterwards.
func Timeout(limit time.Duration) wherry.Middleware {
	if limit <= 0 {
		return cannot("Timeout(%v): there is no time for any handler; give a positive duration", limit)
	}
	return func(next wherry.Handler) wherry.Handler {
		return func(c *wherry.Context) error {
			c.SetDeadline(time.Now().Add(limit), ErrTimeout)
			err := next(c)
			if err == nil {
				return nil
			}
			return timedOut(c.Context(), err)
		}
	}
}

// timedOut makes an error that is the echo of our deadline a 503. An error
// that already knows its answer keeps it.
func timedOut(ctx context.Context, err error) error {
	var own *wherry.Error
	if err == nil || context.Cause(ctx) != ErrTimeout || errors.As(err, &own) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrTimeout) {
		return &wherry.Error{Status: 503, Detail: "The request took too long.", Err: err}
	}
	return err
}
