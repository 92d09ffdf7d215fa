//go:build unix

package engine

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Reads of the threaded engine that wait inside the callback, see
// conn_inline.go: a session that has not asked for Block reads on.

// inliner is a connection whose session does what the test says, inside the
// callback.
type inliner struct {
	t      *testing.T
	peer   net.Conn
	conn   *readyConn
	owned  net.Conn // the same, as its owner sees it
	e      Engine
	closed chan error // of the session
}

// itself finds the socket below what a session is given.
func itself(nc net.Conn) *readyConn { return nc.(interface{ itself() *readyConn }).itself() }

func (c *readyConn) itself() *readyConn { return c }

func newInliner(t *testing.T, do func(c *readyConn) Next) *inliner {
	t.Helper()
	opened := make(chan net.Conn, 1)
	closed := make(chan error, 1)
	addr, e := startFunc(t, Threaded, func(nc net.Conn) Session {
		c := itself(nc)
		_ = c.SetReadDeadline(time.Now().Add(patience))
		opened <- nc
		return &funcSession{serve: func() Next {
			one := make([]byte, 1)
			switch _, err := c.TryRead(one); err {
			case nil:
				return do(c)
			case ErrWouldBlock:
				return Park
			}
			return Hangup
		}, close: func(err error) { closed <- err }}
	})
	peer, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = peer.Close() })
	require.NoError(t, peer.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(peer, "!")
	require.NoError(t, err)
	owned := come(t, opened)
	return &inliner{t, peer, itself(owned), owned, e, closed}
}

// waits returns once a read has gone to wait at the second descriptor.
func (i *inliner) waits() *second {
	i.t.Helper()
	eventually(i.t, "a read waits", func() bool { return i.conn.second.Load() != nil })
	return i.conn.second.Load()
}

// gone waits until the second descriptor has been closed: whoever does that
// has taken it away before.
func (i *inliner) gone(s *second) {
	i.t.Helper()
	eventually(i.t, "the second descriptor is closed", func() bool {
		_, err := s.file.Stat()
		return errors.Is(err, os.ErrClosed)
	})
	require.Nil(i.t, i.conn.second.Load())
}

func (i *inliner) say(text string) {
	i.t.Helper()
	_, err := io.WriteString(i.peer, text)
	require.NoError(i.t, err)
}

// come returns what comes, in time.
func come[T any](t *testing.T, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		require.Fail(t, "nothing comes")
	}
	return v
}

// TestInlineEnds: what ends a read that waits, and what the read says then.
func TestInlineEnds(t *testing.T) {
	reset := func(c net.Conn) {
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	}
	ways := []struct {
		name string
		end  func(i *inliner)
		err  error
	}{
		{"peer ends", func(i *inliner) { _ = i.peer.Close() }, io.EOF},
		{"peer half-closes", func(i *inliner) { _ = i.peer.(*net.TCPConn).CloseWrite() }, io.EOF},
		{"peer resets", func(i *inliner) { reset(i.peer) }, syscall.ECONNRESET},
		{"closed", func(i *inliner) { _ = i.owned.Close() }, net.ErrClosed},
		{"closed with a reset", func(i *inliner) {
			_ = i.conn.SetLinger(0)
			_ = i.owned.Close()
		}, net.ErrClosed},
		{"deadline moves to the past", func(i *inliner) { _ = i.owned.SetReadDeadline(longAgo) }, os.ErrDeadlineExceeded},
		{"deadline moves closer", func(i *inliner) {
			_ = i.owned.SetReadDeadline(time.Now().Add(2 * firstGlance))
		}, os.ErrDeadlineExceeded},
	}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			result := make(chan error, 1)
			i := newInliner(t, func(c *readyConn) Next {
				n, err := c.Read(make([]byte, 10))
				if n != 0 {
					err = errors.New("bytes from nowhere")
				}
				result <- err
				_, again := c.Read(make([]byte, 10))
				result <- again
				return Hangup
			})
			s := i.waits()
			way.end(i)
			require.ErrorIs(t, come(t, result), way.err)
			again := come(t, result)
			if way.err == syscall.ECONNRESET { // the system tells of it once
				way.err = io.EOF
			}
			require.ErrorIs(t, again, way.err)
			require.NoError(t, come(t, i.closed))
			eventually(t, "nothing is open", func() bool { return i.e.Conns() == 0 })
			i.gone(s)
			_, err := i.peer.Read(make([]byte, 1))
			require.Error(t, err)
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the socket is closed")
			if way.name == "closed with a reset" {
				require.ErrorIs(t, err, syscall.ECONNRESET)
			}
		})
	}
}

