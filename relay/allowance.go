package relay

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/baton-relay/baton/relay/wire"
)

// kind is what is counted of what a client sends.
type kind int

const (
	countFrames   kind = iota // of any type, and pings; over HTTP requests
	countBytes                // of frames and bodies
	countOps                  // new or not
	countStates               // presence frames
	countEvents               //
	countJoins                // and new tokens
	countRefusals             // frames that were refused, for whatever reason
	kinds
)

// pace is how often one kind of thing may happen.
type pace struct {
	perSecond int // 0: as often as one likes
	burst     int // at once, after a pause
}

// paces returns what one session may do, or so many times that. What the other
// limits let be on its way, or in one frame, may come at once whatever the rate.
func paces(l *wire.Limits, factor int) *[kinds]pace {
	p := [kinds]pace{
		countFrames:   {l.FramesPerS, l.UnackedOps},
		countBytes:    {l.BytesPerS, l.FrameBytes},
		countOps:      {l.OpsPerS, times(2, l.UnackedOps)},
		countStates:   {l.PresencePerS, 0},
		countEvents:   {l.EventsPerS, 0},
		countJoins:    {l.JoinsPerS, l.Docs},
		countRefusals: {l.RefusalsPerS, 0},
	}
	for i := range p {
		p[i].perSecond = times(p[i].perSecond, factor)
		p[i].burst = max(p[i].burst, times(p[i].perSecond, l.BurstS))
	}
	return &p
}

// times multiplies two counts. A product that is too large for an int is the
// largest int.
func times(a, b int) int {
	if b > 0 && a > math.MaxInt/b {
		return math.MaxInt
	}
	return a * b
}

// allowance is what one session, or all sessions of one subject together, may
// still do: a token bucket for each kind, made when it is first used.
type allowance struct {
	paces *[kinds]pace // static

	mu      sync.Mutex
	buckets [kinds]*rate.Limiter // guarded by mu
}

// bucket returns the bucket of a kind, nil where there is no limit.
func (a *allowance) bucket(k kind) *rate.Limiter {
	p := &a.paces[k]
	if p.perSecond == 0 {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.buckets[k] == nil {
		a.buckets[k] = rate.NewLimiter(rate.Limit(p.perSecond), p.burst)
	}
	return a.buckets[k]
}

// isFull reports whether nothing of it is used up.
func (a *allowance) isFull(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, b := range a.buckets {
		if !isFull(b, now) {
			return false
		}
	}
	return true
}

// take takes n of a kind. If not all can be had it takes none, or with part what
// there is, and says how long to wait for the rest.
func (a *allowance) take(now time.Time, k kind, n int, part bool) (got int, wait time.Duration) {
	b := a.bucket(k)
	if b == nil || b.AllowN(now, n) {
		return n, 0
	}
	there := b.TokensAt(now)
	if part && there >= 1 && b.AllowN(now, int(there)) {
		got = int(there)
	}
	lacking := float64(min(n, b.Burst())) - there
	wait = time.Duration(lacking/float64(b.Limit())*1000+1) * time.Millisecond // as clients are told it, and not too short
	return got, max(shortestWait, wait)
}

// shortestWait keeps a client that is told to wait from coming back for each
// single token.
const shortestWait = 100 * time.Millisecond

// budget is what the frames of one client are charged to: the allowance of its
// session, the one it shares, and that of its network. Each may be nil: then it is
// not limited.
type budget struct{ own, shared, network *allowance }

// take takes n of a kind, all or none, or says how long to wait. What one of the
// allowances gave is lost if another does not.
func (b *budget) take(now time.Time, k kind, n int) (wait time.Duration) {
	for _, a := range [...]*allowance{b.own, b.shared, b.network} {
		if a == nil {
			continue
		}
		if _, wait = a.take(now, k, n, false); wait > 0 {
			return wait
		}
	}
	return 0
}

// part takes as many of n as there are.
func (b *budget) part(now time.Time, k kind, n int) (got int, wait time.Duration) {
	got = n
	for _, a := range [...]*allowance{b.own, b.shared, b.network} {
		if a == nil {
			continue
		}
		g, w := a.take(now, k, got, true)
		got, wait = g, max(wait, w)
	}
	return got, wait
}
