package relay

import (
	"math"
	"testing"
	"time"

	"github.com/baton-relay/baton/relay/wire"
)

// Rates, bursts and the factor of a subject are multiplied: however large they
// are, more is allowed, not less.
func TestLargeRatesNeverOverflow(t *testing.T) {
	for _, n := range []int{1000, math.MaxInt / 1000, math.MaxInt} {
		l := wire.Limits{
			FramesPerS: n, BytesPerS: n, OpsPerS: n, PresencePerS: n, EventsPerS: n, JoinsPerS: n, RefusalsPerS: n,
			UnackedOps: n, FrameBytes: n, Docs: n, BurstS: 60, SubjectFactor: n,
		}
		for _, factor := range []int{1, l.SubjectFactor} {
			a := allowance{paces: paces(&l, factor)}
			for k := range kinds {
				if got, wait := a.take(time.Now(), k, 1000, false); got != 1000 || wait != 0 {
					t.Errorf("limits of %d times %d: of 1000 of kind %d, %d may come, after %v; want all at once", n, factor, k, got, wait)
				}
			}
		}
	}
}
