package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// formatVersion is the version of the layout that this package writes. It reads
// all from oldestVersion on: index blocks of version 1 do not say how many bytes
// came before, and snapshots of versions 1 and 2 not who stored them and with what.
const (
	formatVersion = 3
	oldestVersion = 1
)

// The buckets. All values are sealed (oplog.Seal) with their key.
var (
	bucketMeta      = []byte("meta")      // name → see metaVersion and metaBackup
	bucketDocs      = []byte("docs")      // document name → record
	bucketOps       = []byte("ops")       // document number, offset → entry
	bucketHeads     = []byte("heads")     // document number, offset → block
	bucketSnapshots = []byte("snapshots") // document number, offset → snapshot record
	bucketBlobs     = []byte("blobs")     // blob number, chunk → bytes
	bucketSweeps    = []byte("sweeps")    // kind, number → where to stop

	buckets = [][]byte{bucketMeta, bucketDocs, bucketOps, bucketHeads, bucketSnapshots, bucketBlobs, bucketSweeps}

	metaVersion = []byte("version") // uvarint
	metaBackup  = []byte("backup")  // present in a file that Backup wrote and nobody opened yet
)

var errRecord = errors.New("record bytes are malformed")

// offsetKey is the key of what belongs to an offset of a document.
func offsetKey(num uint64, at oplog.Offset) (k [16]byte) {
	binary.BigEndian.PutUint64(k[:8], num)
	binary.BigEndian.PutUint64(k[8:], uint64(at))
	return k
}

// parseOffsetKey returns the offset of a key that belongs to document num.
func parseOffsetKey(k []byte, num uint64) (at oplog.Offset, ok bool) {
	if len(k) != 16 || binary.BigEndian.Uint64(k) != num {
		return 0, false
	}
	return oplog.Offset(binary.BigEndian.Uint64(k[8:])), true
}

// chunkKey is the key of a blob's chunk. Chunks count from 0.
func chunkKey(blob uint64, chunk uint32) (k [12]byte) {
	binary.BigEndian.PutUint64(k[:8], blob)
	binary.BigEndian.PutUint32(k[8:], chunk)
	return k
}

// record is what is stored of a document under its name.
type record struct {
	num     uint64 // stands for the document in the other buckets, never used again
	epoch   oplog.Epoch
	format  oplog.Format
	first   oplog.Offset
	created int64 // Unix milliseconds
}

// appendBinary appends the stored form:
//
//	uint64  num
//	uvarint first
//	uvarint created
//	uvarint length, epoch
//	format to the end
func (r *record) appendBinary(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, r.num)
	dst = binary.AppendUvarint(dst, uint64(r.first))
	dst = binary.AppendUvarint(dst, uint64(r.created))
	dst = binary.AppendUvarint(dst, uint64(len(r.epoch)))
	dst = append(dst, r.epoch...)
	return append(dst, r.format...)
}

func parseRecord(b []byte) (r record, err error) {
	d := decoder{rest: b}
	r.num = d.uint64()
	r.first = oplog.Offset(d.uvarint())
	r.created = int64(d.uvarint())
	r.epoch = oplog.Epoch(d.bytes(d.uvarint()))
	r.format = oplog.Format(d.rest)
	if d.failed || r.num == 0 || r.first == 0 || r.epoch == "" {
		return record{}, errRecord
	}
	return r, nil
}

// block is an index block: the sum of a document's log up to an offset.
type block struct {
	at    int64 // time of the entry at that offset
	heads oplog.Heads
	// bytes is the content of the entries up to that offset, pruned or not, or
	// uncounted in a block of version 1. Behind such blocks counting starts with
	// what was still held: only the difference of two is ever used.
	bytes int64
}

const uncounted = -1

// appendBinary appends the stored form: uvarint at, heads, uvarint bytes.
func (b *block) appendBinary(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(b.at))
	dst = b.heads.AppendBinary(dst)
	return binary.AppendUvarint(dst, uint64(b.bytes))
}

