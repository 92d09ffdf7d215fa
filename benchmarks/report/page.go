package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"wherry.example/wherry/benchmarks/internal/chart"
	"wherry.example/wherry/benchmarks/internal/results"
	"wherry.example/wherry/benchmarks/internal/workloads"
)

func (p *page) head() {
	m := p.Meta
	run := "full"
	if m.Quick {
		run = "quick"
	}
	fmt.Fprintf(p, "<!-- written by: go run ./report, in benchmarks/ -->\n\n# Benchmarks\n\n"+
		"wherry beside what you would pick instead, measured in one run with one command; what we lose is shown like what we win. "+
		"`benchmarks/README.md` says how to repeat it, [How it is measured](#how-it-is-measured) what the numbers mean.\n\n"+
		"The %s run of %s at commit %s: %s, Linux %s, %d × %s; %d rounds of %.1f s. The generator shares the processors with the "+
		"server, so requests per second say less than the processor time of a request does.\n\n",
		run, m.Date, m.Commit, m.Go, m.Kernel, m.Cores, m.CPU, m.Rounds, m.Seconds)
	var list []string
	for _, s := range p.Servers {
		if s.Version != "" {
			list = append(list, s.Name+" "+s.Version)
		}
	}
	fmt.Fprintf(p, "Versions: %s.\n\n", strings.Join(list, ", "))
}

// short writes a number for a table.
func short(v float64) string {
	if v >= 1e4 {
		return fmt.Sprintf("%.0f", v)
	}
	return chart.Number(v)
}

// line is a server in the table of a workload.
type line struct {
	workloads.Server
	main results.Summary // what the table is sorted by
}

// workload writes the section of a workload, if it was measured.
func (p *page) workload(w workloads.Workload) error {
	main := results.Metric(results.CPU)
	switch w.Kind {
	case workloads.Open:
		main = latencyOf(w)
	case workloads.Idle:
		main = results.PerIdle
	}
	var lines []line
	for _, s := range workloads.Servers {
		if sum := p.Of(w.Name, s.Name, main); sum.N > 0 {
			lines = append(lines, line{s, sum})
		}
	}
	if len(lines) == 0 {
		return nil
	}
	sort.SliceStable(lines, func(i, j int) bool { return lines[i].main.Median < lines[j].main.Median })
	about := w.About
	if w.Kind == workloads.Open && w.Rate == 0 {
		about += fmt.Sprintf(" The rate is %.0f requests per second.", p.Meta.FixedRPS)
	}
	fmt.Fprintf(p, "## %s\n\n%s\n\n![%s](%s/%s.svg)\n\n", w.Title, about, w.Title, p.link, w.Name)
	var svg string
	switch w.Kind {
	case workloads.Open:
		svg = p.openSection(w, lines)
	case workloads.Idle:
		svg = p.idleSection(w, lines)
	default:
		svg = p.closedSection(w, lines)
	}
	return p.save(w.Name, svg)
}

func (p *page) save(name, svg string) error {
	return os.WriteFile(filepath.Join(p.charts, name+".svg"), []byte(svg), 0o644)
}

// latencyOf is p99.9, or the p99 of the fast class where there is one.
func latencyOf(w workloads.Workload) results.Metric {
	if len(w.Classes) > 1 {
		return results.Class("fast")
	}
	return results.P999
}

func (p *page) bars(w workloads.Workload, lines []line, of results.Metric) []chart.Bar {
	var bars []chart.Bar
	for _, l := range lines {
		s := p.Of(w.Name, l.Name, of)
		bars = append(bars, chart.Bar{Name: l.Name, Ours: l.Ours, Value: s.Median, Least: s.Least, Utmost: s.Utmost})
	}
	return bars
}

