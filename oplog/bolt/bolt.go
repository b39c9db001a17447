// Package bolt keeps a log of ops ([oplog.Log]) in one bbolt file.
//
// One goroutine, the committer, writes. It takes all that waits, of all
// documents, into one transaction and syncs once: the more callers wait, the
// more ops share a sync. A call that writes returns after that sync, and no call
// shows what is not synced yet: bbolt makes a commit visible to new read
// transactions before its last sync, so what is durable of a document is kept in
// memory and reads end there.
//
// Every value is stored behind a checksum that is held against it at each read.
// What does not fit is reported with its place and never served.
//
// A sync blocks its thread. In a process with GOMAXPROCS=1 all else may stand
// still meanwhile: give it 2.
//
// The package does no networking and does not look into payloads. The file's
// layout is drawn in docs/oplog.md.
package bolt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/baton-relay/baton/oplog"
)

// Options adjusts a log. The zero value is a good choice.
type Options struct {
	// CommitInterval is the least time from the start of one commit to the start
	// of the next, in which appends gather; the first one after a pause never
	// waits. Default 2 ms; negative means none.
	CommitInterval time.Duration
	// MaxSnapshot is the largest snapshot stored, in bytes. Default 256 MiB.
	MaxSnapshot int64
	// CacheBytes is about how much memory the heads of documents may take that
	// nobody writes to at the moment. Default 64 MiB.
	CacheBytes int64
	// Logger is told what an operator should know. Default: nothing.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	o.CommitInterval = cmp.Or(o.CommitInterval, 2*time.Millisecond)
	o.MaxSnapshot = cmp.Or(o.MaxSnapshot, 256<<20)
	o.CacheBytes = cmp.Or(o.CacheBytes, 64<<20)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Log is an [oplog.Log] on one file, which it holds alone until Close. Its
// methods may be called from many goroutines at once.
type Log struct {
	// static after construction
	path      string
	opts      Options
	db        *bbolt.DB
	cache     *cache
	queue     *queue
	health    *health
	committer *committer // nil: the log is only looked at

	closing func() error // runs once
}

var _ oplog.Log = (*Log)(nil)

// lockTimeout is how long Open waits for a process that is just letting go of
// the file. bbolt tries at least once, and then every 50 ms.
const lockTimeout = 100 * time.Millisecond

// Open opens the log in the file at path and makes it, with its directory, if
// there is none. A file that another process holds is [oplog.ErrInUse], and an
// empty one is [ErrEmpty]. A file
// that came from [Log.Backup] becomes a log of its own here: all its documents
// get new epochs.
func Open(path string, o Options) (*Log, error) {
	return open(path, o, (*bbolt.Tx).Commit)
}

// open is Open with a way to commit, which tests make fail.
func open(path string, o Options, commit func(*bbolt.Tx) error) (*Log, error) {
	o = o.withDefaults()
	if err := create(path); err != nil {
		return nil, fmt.Errorf("create log: %w", err)
	}
	db, err := openFile(path, readable())
	if err == nil {
		err = errors.Join(checkSound(path, o.Logger), db.Close())
	}
	if err == nil {
		db, err = openFile(path, writable())
	}
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	l := newLog(path, o, db)
	l.committer = newCommitter(l, commit)
	if err := l.prepare(); err != nil {
		return nil, fmt.Errorf("open log: %w", errors.Join(err, db.Close()))
	}
	go l.committer.run()
	return l, nil
}

func newLog(path string, o Options, db *bbolt.DB) *Log {
	l := &Log{
		path:   path,
		opts:   o,
		db:     db,
		cache:  newCache(o.CacheBytes),
		queue:  newQueue(),
		health: &health{log: o.Logger},
	}
	l.closing = sync.OnceValue(l.close)
	return l
}

// prepare brings an opened file to where a log can start from.
func (l *Log) prepare() error {
	// A process that was killed may have left a commit that is visible in the
	// page cache and not on the disk. Nobody may hear of it before it is.
	if err := l.db.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", l.path, err)
	}
	if err := l.upgrade(); err != nil {
		return err
	}
	if err := removeParts(l.path); err != nil {
		return err
	}
	if err := l.adoptBackup(); err != nil {
		return fmt.Errorf("give the documents of a backup new epochs: %w", err)
	}
	return l.viewFile(l.committer.loadSweeps)
}

// upgrade marks a file of an older version as one of formatVersion before anything is
// written that an older program would not understand.
func (l *Log) upgrade() error {
	var have uint64
	err := l.viewFile(func(tx *bbolt.Tx) (err error) {
		have, err = version(tx)
		return err
	})
	if err != nil || have == formatVersion {
		return err
	}
	l.opts.Logger.Info("this file becomes one that older programs refuse", logVersion, formatVersion)
	if err := guard(l.path, func() error { return l.db.Update(putVersion) }); err != nil {
		return fmt.Errorf("mark %s as version %d: %w", l.path, formatVersion, err)
	}
	return nil
}

// Health implements [oplog.Log].
func (l *Log) Health() error {
	if l.committer == nil {
		return errReadOnly
	}
	return l.health.err()
}

// Size returns how many bytes a copy of the log would have now, see [Log.Backup].
// The file may be larger, as it grows in steps.
func (l *Log) Size() (n int64, err error) {
	err = l.viewFile(func(tx *bbolt.Tx) error {
		n = tx.Size()
		return nil
	})
	return n, err
}

// Free returns how many bytes of [Log.Size] hold nothing any more: what is
// written next goes there before the file grows.
func (l *Log) Free() (n int64, err error) {
	err = l.viewFile(func(tx *bbolt.Tx) error {
		s := tx.DB().Stats()
		n = int64(s.FreePageN+s.PendingPageN) * int64(tx.DB().Info().PageSize)
		return nil
	})
	return n, err
}

// Close implements [oplog.Log].
func (l *Log) Close() error { return l.closing() }

func (l *Log) close() error {
	if l.committer != nil {
		l.queue.close()
		<-l.committer.stopped
	}
	if err := l.db.Close(); err != nil {
		return fmt.Errorf("close log: %w", err)
	}
	return nil
}

// submit hands a request to the committer and waits until it is durable.
func (l *Log) submit(ctx context.Context, r *request) error {
	if err := ctx.Err(); err != nil {
		return err // nothing is tried for a caller who is gone
	}
	if l.committer == nil {
		return errReadOnly
	}
	if !l.queue.push(r) {
		return fmt.Errorf("%w: it is closed", oplog.ErrUnavailable)
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		r.abandon()
		return ctx.Err()
	}
}
