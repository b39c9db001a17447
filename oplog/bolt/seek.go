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
func (l *Log) Lookup(ctx context.Context, doc oplog.DocID, dots []clock.Dot, visit func(*oplog.Entry) bool) error {
	err := l.read(ctx, doc, func(v *view, m moment) error {
		known, err := v.unpruned(m.doc.seen(dots))
		if err != nil || len(known) == 0 {
			return err
		}
		slices.SortFunc(known, func(a, b clock.Dot) int {
			return cmp.Or(cmp.Compare(a.Actor, b.Actor), cmp.Compare(a.Seq, b.Seq))
		})
		_, err = v.lookup(m.First-1, m.Head, slices.Compact(known), func(e *oplog.Entry) bool {
			defer passPanic()
			return visit(e)
		})
		return err
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
// no block is left between the two. It reports false once visit did.
func (v *view) lookup(after, upTo oplog.Offset, dots []clock.Dot, visit func(*oplog.Entry) bool) (more bool, err error) {
	if len(dots) == 0 {
		return true, nil
	}
	at, sum, err := v.middleBlock(after, upTo)
	if err != nil {
		return false, err
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
	if more, err := v.lookup(after, at, early, visit); err != nil || !more {
		return false, err
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

// pick visits the entries named by dots among those between two offsets. Of the
// others it reads the name alone: there may be hundreds of large ones between
// two index blocks. It reports false once visit did.
func (v *view) pick(after, upTo oplog.Offset, dots []clock.Dot, visit func(*oplog.Entry) bool) (more bool, err error) {
	left := make(map[clock.Dot]bool, len(dots))
	for _, d := range dots {
		left[d] = true
	}
	var e oplog.Entry
	c := v.tx.Bucket(bucketOps).Cursor()
	seek := offsetKey(v.num, after+1)
	for k, sealed := c.Seek(seek[:]); len(left) > 0; k, sealed = c.Next() {
		at, ok := parseOffsetKey(k, v.num)
		if !ok || at > upTo {
			// A damaged name looks like another: reading all of it finds the damage.
			return true, v.entries(after, upTo, func(*oplog.Entry, int) bool { return true })
		}
		if !oplog.EntryIsNamed(sealed, left) {
			continue
		}
		if err := v.entry(k, sealed, at, &e); err != nil {
			return false, err
		}
		delete(left, e.Dot)
		if !visit(&e) {
			return false, nil
		}
	}
	return true, nil
}
