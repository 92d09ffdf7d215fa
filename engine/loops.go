//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package engine

import (
	"context"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// This file is the engine that drives sockets by loops: it starts them, gives
// them connections, and ends them. What is no socket, such as a pipe, is
// driven by the threaded engine beside it.

// loops is an engine of event loops.
type loops struct {
	cfg      Config
	plain    *threaded // for connections that are no sockets of ours
	poller   func() (poller, error)
	epoch    time.Time
	table    table
	watchman *watchman

	closing atomic.Bool  // a shutdown has begun
	forced  atomic.Bool  // what still opens is closed at once
	quiet   atomic.Bool  // nothing is accepted any more
	conns   atomic.Int64 // with a session
	open    atomic.Int64 // descriptors, also of those that were given away
	made    atomic.Uint32
	ending  chan struct{} // closed when closing is set

	mu        sync.Mutex // guards the following
	all       []*loop    // nil until the first is needed
	stopped   int        // of the loops
	acceptors map[*acceptor]struct{}
	done      chan struct{} // closed when no session and no acceptor is left; nil until somebody waits
}

func loopsOn(p func() (poller, error)) func(Config) (Engine, error) {
	return func(cfg Config) (Engine, error) {
		e := &loops{
			cfg:       cfg,
			plain:     makeThreaded(cfg),
			poller:    p,
			epoch:     time.Now(),
			watchman:  newWatchman(),
			ending:    make(chan struct{}),
			acceptors: map[*acceptor]struct{}{},
		}
		e.plain.beside = func() int { return int(e.open.Load()) }
		return e, nil
	}
}

// now returns nanoseconds since the engine was made.
func (e *loops) now() int64 { return int64(time.Since(e.epoch)) }

func (e *loops) Conns() int { return int(e.conns.Load()) + e.plain.Conns() }

func (e *loops) Serve(ln net.Listener) error {
	under, layer := layersOf(ln)
	sockets, err := listenSockets(under)
	if err != nil {
		_ = ln.Close()
		return err
	}
	if sockets == nil {
		return e.plain.Serve(ln)
	}
	adopt := func(nc net.Conn, from *acceptor) { e.adopt(nc, from, layer) }
	a := &acceptor{ln: sockets, adopt: adopt, onError: e.cfg.OnError, ending: e.ending}
	e.mu.Lock()
	if e.closing.Load() {
		e.mu.Unlock()
		_ = sockets.Close()
		return nil
	}
	if err := e.start(); err != nil {
		e.mu.Unlock()
		_ = sockets.Close()
		return err
	}
	e.acceptors[a] = struct{}{}
	e.mu.Unlock()
	err = a.run()
	e.mu.Lock()
	delete(e.acceptors, a)
	e.settle()
	e.mu.Unlock()
	return err
}

// start makes as many loops as there are processors. mu is held.
func (e *loops) start() error {
	if e.all != nil {
		return nil
	}
	var all []*loop
	for range runtime.GOMAXPROCS(0) {
		p, err := e.poller()
		if err != nil {
			for _, l := range all {
				l.p.close()
			}
			return err
		}
		l := &loop{e: e, p: p}
		l.rest = l.sleep
		l.wheel.now = e.now
		l.wheel.ring = func() {
			l.due.Store(true)
			l.rouse()
		}
		all = append(all, l)
	}
	e.all = all
	for _, l := range all {
		go l.lead()
	}
	go e.watchman.run(all)
	return nil
}

// adopt gives an accepted connection to a loop.
func (e *loops) adopt(nc net.Conn, from *acceptor, layer func(net.Conn) net.Conn) {
	c := nc.(*loopConn)
	count := e.open.Add(1)
	if e.forced.Load() || e.cfg.MaxConns > 0 && count+e.plain.counted() > int64(e.cfg.MaxConns) {
		_ = unix.Close(int(c.fd))
		e.disposed()
		return
	}
	e.conns.Add(1)
	c.gen = e.made.Add(1)
	c.l = e.all[int(c.gen)%len(e.all)]
	c.refs.Store(1)
	c.from = from
	if !c.unix {
		boundUnsent(int(c.fd))
	}
	c.open(layer)
}

// refused closes a connection that the Handler did not want.
func (e *loops) refused(c *loopConn) {
	c.gone.Store(true)
	_ = c.Close()
	c.release()
	e.forget()
}

// forget counts a session less.
func (e *loops) forget() {
	if e.conns.Add(-1) == 0 && e.closing.Load() {
		e.mu.Lock()
		e.settle()
		e.mu.Unlock()
	}
}

// disposed counts a descriptor less.
func (e *loops) disposed() {
	if e.open.Add(-1) == 0 && e.quiet.Load() {
		e.rouseAll()
	}
}

// finished reports whether the loops have nothing left to do, ever.
func (e *loops) finished() bool { return e.quiet.Load() && e.open.Load() == 0 }

func (e *loops) rouseAll() {
	for _, l := range e.all {
		l.rouse()
	}
}

// settle tells whoever waits that nothing is left. mu is held.
func (e *loops) settle() {
	if !e.closing.Load() || len(e.acceptors) > 0 {
		return
	}
	if !e.quiet.Swap(true) && e.open.Load() == 0 {
		e.rouseAll()
	}
	if e.done != nil && e.conns.Load() == 0 {
		close(e.done)
		e.done = nil
	}
}

// loopEnds is the last word of a loop.
func (e *loops) loopEnds() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped++; e.stopped == len(e.all) {
		close(e.watchman.stop)
	}
}

func (e *loops) Shutdown(ctx context.Context) (cut int, err error) {
	e.mu.Lock()
	done := e.done
	if done == nil {
		done = make(chan struct{})
		e.done = done
	}
	if !e.closing.Swap(true) {
		close(e.ending)
		for a := range e.acceptors {
			a.stop()
		}
	}
	e.settle()
	e.rouseAll()
	e.mu.Unlock()
	plain := make(chan int, 1)
	go func() {
		n, _ := e.plain.Shutdown(ctx)
		plain <- n
	}()
	select {
	case <-done:
		cut = <-plain
	case <-ctx.Done():
		cut = e.forceAll() + <-plain
	}
	if cut > 0 {
		return cut, ctx.Err()
	}
	return 0, nil
}

// forceAll ends what is left and counts it.
func (e *loops) forceAll() (cut int) {
	e.forced.Store(true)
	e.mu.Lock()
	for a := range e.acceptors {
		_ = a.ln.Close()
	}
	e.mu.Unlock()
	e.table.all(func(c *loopConn) {
		if !c.gone.Load() {
			cut++
			c.force()
		}
	})
	return cut
}

// counted is count for those who do not hold mu.
func (e *threaded) counted() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return int64(e.count())
}
