package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Idle is what connections cost that do nothing.
type Idle struct {
	Connections int           `json:"connections"`
	Opening     time.Duration `json:"opening_ns"` // until all had joined
	Lost        int           `json:"lost"`       // ended while they were held
	// RSSEach is what the relay's resident memory grew by, per connection, at
	// the end of Duration. 0 if the process was not given.
	RSSEach int64 `json:"rss_bytes_each"`
}

// idle opens connections and holds them.
func (r *run) idle(ctx context.Context) (Report, error) {
	defer r.close()
	before := readServer(r.cfg.ServerPID)
	if r.cfg.ServerPID != 0 && before == nil {
		return Report{}, fmt.Errorf("read process %d: not to be found in /proc", r.cfg.ServerPID)
	}
	err := r.open(ctx, r.cfg.Idle, func(i int) *peer {
		return &peer{run: r, doc: r.doc(i % r.cfg.Rooms), index: i / r.cfg.Rooms}
	})
	if err != nil {
		return Report{}, err
	}
	idle := Idle{Connections: r.cfg.Idle, Opening: time.Duration(r.now())}
	r.from.Store(r.now())
	r.until.Store(r.now() + int64(r.cfg.Duration))
	r.wait(ctx, r.until.Load())
	last := readServer(r.cfg.ServerPID)
	if err := ctx.Err(); err != nil {
		return Report{}, fmt.Errorf("hold connections: %w", err)
	}
	if before != nil && last == nil {
		return Report{}, errors.New("the relay's process ended")
	}
	rep := r.report(0)
	for _, n := range rep.Refused {
		idle.Lost += n
	}
	if before != nil {
		idle.RSSEach = (last.rss - before.rss) / int64(r.cfg.Idle)
		rep.Server = serverUse(before, before, last, time.Duration(r.now()), 0)
	}
	rep.Idle = &idle
	return rep, nil
}
