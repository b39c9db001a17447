package bolt

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// chunkSize is how many bytes of a snapshot one value holds.
const chunkSize = 256 << 10

// upload is a snapshot on its way in. Its chunks are written one by one, so that
// it never takes much memory and others' commits go between; only its record,
// which comes last, makes it one.
type upload struct {
	log  *Log
	doc  oplog.DocID
	num  uint64
	at   oplog.Offset
	info oplog.SnapshotInfo // with the document's format once that is known

	hash  hash.Hash
	bytes int64
	blob  uint64 // 0 until there is a chunk
	chunk uint32 // the next one
	clock clock.Vector
}

// PutSnapshot implements [oplog.Log].
func (l *Log) PutSnapshot(ctx context.Context, doc oplog.DocID, at oplog.Offset, info oplog.SnapshotInfo, r io.Reader) (oplog.Snapshot, bool, error) {
	u := upload{log: l, doc: doc, at: at, info: info, hash: sha256.New()}
	s, stored, err := oplog.Snapshot{}, false, error(errReadOnly)
	if l.committer != nil {
		s, stored, err = u.run(ctx, r)
	}
	if !stored {
		u.discard()
	}
	if err != nil {
		return oplog.Snapshot{}, false, fmt.Errorf("put snapshot of %q at %d: %w", doc, at, err)
	}
	return s, stored, nil
}

func (u *upload) run(ctx context.Context, r io.Reader) (s oplog.Snapshot, stored bool, err error) {
	have, found, err := u.admit(ctx)
	if err != nil {
		return s, false, err
	}
	spool := u.spool
	if found { // it only has to be compared
		spool = func(context.Context, []byte) error { return nil }
	}
	if err := u.receive(ctx, r, spool); err != nil {
		return s, false, err
	}
	if !found {
		var keep snapshotRecord
		if keep, stored, err = u.keep(ctx); err != nil || stored {
			return keep.Snapshot, stored, err
		}
		have = keep // another upload was faster
	}
	if have.Bytes != u.bytes || have.SHA256 != u.sum() {
		return s, false, oplog.ErrExists
	}
	return have.Snapshot, false, nil
}

// admit checks what can be checked before the bytes come. It returns the
// snapshot that is already there, if one is.
func (u *upload) admit(ctx context.Context) (have snapshotRecord, found bool, err error) {
	err = u.log.read(ctx, u.doc, func(v *view, m moment) (err error) {
		u.num = v.num
		if u.info.Format != "" && u.info.Format != m.format {
			return fmt.Errorf("%w: it is %q", oplog.ErrFormat, m.format)
		}
		u.info.Format = m.format
		if have, found, err = v.snapshot(u.at); err != nil || found && slices.Contains(m.snapshots, stored{u.at, have.blob}) {
			return err
		}
		found = false
		if err := inRange(u.at, m.First, m.Head); err != nil {
			return err
		}
		sum, err := v.sum(u.at)
		u.clock = sum.heads.Clock
		return err
	})
	return have, found, err
}

// inRange checks that there is an entry at an offset.
func inRange(at, first, head oplog.Offset) error {
	switch {
	case at == 0 || at > head:
		return fmt.Errorf("%w: no such entry", oplog.ErrNotFound)
	case at < first:
		return oplog.ErrPruned
	}
	return nil
}

// receive reads the snapshot to its end, a chunk at a time.
func (u *upload) receive(ctx context.Context, r io.Reader, spool func(context.Context, []byte) error) error {
	buf := make([]byte, chunkSize)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(r, buf)
		end := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !end {
			return fmt.Errorf("read it: %w", err)
		}
		if u.bytes += int64(n); u.bytes > u.log.opts.MaxSnapshot {
			return fmt.Errorf("%w: the limit is %d bytes", oplog.ErrTooLarge, u.log.opts.MaxSnapshot)
		}
		u.hash.Write(buf[:n])
		if n > 0 {
			if err := spool(ctx, buf[:n]); err != nil {
				return err
			}
		}
		if end {
			return nil
		}
	}
}

// spool writes a chunk.
func (u *upload) spool(ctx context.Context, data []byte) error {
	if u.blob == 0 {
		if err := u.number(ctx); err != nil {
			return err
		}
	}
	err := u.log.submit(ctx, newWrite(func(b *batch) error {
		key := chunkKey(u.blob, u.chunk)
		b.put(bucketBlobs, key[:], data)
		return nil
	}))
	u.chunk++
	return err
}

// number takes a number for the blob, and notes durably that it is to be removed
// should it never be completed. The wait does not end with ctx: who does not know
// whether the number is his cannot remove the blob either.
func (u *upload) number(ctx context.Context) error {
	var blob uint64
	err := u.log.submit(context.WithoutCancel(ctx), newWrite(func(b *batch) (err error) {
		if blob, err = b.tx.Bucket(bucketBlobs).NextSequence(); err == nil {
			b.putSweep(sweep{kind: sweepBlob, num: blob}, false)
		}
		return err
	}))
	if err == nil {
		u.blob = blob
	}
	return err
}

// keep stores the record; stored is false if one is there by now, which is
// returned then. As with number, the wait does not end with ctx.
func (u *upload) keep(ctx context.Context) (s snapshotRecord, stored bool, err error) {
	if u.blob == 0 { // it has no bytes
		if err := u.number(ctx); err != nil {
			return s, false, err
		}
	}
	if err := ctx.Err(); err != nil {
		return s, false, err
	}
	err = u.log.submit(context.WithoutCancel(ctx), newWrite(func(b *batch) (err error) {
		s, stored, err = u.record(b)
		return err
	}))
	return s, stored && err == nil, err
}

func (u *upload) record(b *batch) (s snapshotRecord, fresh bool, err error) {
	c, err := b.existing(u.doc)
	if err != nil {
		return s, false, err
	}
	if c.doc.num != u.num {
		return s, false, oplog.ErrNotFound
	}
	i, found := slices.BinarySearchFunc(c.snapshots, u.at, func(s stored, at oplog.Offset) int {
		return cmp.Compare(s.offset, at)
	})
	v := view{tx: b.tx, id: u.doc, num: u.num, first: c.first}
	if found {
		s, _, err = v.snapshot(u.at)
		return s, false, err
	}
	if err := inRange(u.at, c.first, c.head); err != nil {
		return s, false, err
	}
	s = snapshotRecord{blob: u.blob, Snapshot: oplog.Snapshot{
		Offset: u.at, Format: u.info.Format, Bytes: u.bytes, SHA256: u.sum(), At: b.now, Clock: u.clock,
		By: u.info.By, Maker: u.info.Maker,
	}}
	b.scratch = s.appendBinary(b.scratch[:0])
	key := offsetKey(u.num, u.at)
	b.put(bucketSnapshots, key[:], b.scratch)
	b.removeSweep(sweep{kind: sweepBlob, num: u.blob})
	c.snapshots = slices.Insert(slices.Clone(c.snapshots), i, stored{u.at, u.blob})
	return s, true, nil
}

func (u *upload) sum() (s [32]byte) {
	u.hash.Sum(s[:0])
	return s
}

// discard removes what was written of a snapshot that is not kept.
func (u *upload) discard() {
	if u.blob == 0 {
		return
	}
	c := u.log.committer
	u.log.queue.push(newPause(func() error {
		c.sweeps = append(c.sweeps, sweep{kind: sweepBlob, num: u.blob})
		return nil
	}))
}
