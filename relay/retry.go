package relay

import (
	"context"
	"maps"
	"slices"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// compared says how an op that came compares with the op of the same name in the log.
type compared struct {
	is sameness
	at oplog.Offset // of the op in the log; 0 if it is no longer held
}

type sameness int

const (
	unread  sameness = iota
	same             // or the log no longer holds the content
	another          // the log has other content under this name
	tooMuch          // not compared: the delivery's share of reading is used up
)

func compareTo(at oplog.Offset, holds bool) compared {
	if holds {
		return compared{same, at}
	}
	return compared{another, at}
}

// compare compares the old ops of a delivery with those in the tail. It returns
// the indexes of the ops that must be compared with the log. An author without
// the right to write gets no comparison: check refuses all of its ops.
func (r *room) compare(d *delivery, old []compared) (ask []int) {
	if !d.write || r.deleting {
		return nil
	}
	for i := range d.ops {
		op := &d.ops[i]
		if old[i].is == unread && op.Fault == nil && !d.closed[op.Actor] && r.state.Heads.Clock.Has(op.Dot) {
			ask = append(ask, i)
		}
	}
	if len(ask) == 0 {
		return nil
	}
	wanted := d.byName(ask)
	r.tail.find(wanted, func(e *tailEntry) {
		for _, i := range wanted[e.dot] {
			old[i] = compareTo(e.offset, e.holds(&d.ops[i].Op))
		}
	})
	return slices.DeleteFunc(ask, func(i int) bool { return old[i].is != unread })
}

// byName groups indexes of d.ops by the names of the ops.
func (d *delivery) byName(indexes []int) map[clock.Dot][]int {
	m := make(map[clock.Dot][]int, len(indexes))
	for _, i := range indexes {
		m[d.ops[i].Dot] = append(m[d.ops[i].Dot], i)
	}
	return m
}

// lookup compares ops with those in the log while these are read, and keeps no
// content. It stops once it has read as much content as a frame can hold: ops
// that are the same never need more.
func (r *room) lookup(ctx context.Context, d *delivery, ask []int, old []compared) error {
	wanted := d.byName(ask)
	left := int64(r.srv.cfg.Limits.FrameBytes)
	dots := slices.Collect(maps.Keys(wanted))
	err := r.srv.log.Lookup(ctx, r.doc, dots, func(e *oplog.Entry) bool {
		for _, i := range wanted[e.Dot] {
			old[i] = compareTo(e.Offset, e.Redacted || e.SameContent(&d.ops[i].Op))
		}
		left -= e.Bytes()
		return left > 0
	})
	rest := same // the log no longer holds these
	if left <= 0 {
		rest = tooMuch
	}
	for _, i := range ask {
		if old[i].is == unread {
			old[i].is = rest
		}
	}
	return err
}
