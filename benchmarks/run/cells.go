package main

import (
	"bytes"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"wherry.example/wherry/benchmarks/internal/loadgen"
	"wherry.example/wherry/benchmarks/internal/results"
	"wherry.example/wherry/benchmarks/internal/workloads"
)

// overhead is what a measurement takes beside its seconds, and settle how long
// an idle server is left alone before its memory is read.
const (
	overhead = 0.1
	warmth   = 0.6 // of a start and a warm-up
	settle   = 2 * time.Second
)

// plan finds how long a measurement may be.
func (l *lab) plan(begin time.Time) {
	cells, fixed := 0, time.Since(begin).Seconds()
	for _, w := range l.workloads {
		for _, s := range l.servers {
			switch {
			case !s.Can(w):
			case w.Kind == workloads.Idle:
				fixed += 2 * settle.Seconds()
			default:
				cells += l.rounds
				fixed += warmth + float64(l.rounds)*overhead
			}
		}
	}
	if l.seconds == 0 {
		l.seconds = max((l.budget.Seconds()-fixed)/float64(max(cells, 1)), 0.4)
	}
	l.file.Meta.Seconds = l.seconds
	log.Printf("%d measurements of %.1f s", cells, l.seconds)
}

// run measures all servers under a workload.
func (l *lab) run(w workloads.Workload) error {
	var able []workloads.Server
	for _, s := range l.servers {
		if s.Can(w) {
			able = append(able, s)
		}
	}
	if w.Kind == workloads.Idle {
		return l.idle(w, able)
	}
	defer l.stopAll()
	if w.Kind == workloads.Open && w.Rate == 0 {
		if err := l.calibrate(); err != nil {
			return err
		}
	}
	servers := l.warm(w, able)
	for round := range l.rounds {
		order := rand.New(rand.NewPCG(uint64(round), uint64(len(w.Name)))).Perm(len(servers))
		for place, i := range order {
			cell, err := l.cell(w, servers[i])
			if err != nil {
				l.note("%s, %s, round %d: %v", w.Name, servers[i].name, round+1, err)
				continue
			}
			cell.Round, cell.Place = round, place
			l.file.Cells = append(l.file.Cells, cell)
		}
	}
	l.tell(w, able)
	return nil
}

// warm starts the servers and gives each a short load. Who does not answer is
// left out of the workload, with a line in the report.
func (l *lab) warm(w workloads.Workload, able []workloads.Server) []*process {
	var servers []*process
	for _, s := range able {
		p, err := l.start(s, w)
		if err == nil {
			_, _, err = l.generate(w, p.addr, min(l.seconds, 0.5))
		}
		if err != nil {
			l.note("%s is left out of %s: %v", s.Name, w.Name, err)
			continue
		}
		servers = append(servers, p)
	}
	return servers
}

// cell is one measurement. A lock keeps two runs on one machine apart.
func (l *lab) cell(w workloads.Workload, p *process) (results.Cell, error) {
	if err := syscall.Flock(int(l.lock.Fd()), syscall.LOCK_EX); err != nil {
		return results.Cell{}, err
	}
	defer func() { _ = syscall.Flock(int(l.lock.Fd()), syscall.LOCK_UN) }()
	counted := l.count(p)
	before := p.use()
	load, generator, err := l.generate(w, p.addr, l.seconds)
	after := p.use()
	cell := results.Cell{Workload: w.Name, Server: p.name, Generator: generator, Load: load, RSS: after.rss,
		CPU: after.total - before.total, User: after.user - before.user, System: after.system - before.system, Instructions: counted()}
	return cell, err
}

// calibrate finds half of what net/http can do with our generator.
func (l *lab) calibrate() error {
	if l.file.Meta.FixedRPS = l.rate; l.rate > 0 {
		return nil
	}
	p, err := l.start(workloads.Server{Name: "nethttp"}, workloads.Workload{})
	if err != nil {
		return err
	}
	defer l.stop(p)
	closed := workloads.Workload{Classes: []string{"all=1 GET /"}, Conns: 64}
	var best float64
	for range 3 {
		r, err := l.own(closed, p.addr, 1)
		if err != nil {
			return err
		}
		best = max(best, r.Rate)
	}
	l.file.Meta.FixedRPS = max(1000, float64(int(best/2000))*1000)
	log.Printf("net/http: %.0f requests/s; the fixed rate is %.0f", best, l.file.Meta.FixedRPS)
	return nil
}

// idle measures what a connection costs that does nothing. It is no matter of
// speed, so one round is enough, each server alone.
func (l *lab) idle(w workloads.Workload, able []workloads.Server) error {
	conns := min(w.Conns, maxConns())
	if conns < w.Conns {
		l.note("the system allows %d descriptors: %d idle connections instead of %d.", maxConns(), conns, w.Conns)
	}
	for place, s := range able {
		p, err := l.start(s, w)
		if err != nil {
			l.note("%s is left out of %s: %v", s.Name, w.Name, err)
			continue
		}
		time.Sleep(settle / 2)
		before := p.use()
		release, err := loadgen.Hold(p.addr, conns)
		if err == nil {
			time.Sleep(settle)
			after := p.use()
			l.file.Cells = append(l.file.Cells, results.Cell{Workload: w.Name, Server: s.Name, Place: place, Generator: "own",
				RSS: after.rss, PerIdle: float64(after.rss-before.rss) / float64(conns)})
		} else {
			l.note("%s does not hold %d idle connections: %v", s.Name, conns, err)
		}
		release()
		l.stop(p)
	}
	l.tell(w, able)
	return nil
}

// tell prints the medians.
func (l *lab) tell(w workloads.Workload, able []workloads.Server) {
	for _, s := range able {
		of := func(m results.Metric) float64 { return l.file.Of(w.Name, s.Name, m).Median }
		if w.Kind == workloads.Idle {
			log.Printf("  %-16s %6.0f B for a connection  RSS %4.0f MiB", s.Name, of(results.PerIdle), of(results.RSS))
			continue
		}
		log.Printf("  %-16s %9.0f /s  %8.2f CPU s/M  p99 %8.0f µs  p99.9 %8.0f µs  RSS %4.0f MiB", s.Name,
			of(results.Rate), of(results.CPU), of(results.P99), of(results.P999), of(results.RSS))
	}
}

// perfWorks reports whether user-space instructions can be counted.
func perfWorks() bool {
	out, err := exec.Command("perf", "stat", "-x,", "-e", "instructions:u", "true").CombinedOutput()
	return err == nil && !bytes.Contains(out, []byte("not ")) // counted, supported
}

// count begins to count the instructions of a server; the function that it
// returns ends that.
func (l *lab) count(p *process) func() float64 {
	if !l.file.Meta.Perf {
		return func() float64 { return 0 }
	}
	var text bytes.Buffer
	perf := exec.Command("perf", "stat", "-x,", "-e", "instructions:u", "-p", strconv.Itoa(p.cmd.Process.Pid))
	perf.Stderr = &text
	if err := perf.Start(); err != nil {
		return func() float64 { return 0 }
	}
	time.Sleep(60 * time.Millisecond) // until it is attached
	return func() float64 {
		_ = perf.Process.Signal(os.Interrupt)
		_ = perf.Wait()
		first, _, _ := strings.Cut(text.String(), ",")
		n, _ := strconv.ParseFloat(first, 64)
		return n
	}
}