// closedSection is about processor time and throughput.
func (p *page) closedSection(w workloads.Workload, lines []line) string {
	unit, rate := "requests", "requests/s"
	if w.Kind == workloads.Events {
		unit, rate = "events", "events/s"
	}
	fmt.Fprintf(p, "| | %s | CPU s for a million | spread | user | system | %s's CPU by it | p99 µs | RSS MiB |%s\n", rate, ours, p.instructionsHead())
	p.WriteString("|---|---:|---:|---:|---:|---:|---:|---:|---:|" + strings.Repeat("---:|", strings.Count(p.instructionsHead(), "|")) + "\n")
	for _, l := range lines {
		of := func(m results.Metric) results.Summary { return p.Of(w.Name, l.Name, m) }
		fmt.Fprintf(p, "| %s | %s ± %.0f %% | %s | %s – %s | %s | %s | %s | %s | %s |%s\n", bold(l), short(of(results.Rate).Median), deviation(of(results.Rate)),
			short(l.main.Median), short(l.main.Least), short(l.main.Utmost), short(of(user).Median), short(of(system).Median),
			ratio(p.Ratio(w.Name, ours, l.Name, results.CPU), l.Name), known(of(results.P99)), short(of(results.RSS).Median), p.instructions(w, l))
	}
	p.generator(w)
	return chart.Bars(w.Title,
		chart.Panel{Title: "CPU seconds for a million " + unit, Note: "less is better", Bars: p.bars(w, lines, results.CPU)},
		chart.Panel{Title: rate, Note: "more is better", Bars: p.bars(w, lines, results.Rate)})
}

func user(c results.Cell) float64 {
	return c.User * 1e6 / float64(max(c.Load.Requests, 1))
}

func system(c results.Cell) float64 {
	return c.System * 1e6 / float64(max(c.Load.Requests, 1))
}

func (p *page) instructionsHead() string {
	if p.Meta.Perf {
		return " user instructions |"
	}
	return ""
}

func (p *page) instructions(w workloads.Workload, l line) string {
	if !p.Meta.Perf {
		return ""
	}
	return " " + known(p.Of(w.Name, l.Name, results.Instructions)) + " |"
}

// generator says who made the load, and what went wrong.
func (p *page) generator(w workloads.Workload) {
	name := ""
	var failed []string
	for _, c := range p.Cells {
		if c.Workload != w.Name {
			continue
		}
		name = c.Generator
		if n := c.Load.Errors + c.Load.BadStatus + c.Load.Unfinished; n > 0 {
			failed = append(failed, fmt.Sprintf("%s round %d: %d", c.Server, c.Round+1, n))
		}
	}
	if name == "own" {
		name = "benchmarks/load"
	}
	fmt.Fprintf(p, "\nMade by %s.", name)
	if len(failed) > 0 {
		fmt.Fprintf(p, " Errors, other answers than 2xx, or none: %s.", strings.Join(failed, "; "))
	}
	p.WriteString("\n\n")
}

// openSection is about latency.
func (p *page) openSection(w workloads.Workload, lines []line) string {
	quantiles := []func(results.Cell) float64{p.quantile(w, 0), p.quantile(w, 1), p.quantile(w, 2), p.quantile(w, 3)}
	p.WriteString("| | p50 µs | p90 | p99 | p99.9 | spread of p99.9 | CPU s for a million | late sent, p99 µs |\n|---|---:|---:|---:|---:|---:|---:|---:|\n")
	var rows []chart.Row
	for _, l := range lines {
		row := chart.Row{Name: l.Name, Ours: l.Ours}
		for _, q := range quantiles {
			row.Quantiles = append(row.Quantiles, p.Of(w.Name, l.Name, q).Median)
		}
		last := p.Of(w.Name, l.Name, quantiles[3])
		row.Least, row.Utmost = last.Least, last.Utmost
		rows = append(rows, row)
		q := row.Quantiles
		fmt.Fprintf(p, "| %s | %.0f | %.0f | %.0f | %.0f | %.0f – %.0f | %s | %.0f |\n", bold(l), q[0], q[1], q[2], q[3], last.Least, last.Utmost,
			short(p.Of(w.Name, l.Name, results.CPU).Median), p.Of(w.Name, l.Name, sendLag).Median)
	}
	p.generator(w)
	return chart.Latencies(w.Title, "less is better; the whisker is the spread of p99.9", []string{"p50", "p90", "p99", "p99.9"}, rows)
}

func sendLag(c results.Cell) float64 {
	if c.Load.SendLag == nil {
		return 0
	}
	return c.Load.SendLag.P99
}

// quantile takes p50, p90, p99 or p99.9, of the fast class where there is one.
func (p *page) quantile(w workloads.Workload, i int) func(results.Cell) float64 {
	return func(c results.Cell) float64 {
		l := c.Load.Latency
		for _, class := range c.Load.Classes {
			if class.Name == "fast" {
				l = class.Latency
			}
		}
		return []float64{l.P50, l.P90, l.P99, l.P999}[i]
	}
}

