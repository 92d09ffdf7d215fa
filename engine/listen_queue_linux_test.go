package engine

import (
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestQueued: what waits is counted where the system tells, and bounded by the
// longest queue it allows where it does not.
func TestQueued(t *testing.T) {
	text, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	require.NoError(t, err)
	longest, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	for network, addr := range map[string]string{"tcp": "127.0.0.1:0", "unix": t.TempDir() + "/s"} {
		ln, err := net.Listen(network, addr)
		require.NoError(t, err)
		defer ln.Close()
		bare, err := listenSockets(ln)
		require.NoError(t, err)
		defer bare.Close()
		for n := range 3 {
			want := n
			if network == "unix" {
				want = longest + 1
			}
			require.Equal(t, want, queued(ln), network)
			require.Equal(t, want, queued(bare), network)
			conn, err := net.Dial(network, ln.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
		}
	}
	require.Equal(t, longestQueue, queued(&pipes{}), "it is no socket")
}
