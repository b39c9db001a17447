package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// create makes an empty log at path unless a file is there. The log is made
// under another name and gets its own when it is complete and synced, so that a
// crash leaves no half-made file behind that would not open.
func create(path string) error {
	if info, err := os.Stat(path); err == nil && info.Size() > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	temp := f.Name()
	defer os.Remove(temp)
	if err := f.Close(); err != nil {
		return err
	}
	if err := initialize(temp); err != nil {
		return err
	}
	if err := moveNew(temp, path); err != nil {
		return err
	}
	return syncDir(dir)
}

// moveNew gives a file its name, unless another process was faster: then its
// file stays.
func moveNew(temp, path string) error {
	if info, err := os.Stat(path); err == nil && info.Size() == 0 {
		return os.Rename(temp, path)
	}
	err := os.Link(temp, path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return os.Rename(temp, path) // a file system without hard links
}

// initialize makes the buckets of an empty log.
func initialize(path string) error {
	return updateFile(path, func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucket(name); err != nil {
				return fmt.Errorf("create bucket %s: %w", name, err)
			}
		}
		return putVersion(tx)
	})
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