func parseBlock(body []byte) (block, error) {
	d := decoder{rest: body}
	at := d.uvarint()
	if d.failed {
		return block{}, errRecord
	}
	h, rest, err := oplog.ParseHeads(d.rest)
	if err != nil {
		return block{}, err
	}
	b := block{int64(at), h, uncounted}
	if len(rest) > 0 {
		d.rest = rest
		b.bytes = int64(d.uvarint())
		if d.failed || len(d.rest) > 0 || b.bytes < 0 {
			return block{}, errRecord
		}
	}
	return b, nil
}

// parseBlockClock reads only the clock of a block.
func parseBlockClock(b []byte) (clock.Vector, error) {
	d := decoder{rest: b}
	if d.uvarint(); d.failed {
		return clock.Vector{}, errRecord
	}
	v, _, err := clock.ParseBinary(d.rest)
	return v, err
}

// snapshotRecord is what is stored of a snapshot; its offset is in the key.
type snapshotRecord struct {
	oplog.Snapshot
	blob uint64
}

// appendBinary appends the stored form:
//
//	uint64   blob
//	uvarint  bytes
//	[32]byte sha256
//	uvarint  at
//	uvarint  length, format
//	clock
//	uvarint  length, by
//	uvarint  length, maker
func (s *snapshotRecord) appendBinary(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, s.blob)
	dst = binary.AppendUvarint(dst, uint64(s.Bytes))
	dst = append(dst, s.SHA256[:]...)
	dst = binary.AppendUvarint(dst, uint64(s.At))
	dst = binary.AppendUvarint(dst, uint64(len(s.Format)))
	dst = append(dst, s.Format...)
	dst = s.Clock.AppendBinary(dst)
	dst = binary.AppendUvarint(dst, uint64(len(s.By)))
	dst = append(dst, s.By...)
	dst = binary.AppendUvarint(dst, uint64(len(s.Maker)))
	return append(dst, s.Maker...)
}

func parseSnapshot(b []byte, at oplog.Offset) (s snapshotRecord, err error) {
	d := decoder{rest: b}
	s.Offset = at
	s.blob = d.uint64()
	s.Bytes = int64(d.uvarint())
	copy(s.SHA256[:], d.bytes(uint64(len(s.SHA256))))
	s.At = int64(d.uvarint())
	s.Format = oplog.Format(d.bytes(d.uvarint()))
	if d.failed || s.blob == 0 || s.Bytes < 0 {
		return snapshotRecord{}, errRecord
	}
	if s.Clock, d.rest, err = clock.ParseBinary(d.rest); err != nil {
		return snapshotRecord{}, errRecord
	}
	if len(d.rest) > 0 { // else it is a record of version 1 or 2
		s.By = string(d.bytes(d.uvarint()))
		s.Maker = oplog.Maker(d.bytes(d.uvarint()))
	}
	if d.failed || len(d.rest) > 0 {
		return snapshotRecord{}, errRecord
	}
	return s, nil
}

// decoder reads records. After a failure it reads zeros.
type decoder struct {
	rest   []byte
	failed bool
}

func (d *decoder) bytes(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.rest, d.failed = nil, true
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) uint64() uint64 {
	if b := d.bytes(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 {
		d.rest, d.failed = nil, true
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

// putVersion makes a file one of formatVersion.
func putVersion(tx *bbolt.Tx) error {
	body := binary.AppendUvarint(nil, formatVersion)
	return tx.Bucket(bucketMeta).Put(metaVersion, oplog.Seal(nil, metaVersion, body))
}

// checkVersion says whether this package knows the layout of a file.
func checkVersion(tx *bbolt.Tx) error {
	_, err := version(tx)
	return err
}

// version returns the version of a file's layout, which this package knows.
func version(tx *bbolt.Tx) (uint64, error) {
	for _, name := range buckets {
		if tx.Bucket(name) == nil {
			return 0, fmt.Errorf("%s is a bbolt file, but not a log: it has no bucket %q", tx.DB().Path(), name)
		}
	}
	body, err := oplog.Unseal(metaVersion, tx.Bucket(bucketMeta).Get(metaVersion))
	if err != nil {
		return 0, &oplog.CorruptionError{Place: tx.DB().Path() + ", format version", Err: err}
	}
	v, _ := binary.Uvarint(body)
	if v < oldestVersion || v > formatVersion {
		return 0, fmt.Errorf("%s has format version %d and this program knows %d: use a newer one", tx.DB().Path(), v, formatVersion)
	}
	return v, nil
}
