package webhook

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/baton-relay/baton/durable"
	"github.com/baton-relay/baton/oplog/bolt/pages"
)

// store is the file of a queue: a bbolt file with two buckets.
//
//	endpoints   URL → bucket: number (8 bytes, big endian) → record.
//	            Their sequences say how many there are: of URLs, of records
//	meta        version → 1
//	            complete → all that happened before this time (RFC 3339) is here
//
// The key complete is there while a queue has the file open. One that finds it
// knows that the last one did not end well, and since when notices may be
// missing.
type store struct {
	db *bbolt.DB

	failing bool // guarded by Queue.mu: the last attempt to write failed
	broken  bool // owned by keep, then by Close: bbolt is in no state to go on
}

var (
	bucketEndpoints = []byte("endpoints")
	bucketMeta      = []byte("meta")
	keyVersion      = []byte("version")
	keyComplete     = []byte("complete")
	version         = []byte("1")
)

// openStore opens the file and puts what it holds into the queue.
func openStore(path string, q *Queue) (*store, error) {
	if err := durable.MakeDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if err := checkSound(path); err != nil {
		return nil, explain(path, err)
	}
	db, err := openFile(path, false)
	if err != nil {
		return nil, explain(path, err)
	}
	s := &store{db: db}
	if err := s.update(func(tx *bbolt.Tx) error { return s.load(tx, q) }); err != nil {
		return nil, errors.Join(explain(path, err), db.Close())
	}
	if err := durable.SyncDir(filepath.Dir(path)); err != nil { // bbolt syncs the file, not its name
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// update is one write transaction. Where bbolt finds that a page makes no sense
// it panics; here that is an error, and the last thing that happens to the file.
func (s *store) update(change func(*bbolt.Tx) error) (err error) {
	if s.broken {
		return errors.New("the file is damaged; delete it before the next start")
	}
	defer func() {
		if r := recover(); r != nil {
			s.broken = true
			err = damaged(s.db.Path(), fmt.Errorf("%v", r))
		}
	}()
	return s.db.Update(change)
}

// checkSound walks the pages of the file if there is one: bbolt would not
// survive some that make no sense.
func checkSound(path string) error {
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return &fs.PathError{Op: "open", Path: path, Err: syscall.EISDIR}
	case info.Size() == 0:
		return nil
	}
	db, err := openFile(path, true) // and with it take the lock
	if err != nil {
		return err
	}
	var damage error
	err = pages.Walk(path, func(page uint64, err error) {
		if page > 1 && damage == nil { // without one meta page the other counts
			damage = fmt.Errorf("page %d: %w", page, err)
		}
	})
	return errors.Join(err, damage, db.Close())
}

// openFile opens the file. Where bbolt finds that it makes no sense it panics;
// here that is an error. Its freelist is made anew each time: of a damaged one
// nobody would know.
func openFile(path string, readOnly bool) (db *bbolt.DB, err error) {
	var file *os.File
	o := &bbolt.Options{
		Timeout: time.Second, ReadOnly: readOnly, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType,
		OpenFile: func(path string, flag int, mode fs.FileMode) (f *os.File, err error) {
			file, err = os.OpenFile(path, flag, mode)
			return file, err
		},
	}
	defer func() {
		if r := recover(); r != nil {
			file.Close() // and with it the lock
			err = fmt.Errorf("%v", r)
		}
	}()
	return bbolt.Open(path, 0o600, o)
}

var errDamaged = errors.New("delete it to go on: only undelivered notices are lost with it")

var errNewer = errors.New("the file of webhooks was written by another version of this program; take that one, or delete the file: only undelivered notices are lost")

func damaged(path string, err error) error {
	if errors.Is(err, errDamaged) {
		return err
	}
	return fmt.Errorf("%s is damaged: %w; %w", path, err, errDamaged)
}

// explain says what it means that the file cannot be opened.
func explain(path string, err error) error {
	if errors.Is(err, berrors.ErrTimeout) {
		return fmt.Errorf("%s is in use by another process: stop that one, or take another --data", path)
	}
	if _, disk := errors.AsType[*fs.PathError](err); disk || errors.Is(err, errNewer) {
		return err
	}
	return damaged(path, err)
}

// initialize makes what a new file has.
func initialize(tx *bbolt.Tx) error {
	meta, err := tx.CreateBucket(bucketMeta)
	if err != nil {
		return err
	}
	if _, err := tx.CreateBucket(bucketEndpoints); err != nil {
		return err
	}
	return meta.Put(keyVersion, version)
}

// load reads the file into the queue and marks it as open.
func (s *store) load(tx *bbolt.Tx, q *Queue) error {
	const first = 2 // bbolt's own come before
	if key, _ := tx.Cursor().First(); key == nil && tx.ID() == first {
		if err := initialize(tx); err != nil {
			return err
		}
	}
	meta, all := tx.Bucket(bucketMeta), tx.Bucket(bucketEndpoints)
	if meta == nil || all == nil || meta.Get(keyVersion) == nil {
		return errors.New("parts of it are missing")
	}
	if string(meta.Get(keyVersion)) != string(version) {
		return errNewer
	}
	if held := uint64(all.Stats().BucketN - 1); held != all.Sequence() { // the first is all itself
		return fmt.Errorf("it holds %d endpoints, not %d", held, all.Sequence())
	}
	for _, e := range q.endpoints {
		b, err := all.CreateBucketIfNotExists([]byte(e.url))
		if err != nil {
			return err
		}
		if err := e.load(b); err == nil && uint64(e.waiting.Len()) != b.Sequence() {
			return fmt.Errorf("%d notices are there, not %d", e.waiting.Len(), b.Sequence())
		} else if err != nil {
			return err
		}
	}
	now := time.Now()
	if last := meta.Get(keyComplete); last != nil {
		since, err := time.Parse(time.RFC3339Nano, string(last))
		if err != nil {
			return err
		}
		for _, e := range q.endpoints {
			e.push(newNotice(Event{Type: Missed, Since: since}, now))
			if err := put(all, e.url, e.unwritten()); err != nil {
				return err
			}
		}
	}
	if err := s.forgetOthers(all, q); err != nil {
		return err
	}
	if err := all.SetSequence(uint64(len(q.endpoints))); err != nil {
		return err
	}
	return meta.Put(keyComplete, moment(now))
}

func moment(t time.Time) []byte { return []byte(t.UTC().Format(time.RFC3339Nano)) }

// load reads what waits for one endpoint.
func (e *endpoint) load(b *bbolt.Bucket) error {
	return b.ForEach(func(k, v []byte) error {
		if len(k) != 8 {
			return fmt.Errorf("a notice has the number %x", k)
		}
		seq := binary.BigEndian.Uint64(k)
		n, err := parseRecord(e.url, k, v)
		if err != nil {
			return fmt.Errorf("notice %d: %w", seq, err)
		}
		e.restore(seq, n, n.at).saved = true
		e.q.lastSeq = max(e.q.lastSeq, seq)
		return nil
	})
}

// forgetOthers removes what waits for endpoints that are no longer told.
func (s *store) forgetOthers(all *bbolt.Bucket, q *Queue) error {
	var others []string
	err := all.ForEachBucket(func(url []byte) error {
		if !slices.ContainsFunc(q.endpoints, func(e *endpoint) bool { return e.url == string(url) }) {
			others = append(others, string(url))
		}
		return nil
	})
	for _, url := range others {
		n := 0
		err = errors.Join(err, all.Bucket([]byte(url)).ForEach(func(k, v []byte) error {
			n++
			_, err := parseRecord(url, k, v) // or is it the URL that is damaged?
			return err
		}))
		if err != nil {
			return err
		}
		if err := all.DeleteBucket([]byte(url)); err != nil {
			return err
		}
		if n > 0 {
			q.opts.Logger.Warn("what waited for an endpoint that is no longer given is dropped", logEndpoint, nameOf(url), logNotices, n)
		}
	}
	return err
}

// close lets go of the file.
func (s *store) close() error {
	if s.broken {
		return nil // nothing in it can be trusted to return
	}
	return s.db.Close()
}
