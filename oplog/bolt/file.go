package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/bits"
	"os"
	"syscall"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt/pages"
)

// writable are the options under which a log is written.
//
// The freelist is rebuilt at opening rather than written with every commit. The
// mapping starts large because a larger one has to wait for all reads to end; it
// is address space, not memory.
func writable() *bbolt.Options {
	return &bbolt.Options{
		Timeout:         lockTimeout,
		NoFreelistSync:  true,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: addressSpace,
	}
}

// addressSpace is how much a log maps at first, if it can get that: 16 GiB.
// On 32-bit systems it maps as it goes.
const addressSpace = 1 << 34 >> (64 - bits.UintSize)

// readable are the options under which a log is only looked at.
func readable() *bbolt.Options {
	return &bbolt.Options{Timeout: lockTimeout, ReadOnly: true, FreelistType: bbolt.FreelistMapType}
}

// checkSound walks the pages of a file, which nobody writes to meanwhile: bbolt
// would not survive one that makes no sense.
func checkSound(path string, log *slog.Logger) error {
	var damage error
	err := pages.Walk(path, func(page uint64, err error) {
		if page < 2 {
			log.Warn("one of the two meta pages is damaged; if it was the newer one, the log is as it was one commit earlier", logError, err)
		} else if damage == nil {
			damage = &oplog.CorruptionError{Place: fmt.Sprintf("%s, page %d", path, page), Err: err}
		}
	})
	return errors.Join(err, damage)
}

// openFile opens the bbolt file at path, and with it takes its lock. A file that
// got another name just before it was locked (see [Restore]) is let go: what is
// at path counts.
func openFile(path string, o *bbolt.Options) (db *bbolt.DB, err error) {
	for range 10 {
		db, at, err := tryOpenFile(path, o)
		if err != nil {
			return nil, err
		}
		if now, err := os.Stat(path); err == nil && os.SameFile(at, now) {
			return db, nil
		}
		if err := db.Close(); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s becomes another file again and again", path)
}

// tryOpenFile returns the file that was opened as well. A start that makes no
// sense is an error here, where bbolt itself would panic.
func tryOpenFile(path string, o *bbolt.Options) (db *bbolt.DB, at fs.FileInfo, err error) {
	var file *os.File
	o.OpenFile = func(path string, flag int, mode fs.FileMode) (f *os.File, err error) {
		file, err = os.OpenFile(path, flag, mode)
		if err == nil && o.ReadOnly {
			err = notEmpty(file)
		}
		return file, err
	}
	defer func() {
		if r := recover(); r != nil {
			file.Close() // and with it the lock
			err = &oplog.CorruptionError{Place: path, Err: fmt.Errorf("%v", r)}
		}
	}()
	db, err = bbolt.Open(path, 0o600, o)
	for errors.Is(err, syscall.ENOMEM) && o.InitialMmapSize > 0 {
		o.InitialMmapSize /= 4
		db, err = bbolt.Open(path, 0o600, o)
	}
	if err != nil {
		return nil, nil, explain(path, err)
	}
	if at, err = file.Stat(); err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return db, at, nil
}

// ErrEmpty says that a file has 0 bytes. No log is ever that short, so the file has
// lost what it held.
var ErrEmpty = errors.New("the file is empty: what it held is lost; restore a backup, or, to begin anew, delete the file")

// notEmpty closes a file that is empty.
func notEmpty(f *os.File) error {
	info, err := f.Stat()
	if err == nil && info.Size() == 0 {
		err = ErrEmpty
	}
	if err != nil {
		f.Close()
	}
	return err
}

// explain says what it means that bbolt cannot open a file.
func explain(path string, err error) error {
	switch {
	case errors.Is(err, ErrEmpty):
		return fmt.Errorf("%s: %w", path, err)
	case errors.Is(err, berrors.ErrTimeout):
		return fmt.Errorf("%w: %s: stop the relay or tool that has it open, or give this one another file", oplog.ErrInUse, path)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return fmt.Errorf("%s is not a log of this program, or damaged at its start: %w", path, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: the file must belong to this user", err)
	}
	if _, named := errors.AsType[*fs.PathError](err); named {
		return err
	}
	return fmt.Errorf("%s is no log, or its end is missing: %w", path, err) // such as a file that is too short
}
