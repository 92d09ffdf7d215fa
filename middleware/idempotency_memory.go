package middleware

import (
	"container/list"
	"context"
	"crypto/sha256"
	"strings"
	"sync"
	"time"

	"wherry.example/wherry"
)

// IdempotencyMemory is an [IdempotencyStore] in the memory of this process.
// When it is full the oldest answer is forgotten, whosever it is; requests in
// flight are not, however long they take, and one more is answered 503.
// Expired records go when others come: there is no goroutine.
type IdempotencyMemory struct {
	maxRecords, maxBytes int // set at construction, then read-only

	mu       sync.Mutex // guards the following
	records  map[string]*memoryRecord
	answers  list.List // of *memoryRecord, the oldest in front; requests in flight are not in it
	bytes    int       // size of all records
	inFlight int       // size of those in flight
}

type memoryRecord struct {
	IdempotencyRecord
	key     string
	size    int
	expires time.Time
	place   *list.Element // among the answers, nil while in flight
}

// NewIdempotencyMemory returns a store of at most so many records and bytes;
// 0 means 10,000 and 64 MiB.
func NewIdempotencyMemory(maxRecords, maxBytes int) *IdempotencyMemory {
	if maxRecords <= 0 {
		maxRecords = 10_000
	}
	if maxBytes <= 0 {
		maxBytes = 64 << 20
	}
	return &IdempotencyMemory{maxRecords: maxRecords, maxBytes: maxBytes, records: map[string]*memoryRecord{}}
}

var errIdempotencyFull = &wherry.Error{Status: 503, Detail: "The store of idempotency keys is full of requests in flight."}

// Begin reserves a key, for as long as its request is in flight.
func (m *IdempotencyMemory) Begin(_ context.Context, key string, request [sha256.Size]byte, _ time.Duration) (*IdempotencyRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.expire(now)
	if r := m.records[key]; r != nil {
		if r.place == nil || now.Before(r.expires) {
			kept := r.IdempotencyRecord
			return &kept, nil
		}
		m.remove(r) // it was kept behind one that is kept longer
	}
	size := recordSize(key, &IdempotencyRecord{})
	if !m.room(size) {
		return nil, errIdempotencyFull
	}
	m.records[key] = &memoryRecord{IdempotencyRecord: IdempotencyRecord{Request: request}, key: key, size: size}
	m.bytes += size
	m.inFlight += size
	return nil, nil
}

// Finish keeps an answer. One for which there is no room is kept without its
// content, so that the request is not handled again.
func (m *IdempotencyMemory) Finish(_ context.Context, key string, record IdempotencyRecord, ttl time.Duration) error {
	fields := make([][2]string, len(record.Fields))
	for i, f := range record.Fields { // a value may be a small part of a long string
		fields[i] = [2]string{strings.Clone(f[0]), strings.Clone(f[1])}
	}
	record.Fields = fields
	m.mu.Lock()
	defer m.mu.Unlock()
	if reserved := m.records[key]; reserved != nil {
		m.remove(reserved)
	}
	r := &memoryRecord{IdempotencyRecord: record, key: key, size: recordSize(key, &record), expires: time.Now().Add(ttl)}
	if !m.room(r.size) {
		r.IdempotencyRecord = IdempotencyRecord{Request: record.Request, Done: true}
		r.size = recordSize(key, &r.IdempotencyRecord)
	}
	r.place = m.answers.PushBack(r)
	m.records[key] = r
	m.bytes += r.size
	return nil
}

// Abandon frees a key whose request is in flight.
func (m *IdempotencyMemory) Abandon(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.records[key]; r != nil && r.place == nil {
		m.remove(r)
	}
	return nil
}

// Len returns how many records there are, expired ones included.
func (m *IdempotencyMemory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.records)
}

func recordSize(key string, r *IdempotencyRecord) int {
	size := 320 + len(key) + len(r.Content) // 320: what the record itself takes
	for _, name := range r.Removed {
		size += 16 + len(name)
	}
	for _, f := range r.Fields {
		size += 32 + len(f[0]) + len(f[1])
	}
	return size
}

// remove forgets a record. mu is held.
func (m *IdempotencyMemory) remove(r *memoryRecord) {
	delete(m.records, r.key)
	m.bytes -= r.size
	if r.place == nil {
		m.inFlight -= r.size
		return
	}
	m.answers.Remove(r.place)
}

// oldest returns the oldest answer, nil if there is none. mu is held.
func (m *IdempotencyMemory) oldest() *memoryRecord {
	if e := m.answers.Front(); e != nil {
		return e.Value.(*memoryRecord)
	}
	return nil
}

// expire forgets what is too old. mu is held.
func (m *IdempotencyMemory) expire(now time.Time) {
	for r := m.oldest(); r != nil && !now.Before(r.expires); r = m.oldest() {
		m.remove(r)
	}
}

// room forgets the oldest answers until there is room for one more record of
// this size, and reports whether there is. If they would not make enough, none
// is forgotten. mu is held.
func (m *IdempotencyMemory) room(size int) bool {
	if len(m.records)-m.answers.Len()+1 > m.maxRecords || m.inFlight+size > m.maxBytes {
		return false
	}
	for len(m.records)+1 > m.maxRecords || m.bytes+size > m.maxBytes {
		m.remove(m.oldest())
	}
	return true
}
