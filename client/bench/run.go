package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// run is one run of load.
type run struct {
	// static after construction
	cfg   Config
	actor string // what the names of its actors begin with: nobody else has them
	base  time.Time
	peers []*peer // participant i of room r is peers[r*Participants+i]
	// released is closed when slow readers may read on.
	released chan struct{}

	// The window in which load is counted, in nanoseconds since base. It lies in
	// the far future until the load begins.
	from, until atomic.Int64

	tally   tally
	closing atomic.Bool    // from now on, connections end because the run does
	ends    sync.WaitGroup // readers and senders
}

// tally is what the connections of a run count together.
type tally struct {
	sent, unsent, acked    atomic.Uint64 // ops of the window
	received, slowReceived atomic.Uint64 // deliveries of the window's ops
	inWindow               atomic.Uint64 // deliveries made in the window
	repeated, skipped      atomic.Uint64

	presenceFrames, presenceStates, presenceBytes atomic.Uint64

	delivery, ack, lag, cursor histogram

	// guarded by mu
	mu      sync.Mutex
	refused map[string]int
}

// refuse counts something that should not have happened, by what it was.
func (t *tally) refuse(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refused == nil {
		t.refused = map[string]int{}
	}
	t.refused[what]++
}

func newRun(cfg Config) *run {
	r := &run{
		cfg:      cfg,
		actor:    "b-" + strings.ToLower(rand.Text()[:6]) + "-",
		base:     time.Now(),
		released: make(chan struct{}),
	}
	r.from.Store(1<<63 - 1)
	return r
}

func (r *run) now() int64 { return int64(time.Since(r.base)) }

func (r *run) inWindow(at int64) bool { return at >= r.from.Load() && at < r.until.Load() }

func (r *run) doc(room int) string { return r.cfg.Name + "-" + strconv.Itoa(room) }

// Run puts the load on the relay and returns what came of it. It ends by
// itself: connections within a minute, load after Warmup and Duration, and
// waiting after Drain. What goes wrong once the load runs is in the report; an
// error means that there is none to trust.
func Run(ctx context.Context, cfg Config) (Report, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return Report{}, err
	}
	r := newRun(cfg)
	switch {
	case cfg.Idle > 0:
		return r.idle(ctx)
	case cfg.LateJoin > 0:
		return r.lateJoin(ctx)
	}
	return r.load(ctx)
}

func (r *run) load(ctx context.Context) (Report, error) {
	defer r.close()
	if err := r.open(ctx, r.cfg.Rooms*r.cfg.Participants, r.participant); err != nil {
		return Report{}, err
	}
	before := readServer(r.cfg.ServerPID)
	start := r.now() + int64(10*time.Millisecond)
	r.from.Store(start + int64(r.cfg.Warmup))
	r.until.Store(r.from.Load() + int64(r.cfg.Duration))
	var paced sync.WaitGroup
	var paceErr error
	paced.Go(func() { paceErr = r.pace(ctx, start) })

	r.wait(ctx, r.from.Load())
	first := readServer(r.cfg.ServerPID)
	r.wait(ctx, r.until.Load())
	last := readServer(r.cfg.ServerPID)
	paced.Wait()
	close(r.released)
	if paceErr != nil {
		return Report{}, paceErr
	}
	drained := r.drain(ctx)
	if err := ctx.Err(); err != nil {
		return Report{}, fmt.Errorf("run load: %w", err)
	}
	rep := r.report(drained)
	if before != nil && first != nil && last != nil {
		rep.Server = serverUse(before, first, last, r.cfg.Duration, r.tally.inWindow.Load())
	}
	return rep, nil
}

// lost counts a connection that ended before the run did.
func (r *run) lost(err error) {
	if err != nil && !r.closing.Load() {
		r.tally.refuse(err.Error())
	}
}

// wait returns at a time of the run, or when ctx ends.
func (r *run) wait(ctx context.Context, at int64) {
	timer := time.NewTimer(time.Duration(at - r.now()))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// drain waits until everything has come, at most as long as configured, and
// returns how long that took.
func (r *run) drain(ctx context.Context) time.Duration {
	began := r.now()
	for ctx.Err() == nil && !r.complete() && r.now()-began < int64(r.cfg.Drain) {
		r.wait(ctx, r.now()+int64(5*time.Millisecond))
	}
	return time.Duration(r.now() - began)
}

func (r *run) complete() bool {
	t := &r.tally
	expected, slow := r.expected()
	return t.received.Load() >= expected && t.slowReceived.Load() >= slow && t.acked.Load() >= t.sent.Load()
}

// expected returns how many deliveries the ops of the window add up to, to
// readers that read and to slow ones: each goes to all but its sender.
func (r *run) expected() (all, slow uint64) {
	sent := r.tally.sent.Load()
	return sent * uint64(r.cfg.Participants-r.cfg.Slow-1), sent * uint64(r.cfg.Slow)
}

// close ends all connections and waits for their goroutines.
func (r *run) close() {
	r.closing.Store(true)
	for _, p := range r.peers {
		if p == nil {
			continue
		}
		if p.due != nil {
			close(p.due)
		}
		if p.conn != nil {
			_ = p.conn.Close()
		}
	}
	r.ends.Wait()
}
