package guard

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/benchmarks/internal/loadgen"
	"wherry.example/wherry/engine"
)

// bounds is what an engine may cost, a little above what it does.
type bounds struct {
	kind         engine.Kind
	allocations  float64 // for a request
	systemCalls  float64 // for a request, those of the scheduler included, also if each one finds the server asleep
	instructions float64 // for a request, in user space
	idle         float64 // bytes of the heap and of stacks for an idle connection
}

var engines = []bounds{
	{engine.Threaded, 0.1, 4.5, 6000, 3500},
	{engine.Epoll, 0.1, 6, 4000, 600},
}

// A test binary is told by its name, and there a Context is never used again,
// which costs more than all that is measured here. So the tests copy it under
// another name and let it serve.
func TestMain(m *testing.M) {
	if kind := os.Getenv("WHERRY_GUARD_ENGINE"); kind != "" {
		if err := serve(engine.Kind(kind)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// server is a process that serves on an engine.
type server struct {
	addr string
	pid  int
	conn net.Conn
	in   *bufio.Reader
}

func start(t *testing.T, kind engine.Kind) *server {
	t.Helper()
	if err := engine.Supported(kind); err != nil {
		t.Skip(err)
	}
	binary, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "server")
	require.NoError(t, os.WriteFile(path, binary, 0o755))
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), "WHERRY_GUARD_ENGINE="+string(kind))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	addr, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	s := &server{addr: strings.TrimSpace(addr), pid: cmd.Process.Pid}
	s.conn, err = net.Dial("tcp", s.addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.conn.Close() })
	s.in = bufio.NewReader(s.conn)
	return s
}

// ask sends n requests, each after the answer to the one before it.
func (s *server) ask(t *testing.T, n int) {
	t.Helper()
	answer := make([]byte, len(s.get(t, "/")))
	for range n {
		_, err := io.WriteString(s.conn, request("/"))
		require.NoError(t, err)
		_, err = io.ReadFull(s.in, answer)
		require.NoError(t, err)
	}
}

func request(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" }

// get returns a whole answer.
func (s *server) get(t *testing.T, path string) []byte {
	t.Helper()
	require.NoError(t, s.conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err := io.WriteString(s.conn, request(path))
	require.NoError(t, err)
	var head []byte
	length := 0
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		line, err := s.in.ReadSlice('\n')
		require.NoError(t, err)
		head = append(head, line...)
		if value, ok := strings.CutPrefix(string(line), "Content-Length: "); ok {
			length, err = strconv.Atoi(strings.TrimSpace(value))
			require.NoError(t, err)
		}
	}
	content := make([]byte, length)
	_, err = io.ReadFull(s.in, content)
	require.NoError(t, err)
	return append(head, content...)
}

// memory asks the server what it has used.
func (s *server) memory(t *testing.T) (m usage) {
	t.Helper()
	_, content, _ := bytes.Cut(s.get(t, "/memory"), []byte("\r\n\r\n"))
	require.NoError(t, json.Unmarshal(content, &m))
	return m
}

func TestAllocations(t *testing.T) {
	for _, b := range engines {
		t.Run(string(b.kind), func(t *testing.T) {
			s := start(t, b.kind)
			s.ask(t, 100)
			s.memory(t)
			before := s.memory(t)
			none := s.memory(t).Mallocs - before.Mallocs // what asking costs
			before = s.memory(t)
			const n = 5000
			s.ask(t, n)
			per := (float64(s.memory(t).Mallocs-before.Mallocs) - float64(none)) / n
			t.Logf("%.3f allocations for a request", per)
			require.LessOrEqual(t, per, b.allocations)
		})
	}
}

func TestIdleConnections(t *testing.T) {
	for _, b := range engines {
		t.Run(string(b.kind), func(t *testing.T) {
			s := start(t, b.kind)
			s.ask(t, 100)
			before := s.memory(t)
			n := min(3000, openFiles(t)/2-100)
			release, err := loadgen.Hold(s.addr, n)
			defer release()
			require.NoError(t, err)
			var per float64
			for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) { // until all have parked
				per = (float64(s.memory(t).Live) - float64(before.Live)) / float64(n)
				if per <= b.idle || time.Now().After(end) {
					break
				}
			}
			t.Logf("%.0f bytes for each of %d idle connections", per, n)
			require.LessOrEqual(t, per, b.idle)
		})
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	var have syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &have))
	return int(min(have.Cur, 1<<20))
}

