//go:build !linux

package main

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// What only Linux is asked is not known elsewhere, and not checked.

func mayWrite(dir string) bool {
	f, err := os.CreateTemp(dir, ".baton-doctor-*")
	if err != nil {
		return false
	}
	return errors.Join(f.Close(), os.Remove(f.Name())) == nil
}

func ownerOf(fs.FileInfo) (uid int, known bool) { return 0, false }

func volumeOf(string) (volume, error) { return volume{}, errors.ErrUnsupported }

func syncData(f *os.File) error { return f.Sync() }

func holderOf(string) string { return "another process" }

func fileLimit() (limit uint64, known bool) { return 0, false }

func backlog() (n int, known bool) { return 0, false }

func clockState() (synced bool, off time.Duration, known bool) { return false, 0, false }

func memory() memoryState { return memoryState{} }
