//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package engine

import (
	"sync/atomic"
	"time"
)

// This file takes loops from sessions that take long: a session that is met
// twice, one tick apart, has blocked or burns time, and others wait for it.

const (
	// watchTick is the time between two looks.
	watchTick = time.Millisecond
	// watchQuiet is how many looks without any session running let the
	// watchman sleep.
	watchQuiet = 16
)

// watchman looks at all loops of an engine while any of them works.
type watchman struct {
	asleep atomic.Bool
	wake   chan struct{}
	stop   chan struct{}
}

func newWatchman() *watchman {
	return &watchman{wake: make(chan struct{}, 1), stop: make(chan struct{})}
}

// look is called by a leader when it begins with a session.
func (w *watchman) look() {
	if w.asleep.Load() && w.asleep.Swap(false) {
		w.wake <- struct{}{}
	}
}

// run looks until the engine has ended.
func (w *watchman) run(all []*loop) {
	tick := time.NewTicker(watchTick)
	defer tick.Stop()
	seen := make([]uint64, len(all))
	last := time.Now()
	for quiet := 0; ; {
		select {
		case now := <-tick.C:
			if now.Sub(last) < watchTick/2 { // the one before came late
				continue
			}
			last = now
		case <-w.stop:
			return
		}
		quiet++
		if takeLate(all, seen) {
			quiet = 0
		}
		if quiet < watchQuiet {
			continue
		}
		tick.Stop()
		if w.asleep.Store(true); !takeLate(all, seen) || !w.asleep.Swap(false) {
			select {
			case <-w.wake:
			case <-w.stop:
				return
			}
		}
		tick.Reset(watchTick)
		quiet = 0
	}
}

// takeLate takes the loops whose leaders are where they were seen last, and
// reports whether any has worked since.
func takeLate(all []*loop, seen []uint64) (busy bool) {
	for i, l := range all {
		turn := l.turn.Load()
		if turn != seen[i] {
			busy = true
		} else if turn&1 == 1 {
			busy = true
			l.take(turn, true)
		}
		seen[i] = turn
	}
	return busy
}
