package bolt

import (
	"errors"
	"fmt"
	"runtime/debug"

	"go.etcd.io/bbolt"

	"github.com/baton-relay/baton/oplog"
)

// view reads what is stored of one document, in one transaction. Everything it
// returns is checked, and aliases the transaction's memory.
type view struct {
	tx  *bbolt.Tx
	id  oplog.DocID
	num uint64
	// first is the oldest offset that must be there; an index block must be
	// at the one before, unless that is 0.
	first oplog.Offset
}

func newView(tx *bbolt.Tx, d *document) *view {
	return &view{tx: tx, id: d.id, num: d.num, first: d.first}
}

var errMissing = errors.New("it is missing")

// entries calls visit with the entries behind after up to upTo, all of which
// must be there, and with the size of their stored form, until it returns false.
func (v *view) entries(after, upTo oplog.Offset, visit func(e *oplog.Entry, size int) bool) error {
	if after >= upTo {
		return nil
	}
	want := after + 1
	c := v.tx.Bucket(bucketOps).Cursor()
	seek := offsetKey(v.num, want)
	var e oplog.Entry
	for k, sealed := c.Seek(seek[:]); ; k, sealed = c.Next() {
		if at, ok := parseOffsetKey(k, v.num); !ok || at != want {
			return v.corrupt("entry", want, errMissing)
		}
		if err := v.entry(k, sealed, want, &e); err != nil {
			return err
		}
		if !visit(&e, len(sealed)) || want == upTo {
			return nil
		}
		want++
	}
}

// entry reads what is stored under the key k of an offset into e.
func (v *view) entry(k, sealed []byte, at oplog.Offset, e *oplog.Entry) error {
	body, err := oplog.Unseal(k, sealed)
	if err == nil {
		err = oplog.ParseEntry(body, e)
	}
	if err != nil {
		return v.corrupt("entry", at, err)
	}
	e.Offset = at
	return nil
}

// newest returns the offset of the newest entry, or the one before first if none
// is held.
func (v *view) newest() (oplog.Offset, error) {
	c := v.tx.Bucket(bucketOps).Cursor()
	at, _, ok := lastBelow(c, v.num, oplog.Offset(1<<63))
	if !ok {
		return v.first - 1, nil
	}
	if at < v.first-1 {
		// Pruned entries that are not swept yet, and none behind them.
		at = v.first - 1
	}
	return at, nil
}

// lastBlock returns the last index block at or before upTo, its offset and its
// size. That of a document without one is empty, at offset 0.
func (v *view) lastBlock(upTo oplog.Offset) (b block, at oplog.Offset, size int, err error) {
	c := v.tx.Bucket(bucketHeads).Cursor()
	at, sealed, ok := lastBelow(c, v.num, upTo+1)
	if !ok || at < v.first-1 {
		if v.first > 1 {
			return block{}, 0, 0, v.corrupt("index block", v.first-1, errMissing)
		}
		return block{}, 0, 0, nil
	}
	key := offsetKey(v.num, at)
	body, err := oplog.Unseal(key[:], sealed)
	if err == nil {
		b, err = parseBlock(body)
	}
	if err != nil {
		return block{}, 0, 0, v.corrupt("index block", at, err)
	}
	return b, at, len(sealed), nil
}

// sum returns what the log adds up to at an offset that is held, or the one
// before the first.
func (v *view) sum(at oplog.Offset) (block, error) {
	b, from, _, err := v.lastBlock(at)
	if err != nil {
		return block{}, err
	}
	b.bytes = v.blockBytes(&b, from)
	err = v.entries(from, at, func(e *oplog.Entry, _ int) bool {
		b.heads.Apply(e)
		b.at = e.At
		b.bytes += e.Bytes()
		return true
	})
	return b, err
}

// snapshots lists the stored snapshots in the order of their offsets.
func (v *view) snapshots() (list []stored, err error) {
	c := v.tx.Bucket(bucketSnapshots).Cursor()
	seek := offsetKey(v.num, 0)
	for k, sealed := c.Seek(seek[:]); ; k, sealed = c.Next() {
		at, ok := parseOffsetKey(k, v.num)
		if !ok {
			return list, nil
		}
		body, err := oplog.Unseal(k, sealed)
		if err != nil {
			return nil, v.corrupt("snapshot", at, err)
		}
		s, err := parseSnapshot(body, at)
		if err != nil {
			return nil, v.corrupt("snapshot", at, err)
		}
		list = append(list, stored{at, s.blob})
	}
}

// snapshot returns what is stored of the snapshot at an offset.
func (v *view) snapshot(at oplog.Offset) (s snapshotRecord, ok bool, err error) {
	key := offsetKey(v.num, at)
	sealed := v.tx.Bucket(bucketSnapshots).Get(key[:])
	if sealed == nil {
		return snapshotRecord{}, false, nil
	}
	body, err := oplog.Unseal(key[:], sealed)
	if err == nil {
		s, err = parseSnapshot(body, at)
	}
	if err != nil {
		return snapshotRecord{}, false, v.corrupt("snapshot", at, err)
	}
	return s, true, nil
}

func (v *view) corrupt(what string, at oplog.Offset, err error) error {
	return &oplog.CorruptionError{
		Place: fmt.Sprintf("%s, document %q, %s %d", v.tx.DB().Path(), v.id, what, at),
		Err:   err,
	}
}

func corruptDocument(tx *bbolt.Tx, id oplog.DocID, err error) error {
	return &oplog.CorruptionError{Place: fmt.Sprintf("%s, document %q", tx.DB().Path(), id), Err: err}
}

// lastBelow returns the last key of document num below an offset.
func lastBelow(c *bbolt.Cursor, num uint64, below oplog.Offset) (at oplog.Offset, sealed []byte, ok bool) {
	seek := offsetKey(num, below)
	k, _ := c.Seek(seek[:])
	if k == nil {
		k, sealed = c.Last()
	} else {
		k, sealed = c.Prev()
	}
	at, ok = parseOffsetKey(k, num)
	return at, sealed, ok
}

// unseal returns the checked value of a key that only a document's name says
// something about; ok is false if there is none.
func unseal(tx *bbolt.Tx, bucket, key []byte) (body []byte, ok bool, err error) {
	sealed := tx.Bucket(bucket).Get(key)
	if sealed == nil {
		return nil, false, nil
	}
	if body, err = oplog.Unseal(key, sealed); err != nil {
		return nil, false, &oplog.CorruptionError{Place: fmt.Sprintf("%s, %s %q", tx.DB().Path(), bucket, key), Err: err}
	}
	return body, true, nil
}

// viewFile runs read in a read transaction. Where pages of the file make no
// sense, or cannot be read, bbolt panics or faults: that is an error here.
func (l *Log) viewFile(read func(*bbolt.Tx) error) error {
	return guard(l.path, func() error { return l.db.View(read) })
}

// guard runs f and turns a panic or memory fault in it into a corruption error.
// A panic that a callback was in the middle of goes on, see foreign.
func guard(path string, f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case foreign:
			panic(r.value)
		default:
			err = &oplog.CorruptionError{Place: path, Err: fmt.Errorf("%v", r)}
		}
	}()
	return f()
}

// foreign wraps what a caller's callback panicked with: that is not the file's fault.
type foreign struct{ value any }

// passPanic is deferred around calls of a caller's callback.
func passPanic() {
	if r := recover(); r != nil {
		panic(foreign{r})
	}
}
