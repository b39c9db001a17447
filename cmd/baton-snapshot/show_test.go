package main

import (
	"testing"

	"github.com/baton-relay/baton/oplog"
)

// However many ops there are, growth is told as it was.
func TestGrowthIsTold(t *testing.T) {
	for _, ops := range []int{1, 2, 59, 60, 61, 4095, 4096, 4097, 100_000} {
		var s shown
		for i := 1; i <= ops; i++ {
			s.Head, s.Active, s.Bytes = oplog.Offset(i), ms(1000*i), int64(10*i)
			s.grow(growthPoint{s.Active, s.Head, s.Bytes})
		}
		if len(s.series) >= maxSeries {
			t.Errorf("%d ops: %d points are kept, want less than %d", ops, len(s.series), maxSeries)
		}
		growth := s.evenly(growthPoints)
		for _, p := range growth {
			if at := int64(p.At) / 100; p.Bytes > at || p.Bytes < at-int64(ops)/100-10 {
				t.Errorf("%d ops: %d bytes at %d ms, want about %d", ops, p.Bytes, p.At, at)
			}
		}
		if last := growth[len(growth)-1]; last.Bytes != s.Bytes || last.Head != s.Head {
			t.Errorf("%d ops: it ends with %+v, want all of them", ops, last)
		}
	}
}
