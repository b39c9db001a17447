package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/baton-relay/baton/oplog/bolt"
)

type backupCmd struct {
	File  string `arg:"" help:"Where the backup goes."`
	Force bool   `short:"f" help:"Take the place of an older backup."`
}

// Help implements [kong.HelpProvider].
func (backupCmd) Help() string {
	return `The backup is the log as it is at one moment; the relay goes on meanwhile. It gets its name once it is whole: checked to its last byte, and on the disk.

To go back to it use restore. Never copy the file to where a log was: clients would take it for the log that they know, and what came after the backup would be missing without a word.

Examples:
  baton-snapshot backup /backups/$(date +%F).db --url http://localhost:8080 --token $T
  baton-snapshot backup copy.db --log data/oplog.db`
}

// backedUp is the result.
type backedUp struct {
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
}

// Run makes the backup.
func (c *backupCmd) Run(t *tool) error {
	log, err := t.reading()
	if err != nil {
		return err
	}
	defer log.Close()
	bar := t.progress(1, "backing up", unitBytes)
	o := bolt.BackupOptions{Replace: c.Force, Progress: func(done, total int64) {
		if total > 0 {
			bar.ChangeMax64(total)
		}
		_ = bar.Set64(done)
	}}
	if file, ok := log.(*bolt.Log); ok {
		err = file.BackupFile(t.ctx, c.File, o)
	} else {
		err = bolt.ReceiveBackup(t.ctx, log.Backup, c.File, o)
	}
	_ = bar.Clear()
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: give --force if it is an older backup that may go, or another name", c.File)
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(c.File)
	if err != nil {
		return err
	}
	done := &backedUp{c.File, info.Size()}
	return t.print(done, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s: %s, whole\n", done.File, size(done.Bytes))
		return err
	})
}

type restoreCmd struct {
	File    string `arg:"" help:"The backup."`
	Replace bool   `help:"Take the place of what is there. A log file is kept beside, as NAME.before-TIME; a relay's documents are deleted."`
}

// Help implements [kong.HelpProvider].
func (restoreCmd) Help() string {
	return `Every document gets a new epoch: clients find that out when they come back, tell what the log now lacks of theirs, and ask their people what to do. Nothing goes wrong in silence.

With --log the backup becomes that file, which no relay may hold meanwhile. With --url its documents are written into a running relay, one by one; that needs the right admin, and documents that are pruned cannot be restored this way. If it is cut, the same command goes on.

Examples:
  baton-snapshot restore /backups/2026-11-24.db --log data/oplog.db
  baton-snapshot restore /backups/2026-11-24.db --log data/oplog.db --replace`
}

// restored is the result.
type restored struct {
	Log       string         `json:"log,omitempty"`
	Kept      string         `json:"kept,omitempty"` // where the log lies that was there
	URL       string         `json:"url,omitempty"`
	Documents []*restoredDoc `json:"documents,omitempty"`
}

// Run restores the backup.
func (c *restoreCmd) Run(t *tool) error {
	if t.URL != "" {
		return c.intoRelay(t)
	}
	bar := t.progress(1, "restoring", unitBytes)
	kept, err := bolt.Restore(t.ctx, c.File, t.path(), bolt.RestoreOptions{Replace: c.Replace, Progress: func(done, total int64) {
		bar.ChangeMax64(total)
		_ = bar.Set64(done)
	}})
	_ = bar.Clear()
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("there is a log at %s: give --replace to put the backup in its place; the log is kept beside it", t.path())
	}
	if err != nil {
		return t.explain(err)
	}
	done := &restored{Log: t.path(), Kept: kept}
	return t.print(done, func(w io.Writer) error {
		fmt.Fprintf(w, "%s is restored; its documents have new epochs.\n", done.Log)
		if kept != "" {
			fmt.Fprintf(w, "What was there is kept as %s.\n", kept)
		}
		return nil
	})
}
