package wherry

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/engine"
)

// pacedWire is a wire whose goroutine is taken from its handler, and counts
// yields.
type pacedWire struct {
	memoryWire
	charged *atomic.Bool
	yields  int
}

func (w *pacedWire) yielder() engine.Yielder  { return w }
func (w *pacedWire) Yield()                   { w.yields++ }
func (w *pacedWire) Charge(late *atomic.Bool) { w.charged = late }

// take is what the engine does when the handler takes long.
func (w *pacedWire) take() {
	if w.yields == 0 && w.charged != nil {
		w.charged.Store(true)
	}
}

// runs calls a handler through its pace this many times and returns how often
// it let others go first.
func runs(p *pace, times int, late bool, h Handler) (yields int) {
	for range times {
		w := &pacedWire{}
		_ = p.run(&Context{wire: w}, func(c *Context) error {
			if late {
				w.take()
			}
			return h(c)
		})
		yields += w.yields
	}
	return yields
}

// TestPace: a route that was caught lets others go first for a few runs; if
// one of them is long, until many in a row were short, and twice as many after
// each relapse.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // a run that the system interrupts is no longer than another
		quick := func(*Context) error { return nil }
		slow := func(*Context) error { time.Sleep(2 * shortRun); return nil }
		p := &pace{}
		require.Zero(t, runs(p, 100, false, quick), "a route that was never caught")
		require.Zero(t, runs(p, 1, true, quick), "the run that is caught, by accident")
		require.Equal(t, probation, runs(p, 100, false, quick), "it is watched for a while")
		for need := firstNeed; need <= 4*firstNeed; need *= 2 {
			require.Zero(t, runs(p, 1, true, slow), "the run that is caught")
			require.Equal(t, 10, runs(p, 10, true, slow), "and all after it, once one was long again")
			require.Equal(t, need, runs(p, 1000, false, quick), "until it has shown that it is short")
		}
		runs(p, 1, true, slow)
		runs(p, 1, true, slow)
		runs(p, 8*firstNeed-1, false, quick)
		runs(p, 1, false, slow)
		require.Equal(t, 8*firstNeed, runs(p, 1000, false, quick), "one long run begins the row anew")
	})
}

func TestPaceDeclared(t *testing.T) {
	quick := func(*Context) error { return nil }
	require.Equal(t, 5, runs(&pace{manner: mannerBlocking}, 5, false, quick))
	p := &pace{manner: mannerInline}
	require.Zero(t, runs(p, 5, true, quick))
}

// TestPaceOfAnother: a route is not blamed for what another does on the same
// connection.
func TestPaceOfAnother(t *testing.T) {
	p, inline := &pace{}, &pace{manner: mannerInline}
	w := &pacedWire{}
	quick := func(*Context) error { return nil }
	_ = p.run(&Context{wire: w}, quick)
	_ = inline.run(&Context{wire: w}, func(*Context) error { w.take(); return nil })
	require.Zero(t, runs(p, 1, false, quick))
	_ = p.run(&Context{wire: w}, quick)
	other := &pace{}
	_ = other.run(&Context{wire: w}, func(*Context) error { w.take(); return nil })
	require.Zero(t, runs(p, 1, false, quick))
	require.Equal(t, 1, runs(other, 1, false, quick))
}

// TestPaceWhileCaught: a run lets others go first when one before it was caught
// that has not ended yet.
func TestPaceWhileCaught(t *testing.T) {
	p, w := &pace{}, &pacedWire{}
	_ = p.run(&Context{wire: w}, func(*Context) error {
		w.take()
		require.Equal(t, 3, runs(p, 3, false, func(*Context) error { return nil }))
		return nil
	})
}
