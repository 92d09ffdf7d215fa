//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package engine

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// newTestWheel returns a wheel whose clock is now.
func newTestWheel(now *int64) *wheel {
	w := &wheel{now: func() int64 { return *now }, ring: func() {}}
	return w
}

// TestWheel moves random deadlines about and the clock on: nothing is early,
// nothing is late by more than a slot, nothing is forgotten.
func TestWheel(t *testing.T) {
	now := int64(1)
	w := newTestWheel(&now)
	defer w.close()
	random := rand.New(rand.NewPCG(1, 2))
	conns := make([]*loopConn, 200)
	for i := range conns {
		conns[i] = &loopConn{}
	}
	fired := 0
	for range 5000 {
		i := random.IntN(len(conns))
		c := conns[i]
		switch random.IntN(4) {
		case 0:
			c.readBy.Store(now + random.Int64N(int64(200*time.Second)))
			w.arm(c, c.readBy.Load())
		case 1:
			c.writeBy.Store(now + random.Int64N(int64(time.Second)))
			w.arm(c, c.writeBy.Load())
		case 2:
			c.readBy.Store(0)
		case 3:
			w.drop(c)
			conns[i] = &loopConn{}
		}
		now += random.Int64N(int64(50 * time.Millisecond))
		for _, c := range w.passed(nil) {
			fired++
			require.True(t, passed(c, now), "early")
			c.readBy.Store(0)
			c.writeBy.Store(0)
		}
		for _, c := range conns {
			late := passed(c, now-1<<shortBits)
			require.False(t, late, "late")
			_, next := c.due(now)
			require.False(t, next != 0 && c.armed.Load() == 0, "forgotten")
		}
	}
	require.Greater(t, fired, 300)
}

func passed(c *loopConn, now int64) bool {
	passed, _ := c.due(now)
	return passed
}

// TestWheelTimer: the timer rings no later than a slot behind the first
// deadline, and moves when an earlier one comes.
func TestWheelTimer(t *testing.T) {
	now := int64(5 * time.Second)
	w := newTestWheel(&now)
	defer w.close()
	far, near := &loopConn{}, &loopConn{}
	far.readBy.Store(now + int64(60*time.Second))
	w.arm(far, far.readBy.Load())
	require.Greater(t, w.timerAt, now+int64(58*time.Second))
	require.LessOrEqual(t, w.timerAt, far.readBy.Load()+1<<shortBits)
	near.readBy.Store(now + int64(100*time.Millisecond))
	w.arm(near, near.readBy.Load())
	require.GreaterOrEqual(t, w.timerAt, near.readBy.Load())
	require.LessOrEqual(t, w.timerAt, near.readBy.Load()+1<<shortBits)
	w.drop(near)
	w.drop(far)
	require.Zero(t, w.count)
	require.Zero(t, w.next())
}

// TestFromKevent: what kqueue tells, as the loop understands it.
func TestFromKevent(t *testing.T) {
	for _, c := range []struct {
		name    string
		isWrite bool
		flags   uint16
		fflags  uint32
		want    readiness
	}{
		{"bytes have come", false, 0, 0, canRead},
		{"the peer has ended its sending", false, keventEOF, 0, canRead | peerLeft},
		{"the connection was reset", false, keventEOF, 54, canRead | canWrite | peerLeft},
		{"there is room", true, 0, 0, canWrite},
		{"the peer reads no more", true, keventEOF, 0, canRead | canWrite | peerLeft},
		{"a change failed", false, keventError, 2, 0},
		{"a change failed", true, keventError, 2, 0},
	} {
		require.Equal(t, c.want, fromKevent(c.isWrite, c.flags, c.fflags), c.name)
	}
}

// TestWheelForgets: a connection that was dropped is kept by nobody, whenever
// its deadline is moved.
func TestWheelForgets(t *testing.T) {
	now := int64(1)
	w := newTestWheel(&now)
	defer w.close()
	for _, before := range []int64{0, 1, int64(time.Minute)} {
		c := &loopConn{l: &loop{wheel: wheel{ring: w.ring, now: w.now}}}
		w := &c.l.wheel
		if before > 0 {
			c.moveDeadline(&c.readBy, before)
			require.Equal(t, 1, w.count)
		}
		w.drop(c)
		for _, at := range []int64{1, now, int64(time.Second), int64(time.Hour)} {
			c.moveDeadline(&c.readBy, at)
			w.arm(c, at) // by who has looked whether it is armed before it was dropped
			require.Zero(t, w.count)
		}
		require.Empty(t, w.passed(nil))
		w.close()
	}
}
