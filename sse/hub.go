package sse

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"wherry.example/wherry"
)

// Slow says what becomes of a client that reads more slowly than events are
// published.
type Slow uint8

const (
	// DropOldest leaves out the oldest events that wait for it.
	DropOldest Slow = iota
	// CloseSlow ends its stream. A browser connects again with the ID of the
	// last event it got, and is given what it missed as far as the hub has it.
	CloseSlow
)

// NoReplay is the value of [HubOptions].Replay for a hub that keeps nothing for
// clients that connect again.
const NoReplay = -1

// HubOptions says how a hub behaves. The zero value is the defaults that stand
// at each field.
type HubOptions struct {
	// Queue is how many events may wait for one client. Default 64.
	Queue int
	// Slow says what happens to a client for which more would wait.
	Slow Slow
	// Replay is how many of the last events are kept for clients that connect
	// again. Default 256; [NoReplay] keeps none.
	Replay int
	// Stream is how the stream of each client behaves; its Until ends that
	// stream, [Hub.Close] all of them.
	Stream Options
	// Hello is called for each client before its first event, on the
	// goroutine of its handler, to send what it must know to make sense of
	// them. What is published meanwhile follows. Its error ends the stream.
	Hello func(*Stream) error
	// Broker carries events to the hubs of other processes. nil: there are
	// none.
	Broker Broker
	// OnError is told when the broker's subscription is lost and when it
	// delivers what cannot be sent. It runs on the hub's goroutine for the
	// broker. nil ignores it.
	OnError func(error)
}

// ErrHubClosed is returned by Publish after Close.
var ErrHubClosed = errors.New("sse: hub is closed")

// Hub sends every event to all its clients, each at its own pace and with a
// bound on what waits for it, and keeps the last events for clients that come
// again. Its methods may be called from any goroutine. It has no goroutine of
// its own unless it has a Broker; then it must be closed.
type Hub struct {
	// Set at construction, then read-only.
	options HubOptions
	broken  error         // an impossible option
	sub     *subscription // nil without a broker

	mu      sync.Mutex // guards the following
	closed  bool
	ids     sequence
	backlog backlog
	clients map[*client]struct{}
	stats   HubStats
	parked  int         // of the clients
	beat    *time.Timer // for the parked ones; nil before the first
	beating bool
}

// HubStats counts what a hub has done.
type HubStats struct {
	Clients   int   // connected now
	Published int64 // events
	Dropped   int64 // events left out for clients that were too slow
	Closed    int64 // clients that were closed because they were too slow
}

// NewHub returns a hub without clients. Without options the zero ones count. A
// mistake in them is reported by [wherry.App.Build] through [Hub.Handler], and
// by Serve and Publish.
func NewHub(opts ...HubOptions) *Hub {
	h := &Hub{ids: newSequence(), clients: map[*client]struct{}{}}
	var o HubOptions
	if len(opts) > 0 {
		o = opts[0]
	}
	h.broken = o.complete()
	if len(opts) > 1 {
		h.broken = fmt.Errorf("sse: %d HubOptions; give one at most", len(opts))
	}
	h.options = o
	if h.broken != nil {
		return h
	}
	h.backlog = newBacklog(max(o.Queue, o.Replay))
	if o.Broker != nil {
		h.sub = subscribe(o.Broker, h.deliver, o.OnError)
	}
	return h
}

func (o *HubOptions) complete() error {
	if o.Queue == 0 {
		o.Queue = 64
	}
	if o.Replay == 0 {
		o.Replay = 256
	}
	if o.OnError == nil {
		o.OnError = func(error) {}
	}
	switch {
	case o.Queue < 0:
		return fmt.Errorf("sse: HubOptions.Queue is %d; give a positive number, or 0 for the default", o.Queue)
	case o.Replay < NoReplay:
		return fmt.Errorf("sse: HubOptions.Replay is %d; give a positive number, 0 for the default, or NoReplay", o.Replay)
	case o.Slow > CloseSlow:
		return fmt.Errorf("sse: HubOptions.Slow is %d; give DropOldest or CloseSlow", o.Slow)
	}
	o.Replay = max(0, o.Replay)
	return o.Stream.complete()
}

