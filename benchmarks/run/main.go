// Run measures wherry and its peers side by side and keeps what it finds as
// JSON. From the folder of the benchmarks:
//
//	go run ./run -quick     3 minutes: the usual questions, eight servers
//	go run ./run            30 minutes: everything
//	go run ./report         writes ../benchmarks.md and its charts
//
// Each server runs in a process of its own. The rounds are interleaved: in
// each one every server is measured once, in a shuffled order, so that
// whatever else the machine does hits all of them alike; servers are compared
// within a round.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"wherry.example/wherry/benchmarks/internal/workloads"
)

// settings is what the command line says.
type settings struct {
	quick     bool
	rounds    int
	budget    time.Duration
	seconds   float64
	rate      float64
	workloads string
	servers   string
	out       string
}

func main() {
	log.SetFlags(log.Ltime)
	var s settings
	flag.BoolVar(&s.quick, "quick", false, "3 minutes instead of 30")
	flag.IntVar(&s.rounds, "rounds", 0, "rounds; default 5, quick 3")
	flag.DurationVar(&s.budget, "budget", 0, "about how long all may take; default 30m, quick 3m")
	flag.Float64Var(&s.seconds, "seconds", 0, "length of a measurement; default: what the budget allows")
	flag.Float64Var(&s.rate, "rate", 0, "requests per second of the workload fixed; default: half of what net/http can do")
	flag.StringVar(&s.workloads, "workloads", "", "names, with commas between them; default: all of the run")
	flag.StringVar(&s.servers, "servers", "", "names, with commas between them; default: all of the run")
	flag.StringVar(&s.out, "o", "", "file to write; default results/quick.json or results/full.json")
	flag.Parse()
	s.fill()
	if err := measure(s); err != nil {
		log.Fatal(err)
	}
}

func (s *settings) fill() {
	name := "full.json"
	rounds, budget := 5, 30*time.Minute
	if s.quick {
		name, rounds, budget = "quick.json", 3, 3*time.Minute
	}
	if s.rounds == 0 {
		s.rounds = rounds
	}
	if s.budget == 0 {
		s.budget = budget
	}
	if s.out == "" {
		s.out = filepath.Join("results", name)
	}
}

// measure builds, runs and saves. An interrupt ends the servers as well.
func measure(s settings) error {
	l, err := newLab(s)
	if err != nil {
		return err
	}
	defer l.close()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		l.close()
		os.Exit(1)
	}()

	begin := time.Now()
	if err := l.greet(); err != nil {
		return err
	}
	l.plan(begin)
	for _, w := range l.workloads {
		log.Printf("%s: %s", w.Name, w.Title)
		if err := l.run(w); err != nil {
			return fmt.Errorf("%s: %w", w.Name, err)
		}
		if err := l.file.Save(s.out); err != nil {
			return err
		}
	}
	log.Printf("%d measurements in %v; they are in %s", len(l.file.Cells), time.Since(begin).Round(time.Second), s.out)
	return nil
}

// chosen keeps the items that are named, or those of the run.
func chosen[T any](all []T, names string, name func(T) string, standard func(T) bool) []T {
	var out []T
	for _, item := range all {
		if names == "" && standard(item) || slices.Contains(strings.Split(names, ","), name(item)) {
			out = append(out, item)
		}
	}
	return out
}

func choose(s settings) ([]workloads.Workload, []workloads.Server) {
	return chosen(workloads.All, s.workloads, func(w workloads.Workload) string { return w.Name },
			func(w workloads.Workload) bool { return !s.quick || w.Quick }),
		chosen(workloads.Servers, s.servers, func(v workloads.Server) string { return v.Name },
			func(v workloads.Server) bool { return !s.quick || v.Quick })
}
