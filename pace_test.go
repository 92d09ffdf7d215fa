package wherry

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pacedWire is a wire that was taken from its handler, and counts yields.
type pacedWire struct {
	memoryWire
	late   bool
	yields int
}

func (w *pacedWire) yield()      { w.yields++ }
func (w *pacedWire) taken() bool { return w.late && w.yields == 0 }

// runs calls a handler through its pace this many times and returns how often
// it let others go first.
func runs(p *pace, times int, late bool, h Handler) (yields int) {
	for range times {
		w := &pacedWire{late: late}
		_ = p.run(&Context{wire: w}, h)
		yields += w.yields
	}
	return yields
}

// TestPace: a route that was caught once lets others go first until enough
// runs in a row were short; each relapse asks for twice as many.
func TestPace(t *testing.T) {
	quick := func(*Context) error { return nil }
	slow := func(*Context) error { time.Sleep(2 * shortRun); return nil }
	p := &pace{}
	require.Zero(t, runs(p, 100, false, quick), "a route that was never caught")
	require.Zero(t, runs(p, 1, true, slow), "the run that is caught")
	require.Equal(t, 10, runs(p, 10, true, slow), "and all after it")
	require.Equal(t, firstNeed, runs(p, 100, false, quick), "until it has shown that it is short")
	runs(p, 1, true, slow)
	require.Equal(t, 2*firstNeed, runs(p, 1000, false, quick), "a relapse costs twice as many")
	runs(p, 1, true, slow)
	runs(p, 4*firstNeed-1, false, quick)
	runs(p, 1, false, slow)
	require.Equal(t, 4*firstNeed, runs(p, 1000, false, quick), "one long run begins the row anew")
}

func TestPaceDeclared(t *testing.T) {
	quick := func(*Context) error { return nil }
	require.Equal(t, 5, runs(&pace{manner: mannerBlocking}, 5, false, quick))
	p := &pace{manner: mannerInline}
	require.Zero(t, runs(p, 5, true, quick))
}
