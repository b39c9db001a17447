package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// BackupOptions adjusts how a backup is written to a file. The zero value is a
// good choice.
type BackupOptions struct {
	// Replace lets it take the place of an older backup of its name. A file
	// that is no backup is never replaced.
	Replace bool
	// Progress, unless nil, is called after each few bytes, in the goroutine of
	// the caller. total is 0 if nobody knows it. The checks that follow the last
	// byte are not counted.
	Progress func(done, total int64)
}

// BackupFile writes a backup of the log into a new file, as the log is at one
// moment. The file is there once it is whole, checked to its last byte (see
// [CheckFile]) and synced; until then it lies beside, and if it is cut what is left
// goes with the next backup to that name. It takes as much room as the log, and
// holds up nobody. To one name there can be one backup at a time.
//
// Errors: [fs.ErrExist] unless o.Replace, [oplog.ErrUnavailable], those of the
// file system, and *[oplog.CorruptionError] if the copy is not whole.
func (l *Log) BackupFile(ctx context.Context, to string, o BackupOptions) error {
	write := func() (temp string, err error) { return l.copyBeside(ctx, to, o.Progress) }
	return makeBackup(ctx, to, o, write, markBackup)
}

// ReceiveBackup is [Log.BackupFile] for a backup that comes from elsewhere: send
// writes it, such as the Backup method of a log behind a network. What is not
// whole, or no backup, gets no name; errors are those of send, too.
func ReceiveBackup(ctx context.Context, send func(ctx context.Context, w io.Writer) error, to string, o BackupOptions) error {
	write := func() (temp string, err error) {
		return writePart(to, func(f *os.File) error {
			return send(ctx, &partWriter{ctx: ctx, w: f, progress: o.Progress})
		})
	}
	return makeBackup(ctx, to, o, write, wantBackup)
}

func wantBackup(path string) error {
	marked, err := isBackup(path)
	if err == nil && !marked {
		err = errors.New("what came is a log that is in use somewhere, not a backup")
	}
	return err
}

// makeBackup has finish complete what write left beside to, once that is checked.
func makeBackup(ctx context.Context, to string, o BackupOptions, write func() (temp string, err error), finish func(temp string) error) error {
	err := replaceable(to, o.Replace)
	if err == nil {
		err = removeParts(to)
	}
	if err == nil {
		err = writeBackup(ctx, to, o, write, finish)
	}
	if err != nil {
		return fmt.Errorf("backup to %s: %w", to, err)
	}
	return nil
}

func writeBackup(ctx context.Context, to string, o BackupOptions, write func() (temp string, err error), finish func(temp string) error) error {
	temp, err := write()
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	if err := checkWhole(ctx, temp); err != nil {
		return fmt.Errorf("check what was written: %w", err)
	}
	if err := finish(temp); err != nil {
		return err
	}
	if err := replaceable(to, o.Replace); err != nil {
		return err // somebody else's came meanwhile
	}
	return place(temp, to, o.Replace)
}

// replaceable says whether a backup may be written to a file of that name.
func replaceable(to string, replace bool) error {
	info, err := os.Stat(to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !replace:
		return fmt.Errorf("%w: name another file, or ask for this one to be replaced", fs.ErrExist)
	case info.Size() == 0 && info.Mode().IsRegular():
		return nil
	}
	marked, err := isBackup(to)
	if err != nil {
		return fmt.Errorf("only a backup is replaced: %w", err)
	}
	if !marked {
		return errors.New("only a backup is replaced, and this is a log: name another file")
	}
	return nil
}
