// Report writes benchmarks.md and its charts from what a run has measured.
//
//	go run ./report                       results/full.json, else results/quick.json
//	go run ./report -from results/quick.json
//	go run ./micro > results/micro.txt    is read too
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"
	"strings"

	"wherry.example/wherry/benchmarks/internal/results"
	"wherry.example/wherry/benchmarks/internal/workloads"
)

func main() {
	log.SetFlags(0)
	from := flag.String("from", "", "the results to report; default results/full.json, else results/quick.json")
	micro := flag.String("micro", filepath.Join("results", "micro.txt"), "the output of the micro benchmarks")
	to := flag.String("o", filepath.Join("..", "benchmarks.md"), "file to write")
	charts := flag.String("charts", "charts", "folder of the charts")
	link := flag.String("link", "benchmarks/charts", "how the file refers to that folder")
	flag.Parse()
	if *from == "" {
		*from = newest()
	}
	if err := write(*from, *micro, *to, *charts, *link); err != nil {
		log.Fatal(err)
	}
}

// newest prefers the full run.
func newest() string {
	full := filepath.Join("results", "full.json")
	if _, err := os.Stat(full); err == nil {
		return full
	}
	return filepath.Join("results", "quick.json")
}

func write(from, micro, to, charts, link string) error {
	f, err := results.Load(from)
	if err != nil {
		return err
	}
	p := &page{File: f, source: filepath.ToSlash(from), charts: charts, link: link}
	if raw, err := os.ReadFile(micro); err == nil {
		p.micro = parseBench(string(raw))
	}
	if err := os.MkdirAll(charts, 0o755); err != nil {
		return err
	}
	p.head()
	p.goals()
	for _, w := range workloads.All {
		if err := p.workload(w); err != nil {
			return err
		}
	}
	if err := p.hellos(); err != nil {
		return err
	}
	p.micros()
	p.method()
	return os.WriteFile(to, []byte(p.String()), 0o644)
}

// page is benchmarks.md while it is written.
type page struct {
	strings.Builder
	*results.File
	source string
	charts string
	link   string
	micro  []bench
}
