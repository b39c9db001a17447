package bench

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// participant makes the i-th connection of the run ready to be joined.
func (r *run) participant(i int) *peer {
	index := i % r.cfg.Participants
	p := &peer{
		run: r, doc: r.doc(i / r.cfg.Participants), index: index,
		slow: index >= r.cfg.Participants-r.cfg.Slow,
		seen: make([]uint64, r.cfg.Senders),
	}
	if index < max(r.cfg.Senders, r.cfg.Cursors) {
		// What is due waits here while a write blocks; an op that finds it full is
		// reported as unsent.
		p.due = make(chan task, 1024)
	}
	if p.slow {
		p.frames.pause = r.slowDown
	}
	return p
}

// slowDown waits as long as a slow reader takes for n bytes.
func (r *run) slowDown(n int) {
	if r.now() < r.from.Load()-int64(r.cfg.Warmup) {
		return // still joining
	}
	timer := time.NewTimer(time.Duration(n) * time.Second / time.Duration(r.cfg.SlowBytes))
	defer timer.Stop()
	select {
	case <-r.released:
	case <-timer.C:
	}
}

// open connects and joins n peers, some at a time, and waits until all are live.
func (r *run) open(ctx context.Context, n int, newPeer func(i int) *peer) error {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute+time.Duration(n)*5*time.Millisecond,
		fmt.Errorf("%d connections were not all joined in time", n))
	defer cancel()
	r.peers = make([]*peer, n)
	const together = 16
	var opening sync.WaitGroup
	errs := make(chan error, together)
	for w := range together {
		opening.Go(func() {
			for i := w; i < n; i += together {
				r.peers[i] = newPeer(i)
				r.peers[i].number = i
				if err := r.connect(ctx, r.peers[i]); err != nil {
					errs <- err
					cancel()
					return
				}
			}
		})
	}
	opening.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// connect brings one peer to the end of its catch-up, and starts its
// goroutines, which end when its connection does.
func (r *run) connect(ctx context.Context, p *peer) (err error) {
	if p.conn, p.limits, err = dial(ctx, &r.cfg, p.number, p.slow); err != nil {
		return err
	}
	live := make(chan struct{})
	p.live = live
	p.frames.conn, p.frames.base = p.conn, r.base
	failed := make(chan error, 1)
	r.ends.Go(func() {
		err := p.read()
		failed <- err
		r.lost(err)
	})
	if p.due != nil {
		r.ends.Go(func() {
			r.lost(p.sendDue())
		})
	}
	if err := p.join(); err != nil {
		return fmt.Errorf("join: %w", err)
	}
	select {
	case <-live:
		return nil
	case err := <-failed:
		return fmt.Errorf("join: %w", err)
	case <-ctx.Done():
		return fmt.Errorf("join: %w", context.Cause(ctx))
	}
}
