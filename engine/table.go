//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package engine

import (
	"sync"
	"sync/atomic"
)

// table finds a connection by its descriptor. It is a list of pages, so that
// looking up takes no lock and no connection ever moves.
type table struct {
	grow  sync.Mutex
	pages atomic.Pointer[[]*tablePage]
}

const pageConns = 1024

type tablePage [pageConns]atomic.Pointer[loopConn]

// get returns the connection of a descriptor, nil without.
func (t *table) get(fd int32) *loopConn {
	pages := t.pages.Load()
	if pages == nil || int(fd)/pageConns >= len(*pages) {
		return nil
	}
	return (*pages)[fd/pageConns][fd%pageConns].Load()
}

// put enters a connection.
func (t *table) put(c *loopConn) {
	t.slot(c.fd).Store(c)
}

// drop removes a connection, before its descriptor is closed.
func (t *table) drop(c *loopConn) {
	t.slot(c.fd).CompareAndSwap(c, nil)
}

func (t *table) slot(fd int32) *atomic.Pointer[loopConn] {
	for {
		pages := t.pages.Load()
		if pages != nil && int(fd)/pageConns < len(*pages) {
			return &(*pages)[fd/pageConns][fd%pageConns]
		}
		t.extend(int(fd)/pageConns + 1)
	}
}

func (t *table) extend(n int) {
	t.grow.Lock()
	defer t.grow.Unlock()
	var pages []*tablePage
	if old := t.pages.Load(); old != nil {
		pages = append(pages, *old...)
	}
	for len(pages) < n {
		pages = append(pages, new(tablePage))
	}
	t.pages.Store(&pages)
}

// all calls f for each connection.
func (t *table) all(f func(*loopConn)) {
	pages := t.pages.Load()
	if pages == nil {
		return
	}
	for _, page := range *pages {
		for i := range page {
			if c := page[i].Load(); c != nil {
				f(c)
			}
		}
	}
}
