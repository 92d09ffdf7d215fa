//go:build unix

package wherry

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// killed leaves the file of a socket as a process does that is killed.
func killed(t *testing.T, path string) {
	t.Helper()
	ln, err := net.Listen("unix", path)
	require.NoError(t, err)
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	require.NoError(t, ln.Close())
	require.FileExists(t, path)
}

// TestAbandonedSocket: the file that a killed process has left does not keep
// the next one from its start.
func TestAbandonedSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	killed(t, path)
	ln, err := OpenListener("unix:" + path)
	require.NoError(t, err)
	client, err := net.Dial("unix", path)
	require.NoError(t, err)
	require.NoError(t, client.Close())
	require.NoError(t, ln.Close())
	require.NoFileExists(t, path)
}

// TestSocketInUse: nothing but an abandoned socket is replaced.
func TestSocketInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	first, err := OpenListener("unix:" + path)
	require.NoError(t, err)
	_, err = OpenListener("unix:" + path)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	client, err := net.Dial("unix", path)
	require.NoError(t, err, "the first one is there still")
	require.NoError(t, client.Close())
	require.NoError(t, first.Close())

	require.NoError(t, os.WriteFile(path, []byte("mine"), 0o600))
	_, err = OpenListener("unix:" + path)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "mine", string(content))

	socket := filepath.Join(t.TempDir(), "s")
	killed(t, socket)
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Symlink(socket, path))
	_, err = OpenListener("unix:" + path)
	require.ErrorIs(t, err, syscall.EADDRINUSE, "a link is no socket")
	require.FileExists(t, socket)
}

// TestSocketMode: the mode is what the address says, whatever the umask.
func TestSocketMode(t *testing.T) {
	dir := t.TempDir()
	modeOf := func(address string) os.FileMode {
		ln, err := OpenListener("unix:" + address)
		require.NoError(t, err)
		defer ln.Close()
		info, err := os.Lstat(ln.Addr().String())
		require.NoError(t, err)
		return info.Mode().Perm()
	}
	for mode, want := range map[string]os.FileMode{"0660": 0o660, "777": 0o777, "0600": 0o600, "0": 0} {
		require.Equal(t, want, modeOf(filepath.Join(dir, "s")+"?mode="+mode))
	}
	plain, err := net.Listen("unix", filepath.Join(dir, "plain"))
	require.NoError(t, err)
	defer plain.Close()
	info, err := os.Lstat(plain.Addr().String())
	require.NoError(t, err)
	require.Equal(t, info.Mode().Perm(), modeOf(filepath.Join(dir, "s")), "without one it is the umask's")
}
