package bolt

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// Locate implements [oplog.Log]. The offset is exact: the entry behind it is
// not covered.
func (l *Log) Locate(ctx context.Context, doc oplog.DocID, c clock.Vector) (at oplog.Offset, err error) {
	err = l.read(ctx, doc, func(v *view, m moment) error {
		at, err = v.locate(m.Span, c)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("locate a clock in %q: %w", doc, err)
	}
	return at, nil
}

// locate finds the last index block that c covers by halving, since what blocks
// add up to only grows, and goes on entry by entry from there.
func (v *view) locate(s oplog.Span, c clock.Vector) (oplog.Offset, error) {
	low := s.First - 1
	if low > 0 {
		base, _, _, err := v.lastBlock(low)
		if err != nil || !c.Covers(base.heads.Clock) {
			return 0, err // an op that is pruned is not covered: which one, nobody can tell
		}
	}
	for high := s.Head; low < high; {
		middle := low + (high-low+1)/2
		at, sum, err := v.blockFrom(middle, high)
		switch {
		case err != nil:
			return 0, err
		case at == 0 || !c.Covers(sum):
			high = middle - 1
		default:
			low = at
		}
	}
	err := v.entries(low, s.Head, func(e *oplog.Entry, _ int) bool {
		if !c.Has(e.Dot) {
			return false
		}
		low = e.Offset
		return true
	})
	return low, err
}

// blockFrom returns offset and clock of the first index block at or behind from,
// up to upTo; offset 0 says that there is none.
func (v *view) blockFrom(from, upTo oplog.Offset) (oplog.Offset, clock.Vector, error) {
	seek := offsetKey(v.num, from)
	k, sealed := v.tx.Bucket(bucketHeads).Cursor().Seek(seek[:])
	at, ok := parseOffsetKey(k, v.num)
	if !ok || at > upTo {
		return 0, clock.Vector{}, nil
	}
	body, err := oplog.Unseal(k, sealed)
	if err != nil {
		return 0, clock.Vector{}, v.corrupt("index block", at, err)
	}
	sum, err := parseBlockClock(body)
	if err != nil {
		return 0, clock.Vector{}, v.corrupt("index block", at, err)
	}
	return at, sum, nil
}

// Lookup implements [oplog.Log].
func (l *Log) Lookup(ctx context.Context, doc oplog.DocID, dots []clock.Dot, visit func(*oplog.Entry)) error {
	err := l.read(ctx, doc, func(v *view, m moment) error {
		known, err := v.unpruned(m.doc.seen(dots))
		if err != nil || len(known) == 0 {
			return err
		}
		slices.SortFunc(known, func(a, b clock.Dot) int {
			return cmp.Or(cmp.Compare(a.Actor, b.Actor), cmp.Compare(a.Seq, b.Seq))
		})
		return v.lookup(m.First-1, m.Head, slices.Compact(known), func(e *oplog.Entry) {
			defer passPanic()
			visit(e)
		})
	})
	if err != nil {
		return fmt.Errorf("look up ops of %q: %w", doc, err)
	}
	return nil
}

// unpruned returns those of dots that are not pruned.
func (v *view) unpruned(dots []clock.Dot) ([]clock.Dot, error) {
	if v.first == 1 || len(dots) == 0 {
		return dots, nil
	}
	base, _, _, err := v.lastBlock(v.first - 1)
	return slices.DeleteFunc(dots, base.heads.Clock.Has), err
}

// lookup visits the entries named by dots (sorted), which are all behind after
// and at or before upTo. It parts them at an index block in the middle until
// no block is left between the two.
func (v *view) lookup(after, upTo oplog.Offset, dots []clock.Dot, visit func(*oplog.Entry)) error {
	if len(dots) == 0 {
		return nil
	}
	at, sum, err := v.middleBlock(after, upTo)
	if err != nil {
		return err
	}
	if at == 0 {
		return v.pick(after, upTo, dots, visit)
	}
	var early, late []clock.Dot
	for _, d := range dots {
		if sum.Has(d) {
			early = append(early, d)
		} else {
			late = append(late, d)
		}
	}
	if err := v.lookup(after, at, early, visit); err != nil {
		return err
	}
	return v.lookup(at, upTo, late, visit)
}

// middleBlock returns an index block behind after and before upTo, one near
// the middle if it can; offset 0 says that there is none.
func (v *view) middleBlock(after, upTo oplog.Offset) (at oplog.Offset, sum clock.Vector, err error) {
	if after+1 >= upTo {
		return 0, clock.Vector{}, nil
	}
	at, sum, err = v.blockFrom(after+(upTo-after)/2, upTo-1)
	if at == 0 && err == nil {
		at, sum, err = v.blockFrom(after+1, upTo-1)
	}
	return at, sum, err
}

// pick visits the entries named by dots among those between two offsets.
func (v *view) pick(after, upTo oplog.Offset, dots []clock.Dot, visit func(*oplog.Entry)) error {
	left := make(map[clock.Dot]bool, len(dots))
	for _, d := range dots {
		left[d] = true
	}
	return v.entries(after, upTo, func(e *oplog.Entry, _ int) bool {
		if left[e.Dot] {
			delete(left, e.Dot)
			visit(e)
		}
		return len(left) > 0
	})
}
