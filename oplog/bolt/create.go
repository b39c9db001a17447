package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/baton-relay/baton/durable"
)

// create makes an empty log at path unless a file is there. The log is made
// under another name and gets its own when it is complete and synced, so that a
// crash leaves no half-made file behind that would not open.
func create(path string) error {
	dir := filepath.Dir(path)
	if err := durable.MakeDir(dir); err != nil {
		return err
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		// The process that made it may have been killed before it synced the name.
		return errors.Join(err, durable.SyncDir(dir))
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
	err = place(temp, path, false)
	if errors.Is(err, fs.ErrExist) {
		return durable.SyncDir(dir) // another process was faster: its log stays
	}
	return err
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
