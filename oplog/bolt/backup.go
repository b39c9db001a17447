package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"go.etcd.io/bbolt"

	"github.com/baton-relay/baton/oplog"
)

// Backup implements [oplog.Log]. The copy is made beside the log first, which
// takes as much room as the log, so that a slow w holds up nobody.
func (l *Log) Backup(ctx context.Context, w io.Writer) error {
	temp, err := l.copyBeside(ctx, l.path, nil)
	if err != nil {
		return fmt.Errorf("backup: copy the log: %w", err)
	}
	defer os.Remove(temp)
	err = checkSound(temp, l.opts.Logger)
	if err == nil {
		err = markBackup(temp)
	}
	if err != nil {
		return fmt.Errorf("backup: mark the copy: %w", err)
	}
	f, err := os.Open(temp)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer f.Close()
	if _, err := io.Copy(w, &contextReader{ctx, f}); err != nil {
		return fmt.Errorf("backup: write the copy: %w", err)
	}
	return nil
}

// copyBeside copies the log as it is between two commits into a file beside path.
func (l *Log) copyBeside(ctx context.Context, path string, progress func(done, total int64)) (temp string, err error) {
	var tx *bbolt.Tx
	err = l.between(ctx, func() (err error) {
		tx, err = l.db.Begin(false)
		return err
	})
	if err != nil {
		return "", err
	}
	temp, err = copyTx(ctx, tx, path, progress)
	return temp, errors.Join(err, tx.Rollback())
}

// copyTx copies the file as a transaction sees it into one beside path.
func copyTx(ctx context.Context, tx *bbolt.Tx, path string, progress func(done, total int64)) (temp string, err error) {
	return writePart(path, func(f *os.File) error {
		_, err := tx.WriteTo(&partWriter{ctx: ctx, w: f, total: tx.Size(), progress: progress})
		if errors.Is(err, io.EOF) {
			err = &oplog.CorruptionError{Place: tx.DB().Path(), Err: io.ErrUnexpectedEOF}
		}
		return err
	})
}

// between runs f between two commits, when what a new transaction shows is
// durable. The wait does not end with ctx: whoever leaves early would leave the
// transaction open that f begins.
func (l *Log) between(ctx context.Context, f func() error) error {
	if l.committer == nil {
		return f() // nobody commits
	}
	return l.submit(context.WithoutCancel(ctx), newPause(func() error {
		if err := l.health.finalFailure(); err != nil {
			return err
		}
		return f()
	}))
}

// markBackup makes a sound file known as a copy.
func markBackup(path string) error {
	return updateFile(path, func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketMeta).Put(metaBackup, oplog.Seal(nil, metaBackup, nil))
	})
}

// isBackup says whether a log is a copy that nobody opened yet.
func isBackup(path string) (marked bool, err error) {
	db, err := openFile(path, readable())
	if err != nil {
		return false, err
	}
	err = guard(path, func() error {
		return db.View(func(tx *bbolt.Tx) (err error) {
			if err = checkVersion(tx); err == nil {
				_, marked, err = unseal(tx, bucketMeta, metaBackup)
			}
			return err
		})
	})
	return marked, errors.Join(err, db.Close())
}

// updateFile writes to a sound file that no log has open.
func updateFile(path string, write func(*bbolt.Tx) error) error {
	o := writable()
	o.InitialMmapSize = 0 // bbolt makes a file that is mapped large large at once
	db, err := openFile(path, o)
	if err != nil {
		return err
	}
	err = guard(path, func() error { return db.Update(write) })
	return errors.Join(err, db.Close())
}

// adoptBackup gives all documents new epochs if the file is a copy: what is
// appended to it from now on is not what is appended to the log it came from.
func (l *Log) adoptBackup() error {
	return guard(l.path, func() error {
		var marked bool
		err := l.db.View(func(tx *bbolt.Tx) (err error) {
			_, marked, err = unseal(tx, bucketMeta, metaBackup)
			return err
		})
		if err != nil || !marked {
			return err
		}
		l.opts.Logger.Info("this file is a backup: its documents get new epochs")
		return l.db.Update(renewEpochs)
	})
}

func renewEpochs(tx *bbolt.Tx) error {
	docs := tx.Bucket(bucketDocs)
	var names [][]byte
	if err := docs.ForEach(func(k, _ []byte) error {
		names = append(names, k)
		return nil
	}); err != nil {
		return err
	}
	for _, name := range names {
		body, _, err := unseal(tx, bucketDocs, name)
		if err != nil {
			return err
		}
		r, err := parseRecord(body)
		if err != nil {
			return corruptDocument(tx, oplog.DocID(name), err)
		}
		r.epoch = newEpoch()
		if err := docs.Put(name, oplog.Seal(nil, name, r.appendBinary(nil))); err != nil {
			return err
		}
	}
	return tx.Bucket(bucketMeta).Delete(metaBackup)
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
