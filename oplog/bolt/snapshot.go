package bolt

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/baton-relay/baton/oplog"
)

// Snapshot implements [oplog.Log].
func (l *Log) Snapshot(ctx context.Context, doc oplog.DocID, atOrBefore oplog.Offset) (oplog.Snapshot, error) {
	var found snapshotRecord
	err := l.read(ctx, doc, func(v *view, m moment) (err error) {
		found, err = v.newestSnapshot(m.snapshots, atOrBefore)
		return err
	})
	if err != nil {
		return oplog.Snapshot{}, fmt.Errorf("find a snapshot of %q: %w", doc, err)
	}
	return found.Snapshot, nil
}

// newestSnapshot returns the last of list at or before an offset, or of all if
// that is 0.
func (v *view) newestSnapshot(list []stored, atOrBefore oplog.Offset) (snapshotRecord, error) {
	for _, s := range slices.Backward(list) {
		if atOrBefore != 0 && s.offset > atOrBefore {
			continue
		}
		r, ok, err := v.snapshot(s.offset)
		if err != nil {
			return snapshotRecord{}, err
		}
		if ok && r.blob == s.blob { // else it is being deleted
			return r, nil
		}
	}
	return snapshotRecord{}, fmt.Errorf("%w: no snapshot", oplog.ErrNotFound)
}

// SnapshotData implements [oplog.Log]. Each ReadAt is a transaction of its own.
func (l *Log) SnapshotData(ctx context.Context, doc oplog.DocID, at oplog.Offset) (io.ReaderAt, error) {
	var r *snapshotReader
	err := l.read(ctx, doc, func(v *view, m moment) error {
		s, ok, err := v.snapshot(at)
		switch {
		case err != nil:
			return err
		case !ok || !slices.Contains(m.snapshots, stored{at, s.blob}):
			return fmt.Errorf("%w: no snapshot", oplog.ErrNotFound)
		}
		r = &snapshotReader{log: l, doc: doc, stored: stored{at, s.blob}, size: s.Bytes}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("snapshot of %q at %d: %w", doc, at, err)
	}
	return r, nil
}

// snapshotReader reads the bytes of one snapshot.
type snapshotReader struct {
	log    *Log
	doc    oplog.DocID
	stored stored
	size   int64
}

// ReadAt implements [io.ReaderAt].
func (r *snapshotReader) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("read snapshot: offset %d is negative", off)
	}
	for n < len(p) && off < r.size {
		read, err := r.readChunk(p[n:], off)
		if err != nil {
			return n, fmt.Errorf("read snapshot of %q at %d: %w", r.doc, r.stored.offset, err)
		}
		n += read
		off += int64(read)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// readChunk copies what the chunk around off has from there on.
func (r *snapshotReader) readChunk(p []byte, off int64) (n int, err error) {
	err = r.log.read(context.Background(), r.doc, func(v *view, m moment) error {
		if !slices.Contains(m.snapshots, r.stored) {
			return oplog.ErrNotFound
		}
		chunk, err := v.chunk(r.stored, r.size, uint32(off/chunkSize))
		if err == nil {
			n = copy(p, chunk[off%chunkSize:])
		}
		return err
	})
	return n, err
}

// chunk returns a chunk of a snapshot that has size bytes.
func (v *view) chunk(s stored, size int64, chunk uint32) ([]byte, error) {
	key := chunkKey(s.blob, chunk)
	sealed := v.tx.Bucket(bucketBlobs).Get(key[:])
	if sealed == nil {
		return nil, v.corrupt(fmt.Sprintf("chunk %d of the snapshot at", chunk), s.offset, errMissing)
	}
	body, err := oplog.Unseal(key[:], sealed)
	if want := min(chunkSize, size-int64(chunk)*chunkSize); err == nil && int64(len(body)) != want {
		err = errRecord
	}
	if err != nil {
		return nil, v.corrupt(fmt.Sprintf("chunk %d of the snapshot at", chunk), s.offset, err)
	}
	return body, nil
}

// DeleteSnapshot implements [oplog.Log].
func (l *Log) DeleteSnapshot(ctx context.Context, doc oplog.DocID, at oplog.Offset) error {
	err := l.submit(ctx, newWrite(func(b *batch) error { return b.deleteSnapshot(doc, at) }))
	if err != nil {
		return fmt.Errorf("delete snapshot of %q at %d: %w", doc, at, err)
	}
	return nil
}

func (b *batch) deleteSnapshot(doc oplog.DocID, at oplog.Offset) error {
	c, err := b.existing(doc)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(c.snapshots, func(s stored) bool { return s.offset == at })
	if i < 0 {
		return fmt.Errorf("%w: no snapshot", oplog.ErrNotFound)
	}
	rest := slices.Delete(slices.Clone(c.snapshots), i, i+1)
	if n := len(rest); c.first > 1 && (n == 0 || rest[n-1].offset < c.first-1) {
		return fmt.Errorf("%w: it stands in for ops that are pruned", oplog.ErrNeeded)
	}
	b.removeSnapshot(c, c.snapshots[i])
	c.snapshots = rest
	return nil
}

// removeSnapshot removes the record of a snapshot; its blob follows.
func (b *batch) removeSnapshot(c *change, s stored) {
	key := offsetKey(c.doc.num, s.offset)
	b.remove(bucketSnapshots, key[:])
	b.putSweep(sweep{kind: sweepBlob, num: s.blob}, true)
}
