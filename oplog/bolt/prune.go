package bolt

import (
	"context"
	"fmt"

	"github.com/baton-relay/baton/oplog"
)

// Prune implements [oplog.Log].
func (l *Log) Prune(ctx context.Context, doc oplog.DocID, before oplog.Offset) (first oplog.Offset, err error) {
	err = l.submit(ctx, newWrite(func(b *batch) (err error) {
		first, err = b.prune(doc, before)
		return err
	}))
	if err != nil {
		return 0, fmt.Errorf("prune %q before %d: %w", doc, before, err)
	}
	return first, nil
}

func (b *batch) prune(doc oplog.DocID, before oplog.Offset) (first oplog.Offset, err error) {
	c, err := b.existing(doc)
	if err != nil {
		return 0, err
	}
	if before <= c.first {
		return c.first, nil
	}
	if n := len(c.snapshots); n == 0 || c.snapshots[n-1].offset < before-1 {
		return 0, fmt.Errorf("%w: no snapshot stands in for those ops", oplog.ErrNeeded)
	}
	base := before - 1
	v := view{tx: b.tx, id: doc, num: c.doc.num, first: c.first}
	sum, err := v.sum(base)
	if err != nil {
		return 0, err
	}
	b.putBlock(c.doc.num, base, &sum)
	c.first, c.pruned = before, sum.bytes
	b.putRecord(c)
	b.putSweep(sweep{sweepDocument, c.doc.num, before}, true)
	return before, nil
}

// Delete implements [oplog.Log].
func (l *Log) Delete(ctx context.Context, doc oplog.DocID) error {
	r := newWrite(func(b *batch) error { return b.delete(doc) })
	r.last = true // the name is free for another document only once this one is gone
	if err := l.submit(ctx, r); err != nil {
		return fmt.Errorf("delete %q: %w", doc, err)
	}
	return nil
}

func (b *batch) delete(doc oplog.DocID) error {
	c, err := b.existing(doc)
	if err != nil {
		return err
	}
	for _, s := range c.snapshots {
		b.removeSnapshot(c, s)
	}
	b.remove(bucketDocs, []byte(doc))
	b.putSweep(sweep{sweepDocument, c.doc.num, everything}, true)
	c.exists, c.deleted, c.snapshots = false, true, nil
	return nil
}
