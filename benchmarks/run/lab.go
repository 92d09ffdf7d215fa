package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"wherry.example/wherry/benchmarks/internal/results"
	"wherry.example/wherry/benchmarks/internal/workloads"
)

// lab is what a run works with: programs in a folder that goes when it ends.
type lab struct {
	settings
	dir       string
	workloads []workloads.Workload
	servers   []workloads.Server
	running   []*process
	lock      *os.File
	file      *results.File
}

// newLab builds the programs and finds out what the machine has.
func newLab(s settings) (*lab, error) {
	if _, err := os.Stat("peers"); err != nil {
		return nil, errors.New("run it in the folder of the benchmarks: go -C benchmarks run ./run")
	}
	dir, err := os.MkdirTemp("", "wherry-benchmarks-")
	if err != nil {
		return nil, err
	}
	l := &lab{settings: s, dir: dir, file: &results.File{}}
	l.workloads, l.servers = choose(s)
	l.raiseFiles()
	if l.lock, err = os.OpenFile(filepath.Join(os.TempDir(), "wherry-bench.lock"), os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	log.Print("building")
	if err := l.build(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	l.describe()
	l.servers = l.present()
	return l, nil
}

// close ends what still runs and removes the folder.
func (l *lab) close() {
	l.stopAll()
	if err := os.RemoveAll(l.dir); err != nil {
		log.Print(err)
	}
}

func (l *lab) bin(name string) string { return filepath.Join(l.dir, name) }

func (l *lab) note(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	log.Print(line)
	l.file.Notes = append(l.file.Notes, line)
}

// raiseFiles lets this process and its children have as many files as the
// system allows: the runtime would keep its own raise from the children.
func (l *lab) raiseFiles() {
	var have syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &have); err != nil {
		return
	}
	have.Cur = have.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &have); err != nil {
		log.Print(err)
	}
}

// maxConns is how many connections one process may have.
func maxConns() int {
	var have syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &have); err != nil {
		return 1000
	}
	return int(min(have.Cur, 1<<20)) - 200
}

func (l *lab) build() error {
	for _, name := range []string{"peers", "load"} {
		if err := goBuild(l.bin(name), "./"+name); err != nil {
			return err
		}
	}
	for name, size := range map[string]int64{"4k": 4 << 10, "100m": 100 << 20} {
		if err := writeFile(l.bin("files/"+name), size); err != nil {
			return err
		}
	}
	if out, err := exec.Command("gcc", "-O2", "-pthread", "-o", l.bin("limit"), "limit/limit.c").CombinedOutput(); err != nil {
		l.note("limit is left out: gcc: %v %s", err, out)
	}
	return nil
}

func goBuild(out, pkg string, flags ...string) error {
	cmd := exec.Command("go", append(append([]string{"build", "-o", out}, flags...), pkg)...)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, text)
	}
	return nil
}

// writeFile makes a file of bytes that no compression would shrink to nothing.
func writeFile(path string, size int64) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	content := make([]byte, size)
	var x uint32 = 1
	for i := range content {
		x = x*1664525 + 1013904223
		content[i] = byte(x >> 24)
	}
	return os.WriteFile(path, content, 0o644)
}

// present leaves out servers that this machine does not have.
func (l *lab) present() []workloads.Server {
	var have []workloads.Server
	for _, s := range l.servers {
		if s.Name == "limit" {
			if _, err := os.Stat(l.bin("limit")); err != nil {
				continue
			}
		}
		if s.Name == "nginx" {
			if _, err := exec.LookPath("nginx"); err != nil {
				l.note("nginx is left out: it is not installed here.")
				continue
			}
		}
		have = append(have, s)
	}
	return have
}

// describe notes the machine and the versions.
func (l *lab) describe() {
	m := &l.file.Meta
	m.Date = time.Now().UTC().Format("2006-01-02 15:04 MST")
	m.Commit = output("git", "rev-parse", "--short", "HEAD")
	m.Go = runtime.Version()
	m.Kernel = output("uname", "-r")
	m.CPU = cpuModel()
	m.Cores = runtime.NumCPU()
	m.Quick, m.Rounds = l.quick, l.rounds
	_, err := exec.LookPath("wrk")
	m.Wrk = err == nil
	if !m.Wrk {
		l.note("wrk is not installed: closed loops are made by our own generator.")
	}
	m.Perf = perfWorks()
	if !m.Perf {
		l.note("perf does not count user-space instructions on this machine: there are none in this report.")
	}
	info, err := buildinfo.ReadFile(l.bin("peers"))
	if err != nil {
		l.note("no versions: %v", err)
		info = &buildinfo.BuildInfo{}
	}
	for _, s := range l.servers {
		version := ""
		for _, dep := range info.Deps {
			if dep.Path == s.Module {
				version = dep.Version
			}
		}
		l.file.Servers = append(l.file.Servers, results.Server{Name: s.Name, Version: version})
	}
}

func output(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

func cpuModel() string {
	raw, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(raw)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
