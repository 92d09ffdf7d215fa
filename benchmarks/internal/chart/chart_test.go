package chart

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBarsIsXML(t *testing.T) {
	svg := Bars("a < b", Panel{Title: "CPU", Note: "less", Bars: []Bar{{Name: "x&y", Ours: true, Value: 2, Least: 1, Utmost: 3}, {Name: "z"}}},
		Panel{Title: "empty"})
	wellFormed(t, svg)
	require.Contains(t, svg, "prefers-color-scheme:dark")
	require.Equal(t, 3, strings.Count(svg, `class="whisker"`), "one line with two ends")
}

func TestLatenciesIsXML(t *testing.T) {
	svg := Latencies("late", "note", []string{"p50", "p99"}, []Row{{Name: "a", Quantiles: []float64{10, 2000}, Least: 1500, Utmost: 3e6}, {Name: "b"}})
	wellFormed(t, svg)
	for _, label := range []string{">10 µs<", ">1 ms<", ">10 s<"} {
		require.Contains(t, svg, label)
	}
}

func wellFormed(t *testing.T, svg string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0.00", 1.234: "1.23", 12.34: "12.3", 123.4: "123", 9999: "9999", 12345: "12 k", 1.5e6: "1.50 M"} {
		require.Equal(t, want, Number(v))
	}
}
