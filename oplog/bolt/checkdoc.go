package bolt

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// checkDocuments checks all documents, one after the other.
func (c *checker) checkDocuments() error {
	docs := c.tx.Bucket(bucketDocs)
	return docs.ForEach(func(name, sealed []byte) error {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		id := oplog.DocID(name)
		body, err := oplog.Unseal(name, sealed)
		if err != nil {
			c.found(err, "document %q", id)
			return nil
		}
		r, err := parseRecord(body)
		if err != nil {
			c.found(err, "document %q", id)
			return nil
		}
		if other := c.docs[r.num]; other != "" || r.num > docs.Sequence() {
			c.found(fmt.Errorf("its number %d is given away already, or not yet", r.num), "document %q", id)
		}
		c.docs[r.num] = id
		d := docCheck{checker: c, id: id, record: r, view: view{tx: c.tx, id: id, num: r.num, first: r.first}}
		d.run()
		return nil
	})
}

// docCheck goes through one document.
type docCheck struct {
	*checker
	id     oplog.DocID
	record record
	view   view

	head      oplog.Offset
	sum       block // of the entries up to the one that is being looked at
	blocks    *offsetCursor
	snapshots *offsetCursor
}

func (d *docCheck) found(err error, what string, at oplog.Offset) {
	d.checker.found(err, "document %q, %s %d", d.id, what, at)
}

func (d *docCheck) run() {
	if _, err := oplog.ParseDocID(string(d.id)); err != nil {
		d.checker.found(err, "document %q", d.id)
	}
	head, err := d.view.newest()
	base := d.record.first - 1
	if err == nil && base > 0 {
		d.sum, err = d.view.sum(base)
	}
	if err != nil {
		d.found(err, "entry", head)
		d.claimBlobs() // what cannot be checked is not orphaned for that
		return
	}
	d.head = head
	d.blocks = newOffsetCursor(d.tx.Bucket(bucketHeads), d.record.num)
	d.snapshots = newOffsetCursor(d.tx.Bucket(bucketSnapshots), d.record.num)
	d.below(base)
	d.at(base)
	err = d.view.entries(base, head, func(e *oplog.Entry, _ int) bool {
		d.entry(e)
		d.at(e.Offset)
		return d.ctx.Err() == nil
	})
	if err != nil {
		d.found(err, "entry", d.head)
		d.claimBlobs()
		return
	}
	d.beyond()
}

// below checks what is left of pruned entries.
func (d *docCheck) below(base oplog.Offset) {
	s := sweep{kind: sweepDocument, num: d.record.num}
	swept := d.sweeps[s.key()].below
	first := newOffsetCursor(d.tx.Bucket(bucketOps), d.record.num)
	if first.ok && first.at <= base && first.at >= swept {
		d.found(errors.New("it is pruned, and nothing will remove it"), "entry", first.at)
	}
	for ; d.blocks.ok && d.blocks.at < base; d.blocks.next() {
		if d.blocks.at >= max(swept, 1)-1 {
			d.found(errors.New("it is pruned, and nothing will remove it"), "index block", d.blocks.at)
		}
	}
	for ; d.snapshots.ok && d.snapshots.at < base; d.snapshots.next() {
		d.snapshot(nil)
	}
}

// entry checks that an entry follows from those before, and adds it.
func (d *docCheck) entry(e *oplog.Entry) {
	have := d.sum.heads.Clock.Get(e.Actor)
	if e.Seq != have+1 {
		d.found(fmt.Errorf("%s follows %d of its actor", e.Dot, have), "entry", e.Offset)
	}
	if lacks := d.sum.heads.Clock.Missing(e.Clock); lacks.Len() > 0 {
		d.found(fmt.Errorf("it names %d ops that are not before it", lacks.Len()), "entry", e.Offset)
	}
	if e.At < d.sum.at {
		d.found(fmt.Errorf("its time is %d ms before that of the entry before", d.sum.at-e.At), "entry", e.Offset)
	}
	d.sum.heads.Apply(e)
	d.sum.at = e.At
	d.sum.bytes += e.Bytes()
}

// at checks the index block and the snapshot at an offset, if there are.
func (d *docCheck) at(at oplog.Offset) {
	if d.blocks.ok && d.blocks.at == at {
		b, _, _, err := d.view.lastBlock(at)
		if err == nil && (b.at != d.sum.at || !b.heads.Equal(&d.sum.heads) || b.bytes != uncounted && b.bytes != d.sum.bytes) {
			err = errors.New("it is not what the entries add up to")
		}
		if err != nil {
			d.found(err, "index block", at)
		}
		d.blocks.next()
	}
	if d.snapshots.ok && d.snapshots.at == at {
		d.snapshot(&d.sum.heads.Clock)
		d.snapshots.next()
	}
}

// beyond reports what is stored for offsets that have no entry.
func (d *docCheck) beyond() {
	if d.blocks.ok {
		d.found(errors.New("there is no such entry"), "index block", d.blocks.at)
	}
	for ; d.snapshots.ok; d.snapshots.next() {
		d.found(errors.New("there is no such entry"), "snapshot", d.snapshots.at)
		d.snapshot(nil)
	}
}

// snapshot checks the snapshot under the cursor, and its clock if that is known.
func (d *docCheck) snapshot(sum *clock.Vector) {
	at := d.snapshots.at
	s, ok, err := d.view.snapshot(at)
	if err != nil || !ok {
		d.found(err, "snapshot", at)
		return
	}
	if d.checker.blobs[s.blob] {
		d.found(fmt.Errorf("its blob %d is another's too", s.blob), "snapshot", at)
	}
	d.checker.blobs[s.blob] = true
	if s.Format != d.record.format {
		d.found(fmt.Errorf("its format is %q", s.Format), "snapshot", at)
	}
	if sum != nil && s.Clock.Compare(*sum) != clock.Equal {
		d.found(errors.New("its clock is not what the entries add up to"), "snapshot", at)
	}
	h := sha256.New()
	for i := range uint32((s.Bytes + chunkSize - 1) / chunkSize) {
		chunk, err := d.view.chunk(stored{at, s.blob}, s.Bytes, i)
		if err != nil {
			d.found(err, "snapshot", at)
			return
		}
		h.Write(chunk)
	}
	if [32]byte(h.Sum(nil)) != s.SHA256 {
		d.found(errors.New("its SHA-256 does not match"), "snapshot", at)
	}
}

// claimBlobs notes the blobs of a document that is not checked further.
func (d *docCheck) claimBlobs() {
	list, err := d.view.snapshots()
	if err != nil {
		d.found(err, "snapshot", 0)
	}
	for _, s := range list {
		d.checker.blobs[s.blob] = true
	}
}

// offsetCursor goes through the offsets of one document in a bucket.
type offsetCursor struct {
	c   *bbolt.Cursor
	num uint64
	at  oplog.Offset
	ok  bool
}

func newOffsetCursor(b *bbolt.Bucket, num uint64) *offsetCursor {
	o := &offsetCursor{c: b.Cursor(), num: num}
	from := offsetKey(num, 0)
	k, _ := o.c.Seek(from[:])
	o.at, o.ok = parseOffsetKey(k, num)
	return o
}

func (o *offsetCursor) next() {
	k, _ := o.c.Next()
	o.at, o.ok = parseOffsetKey(k, o.num)
}
