package engine

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// threads returns how many threads the process has.
func threads(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(text), "\nThreads:")
	require.True(t, found)
	line, _, _ := strings.Cut(after, "\n")
	n, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	return n
}

func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(all)
}

// TestInlineCrowd: many sessions that wait inside the callback cost no threads,
// all of them are still there, and all descriptors come back.
func TestInlineCrowd(t *testing.T) {
	const n = 200
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			b := newBench(t, Threaded, network, &host{}, Config{})
			first := b.client()
			first.say("use\n") // the runtime's own descriptors are there from now on
			eventually(t, "it waits", func() bool { return b.h.waiting.Load() == 1 })
			first.say("on\n")
			first.hear("read on\n")
			open, before := descriptors(t), threads(t)
			peers := make([]*client, n)
			for i := range peers {
				peers[i] = b.client()
				peers[i].say("use\n")
			}
			eventually(t, "all wait", func() bool { return b.h.waiting.Load() == n+1 })
			most := 0
			for range 20 {
				most = max(most, threads(t))
				time.Sleep(10 * time.Millisecond)
			}
			require.LessOrEqual(t, most, before+n/8)
			for i, p := range peers {
				p.say("line " + strconv.Itoa(i) + "\n")
				p.hear("read line " + strconv.Itoa(i) + "\n")
				_ = p.Close()
			}
			eventually(t, "all have left", func() bool { return b.e.Conns() == 1 })
			eventually(t, "the descriptors are back", func() bool { return descriptors(t) < open+n/8 }) // that of the watches may have come
			b.shutdown()
			require.Nil(t, b.h.broken.Load(), "contract")
		})
	}
}
