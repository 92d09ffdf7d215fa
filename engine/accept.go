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

const (
	shortestPause = 5 * time.Millisecond
	longestPause  = time.Second
	// drainQueue is how long a listener is asked for connections that
	// already wait when a shutdown begins. They are there at once.
	drainQueue = 20 * time.Millisecond
	// drainMore is for how long it is asked again while more keep coming:
	// whoever is told to close comes back at once.
	drainMore  = time.Millisecond
	mostDrains = 100
)

// acceptor accepts from one listener.
type acceptor struct {
	ln      net.Listener
	adopt   func(net.Conn, *acceptor)
	onError func(error)
	stopped atomic.Bool   // closed on purpose
	ending  chan struct{} // closed when the engine shuts down
	drains  int           // how often it was asked again
	came    bool          // something came since
}

// run accepts until the listener is stopped or fails for good.
func (a *acceptor) run() error {
	defer func() { _ = a.ln.Close() }()
	var pause time.Duration
	var failed time.Time // when it failed last
	for {
		conn, err := a.ln.Accept()
		if err == nil {
			pause, a.came = 0, true
			a.adopt(conn, a)
			continue
		}
		if a.stopped.Load() {
			if errors.Is(err, os.ErrDeadlineExceeded) && a.drainAgain() {
				continue
			}
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
		pause = min(max(2*pause, shortestPause), longestPause)
		select {
		case <-time.After(pause):
		case <-a.ending:
		}
	}
}

// drainAgain asks the listener for more if something came since the last time.
// A deadline that passes while connections wait hides them.
func (a *acceptor) drainAgain() bool {
	d, ok := a.ln.(interface{ SetDeadline(time.Time) error })
	if !ok || !a.came && a.drains > 0 || a.drains == mostDrains {
		return false
	}
	a.came = false
	a.drains++
	return d.SetDeadline(time.Now().Add(drainMore)) == nil
}

// heed closes the listener if the Handler, which has just refused a
// connection, wants no more.
func (a *acceptor) heed(h Handler) {
	if s, ok := h.(interface{ StopAccepting() bool }); ok && s.StopAccepting() {
		a.stopped.Store(true)
		_ = a.ln.Close()
	}
}

// stop ends run. Connections that wait in the queue are accepted first, where
// the listener can be asked without waiting.
func (a *acceptor) stop() {
	a.stopped.Store(true)
	if d, ok := a.ln.(interface{ SetDeadline(time.Time) error }); ok && d.SetDeadline(time.Now().Add(drainQueue)) == nil {
		return
	}
	_ = a.ln.Close()
}
