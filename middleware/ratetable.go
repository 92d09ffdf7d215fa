package middleware

import (
	"hash/maphash"
	"sync"
	"time"
)

// This file remembers what clients have used, in a table whose size never
// changes: sets of eight places each. A client may stand in any place of one
// set, which its hash chooses. When all are taken by others, the one that has
// used least is forgotten: its next request finds it as good as new, while
// whoever asks much stays known however many others come.
//
// A client is one number, its theoretical arrival time: the moment at which it
// will have used nothing. A client whose time has come and one that was never
// seen are the same, so nothing has to be swept.

// ways is the number of places of a set.
const ways = 8

const standardClients = 1 << 16

type rateTable struct {
	// Set at construction, then read-only.
	seed  maphash.Seed
	began time.Time
	each  int64 // nanoseconds that one request takes up
	burst int64 // nanoseconds that may be taken up at once
	sets  []rateSet
}

type rateSet struct {
	mu     sync.Mutex // guards the following
	places [ways]ratePlace
}

type ratePlace struct {
	hash uint64
	free int64 // the arrival time, in nanoseconds since the table began
}

// newRateTable makes a table of at least that many places.
func newRateTable(clients int, rate Rate) *rateTable {
	if clients == 0 {
		clients = standardClients
	}
	each := int64(rate.Per) / int64(rate.Requests)
	return &rateTable{
		seed: maphash.MakeSeed(), began: time.Now(), each: each, burst: each * int64(rate.Burst),
		sets: make([]rateSet, (clients+ways-1)/ways),
	}
}

// take counts one request of the client with that hash, if it may pass.
func (t *rateTable) take(hash uint64) Taken {
	s := &t.sets[(hash>>32)*uint64(len(t.sets))>>32]
	s.mu.Lock()
	defer s.mu.Unlock()
	now := int64(time.Since(t.began))
	p := s.place(hash)
	next := max(p.free, now) + t.each
	if over := next - now - t.burst; over > 0 {
		return Taken{Reset: time.Duration(p.free - now), RetryAfter: time.Duration(over)}
	}
	p.free = next
	return Taken{OK: true, Remaining: int((t.burst - (next - now)) / t.each), Reset: time.Duration(next - now)}
}

// place finds the place of a client, or makes one.
func (s *rateSet) place(hash uint64) *ratePlace {
	least := &s.places[0]
	for i := range s.places {
		p := &s.places[i]
		if p.hash == hash {
			return p
		}
		if p.free < least.free {
			least = p
		}
	}
	*least = ratePlace{hash: hash}
	return least
}
