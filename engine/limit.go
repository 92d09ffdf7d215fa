package engine

import "net"

// This file counts for Config.MaxConns on the threaded engine: a connection
// has its place from its accept until it is closed, whoever does that. The
// loops count descriptors.

// places are the connections whose place is not where their session is. The
// lock of the engine guards them.
type places struct {
	given map[conn]struct{} // without a session, and open
	shut  map[conn]struct{} // closed by a session that has not returned yet
}

// forgotten is told that the session of a connection has ended.
func (p *places) forgotten(c conn, given bool) {
	if _, shut := p.shut[c]; given && !shut {
		p.given[c] = struct{}{}
	}
	delete(p.shut, c)
}

// count returns how many connections are open. mu is held.
func (e *threaded) count() int { return len(e.conns) + len(e.places.given) }

// closed is called when a connection was closed by its session, or by whom
// that has given it to.
func (e *threaded) closed(c conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, driven := e.conns[c]; driven {
		e.places.shut[c] = struct{}{}
		return
	}
	delete(e.places.given, c)
	if e.over && len(e.places.given) == 0 {
		go e.watches.close() // it waits for what is being told, and that may wait for the caller
	}
}

// ownedPlain is a plainConn as its session sees it.
type ownedPlain struct{ *plainConn }

func (c *plainConn) owned() net.Conn { return ownedPlain{c} }

// Close closes the connection and gives its place back.
func (c ownedPlain) Close() error {
	err := c.plainConn.Close()
	c.e.closed(c.plainConn)
	return err
}