func (p *page) idleSection(w workloads.Workload, lines []line) string {
	p.WriteString("| | bytes for a connection | RSS MiB |\n|---|---:|---:|\n")
	for _, l := range lines {
		fmt.Fprintf(p, "| %s | %.0f | %s |\n", bold(l), l.main.Median, short(p.Of(w.Name, l.Name, results.RSS).Median))
	}
	p.WriteString("\n")
	return chart.Bars(w.Title, chart.Panel{Title: "bytes for a connection", Note: "less is better", Bars: p.bars(w, lines, results.PerIdle)})
}

// hellos writes the section of the greeting programs.
func (p *page) hellos() error {
	if len(p.Hellos) == 0 {
		return nil
	}
	p.WriteString("## Size and start\n\nA program with one route, by its own documentation: the size of the binary, the time from its start to its " +
		"first answer, and its memory then.\n\n![Size and start](" + p.link + "/hello.svg)\n\n" +
		"| | MB | MB stripped | first answer ms | spread | RSS MiB |\n|---|---:|---:|---:|---:|---:|\n")
	list := slices.Clone(p.Hellos)
	sort.SliceStable(list, func(i, j int) bool { return list[i].Stripped < list[j].Stripped })
	var size, start []chart.Bar
	for _, h := range list {
		s := results.Summarise(h.Start)
		us := h.Name == "wherry"
		fmt.Fprintf(p, "| %s | %.1f | %.1f | %.1f | %.1f – %.1f | %.1f |\n", bold(line{Server: workloads.Server{Name: h.Name, Ours: us}}),
			float64(h.Bytes)/1e6, float64(h.Stripped)/1e6, s.Median, s.Least, s.Utmost, float64(h.RSS)/(1<<20))
		size = append(size, chart.Bar{Name: h.Name, Ours: us, Value: float64(h.Stripped) / 1e6})
		start = append(start, chart.Bar{Name: h.Name, Ours: us, Value: s.Median, Least: s.Least, Utmost: s.Utmost})
	}
	p.WriteString("\n")
	return p.save("hello", chart.Bars("Size and start",
		chart.Panel{Title: "MB of the stripped binary", Note: "less is better", Bars: size},
		chart.Panel{Title: "ms to the first answer", Note: "less is better", Bars: start}))
}

func bold(l line) string {
	if l.Ours {
		return "**" + l.Name + "**"
	}
	return l.Name
}

// deviation is half of the spread, in per cent of the median.
func deviation(s results.Summary) float64 {
	if s.Median == 0 {
		return 0
	}
	return (s.Utmost - s.Least) / 2 / s.Median * 100
}

func ratio(s results.Summary, name string) string {
	if s.N == 0 || name == ours {
		return "–"
	}
	return fmt.Sprintf("%.2f (%.2f – %.2f)", s.Median, s.Least, s.Utmost)
}

func known(s results.Summary) string {
	if s.N == 0 {
		return "–"
	}
	return short(s.Median)
}

// method writes what a reader needs to judge the numbers.
func (p *page) method() {
	fmt.Fprintf(p, `## How it is measured

- Every server is a process of its own and is written as its own documentation recommends, in benchmarks/peers; all JSON is made by
  encoding/json. limit is a C server on epoll of 100 lines that answers constant bytes and parses nothing: what the system alone costs.
- The rounds are interleaved: in each one every server is measured once, in a shuffled order, after a warm-up. A ratio is taken within a
  round; the tables show the median of the rounds and their spread, the whiskers of the charts the least and the largest value.
- CPU seconds for a million requests are what the scheduler has counted for the threads of the server; user and system are from
  /proc/PID/stat, which has steps of 10 ms.
- In a closed loop a connection asks again once it has its answer, so its latencies say little about users. At a fixed rate the latency
  counts from the moment a request was due, whether or not it could be sent then; "late sent" is the part of that before the request left.
- RSS is read after the last round's load, with what the garbage collector has not given back.
- The raw numbers are in benchmarks/%s.
`, p.source)
	for _, note := range p.Notes {
		fmt.Fprintf(p, "- %s\n", note)
	}
}
