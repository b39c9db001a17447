package doc

import (
	"math"
	"testing"
	"time"
)

// A limit of processor time is never shorter than what was asked for.
func TestProcessorTimeIsRoundedUp(t *testing.T) {
	for d, want := range map[time.Duration]uint64{
		-time.Second: 1, 0: 1, 1: 1, time.Second: 1, time.Second + 1: 2, 10 * time.Minute: 600,
		math.MaxInt64: math.MaxInt64/uint64(time.Second) + 1,
	} {
		if got := wholeSeconds(d); got != want {
			t.Errorf("%v are %d whole seconds, want %d", d, got, want)
		}
	}
}
