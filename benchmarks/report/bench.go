package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"wherry.example/wherry/benchmarks/internal/results"
)

// bench is one micro benchmark with all its counts.
type bench struct {
	name   string // without Benchmark and without the number of processors
	ns     []float64
	bytes  float64
	allocs float64
}

// parseBench reads what go test -bench prints.
func parseBench(text string) []bench {
	var all []bench
	for line := range strings.Lines(text) {
		field := strings.Fields(line)
		if len(field) < 4 || !strings.HasPrefix(field[0], "Benchmark") {
			continue
		}
		name := strings.TrimPrefix(field[0], "Benchmark")
		if i := strings.LastIndexByte(name, '-'); i > 0 {
			name = name[:i]
		}
		at := slices.IndexFunc(all, func(b bench) bool { return b.name == name })
		if at < 0 {
			at = len(all)
			all = append(all, bench{name: name})
		}
		all[at].add(field[2:])
	}
	return all
}

// add reads pairs of a number and a unit.
func (b *bench) add(field []string) {
	for i := 0; i+1 < len(field); i += 2 {
		v, err := strconv.ParseFloat(field[i], 64)
		if err != nil {
			continue
		}
		switch field[i+1] {
		case "ns/op":
			b.ns = append(b.ns, v)
		case "B/op":
			b.bytes = v
		case "allocs/op":
			b.allocs = v
		}
	}
}

func (p *page) bench(name string) results.Summary {
	for _, b := range p.micro {
		if b.name == name {
			return results.Summarise(b.ns)
		}
	}
	return results.Summary{}
}

// microRatio compares two micro benchmarks: the medians, and the widest
// ratios.
func microRatio(a, b string) func(*page) results.Summary {
	return func(p *page) results.Summary {
		x, y := p.bench(a), p.bench(b)
		if x.N == 0 || y.N == 0 {
			return results.Summary{}
		}
		return results.Summary{N: x.N, Median: x.Median / y.Median, Least: x.Least / y.Utmost, Utmost: x.Utmost / y.Least}
	}
}

// micros writes the table of the micro benchmarks.
func (p *page) micros() {
	if len(p.micro) == 0 {
		return
	}
	p.WriteString("## In one process\n\n`go run ./micro > results/micro.txt`. A route is one lookup of every path of a " +
		"list in turn, divided by their number, into a response that is forgotten; a head is parsed from a buffer.\n\n" +
		"| | ns | spread | B | allocations |\n|---|---:|---:|---:|---:|\n")
	for _, b := range p.micro {
		s := results.Summarise(b.ns)
		fmt.Fprintf(p, "| %s | %s | %s – %s | %.0f | %.0f |\n", b.name, short(s.Median), short(s.Least), short(s.Utmost), b.bytes, b.allocs)
	}
	p.WriteString("\n")
}
