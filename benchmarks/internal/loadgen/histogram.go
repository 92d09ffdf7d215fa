package loadgen

import (
	"math/bits"
	"time"
)

// Histogram counts durations in buckets that are less than 1 % wide: 64 to
// each power of two of nanoseconds. The zero value is empty.
type Histogram struct {
	counts [64 * 40]int64
	n      int64
	sum    time.Duration
	max    time.Duration
}

const subBits = 6

func bucketOf(d time.Duration) int {
	v := uint64(max(d, 0))
	if v < 1<<subBits {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	b := (shift+1)<<subBits + int(v>>shift) - 1<<subBits
	return min(b, len(Histogram{}.counts)-1)
}

// floorOf is the least duration of a bucket.
func floorOf(bucket int) time.Duration {
	if bucket < 1<<subBits {
		return time.Duration(bucket)
	}
	shift := bucket>>subBits - 1
	return time.Duration((bucket&(1<<subBits-1) + 1<<subBits) << shift)
}

// Add counts a duration.
func (h *Histogram) Add(d time.Duration) {
	h.counts[bucketOf(d)]++
	h.n++
	h.sum += d
	h.max = max(h.max, d)
}

// Merge counts what other has counted.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.n += other.n
	h.sum += other.sum
	h.max = max(h.max, other.max)
}

// Quantile returns the duration below which that part of all is: the largest
// one of its bucket, so it never flatters.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	rank := max(int64(q*float64(h.n)+0.5), 1)
	for i, n := range h.counts {
		if rank -= n; rank <= 0 {
			return min(floorOf(i+1), h.max)
		}
	}
	return h.max
}

// Latency is a histogram in a few numbers, in microseconds.
type Latency struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// Latency sums h up.
func (h *Histogram) Latency() Latency {
	if h.n == 0 {
		return Latency{}
	}
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	return Latency{
		Mean: us(h.sum) / float64(h.n),
		P50:  us(h.Quantile(0.5)),
		P90:  us(h.Quantile(0.9)),
		P99:  us(h.Quantile(0.99)),
		P999: us(h.Quantile(0.999)),
		Max:  us(h.max),
	}
}
