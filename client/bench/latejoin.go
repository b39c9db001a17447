package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// LateJoin is how long it takes to get the whole past of a room.
type LateJoin struct {
	Ops   int   `json:"ops"`
	Bytes int64 `json:"bytes"` // of the frames that brought them, once
	// From the call that dials until the last op is there, over all joins.
	Min    time.Duration `json:"min_ns"`
	Median time.Duration `json:"median_ns"`
	Max    time.Duration `json:"max_ns"`
}

// lateJoin fills a room and joins it from the start.
func (r *run) lateJoin(ctx context.Context) (Report, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute+r.cfg.Drain, errors.New("late join took more than a minute"))
	defer cancel()
	if err := r.fill(ctx); err != nil {
		return Report{}, fmt.Errorf("fill room: %w", err)
	}
	late := LateJoin{Ops: r.cfg.LateJoin}
	var took []time.Duration
	for range r.cfg.Joins {
		d, size, err := r.joinOnce(ctx)
		if err != nil {
			return Report{}, fmt.Errorf("join late: %w", err)
		}
		late.Bytes = size
		took = append(took, d)
	}
	slices.Sort(took)
	late.Min, late.Median, late.Max = took[0], took[len(took)/2], took[len(took)-1]
	rep := r.report(0)
	rep.LateJoin = &late
	return rep, nil
}

// fill writes the room's ops, as many a frame as the relay takes, and waits for
// the ack of each frame.
func (r *run) fill(ctx context.Context) error {
	p, stop, err := r.single(ctx)
	if err != nil {
		return err
	}
	defer stop()
	perFrame := 64
	if l := p.limits; l.OpsPerFrame > 0 && l.FrameBytes > 0 {
		perFrame = max(1, min(l.OpsPerFrame, l.FrameBytes/(r.cfg.Payload+128), 256))
	}
	for n := 0; n < r.cfg.LateJoin; {
		last := min(n+perFrame, r.cfg.LateJoin)
		err := p.write(opText, func(b []byte) []byte {
			b = append(b, `{"type":"ops","doc":"`...)
			b = append(b, p.doc...)
			b = append(b, `","ops":[`...)
			for n++; ; n++ {
				b = p.appendOp(b, mark{r.now(), 0, uint64(n)})
				if n == last {
					return append(b, "]}"...)
				}
				b = append(b, ',')
			}
		})
		if err != nil {
			return fmt.Errorf("write: %w", err)
		}
		if err := p.until("ack", func(frame []byte) bool { return field(frame, `"seq":`) >= uint64(last) }); err != nil {
			return err
		}
	}
	return nil
}

// joinOnce returns how long one join took until all ops were there, and the
// bytes of its ops frames.
func (r *run) joinOnce(ctx context.Context) (took time.Duration, size int64, err error) {
	began := r.now()
	p, stop, err := r.single(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer stop()
	var next uint64 = 1
	err = p.until("ops", func(frame []byte) bool {
		size += int64(len(frame))
		for m, rest, ok := nextMark(frame); ok && m.n == next; m, rest, ok = nextMark(rest) {
			next++
		}
		return next > uint64(r.cfg.LateJoin)
	})
	return time.Duration(p.frames.at - began), size, err
}

// single opens a connection that the caller reads, and joins the first room.
func (r *run) single(ctx context.Context) (p *peer, stop func(), err error) {
	p = &peer{run: r, doc: r.doc(0)}
	if p.conn, p.limits, err = dial(ctx, &r.cfg, p.number, false); err != nil {
		return nil, nil, err
	}
	p.frames = frames{conn: p.conn, base: r.base, buf: make([]byte, fullBuffer)}
	unwatch := context.AfterFunc(ctx, func() { _ = p.conn.Close() })
	stop = func() {
		unwatch()
		_ = p.conn.Close()
	}
	if err := p.join(); err != nil {
		stop()
		return nil, nil, fmt.Errorf("join: %w", err)
	}
	return p, stop, nil
}

// until reads frames until done says so of one of the given type. A refusal is
// an error.
func (p *peer) until(want string, done func(frame []byte) bool) error {
	for {
		op, frame, err := p.frames.next()
		switch {
		case err != nil:
			return fmt.Errorf("read: %w", err)
		case op == opClose:
			return closeError(frame)
		case op != opText:
			continue
		}
		switch k := kind(frame); k {
		case want:
			if done(frame) {
				return nil
			}
		case "reject", "error", "left":
			return fmt.Errorf("relay said %s", bytes.TrimSpace(frame))
		}
	}
}
