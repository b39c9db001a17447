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
	if b.lowest < b.highest>>b.failures { // asked so, because lowest<<failures may overflow
		bound = b.lowest << b.failures
	}
	b.failures++
	return jitter(bound)
}

func (b *backoff) succeeded() { b.failures = 0 }

// longestWait bounds every wait, whether a caller or a relay asks for it. Sums of
// a few such times do not overflow.
const longestWait = 24 * time.Hour

// milliseconds returns the time that a relay gives as a number, from 0 to longestWait.
func milliseconds(n int64) time.Duration {
	return time.Duration(min(max(n, 0), longestWait.Milliseconds())) * time.Millisecond
}

// jitter returns a random duration up to bound.
func jitter(bound time.Duration) time.Duration {
	return time.Duration(rand.Int64N(int64(bound) + 1))
}
