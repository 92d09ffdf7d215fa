package results

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"wherry.example/wherry/benchmarks/internal/loadgen"
)

func cell(server string, round int, cpu float64, requests int64) Cell {
	return Cell{Workload: "plain", Server: server, Round: round, CPU: cpu, Load: loadgen.Report{Requests: requests, Rate: float64(requests)}}
}

func TestRatioStaysWithinARound(t *testing.T) {
	// The second round was slow for both: the ratio does not see it.
	f := &File{Cells: []Cell{cell("a", 0, 1, 1000), cell("b", 0, 2, 1000), cell("a", 1, 10, 1000), cell("b", 1, 20, 1000), cell("a", 2, 1, 1000)}}
	require.Equal(t, Summary{2, 0.5, 0.5, 0.5}, f.Ratio("plain", "a", "b", CPU))
	require.Equal(t, 1000.0, f.Of("plain", "a", CPU).Median)
	require.Zero(t, f.Ratio("plain", "a", "c", CPU).N)
	require.Zero(t, f.Of("other", "a", CPU).N)
}

func TestSummarise(t *testing.T) {
	require.Equal(t, Summary{3, 2, 1, 9}, Summarise([]float64{9, 1, 2}))
	require.Equal(t, Summary{4, 2.5, 1, 9}, Summarise([]float64{9, 1, 2, 3}))
	require.Equal(t, Summary{}, Summarise(nil))
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.json")
	f := &File{Meta: Meta{Go: "go1"}, Cells: []Cell{cell("a", 0, 1, 2)}}
	require.NoError(t, f.Save(path))
	again, err := Load(path)
	require.NoError(t, err)
	require.Equal(t, f.Cells, again.Cells)
}
