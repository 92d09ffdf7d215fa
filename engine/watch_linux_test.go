package engine

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Watches of the threaded engine: what is left of them when they are over.

// running returns the number of watches.
func (ws *watches) running() int {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return len(ws.set)
}

// watched is a connection of the threaded engine that no session drives.
type watched struct {
	conn *readyConn
	peer *net.TCPConn
}

func newWatched(t *testing.T, e *threaded, ln net.Listener) watched {
	t.Helper()
	peer, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = peer.Close() })
	return watched{acceptWatched(t, e, ln), peer.(*net.TCPConn)}
}

func acceptWatched(t *testing.T, e *threaded, ln net.Listener) *readyConn {
	t.Helper()
	nc, err := ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = nc.Close() })
	return e.wrap(nc, &acceptor{ln: ln}).(*readyConn)
}

func watchBench(t *testing.T) (*threaded, net.Listener) {
	e := makeThreaded(Config{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	t.Cleanup(e.watches.close)
	return e, ln
}

// TestWatchesGo: whatever ends a watch, nothing of it stays.
func TestWatchesGo(t *testing.T) {
	const n = 100
	reset := func(c interface{ SetLinger(int) error }) { _ = c.SetLinger(0) }
	ways := []struct {
		name string
		told bool
		end  func(w watched, stop func())
	}{
		{"client leaves", true, func(w watched, _ func()) { _ = w.peer.Close() }},
		{"client half-closes", true, func(w watched, _ func()) { _ = w.peer.CloseWrite() }},
		{"client resets", true, func(w watched, _ func()) { reset(w.peer); _ = w.peer.Close() }},
		{"server closes", false, func(w watched, _ func()) { _ = w.conn.Close() }},
		{"server resets", false, func(w watched, _ func()) { reset(w.conn); _ = w.conn.Close() }},
		{"stop", false, func(_ watched, stop func()) { stop(); stop() }},
		{"close and stop", false, func(w watched, stop func()) { _ = w.conn.Close(); stop() }},
		{"stop and close", false, func(w watched, stop func()) { stop(); _ = w.conn.Close() }},
		{"socket closed below", false, func(w watched, stop func()) { _ = w.conn.Conn.Close(); stop() }},
	}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			e, ln := watchBench(t)
			var told atomic.Int64
			for range n {
				w := newWatched(t, e, ln)
				way.end(w, w.conn.Watch(func() { told.Add(1) }))
			}
			eventually(t, "no watch is left", func() bool { return e.watches.running() == 0 })
			want := 0
			if way.told {
				want = n
			}
			require.EqualValues(t, want, told.Load())
		})
	}
}

// TestWatchesAfterShutdown: connections that were given away are watched until
// the last of them is closed, and nothing stays then.
func TestWatchesAfterShutdown(t *testing.T) {
	h := &host{given: make(chan net.Conn, 2)}
	b := newBench(t, Threaded, "tcp", h, Config{})
	give := func() (*client, net.Conn) {
		c := b.client()
		c.say("give\n")
		return c, come(t, h.given)
	}
	leaves, first := give()
	stays, second := give()
	watches := &b.e.(*threaded).watches
	told := make(chan struct{})
	first.(Watcher).Watch(func() { close(told) })
	stop := second.(Watcher).Watch(func() { t.Error("its peer is there") })
	b.shutdown()
	require.Equal(t, 2, watches.running())
	done := watches.done
	require.NoError(t, leaves.Close())
	come(t, told)
	require.NoError(t, first.Close())
	select {
	case <-done:
		require.Fail(t, "one is still watched")
	default:
	}
	require.NoError(t, second.Close())
	come(t, done)
	_ = stays.Close()
	stop()
	require.Zero(t, watches.running())
}

// TestWatchesGoAtShutdown: where nothing was given away a shutdown leaves none.
func TestWatchesGoAtShutdown(t *testing.T) {
	s := newSleeper(t, "tcp", &host{})
	require.True(t, s.conn.rest())
	done := s.e.watches.done
	s.end()
	select {
	case <-done:
	default:
		require.Fail(t, "the goroutine of the watches is left")
	}
}

