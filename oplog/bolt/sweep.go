package bolt

import (
	"encoding/binary"
	"fmt"
	"math"

	"go.etcd.io/bbolt"

	"github.com/baton-relay/baton/oplog"
)

// sweep is something to remove bit by bit, because removing it at once would
// hold up everybody: what lies below an offset of a document, all of a
// document, or a blob. The bucket sweeps keeps those that are left to do.
type sweep struct {
	kind sweepKind
	num  uint64 // of the document or blob
	// below is the first offset of a document that stays.
	below oplog.Offset
}

type sweepKind byte

const (
	sweepDocument sweepKind = 'd'
	sweepBlob     sweepKind = 'b' // also that of a blob that is not complete yet

	everything oplog.Offset = math.MaxUint64
)

// sliceKeys is how many keys a sweep removes in one transaction, and
// sliceChunks how many chunks of a blob.
const (
	sliceKeys   = 2000
	sliceChunks = 64
)

func (s *sweep) key() (k [9]byte) {
	k[0] = byte(s.kind)
	binary.BigEndian.PutUint64(k[1:], s.num)
	return k
}

// putSweep makes a sweep durable with the batch. It starts after that, if start
// is set, else at the next opening of the log.
func (b *batch) putSweep(s sweep, start bool) {
	key := s.key()
	b.scratch = binary.AppendUvarint(b.scratch[:0], uint64(s.below))
	b.put(bucketSweeps, key[:], b.scratch)
	if start {
		b.swept = append(b.swept, s)
	}
}

func (b *batch) removeSweep(s sweep) {
	key := s.key()
	b.remove(bucketSweeps, key[:])
}

// loadSweeps reads what an earlier process left to remove.
func (c *committer) loadSweeps(tx *bbolt.Tx) error {
	return tx.Bucket(bucketSweeps).ForEach(func(k, sealed []byte) error {
		s, err := parseSweep(k, sealed)
		if err != nil {
			return &oplog.CorruptionError{Place: fmt.Sprintf("%s, sweep %x", c.path, k), Err: err}
		}
		c.sweeps = append(c.sweeps, s)
		return nil
	})
}

func parseSweep(k, sealed []byte) (s sweep, err error) {
	body, err := oplog.Unseal(k, sealed)
	if err != nil {
		return s, err
	}
	below, n := binary.Uvarint(body)
	if len(k) != 9 || n != len(body) || k[0] != byte(sweepDocument) && k[0] != byte(sweepBlob) {
		return s, errRecord
	}
	return sweep{sweepKind(k[0]), binary.BigEndian.Uint64(k[1:]), oplog.Offset(below)}, nil
}

// sweep removes a slice of the oldest sweep, in a transaction of its own.
func (c *committer) sweep() {
	c.sinceSweep = 0
	b, err := c.begin()
	if err != nil {
		return
	}
	s := c.sweeps[0]
	done := false
	r := newWrite(func(b *batch) (err error) {
		done, err = b.slice(s)
		return err
	})
	b.apply(r)
	if c.finish(b) != nil {
		return // the health says why
	}
	if r.err != nil {
		c.health.log.Error("cannot remove what is not needed any more; it stays until the log is opened again", logError, r.err)
		done = true
	}
	if done {
		c.sweeps = c.sweeps[1:]
	}
}

// slice removes some of what a sweep is about, and its record with the last. The
// record counts: the sweep may have been widened meanwhile, or be done.
func (b *batch) slice(s sweep) (done bool, err error) {
	key := s.key()
	sealed := b.tx.Bucket(bucketSweeps).Get(key[:])
	if sealed == nil {
		return true, nil
	}
	if s, err = parseSweep(key[:], sealed); err != nil {
		return false, err
	}
	if s.kind == sweepBlob {
		done = b.removeChunks(s.num) < sliceChunks
	} else {
		done = b.sliceDocument(s)
	}
	if done {
		b.removeSweep(s)
	}
	return done, nil
}

func (b *batch) sliceDocument(s sweep) (done bool) {
	left := sliceKeys
	left -= b.removeBelow(bucketOps, s.num, s.below, left)
	if left > 0 {
		// The block at the offset before the first entry held is needed.
		below := s.below
		if below != everything {
			below--
		}
		left -= b.removeBelow(bucketHeads, s.num, below, left)
	}
	return left > 0
}

// removeBelow removes the keys of document num below an offset, at most limit.
func (b *batch) removeBelow(bucket []byte, num uint64, below oplog.Offset, limit int) (n int) {
	from := offsetKey(num, 0)
	keys := make([][]byte, 0, limit)
	c := b.tx.Bucket(bucket).Cursor()
	for k, _ := c.Seek(from[:]); len(keys) < limit; k, _ = c.Next() {
		if at, ok := parseOffsetKey(k, num); !ok || at >= below {
			break
		}
		keys = append(keys, k)
	}
	for _, k := range keys {
		b.remove(bucket, k)
	}
	return len(keys)
}

// removeChunks removes chunks of a blob, at most sliceChunks.
func (b *batch) removeChunks(blob uint64) (n int) {
	from := chunkKey(blob, 0)
	var keys [][]byte
	c := b.tx.Bucket(bucketBlobs).Cursor()
	for k, _ := c.Seek(from[:]); len(keys) < sliceChunks; k, _ = c.Next() {
		if len(k) != 12 || binary.BigEndian.Uint64(k) != blob {
			break
		}
		keys = append(keys, k)
	}
	for _, k := range keys {
		b.remove(bucketBlobs, k)
	}
	return len(keys)
}
