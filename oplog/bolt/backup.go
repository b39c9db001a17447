package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/baton-relay/baton/oplog"
)

// Backup implements [oplog.Log]. The copy is made beside the log first, which
// takes as much room as the log, so that a slow w holds up nobody.
func (l *Log) Backup(ctx context.Context, w io.Writer) error {
	temp, err := l.copyFile(ctx)
	if err != nil {
		return fmt.Errorf("backup: copy the log: %w", err)
	}
	defer os.Remove(temp)
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

// copyFile makes a marked copy of the log as it is between two commits.
func (l *Log) copyFile(ctx context.Context) (temp string, err error) {
	f, err := os.CreateTemp(filepath.Dir(l.path), filepath.Base(l.path)+".backup-*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	defer func() { err = errors.Join(err, f.Close()) }()
	tx, err := l.durableTx(ctx)
	if err != nil {
		return "", err
	}
	_, err = tx.WriteTo(&contextWriter{ctx, f})
	if err := errors.Join(err, tx.Rollback()); err != nil {
		return "", err
	}
	return f.Name(), markBackup(f.Name())
}

// durableTx begins a read transaction that shows nothing that is not durable.
// The caller rolls it back.
func (l *Log) durableTx(ctx context.Context) (tx *bbolt.Tx, err error) {
	r := newPause(func() (err error) {
		if err = l.health.finalFailure(); err == nil {
			tx, err = l.db.Begin(false)
		}
		return err
	})
	// Whoever leaves early would leave the transaction open.
	if err := l.submit(context.WithoutCancel(ctx), r); err != nil {
		return nil, err
	}
	return tx, nil
}

// markBackup makes a file known as a copy.
func markBackup(path string) error {
	db, err := openFile(path, writable())
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketMeta).Put(metaBackup, oplog.Seal(nil, metaBackup, nil))
	})
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

// removeStaleCopies removes what an earlier process left that was killed in the
// middle of a backup.
func (l *Log) removeStaleCopies() error {
	copies, err := filepath.Glob(globEscape(l.path) + ".backup-*")
	for _, path := range copies {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// globEscape returns a pattern that matches path alone.
func globEscape(path string) string {
	var b []byte
	for _, c := range []byte(path) {
		if c == '*' || c == '?' || c == '[' || c == '\\' {
			b = append(b, '\\')
		}
		b = append(b, c)
	}
	return string(b)
}

// contextReader and contextWriter end with their context.
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

type contextWriter struct {
	ctx context.Context
	w   io.Writer
}

func (w *contextWriter) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.w.Write(p)
}
