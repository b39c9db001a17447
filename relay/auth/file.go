package auth

import (
	"fmt"
	"os"
	"time"
)

// watched is a small file that is read again when it changes.
type watched struct {
	path    string
	stat    os.FileInfo // of what was read last
	checked time.Time   // when the file was last looked at
}

// changed reports whether the file is another than the one that was read last.
// It looks once a second.
func (w *watched) changed(now time.Time) (bool, error) {
	if now.Sub(w.checked) < time.Second {
		return false, nil
	}
	w.checked = now
	stat, err := os.Stat(w.path)
	if err != nil {
		return false, err
	}
	return !os.SameFile(stat, w.stat) || !stat.ModTime().Equal(w.stat.ModTime()) || stat.Size() != w.stat.Size(), nil
}

// read has take take what the file holds. What take refuses is looked at again
// each second, until it is taken.
func (w *watched) read(what string, take func(data []byte, stat os.FileInfo) error) error {
	w.checked = time.Now()
	stat, err := os.Stat(w.path)
	if err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	data, err := os.ReadFile(w.path)
	if err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	if err := take(data, stat); err != nil {
		return fmt.Errorf("read %s %s: %w", what, w.path, err)
	}
	w.stat = stat
	return nil
}
