// Package durable makes files and folders whose names outlive a power cut. To
// sync a file is not enough for that: its name is in its folder, and that
// folder's name in another one. It is for whatever keeps something on disk, and
// knows nothing of what that is.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// MakeDir makes a folder, with those above it that are missing, for this user
// alone. When it returns, the names of all of them are on disk, unless this user
// may not read the folder that a name is in: then it cannot be synced.
//
// A folder that is there already is synced in its parent too, as far as that is
// possible: a process that made it may have been killed before it did so.
func MakeDir(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	missing := 0
	for p := path; notThere(p); p = filepath.Dir(p) {
		missing++
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	path, err = filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	if missing == 0 {
		_ = SyncDir(filepath.Dir(path)) // not every file system takes that, and the name is not ours
	}
	for range missing {
		path = filepath.Dir(path)
		if err := SyncDir(path); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}

func notThere(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist) && path != filepath.Dir(path)
}

// SyncDir makes the names in a folder durable.
func SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// WriteFile puts a file in the place of another or of none, in one step, for this
// user alone. It writes path.new first: of one path there must be one writer.
func WriteFile(path string, content []byte) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}
