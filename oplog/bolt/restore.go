package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"github.com/baton-relay/baton/durable"
	"github.com/baton-relay/baton/oplog"
)

// RestoreOptions adjusts a restore. The zero value is a good choice.
type RestoreOptions struct {
	// Replace lets the backup take the place of a log. That one is kept beside it.
	Replace bool
	// Progress is as in [BackupOptions].
	Progress func(done, total int64)
}

// Restore makes the log at path from a backup, or from a log that nobody has
// open. The file is copied beside path, which takes as much room again, checked
// to its last byte, gets a new epoch for each document, is synced, and only then is the
// log. The backup stays as it is.
//
// A log that is at path already is [fs.ErrExist], or, with o.Replace, kept as
// NAME.before-TIME, which is returned. Nothing removes that. If Restore is cut,
// at whatever moment, path has the old log or the new one, whole, and calling it
// again is safe.
//
// Errors: [oplog.ErrInUse] if a relay or another process has either file open,
// *[oplog.CorruptionError] if the backup is not whole, and those of the file system.
func Restore(ctx context.Context, backup, path string, o RestoreOptions) (kept string, err error) {
	if kept, err = restore(ctx, backup, path, o); err != nil {
		return kept, fmt.Errorf("restore %s from %s: %w", path, backup, err)
	}
	return kept, nil
}

func restore(ctx context.Context, backup, path string, o RestoreOptions) (kept string, err error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // the log stays on the disk that it is on
	}
	from, err := openFile(backup, readable())
	if err != nil {
		return "", err
	}
	defer from.Close()
	old, err := holdOld(backup, path, o.Replace)
	if err != nil {
		return "", err
	}
	defer old.release()
	if err := durable.MakeDir(filepath.Dir(path)); err != nil {
		return "", err
	}
	if err := removeParts(path); err != nil {
		return "", err
	}
	var temp string
	err = from.View(func(tx *bbolt.Tx) (err error) {
		temp, err = copyTx(ctx, tx, path, o.Progress)
		return err
	})
	if err != nil {
		return "", err
	}
	defer os.Remove(temp)
	if err := checkWhole(ctx, temp); err != nil {
		return "", fmt.Errorf("check the copy: %w", err)
	}
	if err := updateFile(temp, renewEpochs); err != nil {
		return "", fmt.Errorf("give the documents new epochs: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	return old.replace(temp, path)
}

// oldLog is what is at a path before a restore.
type oldLog struct {
	info fs.FileInfo // nil: nothing
	db   *bbolt.DB   // holds the lock; nil if no relay could open the file
}

// holdOld keeps relays away from what is at path until it is released.
func holdOld(backup, path string, replace bool) (o oldLog, err error) {
	o.info, err = os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return oldLog{}, nil
	case err != nil:
		return oldLog{}, err
	case !replace:
		return oldLog{}, fmt.Errorf("%w: there is a log already; ask for it to be replaced, and it will be kept beside", fs.ErrExist)
	case !o.info.Mode().IsRegular():
		return oldLog{}, errors.New("what is there is no file")
	case o.info.Size() == 0:
		return o, nil
	}
	if source, err := os.Stat(backup); err != nil || os.SameFile(source, o.info) {
		return oldLog{}, errors.Join(err, errors.New("that is the same file"))
	}
	o.db, err = openFile(path, readable())
	_, named := errors.AsType[*fs.PathError](err)
	if err != nil && (named || errors.Is(err, oplog.ErrInUse)) {
		return oldLog{}, err
	}
	return o, nil // what does not open is damaged: nobody has it open, either
}

func (o *oldLog) release() {
	if o.db != nil {
		_ = o.db.Close()
	}
}

// replace puts a finished file in the place of the old log, which first gets a
// second name: at no moment is there no log.
func (o *oldLog) replace(temp, path string) (kept string, err error) {
	if o.info == nil {
		return "", place(temp, path, false)
	}
	if now, err := os.Stat(path); err != nil || !os.SameFile(now, o.info) {
		return "", errors.Join(err, errors.New("another log appeared there meanwhile"))
	}
	if kept, err = o.keep(path); err != nil {
		return "", fmt.Errorf("keep the old log: %w", err)
	}
	return kept, place(temp, path, true)
}

// keep gives the old log a second name, unless an earlier restore did.
func (o *oldLog) keep(path string) (kept string, err error) {
	names, err := filepath.Glob(globEscape(path) + ".before-*")
	if err != nil {
		return "", err
	}
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && os.SameFile(info, o.info) {
			return name, nil
		}
	}
	for now := time.Now().UTC(); ; now = now.Add(time.Millisecond) {
		kept = path + now.Format(".before-20060102T150405.000Z")
		err = os.Link(path, kept)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			err = copyOld(path, kept)
		}
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return kept, errors.Join(err, durable.SyncDir(filepath.Dir(path)))
}

// copyOld is for file systems without hard links.
func copyOld(path, kept string) error {
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	temp, err := writePart(path, func(f *os.File) error {
		_, err := io.Copy(f, from)
		return err
	})
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	return place(temp, kept, false)
}
