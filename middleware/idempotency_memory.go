package middleware

import (
	"container/list"
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"
)

// IdempotencyMemory is an [IdempotencyStore] in the memory of this process.
// When it is full the oldest answer is forgotten; requests in flight are not.
// Expired records go when others come: there is no goroutine.
type IdempotencyMemory struct {
	maxRecords, maxBytes int // set at construction, then read-only

	mu      sync.Mutex // guards the following
	records map[string]*list.Element
	order   list.List // of *memoryRecord, those that expire first in front
	bytes   int
}

type memoryRecord struct {
	IdempotencyRecord
	key     string
	size    int
	expires time.Time
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
	return &IdempotencyMemory{maxRecords: maxRecords, maxBytes: maxBytes, records: map[string]*list.Element{}}
}

var errIdempotencyFull = errors.New("middleware: the store of idempotency keys is full of requests in flight")

// Begin reserves a key.
func (m *IdempotencyMemory) Begin(_ context.Context, key string, request [sha256.Size]byte, ttl time.Duration) (*IdempotencyRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.expire(now)
	if e := m.records[key]; e != nil {
		kept := e.Value.(*memoryRecord).IdempotencyRecord
		return &kept, nil
	}
	r := &memoryRecord{IdempotencyRecord{Request: request}, key, recordSize(key, nil, nil), now.Add(ttl)}
	if !m.room(1, r.size) {
		return nil, errIdempotencyFull
	}
	m.add(r)
	return nil, nil
}

// Finish keeps an answer. One for which there is no room is kept without its
// content, so that the request is not handled again.
func (m *IdempotencyMemory) Finish(_ context.Context, key string, record IdempotencyRecord, ttl time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(m.records[key])
	r := &memoryRecord{record, key, recordSize(key, record.Fields, record.Content), time.Now().Add(ttl)}
	if !m.room(1, r.size) {
		r.Status, r.Fields, r.Content, r.size = 0, nil, nil, recordSize(key, nil, nil)
	}
	m.add(r)
	return nil
}

// Abandon frees a key.
func (m *IdempotencyMemory) Abandon(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(m.records[key])
	return nil
}

// Len returns how many records there are, expired ones included.
func (m *IdempotencyMemory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.records)
}

func recordSize(key string, fields [][2]string, content []byte) int {
	size := 256 + len(key) + len(content) // 256: what the record itself takes
	for _, f := range fields {
		size += 32 + len(f[0]) + len(f[1])
	}
	return size
}

// add appends a record. mu is held.
func (m *IdempotencyMemory) add(r *memoryRecord) {
	m.records[r.key] = m.order.PushBack(r)
	m.bytes += r.size
}

// remove forgets a record. mu is held.
func (m *IdempotencyMemory) remove(e *list.Element) {
	if e == nil {
		return
	}
	r := m.order.Remove(e).(*memoryRecord)
	delete(m.records, r.key)
	m.bytes -= r.size
}

// expire forgets what is too old. mu is held.
func (m *IdempotencyMemory) expire(now time.Time) {
	for e := m.order.Front(); e != nil && !now.Before(e.Value.(*memoryRecord).expires); e = m.order.Front() {
		m.remove(e)
	}
}

// room forgets the oldest answers until there is room, and reports whether
// there is. mu is held.
func (m *IdempotencyMemory) room(records, bytes int) bool {
	for e := m.order.Front(); e != nil && (len(m.records)+records > m.maxRecords || m.bytes+bytes > m.maxBytes); {
		oldest := e
		e = e.Next()
		if oldest.Value.(*memoryRecord).Done {
			m.remove(oldest)
		}
	}
	return len(m.records)+records <= m.maxRecords && m.bytes+bytes <= m.maxBytes
}
