package engine

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// This file accepts connections and survives what can go wrong with that: a
// listener that fails for the moment, as at the end of the file descriptors,
// is asked again after a pause.
//
// A shutdown takes what waits in the queue first. No clock says when that is
// all: the system is asked whether anything waits, see waits, and the
// listener is closed as soon as nothing does. The system makes connections by
// itself, so one may still come between that answer and the closing: closing
// a socket that listens resets what is in its queue, and forgets handshakes
// that are half done, whose peers are reset when they go on. From then on
// peers are refused. Nothing of this happens to a socket that another process
// listens on as well; nor may it be told to take no more, for it is theirs
// too.

const (
	shortestPause = 5 * time.Millisecond
	longestPause  = time.Second
	// drainWait bounds an Accept for which a connection waits, as a process
	// that shares the listener may be faster. Where the system cannot be
	// asked, it is how long the queue has to stay empty, twice.
	drainWait = 20 * time.Millisecond
	// longestQueue is no less than what waits when a shutdown begins, where
	// the system does not tell.
	longestQueue = 1 << 16
	// mostReturns is how many more are taken that come meanwhile: who is told
	// to close comes back at once, and must not keep a listener open.
	mostReturns = 512
)

// acceptor accepts from one listener.
type acceptor struct {
	ln      net.Listener
	adopt   func(net.Conn, *acceptor)
	onError func(error)
	stopped atomic.Bool   // closed on purpose
	ending  chan struct{} // closed when the engine shuts down
	opens   bool          // of the goroutine that accepts: a Handler runs
}

// timed is a listener whose Accept can be given up.
type timed interface {
	SetDeadline(time.Time) error
}

// run accepts until the listener is stopped or fails for good. That is on a
// goroutine of its own: a Handler may end it, by runtime.Goexit, and then
// another one goes on.
func (a *acceptor) run() error {
	defer func() { _ = a.ln.Close() }()
	ended := make(chan error, 1)
	go a.accept(ended)
	return <-ended
}

func (a *acceptor) accept(ended chan<- error) {
	err := errAcceptEnded
	defer func() {
		if a.opens { // the Handler has ended the goroutine
			a.opens = false
			go a.accept(ended)
			return
		}
		ended <- err
	}()
	err = a.acceptAll()
}

var errAcceptEnded = errors.New("engine: Accept of the listener has ended its goroutine")

// open has a connection driven.
func (a *acceptor) open(conn net.Conn) {
	a.opens = true
	a.adopt(conn, a)
	a.opens = false
}

func (a *acceptor) acceptAll() error {
	var pause time.Duration
	var failed time.Time // when it failed last
	for {
		conn, err := a.ln.Accept()
		if err == nil {
			pause = 0
			a.open(conn)
			continue
		}
		if a.stopped.Load() {
			a.drain()
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("engine: listener %v: %w", a.ln.Addr(), err)
		}
		// Near the limit success and failure alternate: that is one episode.
		if time.Since(failed) > longestPause {
			a.onError(fmt.Errorf("engine: accept at %v fails, trying again: %w", a.ln.Addr(), err))
		}
		failed = time.Now()
		pause = longer(pause)
		select {
		case <-time.After(pause):
		case <-a.ending:
		}
	}
}

// longer is the pause after another one that was of no use.
func longer(pause time.Duration) time.Duration {
	return min(max(2*pause, shortestPause), longestPause)
}

// drain accepts what waits in the queue of a listener that was stopped, unless
// it is closed already. Descriptors may be short here as well: those of idle
// connections come free by the same shutdown.
func (a *acceptor) drain() {
	d, ok := a.ln.(timed)
	empty, pause := 0, time.Duration(0)
	for left := queued(a.ln) + mostReturns; ok && left > 0 && empty < 2 && pause < longestPause; left-- {
		some, known := waits(a.ln)
		if known && !some || d.SetDeadline(time.Now().Add(drainWait)) != nil {
			return
		}
		conn, err := a.ln.Accept()
		switch {
		case err == nil:
			empty, pause = 0, 0
			a.open(conn)
		case errors.Is(err, net.ErrClosed):
			return
		case !errors.Is(err, os.ErrDeadlineExceeded):
			pause = longer(pause)
			time.Sleep(pause)
		case !known:
			empty++
		}
	}
}

// end closes the listener at once.
func (a *acceptor) end() {
	a.stopped.Store(true)
	_ = a.ln.Close()
}

// stop makes run take what waits in the queue, and end. A listener whose
// Accept cannot be woken otherwise is closed.
func (a *acceptor) stop() {
	a.stopped.Store(true)
	if d, ok := a.ln.(timed); ok && d.SetDeadline(longAgo) == nil {
		return
	}
	_ = a.ln.Close()
}
