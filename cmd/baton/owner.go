package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// withOwner adds to an error of the data folder what to do where the folder is
// another user's, such as a container's volume that root made.
func withOwner(err error, data string) error {
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	data, absErr := filepath.Abs(data)
	if absErr != nil {
		return err
	}
	there := data
	info, statErr := os.Stat(there)
	for errors.Is(statErr, fs.ErrNotExist) && there != filepath.Dir(there) {
		there = filepath.Dir(there)
		info, statErr = os.Stat(there)
	}
	if statErr != nil {
		return err
	}
	uid, known := ownerOf(info)
	if !known || uid == os.Geteuid() {
		return err
	}
	if there != data {
		return fmt.Errorf("%w: this process is user %d, and %s is user %d's: as that one, make %s and give it away (chown %[2]d:%[6]d %[5]s), or take another --data",
			err, os.Geteuid(), there, uid, data, os.Getegid())
	}
	return fmt.Errorf("%w: this process is user %d, and %s is user %d's: give it away as root (chown -R %[2]d:%[5]d %[3]s; of a container's volume from outside), or take another --data",
		err, os.Geteuid(), there, uid, os.Getegid())
}