// TestInlineDeadlineComes: it is kept, not before its time, and a new one
// makes reads possible again.
func TestInlineDeadlineComes(t *testing.T) {
	const limit = 3 * firstGlance
	result := make(chan error, 1)
	i := newInliner(t, func(c *readyConn) Next {
		begin := time.Now()
		_ = c.SetReadDeadline(begin.Add(limit))
		_, err := c.Read(make([]byte, 10))
		if time.Since(begin) < limit {
			err = errors.New("too early")
		}
		result <- err
		_ = c.SetReadDeadline(time.Now().Add(patience))
		_, err = c.Read(make([]byte, 10))
		result <- err
		return Hangup
	})
	require.ErrorIs(t, come(t, result), os.ErrDeadlineExceeded)
	i.say("late")
	require.NoError(t, come(t, result))
	require.NoError(t, come(t, i.closed))
}

// TestInlineDeadlineMovesAway: a read that waits outlives the deadline it began
// with.
func TestInlineDeadlineMovesAway(t *testing.T) {
	const limit = 300 * time.Millisecond
	for _, to := range []time.Duration{0, patience} {
		result := make(chan error, 1)
		i := newInliner(t, func(c *readyConn) Next {
			_ = c.SetReadDeadline(time.Now().Add(limit))
			_, err := c.Read(make([]byte, 10))
			result <- err
			return Hangup
		})
		i.waits()
		began := time.Now()
		at := time.Time{}
		if to > 0 {
			at = began.Add(to)
		}
		_ = i.owned.SetReadDeadline(at)
		select {
		case err := <-result: // it may have been in time on a machine that is slow
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Greater(t, time.Since(began), limit/2)
			continue
		case <-time.After(2 * limit):
		}
		i.say("late")
		require.NoError(t, come(t, result))
		require.NoError(t, come(t, i.closed))
	}
}

// TestInlineGoesOn: a session that has waited inside the callback parks and is
// served like any other; its deadline is one timer again.
func TestInlineGoesOn(t *testing.T) {
	read := make(chan string, 1)
	i := newInliner(t, func(c *readyConn) Next {
		p := make([]byte, 10)
		n, err := c.Read(p)
		if err != nil {
			return Hangup
		}
		_ = c.SetReadDeadline(time.Now().Add(patience))
		read <- string(p[:n])
		return Park
	})
	for range 3 {
		s := i.waits()
		i.say("one")
		require.Equal(t, "one", come(t, read))
		eventually(t, "it parks", func() bool { return i.conn.second.Load() == nil })
		i.gone(s)
		require.NoError(t, i.owned.SetReadDeadline(time.Now().Add(patience)))
		i.say("!")
	}
	i.waits()
	_ = i.owned.SetReadDeadline(longAgo)
	require.NoError(t, come(t, i.closed))
}

// TestInlineBeside: while one goroutine waits in Read, others write and try to
// read.
func TestInlineBeside(t *testing.T) {
	result := make(chan error, 1)
	i := newInliner(t, func(c *readyConn) Next {
		_, err := c.Read(make([]byte, 10))
		result <- err
		return Hangup
	})
	i.waits()
	_, err := i.owned.Write([]byte("wri"))
	require.NoError(t, err)
	_, err = i.owned.(NonBlocking).TryWrite([]byte("te"))
	require.NoError(t, err)
	got := make([]byte, 5)
	_, err = io.ReadFull(i.peer, got)
	require.NoError(t, err)
	require.Equal(t, "write", string(got))
	_, err = receive(int(i.conn.fd), make([]byte, 1)) // as TryRead, which is the session's
	require.ErrorIs(t, err, ErrWouldBlock)
	i.say("on")
	require.NoError(t, come(t, result))
}

// TestInlineGivenAway: a read that waits when the callback ends goes on outside
// of it, and the socket ends when its new owner closes it.
func TestInlineGivenAway(t *testing.T) {
	type got struct {
		text string
		err  error
	}
	goOn, result := make(chan struct{}), make(chan got, 1)
	read := func(c *readyConn) {
		p := make([]byte, 10)
		n, err := c.Read(p)
		result <- got{string(p[:n]), err}
	}
	for _, way := range []string{"bytes", "close", "deadline"} {
		t.Run(way, func(t *testing.T) {
			i := newInliner(t, func(c *readyConn) Next {
				go read(c)
				<-goOn
				return Detach
			})
			s := i.waits()
			goOn <- struct{}{}
			require.NoError(t, come(t, i.closed))
			eventually(t, "it is given away", func() bool { return i.e.Conns() == 0 })
			i.gone(s)
			switch way {
			case "bytes":
				i.say("late")
				require.Equal(t, got{"late", nil}, come(t, result))
			case "close":
				require.NoError(t, i.owned.Close())
				require.ErrorIs(t, come(t, result).err, net.ErrClosed)
			case "deadline":
				require.NoError(t, i.owned.SetReadDeadline(time.Now().Add(time.Millisecond)))
				require.ErrorIs(t, come(t, result).err, os.ErrDeadlineExceeded)
			}
			_ = i.owned.Close()
			_, err := i.peer.Read(make([]byte, 1))
			require.ErrorIs(t, err, io.EOF)
		})
	}
}

