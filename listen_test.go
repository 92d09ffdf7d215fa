package wherry

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAddressMistakes: what names no place to listen on is refused, and not
// taken for a free port or an abstract socket.
func TestAddressMistakes(t *testing.T) {
	dir := t.TempDir()
	for addr, want := range map[string]string{
		"":                                     "there is no port",
		":":                                    "there is no port",
		"127.0.0.1:":                           "there is no port",
		"[::1]:":                               "there is no port",
		"localhost":                            "missing port",
		"unix:":                                "there is no path",
		"unix:?mode=0600":                      "there is no path",
		"unix:" + dir + "/a?mode=":             "is no mode",
		"unix:" + dir + "/a?mode=0888":         "is no mode",
		"unix:" + dir + "/a?mode=01000":        "is no mode",
		"unix:" + dir + "/a?mod=0600":          "is no mode",
		"unix:" + dir + "/a?0600":              "is no mode",
		"unix:@wherry-test-mode?mode=0600":     "is no mode",
		"unix:" + filepath.Join(dir, "a", "b"): "no such file",
	} {
		ln, err := OpenListener(addr)
		require.ErrorContains(t, err, want, addr)
		require.ErrorContains(t, err, "wherry: listen on", addr)
		require.Nil(t, ln, addr)
		require.ErrorContains(t, New().Run(context.Background(), addr), want, addr)
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestNoListener: to serve on nothing is a mistake, and no end of serving.
func TestNoListener(t *testing.T) {
	require.ErrorContains(t, New().RunOn(context.Background()), "listen_test.go:46: there is no listener")
	require.ErrorContains(t, New().ListenOn([]net.Listener{}...), "listen_test.go:47: there is no listener")
	require.ErrorContains(t, New().Listen(), "no address")
	require.Zero(t, New().run.conns())
	require.ErrorContains(t, New().Logger(nil).RunOn(context.Background()), "Logger(nil)", "what is wrong with the app comes first")
}
