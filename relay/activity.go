package relay

import (
	"math"
	"time"
)

// activity is how much became durable in a room lately: rates that look back
// about activitySpan and need no timer. What came counts less the longer ago it
// was, by e for each span. It is a plain structure: the room's lock guards it.
type activity struct {
	ops, bytes float64 // a second, as they were at the time at
	at         time.Time
}

const activitySpan = 5 * time.Second

// note counts ops that came now, and the bytes of their JSON.
func (a *activity) note(now time.Time, ops, bytes int) {
	a.ops, a.bytes = a.rates(now)
	a.ops += float64(ops) / activitySpan.Seconds()
	a.bytes += float64(bytes) / activitySpan.Seconds()
	a.at = now
}

// rates returns the ops and bytes a second.
func (a *activity) rates(now time.Time) (ops, bytes float64) {
	left := math.Exp(-max(0, now.Sub(a.at)).Seconds() / activitySpan.Seconds())
	return a.ops * left, a.bytes * left
}