// TestInlineLeavesFirst: a second descriptor that is made when the callback has
// just ended does not stay.
func TestInlineLeavesFirst(t *testing.T) {
	i := newInliner(t, func(*readyConn) Next { return Detach })
	require.NoError(t, come(t, i.closed))
	i.conn.mu.Lock()
	s := i.conn.makeSecond()
	i.conn.mu.Unlock()
	require.NotNil(t, s)
	i.gone(s)
	require.NoError(t, i.owned.Close())
}

// TestInlineBadEnds: sessions that panic or end their goroutine leave no
// descriptor.
func TestInlineBadEnds(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("asked for") }, "exit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			i := newInliner(t, func(c *readyConn) Next {
				_, _ = c.Read(make([]byte, 10))
				end()
				return Park
			})
			s := i.waits()
			i.say("on")
			require.Error(t, come(t, i.closed))
			_, err := i.peer.Read(make([]byte, 1))
			require.ErrorIs(t, err, io.EOF)
			i.gone(s)
		})
	}
}

// TestInlineShutdown: a shutdown lets a read wait, until its time is over.
func TestInlineShutdown(t *testing.T) {
	result := make(chan error, 2)
	do := func(c *readyConn) Next {
		_, err := c.Read(make([]byte, 10))
		result <- err
		return Park
	}
	i := newInliner(t, do)
	i.waits()
	done := make(chan error, 1)
	go func() {
		_, err := i.e.Shutdown(context.Background())
		done <- err
	}()
	eventually(t, "it shuts down", i.e.(*threaded).closing.Load)
	require.Empty(t, result)
	i.say("on")
	require.NoError(t, come(t, result))
	require.NoError(t, come(t, i.closed), "it has parked and was told")
	require.NoError(t, come(t, done))

	i = newInliner(t, do)
	s := i.waits()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	cut, err := i.e.Shutdown(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, 1, cut)
	require.ErrorIs(t, come(t, result), io.EOF)
	require.ErrorIs(t, come(t, i.closed), ErrForced)
	i.gone(s)
}

// lender is a socket without a second descriptor.
type lender struct{ *net.TCPConn }

func (lender) File() (*os.File, error) { return nil, syscall.EMFILE }

// TestInlineWithoutDescriptor: where none is left, reads wait all the same.
func TestInlineWithoutDescriptor(t *testing.T) {
	result := make(chan error, 1)
	i := newInliner(t, func(c *readyConn) Next {
		c.Conn = lender{c.Conn.(*net.TCPConn)}
		_, err := c.Read(make([]byte, 10))
		result <- err
		_ = c.SetReadDeadline(time.Now().Add(firstGlance))
		_, err = c.Read(make([]byte, 10))
		result <- err
		return Hangup
	})
	require.Empty(t, result)
	i.say("on")
	require.NoError(t, come(t, result))
	require.ErrorIs(t, come(t, result), os.ErrDeadlineExceeded)
	require.NoError(t, come(t, i.closed))
}

// TestInlineRaces: reads, moved deadlines, ends of callbacks and Close all at
// once.
func TestInlineRaces(t *testing.T) {
	for range 200 {
		i := newInlinerRace(t)
		var all sync.WaitGroup
		all.Go(func() { _, _ = io.WriteString(i.peer, "some!") })
		all.Go(func() { _ = i.owned.SetReadDeadline(time.Now().Add(time.Millisecond)) })
		all.Go(func() { _ = i.owned.Close() })
		all.Wait()
		_ = come(t, i.closed)
		eventually(t, "it has ended", func() bool { return i.e.Conns() == 0 })
		eventually(t, "no descriptor is left", func() bool { return i.conn.second.Load() == nil })
		_ = i.owned.Close()
		_ = i.peer.Close()
	}
}

func newInlinerRace(t *testing.T) *inliner {
	return newInliner(t, func(c *readyConn) Next {
		go func() { _, _ = c.Read(make([]byte, 2)) }()
		_, err := c.Read(make([]byte, 2))
		if err != nil {
			return Detach
		}
		return Hangup
	})
}
