//go:build unix

// These tests start the real program and end it as an operator does. The one
// that counts is TestDrain: a service is replaced under load, as in a rolling
// update, and no request that it accepted goes without its answer.
//
//	go test -v -run TestDrain ./examples/api                          # 2,000 requests
//	DRAIN_REQUESTS=20000 go test -v -run TestDrain ./examples/api     # the full run

package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"wherry.example/wherry/engine"
)

const key = "0123456789abcdef"

// patience bounds what must happen. It is no measure of how fast it happens: a
// machine that is slow must not fail a test.
const patience = 30 * time.Second

var environment = []string{"TASKS_KEYS=ada=" + key, "TASKS_RATE=1000000000", "TASKS_QUOTA=1000000"}

// program is the built program; building it again would cost the same.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "api")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "api")
	out, err := exec.Command("go", "build", "-buildvcs=false", "-o", path, ".").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return path, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// instance is one process of the service.
type instance struct {
	cmd  *exec.Cmd
	addr string
	log  string // the file with what it has written
}

// start starts an instance on a port that the system chooses, and waits until
// it is ready.
func start(t *testing.T, kind engine.Kind, env ...string) *instance {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	i := &instance{log: filepath.Join(t.TempDir(), "log")}
	log, err := os.Create(i.log)
	require.NoError(t, err)
	i.cmd = exec.Command(path, "-addr", "127.0.0.1:0", "-engine", string(kind))
	i.cmd.Env = append(append(os.Environ(), environment...), env...)
	i.cmd.Stdout, i.cmd.Stderr = log, log
	require.NoError(t, i.cmd.Start())
	require.NoError(t, log.Close())
	t.Cleanup(func() { _ = i.cmd.Process.Kill() })
	i.addr = i.answering(t, "GET /readyz")
	return i
}

// answering waits until the instance answers a request with 200, and returns
// the address where it does: it may listen at several.
func (i *instance) answering(t *testing.T, request string) (addr string) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		log, err := os.ReadFile(i.log)
		require.NoError(t, err)
		for line := range bytes.Lines(log) {
			var entry struct {
				Message string `json:"msg"`
				Address string `json:"address"`
			}
			if json.Unmarshal(line, &entry) == nil && entry.Message == "wherry: listening" && ask(entry.Address, request) == 200 {
				return entry.Address
			}
		}
	}
	require.FailNow(t, "nobody answers "+request)
	return ""
}

// ask sends one request on a connection of its own and returns the status, 0
// without an answer.
func ask(addr, request string) int {
	c := client{}
	defer c.hangUp()
	status, _ := c.exchange(addr, request+" HTTP/1.1\r\nHost: x\r\n\r\n")
	return status
}

// end sends SIGTERM.
func (i *instance) end(t *testing.T) {
	t.Helper()
	require.NoError(t, i.cmd.Process.Signal(syscall.SIGTERM))
}

// await waits for the end, which must be a good one, and counts how often the
// process has logged an answer to each user agent.
func (i *instance) await(t *testing.T, answered map[string]int) {
	t.Helper()
	err := i.cmd.Wait()
	log, readErr := os.ReadFile(i.log)
	require.NoError(t, readErr)
	require.NoError(t, err, "%s", log)
	require.Contains(t, string(log), `"msg":"ended well"`)
	for line := range bytes.Lines(log) {
		var entry struct {
			Message string `json:"msg"`
			Agent   string `json:"user_agent.original"`
		}
		require.NoError(t, json.Unmarshal(line, &entry), "%s", line)
		if entry.Message == "request" {
			answered[entry.Agent]++
		}
	}
}

// fleet is the instances in the order in which they serve.
type fleet struct {
	addrs   []string
	current atomic.Int64
}