// TestSystemCalls counts with strace, which sees what the engine and the
// scheduler really ask of the system. How often they wait depends on what else
// the machine does, so the best of several runs counts; a request is one read
// and one write whatever that is.
func TestSystemCalls(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed: system calls are counted by TestReadsAndWrites only")
	}
	for _, b := range engines {
		t.Run(string(b.kind), func(t *testing.T) {
			s := start(t, b.kind)
			s.ask(t, 100)
			table := s.systemCalls(t, strace)
			for end := time.Now().Add(30 * time.Second); calls(table, "total") > b.systemCalls && time.Now().Before(end); {
				table = s.systemCalls(t, strace)
			}
			t.Log("\n" + table)
			require.LessOrEqual(t, calls(table, "total"), b.systemCalls)
			require.InDelta(t, 1, calls(table, "recvfrom")+calls(table, "read"), 0.05)
			require.InDelta(t, 1, calls(table, "sendto")+calls(table, "write"), 0.05)
		})
	}
}

// traced is how many requests are sent under strace.
const traced = 1000

// systemCalls returns the table of strace for some requests.
func (s *server) systemCalls(t *testing.T, strace string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "calls")
	cmd := exec.Command(strace, "-f", "-c", "-o", name, "-p", strconv.Itoa(s.pid))
	require.NoError(t, cmd.Start())
	time.Sleep(300 * time.Millisecond) // until it is attached
	s.ask(t, traced)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	_ = cmd.Wait()
	raw, err := os.ReadFile(name)
	if err != nil || len(raw) == 0 {
		t.Skip("strace may not attach here: system calls are counted by TestReadsAndWrites only")
	}
	return string(raw)
}

// calls reads a line of the table of strace -c: percent, seconds, microseconds
// for a call, calls, failures if there were any, name. It returns the calls for
// a request.
func calls(table, name string) float64 {
	for line := range strings.Lines(table) {
		field := strings.Fields(line)
		if len(field) >= 4 && field[len(field)-1] == name {
			n, _ := strconv.ParseFloat(field[3], 64)
			return n / traced
		}
	}
	return 0
}

// TestInstructions counts with perf. Here as well the best of several runs
// counts: the scheduler looks for work more often when it is kept waiting.
func TestInstructions(t *testing.T) {
	perf, err := exec.LookPath("perf")
	if err != nil {
		t.Skip("perf is not installed: instructions are not counted")
	}
	for _, b := range engines {
		t.Run(string(b.kind), func(t *testing.T) {
			s := start(t, b.kind)
			s.ask(t, 1000)
			per := s.instructions(t, perf)
			for end := time.Now().Add(30 * time.Second); per > b.instructions && time.Now().Before(end); {
				per = s.instructions(t, perf)
			}
			t.Logf("%.0f instructions for a request", per)
			require.LessOrEqual(t, per, b.instructions)
		})
	}
}

// instructions returns how many a request costs in user space.
func (s *server) instructions(t *testing.T, perf string) float64 {
	t.Helper()
	var text bytes.Buffer
	cmd := exec.Command(perf, "stat", "-x,", "-e", "instructions:u", "-p", strconv.Itoa(s.pid))
	cmd.Stderr = &text
	require.NoError(t, cmd.Start())
	time.Sleep(200 * time.Millisecond) // until it is attached
	const n = 10000
	s.ask(t, n)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	_ = cmd.Wait()
	first, _, _ := strings.Cut(text.String(), ",")
	count, err := strconv.ParseFloat(first, 64)
	if err != nil {
		t.Skipf("perf counts no instructions here: %s", text.String())
	}
	return count / n
}
