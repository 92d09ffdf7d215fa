package main

import (
	"fmt"

	"wherry.example/wherry/benchmarks/internal/results"
	"wherry.example/wherry/benchmarks/internal/workloads"
)

// ours is the engine that the goals are for.
const ours = "wherry-epoll"

// goal is a promise about a ratio, or about a number of ours alone.
type goal struct {
	text  string
	bound float64
	least bool // the bound is the least, not the most
	of    func(*page) results.Summary
}

// against compares ours with a peer in the same workload.
func against(workload, peer string, metric results.Metric) func(*page) results.Summary {
	return func(p *page) results.Summary { return p.Ratio(workload, ours, peer, metric) }
}

// aims lists the goals.
var aims = []goal{
	{"routed GET, CPU by that of fasthttp", 0.62, false, against("plain", "fasthttp", results.CPU)},
	{"routed GET, CPU by that of fiber", 0.62, false, against("plain", "fiber", results.CPU)},
	{"routed GET, CPU by that of net/http", 0.40, false, against("plain", "nethttp", results.CPU)},
	{"routed GET, CPU by that of the C server", 1.10, false, against("plain", "limit", results.CPU)},
	{"pipelined, CPU by that of fasthttp", 0.45, false, against("pipelined", "fasthttp", results.CPU)},
	{"pipelined, CPU by that of net/http", 0.40, false, against("pipelined", "nethttp", results.CPU)},
	{"pipelined, CPU by that of the C server", 1.10, false, against("pipelined", "limit", results.CPU)},
	{"ten on a connection, CPU by that of fasthttp", 0.62, false, against("short10", "fasthttp", results.CPU)},
	{"ten on a connection, CPU by that of net/http", 0.40, false, against("short10", "nethttp", results.CPU)},
	{"ten on a connection, CPU by that of the C server", 1.10, false, against("short10", "limit", results.CPU)},
	{"one on a connection, CPU by that of fasthttp", 0.62, false, against("short1", "fasthttp", results.CPU)},
	{"one on a connection, CPU by that of net/http", 0.40, false, against("short1", "nethttp", results.CPU)},
	{"one on a connection, CPU by that of the C server", 1.10, false, against("short1", "limit", results.CPU)},
	{"JSON, CPU by that of fasthttp", 0.70, false, against("json", "fasthttp", results.CPU)},
	{"REST mix, throughput with five middlewares by ours without", 0.95, true, func(p *page) results.Summary {
		return p.Ratio("mix5", ours, ours+workloads.Bare, results.Rate)
	}},
	{"fixed rate, p99.9 by that of fasthttp", 0.50, false, against("fixed", "fasthttp", results.P999)},
	{"fixed rate, p99.9 by that of net/http", 0.25, false, against("fixed", "nethttp", results.P999)},
	{"p99 beside sleeping handlers, by a goroutine per connection of ours", 1, false,
		against("sleepers", "wherry-threaded", results.Class("fast"))},
	{"p99 beside sleeping handlers, by that of net/http", 1, false, against("sleepers", "nethttp", results.Class("fast"))},
	{"idle connection, bytes", 600, false, func(p *page) results.Summary { return p.Of("idle", ours, results.PerIdle) }},
	{"idle connection, bytes, threaded", 3500, false, func(p *page) results.Summary {
		return p.Of("idle", "wherry-threaded", results.PerIdle)
	}},
	{"user-space instructions of a routed GET", 1500, false, func(p *page) results.Summary {
		return p.Of("plain", ours, results.Instructions)
	}},
	{"GitHub lookup, time by that of httprouter.Lookup", 0.6, false, microRatio("Route/github/wherry", "Route/github/httprouter-lookup")},
	{"parsing a head of 703 bytes, time by that of fasthttp", 0.12, false, microRatio("Head/703/wherry", "Head/703/fasthttp")},
}

// goals writes the table of goals: those that were missed like those that were
// met.
func (p *page) goals() {
	p.WriteString("## Goals\n\nMedian and spread of the ratios within a round; " + ours + " unless a line says otherwise.\n\n")
	p.WriteString("| goal | bound | measured | spread | |\n|---|---:|---:|---:|---|\n")
	for _, g := range aims {
		s := g.of(p)
		if s.N == 0 {
			fmt.Fprintf(p, "| %s | %s | – | | not measured |\n", g.text, g.limit())
			continue
		}
		verdict := "met"
		if g.least && s.Median < g.bound || !g.least && s.Median > g.bound {
			verdict = "**missed**"
		}
		fmt.Fprintf(p, "| %s | %s | %s | %s – %s | %s |\n", g.text, g.limit(), short(s.Median), short(s.Least), short(s.Utmost), verdict)
	}
	p.WriteString("\n")
}

func (g goal) limit() string {
	if g.least {
		return "≥ " + short(g.bound)
	}
	return "≤ " + short(g.bound)
}
