package engine

import (
	"context"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Connections of the threaded engine that rest without a goroutine: whatever
// comes meanwhile, or came while they lay down, is met.

// sleeper is a connection of the threaded engine that goes to rest when the
// test says so.
type sleeper struct {
	t    *testing.T
	h    *host
	e    *threaded
	peer *client
	conn *readyConn
}

func newSleeper(t *testing.T, network string, h *host) *sleeper {
	e, err := New(Threaded, Config{Handler: h})
	require.NoError(t, err)
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = t.TempDir() + "/s"
	}
	ln, err := net.Listen(network, addr)
	require.NoError(t, err)
	defer ln.Close()
	peer, err := net.Dial(network, ln.Addr().String())
	require.NoError(t, err)
	_ = peer.SetDeadline(time.Now().Add(patience))
	nc, err := ln.Accept()
	require.NoError(t, err)
	s := &sleeper{t: t, h: h, e: e.(*threaded), peer: &client{peer, t}}
	s.conn = s.e.wrap(nc, &acceptor{ln: ln}).(*readyConn)
	s.e.conns[s.conn] = struct{}{}
	s.conn.session = s.e.open(s.conn)
	return s
}

// closed waits for the end of the session and returns its cause.
func (s *sleeper) closed() error {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return s.h.closed.Load() == 1 }, patience, time.Millisecond)
	require.Nil(s.t, s.h.broken.Load(), "contract")
	return s.h.closedWith()[0]
}

// end shuts the engine down, and looks that nothing is left of the rest.
func (s *sleeper) end() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cut, err := s.e.Shutdown(ctx)
	require.NoError(s.t, err)
	require.Zero(s.t, cut)
	_ = s.peer.Close()
	_ = s.closed()
	require.Empty(s.t, s.e.watches.set)
	require.Zero(s.t, s.conn.bed)
}

// TestRestMeets: what happens to a connection is met whether it happens while
// it rests or has happened when it lies down.
func TestRestMeets(t *testing.T) {
	halfClose := func(s *sleeper) { require.NoError(s.t, s.peer.Conn.(CloseWriter).CloseWrite()) }
	happenings := []struct {
		name         string
		happens, met func(s *sleeper)
	}{
		{"request", func(s *sleeper) { s.peer.say("echo one\n") }, func(s *sleeper) {
			s.peer.hear("one\n")
			s.peer.say("echo two\n")
			s.peer.hear("two\n")
		}},
		{"half-close", halfClose, func(s *sleeper) {
			s.peer.hearEnd()
			require.NoError(s.t, s.closed())
		}},
		{"request and half-close", func(s *sleeper) { s.peer.say("echo one\n"); halfClose(s) }, func(s *sleeper) {
			s.peer.hear("one\n")
			s.peer.hearEnd()
		}},
		{"leaving", func(s *sleeper) { _ = s.peer.Close() }, func(s *sleeper) { require.NoError(s.t, s.closed()) }},
		{"reset", func(s *sleeper) {
			if tcp, ok := s.peer.Conn.(*net.TCPConn); ok {
				require.NoError(s.t, tcp.SetLinger(0))
			}
			_ = s.peer.Close()
		}, func(s *sleeper) { _ = s.closed() }},
		{"deadline that is moved", func(s *sleeper) { _ = s.conn.SetReadDeadline(time.Now()) }, func(s *sleeper) {
			s.peer.hearEnd()
			require.NoError(s.t, s.closed())
		}},
	}
	for _, network := range []string{"tcp", "unix"} {
		for _, what := range happenings {
			for _, early := range []bool{true, false} {
				name := network + "/" + what.name + " at rest"
				if early {
					name = network + "/" + what.name + " before"
				}
				t.Run(name, func(t *testing.T) {
					s := newSleeper(t, network, &host{})
					if early {
						what.happens(s)
						require.True(t, s.conn.rest())
					} else {
						require.True(t, s.conn.rest())
						what.happens(s)
					}
					what.met(s)
					s.end()
				})
			}
		}
	}
}

// TestRestDeadline: the deadline ends the rest, and not before.
func TestRestDeadline(t *testing.T) {
	const limit = 60 * time.Millisecond
	begin := time.Now()
	s := newSleeper(t, "tcp", &host{deadline: limit})
	require.True(t, s.conn.rest())
	s.peer.hearEnd()
	require.GreaterOrEqual(t, time.Since(begin), limit)
	require.NoError(t, s.closed())
	s.end()

	s = newSleeper(t, "tcp", &host{deadline: time.Nanosecond})
	require.True(t, s.conn.rest())
	s.peer.hearEnd()
	s.end()
}

// TestRestWithoutDeadline: there need not be one.
func TestRestWithoutDeadline(t *testing.T) {
	s := newSleeper(t, "tcp", &host{})
	require.NoError(t, s.conn.SetReadDeadline(time.Time{}))
	require.True(t, s.conn.rest())
	s.peer.say("echo one\n")
	s.peer.hear("one\n")
	s.end()
}

// TestRestShutdown: a shutdown meets connections at rest, those that lie down
// while it begins, and none lies down later.
func TestRestShutdown(t *testing.T) {
	s := newSleeper(t, "tcp", &host{})
	require.True(t, s.conn.rest())
	s.end()

	s = newSleeper(t, "tcp", &host{})
	s.e.closing.Store(true)
	require.True(t, s.conn.rest())
	s.peer.hearEnd()
	require.NoError(t, s.closed())
	s.e.watches.close()

	s = newSleeper(t, "tcp", &host{})
	s.e.watches.close()
	require.False(t, s.conn.rest(), "nobody would tell")
	_ = s.peer.Close()
	s.e.carry(s.conn, s.conn.session)
	require.NoError(t, s.closed())
}

