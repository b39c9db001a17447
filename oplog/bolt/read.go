package bolt

import (
	"context"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/baton-relay/baton/oplog"
)

// State implements [oplog.Log].
func (l *Log) State(ctx context.Context, doc oplog.DocID) (s oplog.State, err error) {
	if err = ctx.Err(); err != nil {
		return s, err
	}
	d := l.cache.pin(doc)
	defer l.cache.unpin(d)
	if err = d.ensure(l.viewFile); err == nil {
		s, err = d.state()
	}
	if err != nil {
		return s, fmt.Errorf("state of %q: %w", doc, err)
	}
	return s, nil
}

// Read implements [oplog.Log]. visit must not write to the log: a commit may have
// to wait for all reads to end.
func (l *Log) Read(ctx context.Context, doc oplog.DocID, epoch oplog.Epoch, after oplog.Offset, visit func(*oplog.Entry) bool) (oplog.Span, error) {
	var span oplog.Span
	err := l.read(ctx, doc, func(v *view, m moment) error {
		span = m.Span
		switch {
		case epoch != "" && epoch != span.Epoch:
			return oplog.ErrEpoch
		case after < span.First-1:
			return oplog.ErrPruned
		}
		return v.entries(after, span.Head, func(e *oplog.Entry, _ int) bool {
			defer passPanic()
			return visit(e)
		})
	})
	if err != nil {
		return span, fmt.Errorf("read %q: %w", doc, err)
	}
	return span, nil
}

// Docs implements [oplog.Log].
func (l *Log) Docs(ctx context.Context, after oplog.DocID, limit int) ([]oplog.DocID, error) {
	if err := ctx.Err(); err != nil || limit <= 0 {
		return nil, err
	}
	var ids []oplog.DocID
	err := l.viewFile(func(tx *bbolt.Tx) error {
		// What the transaction shows may not be durable; the cache knows better.
		there, gone := l.cache.names()
		c := tx.Bucket(bucketDocs).Cursor()
		k, _ := c.Seek([]byte(after))
		if string(k) == string(after) {
			k, _ = c.Next()
		}
		for ; k != nil && len(ids) < limit; k, _ = c.Next() {
			if !gone[oplog.DocID(k)] {
				ids = append(ids, oplog.DocID(k))
			}
		}
		for _, id := range there {
			if id > after {
				ids = append(ids, id)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list documents: %w", err)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return ids[:min(limit, len(ids))], nil
}

// moment is what was durable of a document at one time.
type moment struct {
	oplog.Span
	doc       *document
	format    oplog.Format
	snapshots []stored
}

// moment returns what is durable; ok is false when there is no such document.
func (d *document) moment() (m moment, ok bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if !d.exists {
		return moment{}, false
	}
	return moment{oplog.Span{Epoch: d.epoch, First: d.first, Head: d.head}, d, d.format, d.snapshots}, true
}

// read runs f with a transaction that holds all entries that m says are held.
func (l *Log) read(ctx context.Context, id oplog.DocID, f func(v *view, m moment) error) error {
	d := l.cache.pin(id)
	defer l.cache.unpin(d)
	if err := d.ensure(l.viewFile); err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		m, ok := d.moment()
		if !ok {
			return oplog.ErrNotFound
		}
		// The transaction begins after m was true, so that nothing of it is
		// missing at the end. If the document was pruned or deleted before the
		// transaction began, something may be missing at the start: then once more.
		stale := false
		err := l.viewFile(func(tx *bbolt.Tx) error {
			now, ok := d.moment()
			if stale = !ok || now.First != m.First; stale {
				return nil
			}
			return f(&view{tx: tx, id: id, num: d.num, first: m.First}, m)
		})
		if !stale {
			return err
		}
	}
}
