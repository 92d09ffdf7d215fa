package sse

// This file is where a hub meets a client that is the goroutine of its
// handler: wake tells it that there is something to take, and pump takes and
// sends. A client without a goroutine stands in parked.go.

// client is one client of a hub.
type client struct {
	place  int64         // of the next frame to send; guarded by the hub
	joined int64         // place behind what is sent again; read-only
	anchor string        // the ID before that place for a new client, "" for none; read-only
	woken  chan struct{} // holds one token when there may be something to take
	parked *parked       // nil while a goroutine waits for it; guarded by the hub
}

// takeAtOnce is how many events are sent with one write.
const takeAtOnce = 16

// wake tells the client that an event was added or that the hub was closed. It
// never waits. The lock of the hub is held.
func (cl *client) wake() {
	select {
	case cl.woken <- struct{}{}:
	default: // it has not looked since the last time
	}
}

// join adds a client; nil when the hub is closed.
func (h *Hub) join(lastID string) *client {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	cl := &client{place: h.backlog.next, joined: h.backlog.next, woken: make(chan struct{}, 1)}
	if lastID != "" {
		cl.place = h.backlog.after(lastID, int64(h.options.Replay))
	} else if h.options.Replay > 0 {
		cl.anchor = h.lastID()
	}
	h.clients[cl] = struct{}{}
	return cl
}

// lastID returns the ID of the last event. Before the first it is one that no
// event has: all events come after it. With a broker it is none then, since the
// hub of another process may have some already. The lock is held.
func (h *Hub) lastID() string {
	switch {
	case h.backlog.next > 0:
		return h.backlog.at(h.backlog.next - 1).id
	case h.options.Broker == nil:
		return h.ids.epoch + "0"
	}
	return ""
}

func (h *Hub) leave(cl *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.clients, cl)
	h.settleBeat()
}

// take appends the next events of a client to batch, as many as it has room
// for. It reports false when the client is to end once there are no more: the
// hub is closed, or the client was too slow.
func (h *Hub) take(cl *client, batch [][]byte) (events [][]byte, goOn bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.takeLocked(cl, batch)
}

// takeLocked is take with the lock held.
func (h *Hub) takeLocked(cl *client, batch [][]byte) (events [][]byte, goOn bool) {
	if !h.keepsUp(cl) {
		return batch, false
	}
	for cl.place < h.backlog.next && len(batch) < cap(batch) {
		batch = append(batch, h.backlog.at(cl.place).bytes)
		cl.place++
	}
	return batch, !h.closed
}

// keepsUp holds a client to the bound on what waits for it. What is sent again
// to one that has just come is not of its making: there the bound is what the
// hub still has. The lock is held.
func (h *Hub) keepsUp(cl *client) bool {
	from := h.backlog.oldest()
	if cl.place >= cl.joined {
		from = max(from, h.backlog.next-int64(h.options.Queue))
	}
	if cl.place >= from {
		return true
	}
	if h.options.Slow == CloseSlow {
		h.stats.Closed++
		return false
	}
	h.stats.Dropped += from - cl.place
	cl.place = from
	return true
}

// pump sends the client its events until the stream ends.
func (h *Hub) pump(s *Stream, cl *client) error {
	batch := make([][]byte, 0, takeAtOnce)
	for s.open() {
		events, goOn := h.take(cl, batch)
		switch {
		case len(events) > 0:
			_ = s.send(events...) // a failure ends the stream
			clear(events)         // keeps no event alive while it waits
		case !goOn:
			s.Close()
		default:
			next(s, cl.woken)
		}
	}
	return s.Err()
}