// TestWatchesGoWithSessions: sessions that never stop their watch.
func TestWatchesGoWithSessions(t *testing.T) {
	for name, next := range map[string]Next{"hang up": Hangup, "given away": Detach} {
		for _, inline := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				i := newInliner(t, func(c *readyConn) Next {
					c.Watch(func() {})
					if inline {
						_ = ownedSocket{c}.Close()
					}
					return next
				})
				require.NoError(t, come(t, i.closed))
				if next == Detach && !inline {
					_ = i.owned.Close()
				}
				watches := &i.e.(*threaded).watches
				eventually(t, "no watch is left", func() bool { return watches.running() == 0 })
			})
		}
	}
}

// TestWatchOfReusedNumber: a watch is stopped after its socket was closed, and
// another socket has got its number: that one's watch goes on.
func TestWatchOfReusedNumber(t *testing.T) {
	e, ln := watchBench(t)
	number := func(c *readyConn) (n uintptr) {
		require.NoError(t, c.raw.Control(func(fd uintptr) { n = fd }))
		return n
	}
	for range 100 {
		old := newWatched(t, e, ln)
		stop := old.conn.Watch(func() {})
		was := number(old.conn)
		peer, err := net.Dial("tcp", ln.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = peer.Close() })
		require.NoError(t, old.conn.Close())
		heir := acceptWatched(t, e, ln)
		if number(heir) != was {
			continue // the descriptors below are taken now
		}
		told := make(chan struct{})
		heir.Watch(func() { close(told) })
		stop()
		require.Equal(t, 1, e.watches.running())
		require.NoError(t, peer.Close())
		come(t, told)
		return
	}
	require.Fail(t, "the system never gave the same number")
}

// TestWatchStopWaits: stop does not return while it is told, also when the
// connection was closed meanwhile.
func TestWatchStopWaits(t *testing.T) {
	for _, closes := range []bool{false, true} {
		e, ln := watchBench(t)
		w := newWatched(t, e, ln)
		begun, goOn, stopped := make(chan struct{}), make(chan struct{}), make(chan struct{})
		var over atomic.Bool
		stop := w.conn.Watch(func() {
			close(begun)
			<-goOn
			over.Store(true)
		})
		_ = w.peer.Close()
		come(t, begun)
		if closes {
			require.NoError(t, w.conn.Close())
			require.Zero(t, e.watches.running())
		}
		early := false
		go func() {
			stop()
			early = !over.Load()
			close(stopped)
		}()
		time.Sleep(10 * time.Millisecond) // the more it is, the surer a stop that does not wait is found
		close(goOn)
		come(t, stopped)
		require.False(t, early)
	}
}

// TestWatchAgain: a connection is watched one time after the other, and a late
// stop ends its own watch only.
func TestWatchAgain(t *testing.T) {
	e, ln := watchBench(t)
	w := newWatched(t, e, ln)
	w.conn.Watch(func() { t.Error("told though it was stopped") })()
	told := make(chan struct{}, 1)
	tell := func() { told <- struct{}{} }
	stop := w.conn.Watch(tell)
	stop()
	first := w.conn.Watch(tell)
	stop()
	require.Nil(t, w.conn.watch(peerLeaves, tell), "one at a time")
	require.NoError(t, w.peer.CloseWrite())
	come(t, told)
	eventually(t, "it is over", func() bool { return e.watches.running() == 0 })
	second := w.conn.Watch(tell)
	come(t, told)
	first()
	second()
	third := w.conn.Watch(tell)
	come(t, told)
	third()
}

// TestCloseAtRest: a connection that is closed while it rests ends its session.
func TestCloseAtRest(t *testing.T) {
	s := newSleeper(t, "tcp", &host{})
	require.True(t, s.conn.rest())
	require.NoError(t, s.conn.Close())
	require.ErrorIs(t, s.closed(), net.ErrClosed)
	require.Zero(t, s.e.watches.running())
	_, err := s.peer.Read(make([]byte, 1))
	require.False(t, errors.Is(err, syscall.EAGAIN))
	require.Error(t, err)
	s.end()
}
