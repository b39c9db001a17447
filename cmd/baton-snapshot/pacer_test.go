package main

import (
	"math"
	"testing"
	"time"
)

// However far apart two ops are and however slow a replay is, an op is due after
// the one before it, never in the past.
func TestReplayIsNeverDueInThePast(t *testing.T) {
	for _, speed := range []float64{math.SmallestNonzeroFloat64, 1e-9, 1, math.MaxFloat64} {
		p := pacer{speed: speed}
		first := p.due(0)
		last := first
		for _, at := range []int64{1, 1000, 1 << 43, 1 << 53, math.MaxInt64} {
			due := p.due(at)
			if due.Before(last) {
				t.Errorf("speed %g: the op of %d ms is due %v before the one ahead of it", speed, at, last.Sub(due))
			}
			last = due
		}
		if due := p.due(-1 << 53); due.After(first) {
			t.Errorf("speed %g: an op from before the first is due %v after it", speed, due.Sub(first))
		}
	}
	p := pacer{speed: 2}
	if got, want := p.due(5000).Sub(p.due(1000)), 2*time.Second; got != want {
		t.Errorf("4 s at twice the speed take %v, want %v", got, want)
	}
}
