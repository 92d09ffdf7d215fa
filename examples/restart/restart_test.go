//go:build unix

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/engine"
)

func TestMain(m *testing.M) {
	if os.Getenv("RESTART_SERVER") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// patience bounds what must happen. It is no measure of how fast it happens: a
// machine that is slow must not fail a test.
const patience = 30 * time.Second

// requests is how many requests are sent over the restarts.
func requests(t *testing.T) int64 {
	if text := os.Getenv("WHERRY_REQUESTS"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		require.NoError(t, err)
		return n
	}
	return 2000
}

// TestRestartUnderLoad replaces the server three times while clients ask it,
// on connections that persist as long as the server says so. No request may
// fail.
func TestRestartUnderLoad(t *testing.T) {
	for _, kind := range engine.All() {
		t.Run(string(kind), func(t *testing.T) {
			log, err := os.Create(filepath.Join(t.TempDir(), "log"))
			require.NoError(t, err)
			defer log.Close()
			server := exec.Command(os.Args[0], "-addr", "127.0.0.1:0", "-engine", string(kind))
			server.Env = append(os.Environ(), "RESTART_SERVER=1")
			server.Stderr = log
			require.NoError(t, server.Start())
			go func() { _ = server.Wait() }()
			addr := addrIn(t, log.Name())
			l := &load{addr: addr, total: requests(t)}
			l.pid.Store(int64(server.Process.Pid))
			var clients sync.WaitGroup
			for range 16 {
				clients.Add(1)
				go func() { defer clients.Done(); l.ask(t) }()
			}
			for i := range int64(3) {
				for l.sent.Load() < (i+1)*l.total/4 && l.failed.Load() == 0 {
					time.Sleep(time.Millisecond)
				}
				old := l.pid.Load()
				require.NoError(t, syscall.Kill(int(old), syscall.SIGHUP))
				for end := time.Now().Add(patience); l.pid.Load() == old && time.Now().Before(end); {
					time.Sleep(time.Millisecond)
				}
			}
			clients.Wait()
			require.NoError(t, syscall.Kill(int(l.pid.Load()), syscall.SIGTERM))
			require.Zero(t, l.failed.Load())
			require.GreaterOrEqual(t, l.sent.Load(), l.total)
			require.GreaterOrEqual(t, l.processes.Load(), int64(4))
			t.Logf("%d requests, %d processes, %d connections, %d came too late", l.sent.Load(), l.processes.Load(), l.conns.Load(), l.late.Load())
		})
	}
}

// addrIn waits until the server has logged where it serves.
func addrIn(t *testing.T, log string) (addr string) {
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(log)
		line, _, whole := strings.Cut(string(text), "\n")
		_, addr, _ = strings.Cut(line, " serves ")
		return err == nil && whole
	}, patience, 10*time.Millisecond)
	require.NotEmpty(t, addr)
	return addr
}

// load counts what clients meet.
type load struct {
	addr                                      string
	total                                     int64
	sent, failed, conns, late, pid, processes atomic.Int64
	seen                                      sync.Map
}

// ask asks until enough requests were sent.
func (l *load) ask(t *testing.T) {
	for l.sent.Load() < l.total || l.processes.Load() < 4 && l.failed.Load() == 0 {
		conn, err := net.Dial("tcp", l.addr)
		if err != nil {
			l.fail(t, err)
			return
		}
		l.conns.Add(1)
		_ = conn.SetDeadline(time.Now().Add(2 * patience))
		err = l.converse(conn)
		_ = conn.Close()
		if err != nil {
			l.fail(t, err)
			return
		}
	}
}

func (l *load) fail(t *testing.T, err error) {
	l.failed.Add(1)
	t.Error(err)
}

// converse asks on one connection until the server wants to close it. A server
// that ends waits for the next request for a quarter of a second: a client that
// was kept from running for longer finds no answer, and comes back.
func (l *load) converse(conn net.Conn) error {
	r := bufio.NewReader(conn)
	asked := time.Now()
	for range 500 {
		last := asked
		asked = time.Now()
		_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if err == nil {
			_, err = r.Peek(1)
		}
		if err != nil && time.Since(last) >= 250*time.Millisecond && !errors.Is(err, os.ErrDeadlineExceeded) {
			l.late.Add(1)
			return nil
		}
		if err != nil {
			return fmt.Errorf("no answer: %w", err)
		}
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			return fmt.Errorf("content: %w", err)
		}
		l.sent.Add(1)
		pid, err := strconv.ParseInt(strings.TrimSpace(strings.TrimPrefix(string(body), "process ")), 10, 64)
		if err != nil {
			return err
		}
		if _, known := l.seen.LoadOrStore(pid, true); !known {
			l.processes.Add(1)
			l.pid.Store(pid)
		}
		if res.Close {
			return nil
		}
	}
	return nil
}
