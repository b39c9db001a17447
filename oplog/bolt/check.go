package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"

	"go.etcd.io/bbolt"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt/pages"
)

// Check reads the whole log and calls report for each thing that is not as it
// must be: pages, checksums, the order of entries and of what they name,
// index blocks, snapshots, and what belongs to nothing. It looks at the log as
// it was at one moment. Writes wait while the pages are checked, then go on. The
// error says why the log could not be read to the end.
func (l *Log) Check(ctx context.Context, report func(*oplog.CorruptionError)) error {
	var tx *bbolt.Tx
	sound := false
	err := l.between(ctx, func() (err error) {
		if tx, err = l.db.Begin(false); err == nil {
			sound, err = checkPages(tx, report)
		}
		return err
	})
	if tx != nil {
		defer tx.Rollback()
	}
	if err == nil && sound {
		err = check(ctx, tx, report)
	}
	if err != nil {
		return fmt.Errorf("check log: %w", err)
	}
	return nil
}

// CheckFile is [Log.Check] for a file that nobody has open; it changes nothing
// in it. Damage that keeps the file from being opened is reported too.
func CheckFile(ctx context.Context, path string, report func(*oplog.CorruptionError)) error {
	err := checkFile(ctx, path, report)
	if err != nil {
		return fmt.Errorf("check log: %w", err)
	}
	return nil
}

func checkFile(ctx context.Context, path string, report func(*oplog.CorruptionError)) error {
	db, err := openFile(path, readable())
	if errors.Is(err, oplog.ErrInUse) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrEmpty) {
		return err
	}
	if err != nil {
		report(&oplog.CorruptionError{Place: path, Err: err})
		return nil
	}
	err = db.View(func(tx *bbolt.Tx) error {
		if sound, err := checkPages(tx, report); err != nil || !sound {
			return err
		}
		if err := checkVersion(tx); err != nil {
			return err
		}
		return check(ctx, tx, report)
	})
	if corruption, ok := errors.AsType[*oplog.CorruptionError](err); ok {
		report(corruption)
		err = nil
	}
	return errors.Join(err, db.Close())
}

// checkPages checks the pages of a file that nobody writes to meanwhile. Unless
// they are sound, reading the rest makes no sense.
func checkPages(tx *bbolt.Tx, report func(*oplog.CorruptionError)) (sound bool, err error) {
	sound = true
	path := tx.DB().Path()
	err = pages.Walk(path, func(page uint64, err error) {
		// One of the two meta pages is enough: the log is then as it was one commit earlier.
		sound = sound && page < 2
		report(&oplog.CorruptionError{Place: fmt.Sprintf("%s, page %d", path, page), Err: err})
	})
	if err != nil || !sound {
		return false, err
	}
	for err := range tx.Check() {
		sound = false
		report(&oplog.CorruptionError{Place: path, Err: err})
	}
	return sound, nil
}

// checker goes through a log in one transaction.
type checker struct {
	ctx    context.Context
	tx     *bbolt.Tx
	path   string
	report func(*oplog.CorruptionError)

	sweeps map[[9]byte]sweep
	docs   map[uint64]oplog.DocID
	blobs  map[uint64]bool // that belong to a snapshot
}

func check(ctx context.Context, tx *bbolt.Tx, report func(*oplog.CorruptionError)) error {
	c := checker{
		ctx: ctx, tx: tx, path: tx.DB().Path(), report: report,
		sweeps: map[[9]byte]sweep{}, docs: map[uint64]oplog.DocID{}, blobs: map[uint64]bool{},
	}
	return guard(c.path, c.run)
}

func (c *checker) run() error {
	c.readSweeps()
	if err := c.checkDocuments(); err != nil {
		return err
	}
	c.checkMeta()
	for _, bucket := range [][]byte{bucketOps, bucketHeads, bucketSnapshots} {
		c.orphans(bucket, func(num uint64) bool {
			s := sweep{kind: sweepDocument, num: num}
			return c.docs[num] != "" || c.sweeps[s.key()].below == everything
		})
	}
	c.orphans(bucketBlobs, func(num uint64) bool {
		s := sweep{kind: sweepBlob, num: num}
		return c.blobs[num] || c.sweeps[s.key()].num == num
	})
	return nil
}

// found reports what is wrong, and where.
func (c *checker) found(err error, place string, args ...any) {
	if corruption, ok := errors.AsType[*oplog.CorruptionError](err); ok {
		c.report(corruption)
		return
	}
	c.report(&oplog.CorruptionError{Place: c.path + ", " + fmt.Sprintf(place, args...), Err: err})
}

func (c *checker) checkMeta() {
	_ = c.tx.Bucket(bucketMeta).ForEach(func(k, sealed []byte) error {
		if _, err := oplog.Unseal(k, sealed); err != nil {
			c.found(err, "meta %q", k)
		}
		return nil
	})
}

func (c *checker) readSweeps() {
	_ = c.tx.Bucket(bucketSweeps).ForEach(func(k, sealed []byte) error {
		s, err := parseSweep(k, sealed)
		if err != nil {
			c.found(err, "sweep %x", k)
			return nil
		}
		c.sweeps[s.key()] = s
		return nil
	})
}

// orphans reports the numbers in a bucket that nobody knows.
func (c *checker) orphans(bucket []byte, known func(num uint64) bool) {
	cursor := c.tx.Bucket(bucket).Cursor()
	for k, _ := cursor.First(); k != nil; {
		if len(k) < 8 {
			c.found(errors.New("it has no meaning"), "%s, key %x", bucket, k)
			k, _ = cursor.Next()
			continue
		}
		num := binary.BigEndian.Uint64(k)
		if !known(num) {
			c.found(errors.New("it belongs to nothing"), "%s of number %d", bucket, num)
		}
		if num++; num == 0 {
			return
		}
		k, _ = cursor.Seek(binary.BigEndian.AppendUint64(nil, num))
	}
}
