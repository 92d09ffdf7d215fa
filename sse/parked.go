package sse

import (
	"errors"
	"time"

	"wherry.example/wherry"
)

// This file serves clients without a goroutine. A parked client is only a
// place in the backlog and an open answer. Whoever publishes takes what is new
// for it and writes what the connection takes at once; a client that must read
// first gets a goroutine until it has caught up.
//
// served says that somebody is bringing it its events: who sets it is that
// somebody, and clears it, under the hub's lock, when there is nothing left to
// take. So no event is forgotten and no two goroutines write at a time.

// parked is a client that has no goroutine. Guarded by the hub but for answer,
// which belongs to whoever has set served.
type parked struct {
	answer *wherry.OpenAnswer
	served bool
	left   bool      // the client has left
	last   time.Time // when something was written
}

// park makes the client one without a goroutine; false where the engine
// cannot, or the stream has an end of its own. The caller serves it first.
func (h *Hub) park(s *Stream, cl *client) bool {
	if s.until != nil || s.c.Method() == "HEAD" {
		return false
	}
	p := &parked{served: true, last: time.Now()}
	h.mu.Lock()
	cl.parked = p
	h.parked++
	h.mu.Unlock()
	var err error
	p.answer, err = s.c.KeepOpen(func() { h.clientLeft(cl) })
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		cl.parked = nil
		h.parked--
		return false
	}
	s.out = openOutput{p.answer}
	h.settleBeat()
	return true
}

// openOutput is an open answer as a stream writes it.
type openOutput struct{ *wherry.OpenAnswer }

// Flush does nothing: Write has sent everything.
func (openOutput) Flush() error { return nil }

// beginParked sends a parked client what comes first.
func (h *Hub) beginParked(s *Stream, cl *client) error {
	if hello := h.options.Hello; hello != nil {
		if err := hello(s); err != nil && !errors.Is(err, ErrClosed) {
			cl.parked.answer.Abort()
			h.dismiss(cl)
			return err
		}
	}
	if s.ended {
		h.dismiss(cl)
		return s.Err()
	}
	h.serveParked([]*client{cl}, nil)
	return nil
}

// clientLeft is called when the client of a kept answer leaves, on a goroutine
// of its own.
func (h *Hub) clientLeft(cl *client) {
	h.mu.Lock()
	p := cl.parked
	mine := p != nil && !p.served
	if p != nil {
		p.left, p.served = true, true
	}
	h.mu.Unlock()
	if mine {
		h.dismiss(cl)
	}
}

// dismiss ends a parked client. The caller has set served.
func (h *Hub) dismiss(cl *client) {
	h.mu.Lock()
	delete(h.clients, cl)
	h.parked--
	h.settleBeat()
	h.mu.Unlock()
	_ = cl.parked.answer.Close()
}

// serveParked brings clients their events; text goes before them.
func (h *Hub) serveParked(clients []*client, text []byte) {
	var batch [takeAtOnce][]byte
	var room []byte
	for _, cl := range clients {
		room = append(room[:0], text...)
		for h.takeParked(cl, batch[:0], &room) {
			n, err := cl.parked.answer.TryWrite(room)
			if err != nil && !errors.Is(err, wherry.ErrWouldBlock) {
				h.dismiss(cl)
				break
			}
			if n < len(room) {
				go h.catchUp(cl, append([]byte(nil), room[n:]...))
				break
			}
			room = room[:0]
		}
	}
}

// catchUp writes to a client that is slow to read, until it has everything.
func (h *Hub) catchUp(cl *client, rest []byte) {
	var batch [takeAtOnce][]byte
	for {
		if _, err := cl.parked.answer.Write(rest); err != nil {
			h.dismiss(cl)
			return
		}
		rest = rest[:0]
		if !h.takeParked(cl, batch[:0], &rest) {
			return
		}
	}
}

// takeParked appends the next events of a client to room. It reports false
// when there is nothing to write: then the client is nobody's again, or has
// been dismissed.
func (h *Hub) takeParked(cl *client, batch [][]byte, room *[]byte) bool {
	h.mu.Lock()
	p := cl.parked
	events, goOn := h.takeLocked(cl, batch)
	for _, e := range events {
		*room = append(*room, e...)
	}
	left, over := p.left, len(*room) == 0 && !goOn
	p.served = left || over || len(*room) > 0
	if p.served {
		p.last = time.Now()
	}
	h.mu.Unlock()
	if !left && !over {
		return len(*room) > 0
	}
	if !left {
		_, _ = p.answer.TryWrite(appendComment(nil, " closing"))
	}
	h.dismiss(cl)
	return false
}

// settleBeat starts and stops the heartbeat of parked clients. The lock is
// held.
func (h *Hub) settleBeat() {
	every := h.options.Stream.Heartbeat
	wanted := h.parked > 0 && !h.closed && every > 0
	switch {
	case wanted && !h.beating && h.beat == nil:
		h.beat = time.AfterFunc(every, h.beatParked)
	case wanted && !h.beating:
		h.beat.Reset(every)
	case !wanted && h.beating:
		h.beat.Stop()
	}
	h.beating = wanted
}

// beatParked sends a comment to each parked client that has heard nothing for
// a while.
func (h *Hub) beatParked() {
	h.mu.Lock()
	every := h.options.Stream.Heartbeat
	var idle []*client
	for cl := range h.clients {
		if p := cl.parked; p != nil && !p.served && time.Since(p.last) >= every/2 {
			p.served = true
			idle = append(idle, cl)
		}
	}
	if h.beating {
		h.beat.Reset(every)
	}
	h.mu.Unlock()
	h.serveParked(idle, heartbeat)
}
