package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/benchmarks/internal/loadgen"
	"wherry.example/wherry/benchmarks/internal/results"
)

func TestParseBench(t *testing.T) {
	all := parseBench("goos: linux\nBenchmarkHead/40/wherry-2   10  100 ns/op  400.5 MB/s  0 B/op  0 allocs/op\n" +
		"BenchmarkHead/40/wherry-2   10  120 ns/op  400.5 MB/s  8 B/op  1 allocs/op\nPASS\n")
	require.Equal(t, []bench{{"Head/40/wherry", []float64{100, 120}, 8, 1}}, all)
}

// TestWrite shows losses: a goal that was missed says so.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	from := filepath.Join(dir, "r.json")
	f := &results.File{}
	for round, cpu := range []float64{1, 1.1, 0.9} {
		for server, factor := range map[string]float64{ours: 1, "fasthttp": 1.2, "nethttp": 4} {
			f.Cells = append(f.Cells, results.Cell{Workload: "plain", Server: server, Round: round, CPU: cpu * factor,
				Load: loadgen.Report{Requests: 1e6, Rate: 1e6}})
		}
	}
	require.NoError(t, f.Save(from))
	to := filepath.Join(dir, "benchmarks.md")
	require.NoError(t, write(from, "", to, filepath.Join(dir, "charts"), "charts"))
	raw, err := os.ReadFile(to)
	require.NoError(t, err)
	require.Contains(t, string(raw), "| routed GET, CPU by that of fasthttp | ≤ 0.62 | 0.83 | 0.83 – 0.83 | **missed** |")
	require.Contains(t, string(raw), "| routed GET, CPU by that of net/http | ≤ 0.40 | 0.25 | 0.25 – 0.25 | met |")
	require.Contains(t, string(raw), "![Routed GET](charts/plain.svg)")
	require.FileExists(t, filepath.Join(dir, "charts", "plain.svg"))
}
