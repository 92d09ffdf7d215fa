package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"wherry.example/wherry/benchmarks/internal/workloads"
)

// process is a server that runs, with its children.
type process struct {
	name string
	addr string
	cmd  *exec.Cmd
	log  *bytes.Buffer
}

// start starts a server for a workload and waits until it answers.
func (l *lab) start(s workloads.Server, w workloads.Workload) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	cmd, err := l.command(s, w, addr)
	if err != nil {
		return nil, err
	}
	p, err := launch(s.Name, addr, cmd)
	if err != nil {
		return nil, err
	}
	l.running = append(l.running, p)
	return p, p.wait(10 * time.Second)
}

// command says how a server is started: with its defaults, and as many threads
// as there are processors where it has to be told.
func (l *lab) command(s workloads.Server, w workloads.Workload, addr string) (*exec.Cmd, error) {
	switch s.Name {
	case "limit":
		_, port, err := net.SplitHostPort(addr)
		return exec.Command(l.bin("limit"), port, strconv.Itoa(l.file.Meta.Cores)), err
	case "nginx":
		conf := l.bin("nginx.conf")
		user := "" // who is root becomes nobody else, and nobody else may become somebody
		if os.Geteuid() == 0 {
			user = "user root;"
		}
		text := fmt.Sprintf(nginxConf, l.bin("nginx.pid"), l.file.Meta.Cores, user, addr, l.bin("files"))
		return exec.Command("nginx", "-e", "stderr", "-p", l.dir, "-c", conf), os.WriteFile(conf, []byte(text), 0o644)
	}
	name, bare := strings.CutSuffix(s.Name, workloads.Bare)
	if bare {
		w.Middlewares = 0
	}
	return exec.Command(l.bin("peers"), "-server", name, "-addr", addr, "-files", l.bin("files"),
		"-middlewares", strconv.Itoa(w.Middlewares), "-events", fmt.Sprint(w.Events)), nil
}

// nginxConf is the documentation's advice for static files.
const nginxConf = `daemon off;
pid %s;
worker_processes %d;
%s
events { worker_connections 16384; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;
  open_file_cache max=1000 inactive=60s;
  server {
    listen %s backlog=4096;
    location = / { return 200 "Hello, World!"; }
    location /file/ { alias %s/; }
  }
}
`

func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// launch starts a process group of its own, which ends when this program
// does.
func launch(name, addr string, cmd *exec.Cmd) (*process, error) {
	p := &process{name: name, addr: addr, cmd: cmd, log: &bytes.Buffer{}}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return p, cmd.Start()
}

// wait returns once the server has answered GET /.
func (p *process) wait(limit time.Duration) error {
	var err error
	for until := time.Now().Add(limit); time.Now().Before(until); time.Sleep(200 * time.Microsecond) {
		if err = p.ask(); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s does not answer: %w\n%s", p.name, err, p.log)
}

func (p *process) ask() error {
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"); err != nil {
		return err
	}
	line := make([]byte, 15)
	if _, err := io.ReadFull(conn, line); err != nil {
		return err
	}
	if string(line) != "HTTP/1.1 200 OK" {
		return errors.New(string(line))
	}
	return nil
}

// stop ends the group.
func (l *lab) stop(p *process) {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	_ = p.cmd.Wait()
	l.running = slices.DeleteFunc(l.running, func(r *process) bool { return r == p })
}

func (l *lab) stopAll() {
	for _, p := range slices.Clone(l.running) {
		l.stop(p)
	}
}

// usage is what a process group has used.
type usage struct {
	user, system float64 // seconds, in steps of 10 ms
	total        float64 // seconds, exactly where the kernel tells
	rss          int64   // bytes
}

// use reads /proc: fields 5 (group), 14, 15 (time in ticks of 10 ms) and 24
// (resident pages) of stat, see proc_pid_stat(5).
func (p *process) use() usage {
	var u usage
	exact := true
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		text := string(raw)
		field := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
		if len(field) < 22 || field[2] != strconv.Itoa(p.cmd.Process.Pid) {
			continue
		}
		number := func(i int) float64 {
			v, _ := strconv.ParseFloat(field[i], 64)
			return v
		}
		u.user += number(11) / 100
		u.system += number(12) / 100
		u.rss += int64(number(21)) * int64(os.Getpagesize())
		ran := scheduled(filepath.Dir(file))
		exact = exact && ran > 0
		u.total += ran
	}
	if !exact {
		u.total = u.user + u.system
	}
	return u
}

// scheduled adds up the seconds that the threads of a process have run, which
// the scheduler counts in nanoseconds. Go keeps its threads, so none is lost.
func scheduled(dir string) (seconds float64) {
	files, _ := filepath.Glob(filepath.Join(dir, "task", "*", "schedstat"))
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		first, _, _ := strings.Cut(string(raw), " ")
		ns, _ := strconv.ParseFloat(first, 64)
		seconds += ns / 1e9
	}
	return seconds
}
