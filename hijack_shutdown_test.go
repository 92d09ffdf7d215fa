package wherry

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// TestTwoShutdowns: each of two shutdowns at a time waits for the connections
// that were given away, and ends when they have.
func TestTwoShutdowns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r running
		h := &hijackedConn{}
		r.hijacked(h, true)
		ended := make(chan int, 2)
		for range 2 {
			go func() { ended <- r.awaitHijacked(context.Background()) }()
		}
		synctest.Wait()
		require.Empty(t, ended, "both wait")
		r.hijacked(h, false)
		require.Zero(t, <-ended)
		require.Zero(t, <-ended)
		require.Zero(t, r.awaitHijacked(context.Background()), "later there is nothing to wait for")
	})
}
