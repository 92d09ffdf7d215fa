package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// This file asks checks. However many probes come, a check runs once at a
// time, and what it found is used again for a while. One that does not return
// in time has failed; it keeps the one goroutine it has and gets no other.

// Check is one thing that a service needs.
type Check struct {
	// Name is shown by ?verbose and in logs.
	Name string
	// Run returns nil if all is well. Its context ends at the timeout. A
	// panic is a failure.
	Run func(context.Context) error
	// Timeout bounds it; 0 means Options.Timeout.
	Timeout time.Duration
}

// check is a Check and what is known of it.
type check struct {
	Check    // set at construction, then read-only
	cacheFor time.Duration
	log      *slog.Logger

	mu      sync.Mutex // guards the following
	running chan struct{}
	began   time.Time // of the run
	ended   time.Time // of the last run that has returned
	err     error     // what that has returned
	failing bool      // what the log was told last
}

type outcome struct {
	name string
	ok   bool
}

func passed(outcomes []outcome) bool {
	for _, o := range outcomes {
		if !o.ok {
			return false
		}
	}
	return true
}

// ask runs checks side by side.
func ask(checks []*check) []outcome {
	runs := make([]<-chan struct{}, len(checks))
	for i, k := range checks {
		runs[i] = k.begin()
	}
	outcomes := make([]outcome, len(checks))
	for i, k := range checks {
		outcomes[i] = outcome{k.Name, k.wait(runs[i]) == nil}
	}
	return outcomes
}

// begin starts a run, unless there is one or the last result is still good. It
// returns what will be closed at its end, nil if there is nothing to wait for.
func (k *check) begin() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.running != nil:
		return k.running
	case !k.ended.IsZero() && time.Since(k.ended) < k.cacheFor:
		return nil
	}
	k.running, k.began = make(chan struct{}), time.Now()
	go k.run(k.running)
	return k.running
}

func (k *check) run(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), k.Timeout)
	defer cancel()
	err := k.guarded(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err, k.ended, k.running = err, time.Now(), nil
	k.tell(err)
	close(done)
}

func (k *check) guarded(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return k.Run(ctx)
}

var errTimeout = errors.New("health: the check takes too long")

// wait returns the result of a run, or the last one.
func (k *check) wait(run <-chan struct{}) error {
	if run != nil {
		k.mu.Lock()
		left := k.Timeout - time.Since(k.began)
		k.mu.Unlock()
		timer := time.NewTimer(left)
		defer timer.Stop()
		select {
		case <-run:
		case <-timer.C:
			k.mu.Lock()
			defer k.mu.Unlock()
			k.tell(errTimeout)
			return errTimeout
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}

// tell logs a change. mu is held.
func (k *check) tell(err error) {
	switch failing := err != nil; {
	case failing == k.failing:
		return
	case failing:
		k.log.Warn("health: check fails", slog.String("check", k.Name), slog.Any("error", err))
	default:
		k.log.Info("health: check passes again", slog.String("check", k.Name))
	}
	k.failing = err != nil
}
