package webhook

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// store is the file of a queue: a bbolt file with two buckets.
//
//	endpoints   URL → bucket: number (8 bytes, big endian) → record
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
func openStore(path string, q *Queue) (s *store, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	var file *os.File
	options := &bbolt.Options{
		Timeout: time.Second, FreelistType: bbolt.FreelistMapType,
		OpenFile: func(path string, flag int, mode fs.FileMode) (f *os.File, err error) {
			file, err = os.OpenFile(path, flag, mode)
			return file, err
		},
	}
	defer func() { // bbolt does not survive a file that makes no sense
		if r := recover(); r != nil {
			file.Close() // and with it the lock
			s, err = nil, damaged(path, fmt.Errorf("%v", r))
		}
	}()
	db, err := bbolt.Open(path, 0o600, options)
	if err != nil {
		return nil, explain(path, err)
	}
	s = &store{db: db}
	err = db.View(func(tx *bbolt.Tx) (err error) {
		for problem := range tx.Check() {
			err = problem // the channel must be read to its end
		}
		return err
	})
	if err == nil {
		err = db.Update(func(tx *bbolt.Tx) error { return s.load(tx, q) })
	}
	if err == nil {
		return s, nil
	}
	if _, disk := errors.AsType[*fs.PathError](err); !disk && !errors.Is(err, errNewer) {
		err = damaged(path, err)
	}
	return nil, errors.Join(err, db.Close())
}

var errNewer = errors.New("the file of webhooks was written by another version of this program; take that one, or delete the file: only undelivered notices are lost")

func damaged(path string, err error) error {
	return fmt.Errorf("%s is damaged: %w; delete it to go on: only undelivered notices are lost with it", path, err)
}

func explain(path string, err error) error {
	if errors.Is(err, berrors.ErrTimeout) {
		return fmt.Errorf("%s is in use by another process: stop that one, or take another --data", path)
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return err
	}
	return damaged(path, err)
}

// load reads the file into the queue and marks it as open.
func (s *store) load(tx *bbolt.Tx, q *Queue) error {
	meta, err := tx.CreateBucketIfNotExists(bucketMeta)
	if err != nil {
		return err
	}
	all, err := tx.CreateBucketIfNotExists(bucketEndpoints)
	if err != nil {
		return err
	}
	if v := meta.Get(keyVersion); v != nil && string(v) != string(version) {
		return errNewer
	}
	if err := meta.Put(keyVersion, version); err != nil {
		return err
	}
	for _, e := range q.endpoints {
		b, err := all.CreateBucketIfNotExists([]byte(e.url))
		if err != nil {
			return err
		}
		if err := e.load(b); err != nil {
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
			if err := put(all.Bucket([]byte(e.url)), e.unwritten()); err != nil {
				return err
			}
		}
	}
	if err := s.forgetOthers(all, q); err != nil {
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
		n, err := parseRecord(v)
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
	var others [][]byte
	err := all.ForEachBucket(func(url []byte) error {
		for _, e := range q.endpoints {
			if e.url == string(url) {
				return nil
			}
		}
		others = append(others, append([]byte{}, url...))
		return nil
	})
	for _, url := range others {
		if n := all.Bucket(url).Stats().KeyN; n > 0 {
			q.opts.Logger.Warn("what waited for an endpoint that is no longer given is dropped", "endpoint", nameOf(string(url)), "notices", n)
		}
		err = errors.Join(err, all.DeleteBucket(url))
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
