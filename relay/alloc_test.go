//go:build !race

package relay

import "testing"

// The race detector's pools lose things on purpose, so this is counted without.
func TestDeliveryAllocatesNothing(t *testing.T) {
	const few, many = 20, 120
	allocs := func(readers int) int64 {
		return testing.Benchmark(func(b *testing.B) { fanout(b, readers) }).AllocsPerOp()
	}
	if a, b := allocs(few), allocs(many); b-a > (many-few)/4 {
		t.Errorf("an op allocates %d times with %d readers and %d times with %d", a, few, b, many)
	}
}