// TestNoRoomToRest: where nobody can tell, the connection keeps a goroutine.
func TestNoRoomToRest(t *testing.T) {
	b := newBench(t, Threaded, "tcp", &host{}, Config{})
	b.e.(*threaded).watches.close()
	c := b.client()
	for range 3 {
		c.say("echo one\n")
		c.hear("one\n")
		time.Sleep(3 * firstGlance)
	}
	require.NoError(t, c.Conn.(CloseWriter).CloseWrite())
	c.hearEnd()
	b.shutdown()
}

// TestBusy: who has got bytes since the last look is not idle, unless the
// look was fixed when they came.
func TestBusy(t *testing.T) {
	s := newSleeper(t, "tcp", &host{})
	serve := func(text string) {
		s.peer.say(text)
		require.NoError(t, s.conn.Conn.SetReadDeadline(time.Time{})) // it is the test that glances, and no timer
		require.NoError(t, s.conn.raw.Read(func(fd uintptr) bool {
			return readable(int(fd)) && !s.conn.ready(fd)
		}))
	}
	serve("echo one\n")
	require.False(t, s.conn.glance())
	require.True(t, s.conn.glance(), "a new one rests soon")
	serve("echo two\n")
	require.Equal(t, glance, s.conn.deadline.pause)
	require.False(t, s.conn.glance())
	require.Equal(t, longPause, s.conn.deadline.pause)
	require.True(t, s.conn.glance())
	go s.e.carry(s.conn, s.conn.session)
	s.end()
}

// TestEndAfterALongPause: the end that comes together with bytes is found
// soon, whatever the timer was armed for.
func TestEndAfterALongPause(t *testing.T) {
	s := newSleeper(t, "tcp", &host{})
	for range 5 {
		s.conn.deadline.early = firstGlances
		s.conn.glance()
	}
	require.Zero(t, s.conn.deadline.pause)
	s.peer.say("echo one\n")
	require.NoError(t, s.peer.Conn.(CloseWriter).CloseWrite())
	go s.e.carry(s.conn, s.conn.session)
	s.peer.hear("one\n")
	s.peer.hearEnd()
	s.end()
}

// TestRestForced: a session that parks whatever happens does not outlive a
// forced shutdown because it was at rest.
func TestRestForced(t *testing.T) {
	s := newSleeper(t, "tcp", &host{})
	closed := make(chan error, 1)
	s.conn.session = &funcSession{serve: func() Next {
		_, _ = s.conn.TryRead(make([]byte, 10))
		return Park
	}, close: func(err error) { closed <- err }}
	require.True(t, s.conn.rest())
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	cut, err := s.e.Shutdown(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, 1, cut)
	select {
	case err := <-closed:
		require.ErrorIs(t, err, ErrForced)
	case <-time.After(patience):
		t.Error("it rests on")
	}
	_ = s.peer.Close()
}

// TestRousedOnce: of all that end a rest at the same time one does.
func TestRousedOnce(t *testing.T) {
	for range 200 {
		s := newSleeper(t, "tcp", &host{})
		require.True(t, s.conn.rest())
		var all sync.WaitGroup
		for range 4 {
			all.Go(s.conn.rouse)
		}
		all.Go(func() { _ = s.conn.SetReadDeadline(time.Now().Add(time.Hour)) })
		s.peer.say("echo one\n")
		s.peer.hear("one\n")
		all.Wait()
		s.end()
	}
}

// crowd is how many connections TestRestingCrowd has.
func crowd(t *testing.T) int {
	if testing.Short() {
		return 500
	}
	return roomFor(t, 7000) // the race detector bounds goroutines: all of them may be up at once
}

// TestRestingCrowd: many connections that are idle have no goroutines, and
// all of them are still there when they are asked.
func TestRestingCrowd(t *testing.T) {
	b := newBench(t, Threaded, "tcp", &host{}, Config{})
	n := crowd(t)
	before := runtime.NumGoroutine()
	peers := make([]*client, n)
	eachOf := func(f func(i int)) { // not all at once: that would be as many goroutines again
		var next atomic.Int64
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
					f(i)
				}
			})
		}
		all.Wait()
	}
	eachOf(func(i int) {
		conn, err := b.dial()
		if err != nil {
			t.Error(err)
			return
		}
		peers[i] = &client{conn, t}
	})
	require.False(t, t.Failed())
	ask := func(i int) {
		_ = peers[i].SetDeadline(time.Now().Add(patience))
		got := make([]byte, 4)
		if _, err := io.WriteString(peers[i], "echo one\n"); err != nil {
			t.Error(err)
		} else if _, err := io.ReadFull(peers[i], got); err != nil || string(got) != "one\n" {
			t.Errorf("connection %d: %q, %v", i, got, err)
		}
	}
	eachOf(ask)
	require.False(t, t.Failed())
	require.Eventually(t, func() bool { return runtime.NumGoroutine() < before+20 }, patience, 10*time.Millisecond)
	require.Equal(t, n, b.e.Conns())
	eachOf(func(i int) {
		ask(i)
		_ = peers[i].Close()
	})
	require.Eventually(t, func() bool { return b.h.closed.Load() == int64(n) }, patience, 10*time.Millisecond)
	b.shutdown()
	require.Nil(t, b.h.broken.Load(), "contract")
}
