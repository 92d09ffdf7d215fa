//go:build unix

package wherry

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// passedOn returns a descriptor of the listener as a process gets it from the
// one before it. It belongs to who takes it over.
func passedOn(t *testing.T, ln net.Listener) int {
	raw, err := ln.(syscall.Conn).SyscallConn()
	require.NoError(t, err)
	fd, failed := -1, error(nil)
	require.NoError(t, raw.Control(func(own uintptr) { fd, failed = syscall.Dup(int(own)) }))
	require.NoError(t, failed)
	syscall.CloseOnExec(fd)
	return fd
}

// passing sets the variables as a supervisor does that passes on descriptors
// up to fd, which bears a name.
func passing(t *testing.T, fd int, name string) {
	t.Setenv("LISTEN_FDS", strconv.Itoa(fd-2))
	t.Setenv("LISTEN_FDNAMES", strings.Repeat("other:", fd-3)+name)
	t.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
}

// TestInheritedListener: by number and by name, of TCP and of a unix socket,
// whose file stays; no descriptor is left over.
func TestInheritedListener(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		for _, by := range []string{"number", "name", "number, for any process"} {
			t.Run(network+" by "+by, func(t *testing.T) {
				address := "127.0.0.1:0"
				if network == "unix" {
					address = filepath.Join(t.TempDir(), "s")
				}
				before := openBelow256(t)
				first, err := net.Listen(network, address)
				require.NoError(t, err)
				if u, ok := first.(*net.UnixListener); ok {
					u.SetUnlinkOnClose(false)
				}
				fd := passedOn(t, first)
				require.NoError(t, first.Close())
				passing(t, fd, "web")
				which := strconv.Itoa(fd)
				switch by {
				case "name":
					which = "web"
				case "number, for any process":
					t.Setenv("LISTEN_PID", "")
				}
				ln, err := OpenListener("fd:" + which)
				require.NoError(t, err)
				go func() {
					conn, err := ln.Accept()
					if err == nil {
						_, _ = io.WriteString(conn, "hello")
						_ = conn.Close()
					}
				}()
				client, err := net.Dial(network, ln.Addr().String())
				require.NoError(t, err)
				said, err := io.ReadAll(client)
				require.NoError(t, err)
				require.Equal(t, "hello", string(said))
				require.NoError(t, client.Close())
				require.NoError(t, ln.Close())
				for fd, file := range openBelow256(t) { // others may have been closed meanwhile
					require.Equal(t, before[fd], file, "descriptor %d is left over", fd)
				}
				if network == "unix" {
					require.FileExists(t, address, "the supervisor listens there")
				}
			})
		}
	}
}

// openBelow256 returns which file each open descriptor is of. A test of this
// package has fewer.
func openBelow256(t *testing.T) map[int]string {
	open := map[int]string{}
	for fd := range 256 {
		var stat syscall.Stat_t
		if syscall.Fstat(fd, &stat) == nil {
			open[fd] = fmt.Sprint(stat.Dev, " ", stat.Ino)
		}
	}
	require.Less(t, len(open), 200)
	return open
}

// TestInheritedListenerMistakes: each says what is wrong, and nothing is
// taken over.
func TestInheritedListenerMistakes(t *testing.T) {
	pid := strconv.Itoa(os.Getpid())
	for name, test := range map[string]struct{ which, fds, names, pid, want string }{
		"nothing passed on":          {"3", "", "", pid, "LISTEN_FDS is not set"},
		"no number":                  {"3", "x", "", pid, "LISTEN_FDS is not set"},
		"none passed on":             {"3", "0", "", pid, "LISTEN_FDS is not set"},
		"less than none":             {"web", "-1", "web", pid, "LISTEN_FDS is not set"},
		"for another process":        {"3", "1", "", "1" + pid, "for another process"},
		"below the first":            {"2", "5", "", pid, "are 3 to 7"},
		"beyond the last":            {"8", "5", "", pid, "are 3 to 7"},
		"no such name":               {"web", "2", "a:b", pid, "no descriptor has this name"},
		"a name beyond the last":     {"web", "1", "a:web", pid, "no descriptor has this name"},
		"no name":                    {"", "2", ":", pid, "no descriptor has this name"},
		"fewer names than there are": {"web", "5", "a", pid, "no descriptor has this name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("LISTEN_FDS", test.fds)
			t.Setenv("LISTEN_FDNAMES", test.names)
			t.Setenv("LISTEN_PID", test.pid)
			ln, err := OpenListener("fd:" + test.which)
			require.Nil(t, ln)
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, "wherry: listen on \"fd:"+test.which+"\"")
		})
	}
	t.Run("no socket", func(t *testing.T) {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		defer r.Close()
		defer w.Close()
		fd, err := syscall.Dup(int(w.Fd()))
		require.NoError(t, err)
		passing(t, fd, "web")
		_, err = OpenListener("fd:web")
		require.ErrorContains(t, err, "is no listening socket")
		var stat syscall.Stat_t
		require.Error(t, syscall.Fstat(fd, &stat), "it is closed all the same")
	})
	t.Run("not open", func(t *testing.T) {
		passing(t, 250, "web")
		_, err := OpenListener("fd:web")
		require.Error(t, err)
	})
}

// TestListenAllOrNone: when one address fails, the listeners of those before
// it are closed.
func TestListenAllOrNone(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	_, err := listen([]string{"unix:" + socket, "unix:" + filepath.Join(t.TempDir(), "none", "s")})
	require.ErrorContains(t, err, "wherry: listen on")
	require.NoFileExists(t, socket)
}
