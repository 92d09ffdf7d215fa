package static

import (
	"io/fs"
	"sync"
	"sync/atomic"
	"time"
)

// This file only saves time: what was found on the disk is believed for a
// second, and small files stay in memory while the disk tells the same size
// and time of modification. find may always look for itself.

const (
	// believed is how long a look at the disk counts.
	believed = time.Second
	// settled is how old a change must be before the file is kept: a second
	// change within one tick of the file system's clock would not be seen.
	settled = 2 * time.Second
	// keptBytes is the size up to which a file is kept.
	keptBytes = 64 << 10
	// entryBytes is what an entry takes besides the contents, about.
	entryBytes = 1 << 10
)

// shelf is a bounded set of resources. It may be used concurrently.
type shelf struct {
	room int64 // set at construction, then read-only; none if negative

	mu      sync.RWMutex // guards the following
	entries map[string]*entry
	used    int64
}

// entry is a resource as it was when it was last looked at.
type entry struct {
	resource *resource
	checked  atomic.Int64 // nanoseconds since 1970
	weight   int64
}

// find returns the resource of a name, from memory if it is there and fresh.
// The error says why there is none.
func (s *site) find(name string) (*resource, error) {
	if s.shelf.room < 0 {
		return s.inspect(name, nil)
	}
	now := time.Now().UnixNano()
	var old *resource
	if e := s.shelf.get(name); e != nil {
		// One request looks at the disk, those beside it do not wait for it.
		checked := e.checked.Load()
		if now-checked < int64(believed) || !e.checked.CompareAndSwap(checked, now) {
			return e.resource, nil
		}
		old = e.resource
	}
	r, err := s.inspect(name, old)
	s.shelf.put(name, r, now)
	return r, err
}

// takes reports whether the content of a file is to be kept.
func (b *shelf) takes(info fs.FileInfo) bool {
	if b.room < 0 || info.Size() > keptBytes {
		return false
	}
	return !dated(info.ModTime()) || time.Since(info.ModTime()) > settled
}

func (b *shelf) get(name string) *entry {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.entries[name]
}

// put replaces what is kept under a name; nil only removes it. Others make
// room, whichever the map yields first.
func (b *shelf) put(name string, r *resource, now int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.remove(name)
	if r == nil {
		return
	}
	e := &entry{resource: r, weight: entryBytes}
	e.checked.Store(now)
	for _, v := range r.variants {
		e.weight += int64(len(v.body))
	}
	for other := range b.entries {
		if b.used+e.weight <= b.room {
			break
		}
		b.remove(other)
	}
	if b.used+e.weight > b.room {
		return
	}
	if b.entries == nil {
		b.entries = make(map[string]*entry)
	}
	b.entries[name] = e
	b.used += e.weight
}

// remove is called with mu held.
func (b *shelf) remove(name string) {
	if e := b.entries[name]; e != nil {
		b.used -= e.weight
		delete(b.entries, name)
	}
}
