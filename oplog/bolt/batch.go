package bolt

import (
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/baton-relay/baton/oplog"
)

const (
	arenaSize = 256 << 10

	// fillPercent is how full a page is left by a split. Documents grow at their
	// ends: what was split off at bbolt's 0.5 would stay half empty for ever. More
	// than this would cost where thousands of documents are shorter than a page.
	fillPercent = 0.75
)

// batch is one transaction of the committer: what it writes, and what becomes
// true of documents once that is durable.
type batch struct {
	// static after construction
	tx        *bbolt.Tx
	committer *committer
	now       int64 // Unix milliseconds

	changes map[oplog.DocID]*change
	swept   []sweep // to add to the committer's once durable
	puts    int     // keys put or deleted so far
	bytes   int     // and the size of what was put
	ended   bool    // a request was the last one
	broken  error   // why it cannot be committed

	arena   []byte // where values lie until the commit
	scratch []byte
}

func newBatch(tx *bbolt.Tx, c *committer) *batch {
	return &batch{
		tx:        tx,
		committer: c,
		now:       time.Now().UnixMilli(),
		changes:   map[oplog.DocID]*change{},
		arena:     c.arena,
	}
}

func (b *batch) full() bool {
	return b.ended || b.bytes >= maxBatchBytes || b.broken != nil
}

// apply lets a request write. Its error is kept until the batch is durable:
// it may be about something that is not true yet.
func (b *batch) apply(r *request) {
	b.ended = r.last
	if r.pause != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.abandoned {
		return
	}
	before := b.puts
	r.err = guard(b.committer.path, func() error { return r.write(b) })
	if r.err != nil && b.puts != before {
		b.broken = r.err // half of it is in the transaction
	}
}

// change returns what the batch knows of a document, and pins it.
func (b *batch) change(id oplog.DocID) (*change, error) {
	if c := b.changes[id]; c != nil {
		return c, c.doc.loadErr
	}
	d := b.committer.cache.pin(id)
	err := d.ensure(func(load func(*bbolt.Tx) error) error {
		return guard(b.committer.path, func() error { return load(b.tx) })
	})
	c := &change{
		doc: d, exists: d.exists, first: d.first, head: d.head, at: d.at,
		bytes: d.bytes, pruned: d.pruned, snapshots: d.snapshots, spacing: d.spacing,
	}
	b.changes[id] = c
	return c, err
}

// existing is change for a document that must exist.
func (b *batch) existing(id oplog.DocID) (*change, error) {
	c, err := b.change(id)
	if err == nil && !c.exists {
		err = oplog.ErrNotFound
	}
	return c, err
}

// put stores a sealed value. Its error is that of the batch: keys and sizes are
// checked before.
func (b *batch) put(bucket, key, body []byte) {
	const crc = 4
	if cap(b.arena)-len(b.arena) < crc+len(body) {
		b.arena = make([]byte, 0, max(arenaSize, crc+len(body))) // bbolt keeps the old one as long as it needs
	}
	from := len(b.arena)
	b.arena = oplog.Seal(b.arena, key, body)
	b.bytes += len(key) + len(body)
	b.puts++
	into := b.tx.Bucket(bucket)
	into.FillPercent = fillPercent
	if err := into.Put(key, slices.Clip(b.arena[from:])); err != nil && b.broken == nil {
		b.broken = fmt.Errorf("put into %s: %w", bucket, err)
	}
}

// remove deletes a key.
func (b *batch) remove(bucket, key []byte) {
	b.puts++
	if err := b.tx.Bucket(bucket).Delete(key); err != nil && b.broken == nil {
		b.broken = fmt.Errorf("delete from %s: %w", bucket, err)
	}
}

// putRecord stores what is known of a document under its name.
func (b *batch) putRecord(c *change) {
	d := c.doc
	r := record{num: d.num, epoch: d.epoch, format: d.format, first: c.first, created: d.created}
	b.scratch = r.appendBinary(b.scratch[:0])
	b.put(bucketDocs, []byte(d.id), b.scratch)
}

// putBlock stores an index block.
func (b *batch) putBlock(num uint64, at oplog.Offset, k *block) (size int) {
	b.scratch = k.appendBinary(b.scratch[:0])
	key := offsetKey(num, at)
	b.put(bucketHeads, key[:], b.scratch)
	return len(b.scratch)
}

// publish makes visible what the batch did. It is durable.
func (b *batch) publish() {
	for _, c := range b.changes {
		c.publish()
	}
	b.committer.sweeps = append(b.committer.sweeps, b.swept...)
}

// release lets the documents of a batch go that is over.
func (b *batch) release() {
	for _, c := range b.changes {
		if c.deleted && !c.doc.exists {
			b.committer.cache.drop(c.doc)
		}
		b.committer.cache.unpin(c.doc)
	}
}
