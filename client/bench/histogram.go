package bench

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// subBits is the number of leading bits of a value that its bucket tells: values
// in one bucket differ by less than 1/64.
const subBits = 6

// histogram counts durations in buckets that widen with the value, after HDR
// Histogram (Gil Tene). The zero value is empty. Safe for concurrent use.
type histogram struct {
	counts [(64 - subBits) << subBits]atomic.Uint64
	max    atomic.Int64
}

func bucket(v uint64) int {
	exp := max(0, bits.Len64(v)-subBits-1)
	return exp<<subBits + int(v>>exp)
}

// highest returns the highest value of bucket i.
func highest(i int) uint64 {
	exp := max(0, i>>subBits-1)
	return (uint64(i-exp<<subBits)+1)<<exp - 1
}

// add counts one duration in nanoseconds; less than 0 counts as 0.
func (h *histogram) add(ns int64) {
	ns = max(0, ns)
	h.counts[bucket(uint64(ns))].Add(1)
	for old := h.max.Load(); ns > old && !h.max.CompareAndSwap(old, ns); {
		old = h.max.Load()
	}
}

// Latency is the distribution of one kind of delay. Percentiles are at most
// 1.6 % too high, Max is exact.
type Latency struct {
	Count uint64        `json:"count"`
	P50   time.Duration `json:"p50_ns"`
	P90   time.Duration `json:"p90_ns"`
	P99   time.Duration `json:"p99_ns"`
	Max   time.Duration `json:"max_ns"`
}

func (h *histogram) latency() Latency {
	l := Latency{Max: time.Duration(h.max.Load())}
	for i := range h.counts {
		l.Count += h.counts[i].Load()
	}
	percentile := func(p float64) time.Duration {
		rank, seen := uint64(p*float64(l.Count)), uint64(0)
		for i := range h.counts {
			if seen += h.counts[i].Load(); seen > rank {
				return min(time.Duration(highest(i)), l.Max)
			}
		}
		return l.Max
	}
	l.P50, l.P90, l.P99 = percentile(0.50), percentile(0.90), percentile(0.99)
	return l
}
