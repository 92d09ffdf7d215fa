// Package results is what a run of the benchmarks leaves behind, as JSON, and
// the arithmetic on it.
package results

import (
	"encoding/json"
	"os"
	"sort"

	"wherry.example/wherry/benchmarks/internal/loadgen"
)

// File is one run.
type File struct {
	Meta    Meta     `json:"meta"`
	Servers []Server `json:"servers"`
	Hellos  []Hello  `json:"hellos"`
	Cells   []Cell   `json:"cells"`
	Notes   []string `json:"notes"`
}

// Meta says where and how.
type Meta struct {
	Date     string  `json:"date"`
	Commit   string  `json:"commit"`
	Go       string  `json:"go"`
	Kernel   string  `json:"kernel"`
	CPU      string  `json:"cpu"`
	Cores    int     `json:"cores"`
	Quick    bool    `json:"quick"`
	Rounds   int     `json:"rounds"`
	Seconds  float64 `json:"seconds"` // of a measurement
	Wrk      bool    `json:"wrk"`
	Perf     bool    `json:"perf"`
	FixedRPS float64 `json:"fixedRPS"` // of the fixed-rate workload
}

// Server is one that was measured.
type Server struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Hello is a program that does nothing but greet.
type Hello struct {
	Name     string    `json:"name"`
	Bytes    int64     `json:"bytes"`    // of the binary
	Stripped int64     `json:"stripped"` // with -ldflags "-s -w"
	RSS      int64     `json:"rss"`      // after its first answer
	Start    []float64 `json:"start"`    // milliseconds to the first answer
}

// Cell is one measurement: a server under a workload in a round.
type Cell struct {
	Workload     string         `json:"workload"`
	Server       string         `json:"server"`
	Round        int            `json:"round"`
	Place        int            `json:"place"` // in the order of the round
	Generator    string         `json:"generator"`
	CPU          float64        `json:"cpu"`  // seconds of the server
	User         float64        `json:"user"` // in steps of 10 ms
	System       float64        `json:"system"`
	Instructions float64        `json:"instructions,omitempty"` // in user space
	RSS          int64          `json:"rss"`
	PerIdle      float64        `json:"perIdle,omitempty"` // bytes for an idle connection
	Load         loadgen.Report `json:"load"`
}

// Metric takes a number from a cell; 0 stands for none.
type Metric func(Cell) float64

// CPU is seconds of the server for a million requests.
func CPU(c Cell) float64 { return perRequest(c, c.CPU*1e6) }

// Instructions is instructions in user space for a request.
func Instructions(c Cell) float64 { return perRequest(c, c.Instructions) }

// Rate is requests per second.
func Rate(c Cell) float64 { return c.Load.Rate }

// P99 and P999 are latencies in microseconds.
func P99(c Cell) float64  { return c.Load.Latency.P99 }
func P999(c Cell) float64 { return c.Load.Latency.P999 }

// Class returns the latency P99 of one class.
func Class(name string) Metric {
	return func(c Cell) float64 {
		for _, class := range c.Load.Classes {
			if class.Name == name {
				return class.Latency.P99
			}
		}
		return 0
	}
}

// RSS is MiB after the load.
func RSS(c Cell) float64 { return float64(c.RSS) / (1 << 20) }

// PerIdle is bytes for an idle connection.
func PerIdle(c Cell) float64 { return c.PerIdle }

func perRequest(c Cell, v float64) float64 {
	if c.Load.Requests == 0 {
		return 0
	}
	return v / float64(c.Load.Requests)
}

// Load reads a file.
func Load(path string) (*File, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := &File{}
	return f, json.Unmarshal(raw, f)
}

// Save writes a file.
func (f *File) Save(path string) error {
	raw, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(raw, '\n'), 0o644)
}

// Summary is a median with the least and the largest value.
type Summary struct {
	N             int
	Median        float64
	Least, Utmost float64
}

// Summarise returns the summary of some numbers.
func Summarise(values []float64) Summary {
	if len(values) == 0 {
		return Summary{}
	}
	v := append([]float64(nil), values...)
	sort.Float64s(v)
	s := Summary{N: len(v), Median: v[len(v)/2], Least: v[0], Utmost: v[len(v)-1]}
	if len(v)%2 == 0 {
		s.Median = (v[len(v)/2-1] + v[len(v)/2]) / 2
	}
	return s
}

// values returns a metric of a server by round.
func (f *File) values(workload, server string, of Metric) map[int]float64 {
	out := map[int]float64{}
	for _, c := range f.Cells {
		if c.Workload == workload && c.Server == server && of(c) > 0 {
			out[c.Round] = of(c)
		}
	}
	return out
}

// Of sums up a metric over the rounds.
func (f *File) Of(workload, server string, of Metric) Summary {
	var all []float64
	for _, v := range f.values(workload, server, of) {
		all = append(all, v)
	}
	return Summarise(all)
}

// Ratio sums up server a by server b, each round by itself: what slows down a
// whole round is not in it.
func (f *File) Ratio(workload, a, b string, of Metric) Summary {
	var all []float64
	under := f.values(workload, b, of)
	for round, v := range f.values(workload, a, of) {
		if u := under[round]; u > 0 {
			all = append(all, v/u)
		}
	}
	return Summarise(all)
}
