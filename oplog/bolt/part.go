package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/baton-relay/baton/durable"
	"github.com/baton-relay/baton/oplog"
)

// A file that is being made lies beside the place where it is to be, under
// another name, and gets its own once it is whole and synced. What a killed
// process leaves is removed by who makes the same file next.
const partSuffix = ".part-*"

// writePart has fill write a new file beside path, and syncs it.
func writePart(path string, fill func(f *os.File) error) (temp string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+partSuffix) // mode 0600
	if err != nil {
		return "", err
	}
	if err = fill(f); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// removeParts removes what earlier processes left of files that were to be at
// path. One that is being made at this moment fails for that.
func removeParts(path string) error {
	parts, err := filepath.Glob(globEscape(path) + partSuffix)
	for _, part := range parts {
		err = errors.Join(err, os.Remove(part))
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

// place gives a finished file its name, durably. What is at path already is
// [fs.ErrExist] unless it may be replaced.
func place(temp, path string, replace bool) error {
	err := error(nil)
	if replace {
		err = os.Rename(temp, path)
	} else {
		err = placeNew(temp, path)
	}
	if err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(path))
}

func placeNew(temp, path string) error {
	if err := os.Link(temp, path); err == nil || errors.Is(err, fs.ErrExist) {
		return err // temp goes with its maker
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) { // a file system without hard links
		return errors.Join(err, fmt.Errorf("%w: %s", fs.ErrExist, path))
	}
	return os.Rename(temp, path)
}

// checkWhole is [CheckFile] for who wants to know just whether a file is whole.
func checkWhole(ctx context.Context, path string) error {
	var first error
	places := 0
	err := checkFile(ctx, path, func(c *oplog.CorruptionError) {
		if places++; first == nil {
			first = c
		}
	})
	if errors.Is(err, ErrEmpty) {
		return errors.New("it is damaged: it is empty")
	}
	if first != nil {
		return fmt.Errorf("it is damaged (places: %d): %w", places, first)
	}
	return err
}

// partWriter counts what is written, and ends with its context.
type partWriter struct {
	ctx      context.Context
	w        io.Writer
	progress func(done, total int64) // may be nil

	done, total int64
}

func (w *partWriter) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.w.Write(p)
	w.done += int64(n)
	if w.progress != nil {
		w.progress(w.done, w.total)
	}
	return n, err
}
