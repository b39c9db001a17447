package bolt

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// maxEntryBytes is the largest payload and ext of one entry, together. bbolt
// takes values below 2 GiB; who allows ops of that size has other troubles first.
const maxEntryBytes = 1 << 30

// appending is a call of Append on its way through the committer.
type appending struct {
	oplog.Append

	// set by the committer
	epoch oplog.Epoch
	after oplog.Offset // the offset before the first entry
	at    int64        // the time before the first entry
	now   int64        // what an entry without a time gets
}

// Append implements [oplog.Log]. Offsets are counted 1, 2, 3, …
func (l *Log) Append(ctx context.Context, a oplog.Append) (oplog.Epoch, error) {
	p := appending{Append: a}
	if err := l.submit(ctx, newWrite(p.write)); err != nil {
		return "", fmt.Errorf("append to %q: %w", a.Doc, err)
	}
	at := p.at
	for i := range a.Entries {
		e := &a.Entries[i]
		at = p.stamp(e, at)
		e.At, e.Offset = at, p.after+oplog.Offset(i)+1
	}
	return p.epoch, nil
}

// stamp returns the time of an entry behind one of the given time. A time that an
// import gives is at most a day ahead: every entry behind it has that time or a
// later one.
func (p *appending) stamp(e *oplog.Entry, before int64) int64 {
	return max(before, min(cmp.Or(e.At, p.now), p.now+oplog.MaxAhead.Milliseconds()))
}

// write checks all entries, then puts them.
func (p *appending) write(b *batch) error {
	c, err := b.change(p.Doc)
	if err != nil {
		return err
	}
	if err := p.admit(c); err != nil {
		return err
	}
	mark := len(c.tail)
	for i := range p.Entries {
		if err := admitEntry(c, &p.Entries[i]); err != nil {
			c.rewind(mark)
			return fmt.Errorf("op %s: %w", p.Entries[i].Dot, err)
		}
		c.raise(&p.Entries[i])
	}
	if !c.exists {
		b.found(c, cmp.Or(p.Format, oplog.DefaultFormat))
	}
	p.epoch, p.after, p.at, p.now = c.doc.epoch, c.head, c.at, b.now
	for i := range p.Entries {
		e := p.Entries[i]
		e.At = p.stamp(&e, c.at)
		b.putEntry(c, &e, mark+i+1)
	}
	return nil
}

// admit checks what an append says of its document.
func (p *appending) admit(c *change) error {
	switch {
	case len(p.Entries) == 0:
		return errors.New("there are no entries")
	case c.exists && p.Epoch != c.doc.epoch, !c.exists && p.Epoch != "":
		return oplog.ErrEpoch
	case c.exists && p.Format != "" && p.Format != c.doc.format:
		return fmt.Errorf("%w: it is %q", oplog.ErrFormat, c.doc.format)
	case c.exists:
		return nil
	}
	if _, err := oplog.ParseDocID(string(p.Doc)); err != nil {
		return err
	}
	_, err := oplog.ParseFormat(string(cmp.Or(p.Format, oplog.DefaultFormat)))
	return err
}

// admitEntry checks that an entry is well formed and follows from what is there.
func admitEntry(c *change, e *oplog.Entry) error {
	switch {
	case !e.Actor.Valid():
		return clock.ErrActor
	case e.Seq == 0 || e.Seq > clock.MaxSeq:
		return clock.ErrSeq
	case e.At < 0 || e.At > clock.MaxSeq:
		return fmt.Errorf("its time %d is no Unix time in milliseconds", e.At)
	case e.Redacted != (len(e.Payload) == 0):
		return errors.New("an op has a payload unless it is redacted")
	case len(e.Payload)+len(e.Ext)+len(e.By) > maxEntryBytes:
		return oplog.ErrTooLarge
	}
	if have := c.seq(e.Actor); e.Seq != have+1 {
		return fmt.Errorf("%w: the log has its actor up to %d", oplog.ErrOrder, have)
	}
	for a, seq := range e.Clock.All() {
		if have := c.seq(a); have < seq {
			return fmt.Errorf("%w: its clock names %s:%d and the log has that actor up to %d", oplog.ErrOrder, a, seq, have)
		}
	}
	return nil
}

// found makes a new document of a change.
func (b *batch) found(c *change, f oplog.Format) {
	num, err := b.tx.Bucket(bucketDocs).NextSequence()
	if err != nil {
		b.broken = fmt.Errorf("number a document: %w", err)
		return
	}
	d := c.doc
	d.num, d.epoch, d.format, d.created = num, newEpoch(), f, b.now
	c.exists, c.first = true, 1
	b.putRecord(c)
}

// newEpoch returns 128 random bits and more as [a-z2-7].
func newEpoch() oplog.Epoch { return oplog.Epoch(strings.ToLower(rand.Text())) }

// putEntry stores an entry, and an index block behind it when one is due. It is
// the n-th that the batch adds to its document.
func (b *batch) putEntry(c *change, e *oplog.Entry, n int) {
	c.head++
	c.at = e.At
	c.bytes += e.Bytes()
	key := offsetKey(c.doc.num, c.head)
	b.scratch = oplog.AppendEntry(b.scratch[:0], e)
	b.put(bucketOps, key[:], b.scratch)

	fresh := e.Seq == 1
	c.spacing.add(e, len(b.scratch), fresh)
	if c.spacing.due() {
		size := b.putBlock(c.doc.num, c.head, &block{at: c.at, heads: c.heads(n), bytes: c.bytes})
		c.spacing = spacing{block: size}
	}
}