// Publish sends an event to all clients, those of other processes included. An
// event without ID gets one, so that clients can come back to it. It does not
// wait for any client. It fails with [ErrField] for an event that cannot be
// sent, with [ErrHubClosed], or with the error of the broker.
func (h *Hub) Publish(ctx context.Context, e Event) error {
	if h.broken != nil {
		return h.broken
	}
	if _, err := e.AppendTo(nil); err != nil {
		return err
	}
	if h.options.Broker == nil {
		return h.add(e)
	}
	if h.isClosed() {
		return ErrHubClosed
	}
	return h.options.Broker.Publish(ctx, e)
}

// deliver takes an event from the broker.
func (h *Hub) deliver(e Event) {
	if err := h.add(e); err != nil && !errors.Is(err, ErrHubClosed) {
		h.options.OnError(err)
	}
}

// add puts an event behind the others and tells all clients.
func (h *Hub) add(e Event) error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return ErrHubClosed
	}
	if e.ID == "" && h.options.Broker == nil {
		e.ID = h.ids.next()
	}
	bytes, err := e.AppendTo(nil)
	if err != nil {
		h.mu.Unlock()
		return err
	}
	h.backlog.add(frame{e.ID, bytes})
	h.stats.Published++
	idle := h.wakeAll()
	h.mu.Unlock()
	h.serveParked(idle, nil)
	return nil
}

// wakeAll tells all clients of news, and returns the parked ones to whom
// somebody must bring it. The lock is held.
func (h *Hub) wakeAll() (idle []*client) {
	for cl := range h.clients {
		switch {
		case cl.parked == nil:
			cl.wake()
		case !cl.parked.served:
			cl.parked.served = true
			idle = append(idle, cl)
		}
	}
	return idle
}

// Close ends the streams of all clients in good order, once they have got what
// was published before, and the subscription to the broker. It does not wait
// for clients. It is meant for [wherry.App.OnShutdown] and may be called
// again.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed = true
	idle := h.wakeAll()
	h.settleBeat()
	h.mu.Unlock()
	h.serveParked(idle, nil)
	if h.sub != nil {
		h.sub.stop()
	}
}

// Stats returns what the hub has done so far.
func (h *Hub) Stats() HubStats {
	h.mu.Lock()
	defer h.mu.Unlock()
	stats := h.stats
	stats.Clients = len(h.clients)
	return stats
}

func (h *Hub) isClosed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}

// Handler returns Serve as a handler, and a broken one if an option of the hub
// is impossible.
func (h *Hub) Handler() wherry.Handler {
	if h.broken != nil {
		return wherry.Broken(h.broken)
	}
	return h.Serve
}

// Serve answers with the events of the hub, until the client leaves or the
// hub is closed; a closed hub answers 503. A client that gives a Last-Event-ID
// first gets what it has missed, as far as the hub has kept it; to one that
// gives an ID that the hub does not have, all that it has kept. A new client
// first gets the ID of the event before those that it will get, so that it
// misses none even if the connection is lost before the first of them.
//
// Where the engine can, the client waits without a goroutine once Serve has
// returned; events are then written by whoever publishes them, and by a
// goroutine only while the client is slow to read.
//
// Events from the moment on at which Serve was called are sent, so nothing is
// lost between the head of the answer and the first of them.
func (h *Hub) Serve(c *wherry.Context) error {
	if h.broken != nil {
		return h.broken
	}
	cl := h.join(lastEventID(c, h.options.Stream.QueryID))
	if cl == nil {
		return &wherry.Error{Status: 503, Err: ErrHubClosed}
	}
	s, err := prepare(c, h.options.Stream)
	if err == nil && cl.anchor != "" {
		_, err = c.WriteString("id: " + cl.anchor + "\n\n")
	}
	if err == nil && h.park(s, cl) {
		return h.beginParked(s, cl)
	}
	defer h.leave(cl)
	if err == nil {
		err = s.begin()
	}
	if err != nil {
		return err
	}
	if hello := h.options.Hello; hello != nil && s.open() {
		if err := hello(s); err != nil && !errors.Is(err, ErrClosed) {
			return err
		}
	}
	return h.pump(s, cl)
}
