package wherry

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/engine"
)

// pacedWire is a wire whose goroutine was taken from its handler, and counts
// yields.
type pacedWire struct {
	memoryWire
	late   bool
	ran    bool
	yields int
}

func (w *pacedWire) yielder() engine.Yielder { return w }
func (w *pacedWire) Yield()                  { w.yields++ }
func (w *pacedWire) Taken() bool             { return w.late && w.ran && w.yields == 0 }

// runs calls a handler through its pace this many times and returns how often
// it let others go first.
func runs(p *pace, times int, late bool, h Handler) (yields int) {
	for range times {
		w := &pacedWire{late: late}
		_ = p.run(&Context{wire: w}, func(c *Context) error {
			w.ran = true
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

// lateWire was taken from an earlier exchange of the same call of Serve.
type lateWire struct{ *memoryWire }

func (w lateWire) yielder() engine.Yielder { return w }
func (lateWire) Yield()                    {}
func (lateWire) Taken() bool               { return true }

// TestPaceOfAnother: a route is not blamed for the one before it in a
// pipelined batch.
func TestPaceOfAnother(t *testing.T) {
	p := &pace{}
	_ = p.run(&Context{wire: lateWire{}}, func(*Context) error { return nil })
	require.Zero(t, p.left.Load())
}