// balance does what a load balancer does: it leads away from an instance as
// soon as that is not ready.
func (f *fleet) balance(s *tally) {
	for !s.over.Load() {
		at := f.current.Load()
		if ask(f.addrs[at], "GET /readyz") != 200 {
			f.leave(at)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// leave goes on from an instance to the next one, if there is one.
func (f *fleet) leave(at int64) {
	if int(at)+1 < len(f.addrs) {
		f.current.CompareAndSwap(at, at+1)
	}
}

// tally counts what became of the requests.
type tally struct {
	begun    atomic.Int64 // numbers them
	over     atomic.Bool  // all has happened that shall happen under load
	answered sync.Map     // agents whose answer was read whole: the status
	failed   sync.Map     // agents whose answer was not: the error
	last     atomic.Int64 // answers with Connection: close, by an instance that was ending
	unread   atomic.Int64 // connections that ended before an answer began
	refused  atomic.Int64 // connections that nobody accepted
}

func TestDrain(t *testing.T) {
	requests := 2000
	if text := os.Getenv("DRAIN_REQUESTS"); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err, "DRAIN_REQUESTS")
		requests = n
	}
	for _, kind := range []engine.Kind{engine.Threaded, engine.Epoll} {
		t.Run(string(kind), func(t *testing.T) {
			if engine.Supported(kind) != nil {
				t.Skip("not on this system")
			}
			t.Parallel()
			t.Run("at once", func(t *testing.T) { drain(t, kind, requests, 0) })
			t.Run("behind a balancer", func(t *testing.T) { drain(t, kind, requests, 4*time.Second) })
		})
	}
}

// drain sends requests to three instances, one after the other: the first and
// the second are told to end after a third and two thirds of them. The load
// goes on until both have ended. With a delay a balancer leads the load away
// in that time; without one it notices when connections are refused.
func drain(t *testing.T, kind engine.Kind, requests int, delay time.Duration) {
	var instances []*instance
	var f fleet
	for range 3 {
		i := start(t, kind, "TASKS_SHUTDOWN_DELAY="+delay.String())
		instances, f.addrs = append(instances, i), append(f.addrs, i.addr)
	}
	var load sync.WaitGroup
	var sum tally
	defer load.Wait()
	defer sum.over.Store(true)
	for range 16 {
		load.Go(func() { sum.load(&f) })
	}
	if delay > 0 {
		load.Go(func() { f.balance(&sum) })
	}
	logged := map[string]int{}
	for n, i := range instances {
		enough := int64(requests * (n + 1) / len(instances))
		require.Eventually(t, func() bool { return sum.begun.Load() >= enough }, time.Minute, 100*time.Microsecond)
		if n == len(instances)-1 {
			sum.over.Store(true)
			load.Wait()
		}
		slow := hold(t, i.addr, fmt.Sprintf("slow-%d", n), 8)
		i.end(t)
		require.Eventually(t, func() bool { return ask(i.addr, "GET /readyz") != 200 }, patience, time.Millisecond)
		slow.finish(t, &sum)
		i.await(t, logged)
	}
	if delay > 0 {
		require.Zero(t, sum.unread.Load()+sum.refused.Load(), "whoever heeds /readyz notices nothing")
	}
	sum.judge(t, logged)
}

// judge compares what the clients have seen with what the processes say: every
// request was answered, and handled once.
func (s *tally) judge(t *testing.T, logged map[string]int) {
	delete(logged, "") // probes, were they logged
	answered := 0
	s.failed.Range(func(agent, err any) bool {
		t.Errorf("%v failed: %v; it was handled %d times", agent, err, logged[agent.(string)])
		return true
	})
	s.answered.Range(func(agent, status any) bool {
		answered++
		require.Contains(t, []int{200, 201}, status, agent)
		require.Equal(t, 1, logged[agent.(string)], "how often %v was handled", agent)
		delete(logged, agent.(string))
		return true
	})
	require.Empty(t, logged, "handled, but not answered")
	t.Logf("%d requests answered, each handled once, 0 failed; %d were the last of their connection; %d connections ended before they were read, %d were refused",
		answered, s.last.Load(), s.unread.Load(), s.refused.Load())
}
