//go:build unix

package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestLazyDeadline: which pauses follow each other, and when a connection is
// idle.
func TestLazyDeadline(t *testing.T) {
	var armed time.Time
	d := &lazyDeadline{set: func(at time.Time) error { armed = at; return nil }}
	fires := func(busy, idle bool, pause time.Duration) {
		t.Helper()
		passed, quiet := d.fired(busy)
		require.False(t, passed)
		require.Equal(t, idle, quiet)
		require.Equal(t, pause, d.pause)
		if pause > 0 {
			require.WithinDuration(t, time.Now().Add(pause), armed, time.Minute)
		}
	}
	far := time.Now().Add(time.Hour)
	require.NoError(t, d.move(far))
	require.Equal(t, firstGlance, d.pause)
	fires(true, false, firstGlance)
	fires(true, false, glance)
	fires(true, false, glance)
	fires(false, false, longPause)
	fires(false, true, 0)
	require.Equal(t, far, armed, "nobody looks any more")

	require.True(t, d.stir())
	require.Equal(t, glance, d.pause)
	require.False(t, d.stir(), "there will be a look")
	fires(false, false, longPause)
	require.NoError(t, d.move(far.Add(time.Second)))
	require.Equal(t, glance, d.pause, "a long pause is cut short")

	require.Equal(t, far.Add(time.Second), d.away())
	require.Zero(t, armed)
	fires(false, false, longPause)
}

// TestLazyDeadlineOfNewOnes: one that does nothing at first is idle at once.
func TestLazyDeadlineOfNewOnes(t *testing.T) {
	for _, busy := range []int{0, 1} {
		d := &lazyDeadline{set: func(time.Time) error { return nil }}
		_ = d.move(time.Now().Add(time.Hour))
		for range busy {
			_, idle := d.fired(true)
			require.False(t, idle)
		}
		_, idle := d.fired(false)
		require.True(t, idle)
	}
}

// TestLazyDeadlineComes: it is kept to the moment, also when it is nearer than
// a look, and is not armed again when it has passed.
func TestLazyDeadlineComes(t *testing.T) {
	var armed time.Time
	d := &lazyDeadline{set: func(at time.Time) error { armed = at; return nil }}
	near := time.Now().Add(time.Millisecond)
	require.NoError(t, d.move(near))
	require.Equal(t, near, armed)
	require.False(t, d.passed() && time.Now().Before(near))
	time.Sleep(time.Until(near))
	passed, idle := d.fired(false)
	require.True(t, passed)
	require.False(t, idle)
	require.Zero(t, armed)
	require.False(t, d.stir())
	require.True(t, d.passed())
}
