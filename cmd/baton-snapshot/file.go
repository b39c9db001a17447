package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/baton-relay/baton/durable"
)

// save puts what a command made into a file, or prints it where none is named.
func (t *tool) save(name string, force bool, content []byte) error {
	if name == "" || name == "-" {
		_, err := t.out.Write(content)
		return err
	}
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) && !force {
		return fmt.Errorf("%s is there already: give --force to write over it", name)
	}
	if err := writeFile(name, content); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	t.remark("Wrote %s, %s.", name, size(int64(len(content))))
	return nil
}

// writeFile writes a file beside its place and moves it there: it is whole or
// not there.
func writeFile(name string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".part-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(content)
	if err = cmp.Or(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), name); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(name))
}
