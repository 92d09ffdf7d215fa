package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"wherry.example/wherry/benchmarks/internal/loadgen"
	"wherry.example/wherry/benchmarks/internal/workloads"
)

// generate makes the load of a workload on a server for some seconds, and says
// which generator did it.
func (l *lab) generate(w workloads.Workload, addr string, seconds float64) (loadgen.Report, string, error) {
	if w.Kind == workloads.Closed && w.PerConn == 0 && !w.Own && l.file.Meta.Wrk {
		r, err := l.wrk(w, addr, seconds)
		return r, "wrk", err
	}
	r, err := l.own(w, addr, seconds)
	return r, "own", err
}

// own runs our generator as a process.
func (l *lab) own(w workloads.Workload, addr string, seconds float64) (loadgen.Report, error) {
	args := []string{"-addr", addr, "-c", strconv.Itoa(min(w.Conns, maxConns())), "-d", fmt.Sprintf("%fs", seconds),
		"-pipeline", strconv.Itoa(w.Pipeline), "-per-conn", strconv.Itoa(w.PerConn)}
	for _, class := range w.Classes {
		args = append(args, "-class", class)
	}
	if w.Kind == workloads.Open {
		args = append(args, "-rate", fmt.Sprint(l.rateOf(w)), "-warmup", "200ms")
	}
	if w.Kind == workloads.Events {
		args = append(args, "-sse", "/sse", "-warmup", "500ms")
	}
	return report(exec.Command(l.bin("load"), args...))
}

func (l *lab) rateOf(w workloads.Workload) float64 {
	if w.Rate > 0 {
		return w.Rate
	}
	return l.file.Meta.FixedRPS
}

// report runs a command whose last line is a report.
func report(cmd *exec.Cmd) (loadgen.Report, error) {
	var r loadgen.Report
	var text bytes.Buffer
	cmd.Stderr = &text
	out, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("%w: %s%s", err, text.Bytes(), out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &r); err != nil {
		return r, fmt.Errorf("%w in %s", err, out)
	}
	if r.Requests == 0 {
		return r, errors.New("no answer at all: " + r.FirstError)
	}
	return r, nil
}

// wrk runs wrk with a script that sends the requests of the workload in turn
// and prints a report.
func (l *lab) wrk(w workloads.Workload, addr string, seconds float64) (loadgen.Report, error) {
	path := l.bin(w.Name + ".lua")
	if _, err := os.Stat(path); err != nil {
		if err := os.WriteFile(path, []byte(wrkScript(w)), 0o644); err != nil {
			return loadgen.Report{}, err
		}
	}
	// wrk counts whole seconds: it is told to end by a signal.
	cmd := exec.Command("wrk", "-t1", "-c", strconv.Itoa(w.Conns), "-d", "1h", "--timeout", "10s", "-s", path, "http://"+addr+"/")
	end := time.AfterFunc(time.Duration(seconds*float64(time.Second)), func() {
		if cmd.Process != nil {
			_ = cmd.Process.Signal(os.Interrupt)
		}
	})
	defer end.Stop()
	return report(cmd)
}

// wrkScript is Lua: the requests as strings, and a summary as JSON.
func wrkScript(w workloads.Workload) string {
	var s strings.Builder
	s.WriteString("local requests = {\n")
	fields := strings.Fields(w.Classes[0])
	for _, head := range loadgen.Heads(fields[1], fields[2], 0) {
		fmt.Fprintf(&s, "  %s,\n", strconv.Quote(strings.Repeat(string(head), max(w.Pipeline, 1))))
	}
	s.WriteString(`}
local at = 0
function request()
  at = at % #requests + 1
  return requests[at]
end
function done(summary, latency)
  local e, s = summary.errors, summary.duration / 1e6
  io.write(string.format(
    '{"seconds":%f,"requests":%d,"rate":%f,"errors":%d,"badStatus":%d,"bytes":%d,' ..
    '"latency":{"mean":%f,"p50":%f,"p90":%f,"p99":%f,"p999":%f,"max":%f}}\n',
    s, summary.requests, summary.requests / s, e.connect + e.read + e.write + e.timeout, e.status, summary.bytes,
    latency.mean, latency:percentile(50), latency:percentile(90), latency:percentile(99), latency:percentile(99.9), latency.max))
end
`)
	return s.String()
}
