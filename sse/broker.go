package sse

import (
	"context"
	"strconv"
	"sync"
	"time"
)

// Broker carries events between the hubs of several processes, such as over a
// message queue. Without one a hub serves the clients of its own process.
//
// All hubs get the same events with the same IDs in the same order, so a
// client can connect to another process and give the ID of the last event it
// got from the first one.
type Broker interface {
	// Publish gives an event to all hubs, that of the caller included. An
	// event without ID gets one from the broker, never used before and never
	// again, also after a restart. It may return before the event has
	// reached a hub. It is called from any goroutine.
	Publish(ctx context.Context, e Event) error
	// Subscribe calls deliver for every event from now on, one call at a
	// time, until ctx is done or the connection to the broker is lost, and
	// returns why. deliver does not block. A hub subscribes on one goroutine
	// of its own, and again after a pause when the connection was lost. What
	// was published in between should then come first.
	Subscribe(ctx context.Context, deliver func(Event)) error
}

// sequence makes IDs for the hub of one process: those of different processes
// and of different lives of one differ, so that a client that comes back after
// a restart is not taken to have seen what it has not.
type sequence struct {
	epoch string
	last  uint64
}

func newSequence() sequence {
	return sequence{epoch: strconv.FormatInt(time.Now().UnixNano(), 36) + "-"}
}

func (s *sequence) next() string {
	s.last++
	return s.epoch + strconv.FormatUint(s.last, 36)
}

// subscription is a hub's hold on its broker.
type subscription struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
}

const (
	firstPause = 100 * time.Millisecond
	longPause  = 10 * time.Second
)

// subscribe keeps a subscription until it is cancelled. failed is told why one
// was lost.
func subscribe(b Broker, deliver func(Event), failed func(error)) *subscription {
	ctx, cancel := context.WithCancel(context.Background())
	sub := &subscription{cancel: cancel}
	sub.done.Go(func() {
		for pause := firstPause; ; pause = min(2*pause, longPause) {
			began := time.Now()
			err := b.Subscribe(ctx, deliver)
			if ctx.Err() != nil {
				return
			}
			failed(err)
			if time.Since(began) > longPause {
				pause = firstPause
			}
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return
			}
		}
	})
	return sub
}

func (s *subscription) stop() {
	s.cancel()
	s.done.Wait()
}
