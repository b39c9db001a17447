package client

import (
	"math/rand/v2"
	"time"
)

// backoff says how long to wait before the next attempt: at random up to a
// bound that doubles with each failure ("full jitter": the clients of a relay
// that went down must not come back in step).
type backoff struct {
	// static
	lowest, highest time.Duration

	failures int
}

// lasting is how long a connection has to last to count as a success.
const lasting = time.Second

// failed returns the wait after an attempt that came to nothing.
func (b *backoff) failed() time.Duration {
	bound := b.highest
	if b.failures < 32 {
		bound = min(bound, b.lowest<<b.failures)
	}
	b.failures++
	return jitter(bound)
}

func (b *backoff) succeeded() { b.failures = 0 }

// jitter returns a random duration up to bound.
func jitter(bound time.Duration) time.Duration {
	return time.Duration(rand.Int64N(int64(bound) + 1))
}
