package sse

// This file is the memory of a hub: the last events, in the order they were
// published. A client has no queue of its own but a place in this one, so a
// client costs the same however far it is behind, and an event is stored once.

// frame is an event as it is sent. The bytes are shared and never change.
type frame struct {
	id    string
	bytes []byte
}

// backlog is a ring of frames. Positions count from 0 for the first frame ever
// and are never used again. Guarded by the hub.
type backlog struct {
	ring []frame
	next int64 // the position of the frame that comes next
}

func newBacklog(size int) backlog { return backlog{ring: make([]frame, size)} }

// oldest returns the first position that is still here.
func (b *backlog) oldest() int64 { return max(0, b.next-int64(len(b.ring))) }

func (b *backlog) add(f frame) {
	b.ring[b.next%int64(len(b.ring))] = f
	b.next++
}

// at returns the frame of a position from oldest to next-1.
func (b *backlog) at(position int64) frame { return b.ring[position%int64(len(b.ring))] }

// after returns the position behind the frame of that ID, looking at the last
// count frames. An ID that is not among them is older, or of another life of
// the server: all of them come after it.
func (b *backlog) after(id string, count int64) int64 {
	from := max(b.oldest(), b.next-count)
	for p := b.next - 1; p >= from; p-- {
		if b.at(p).id == id {
			return p + 1
		}
	}
	return from
}
