package bolt

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/baton-relay/baton/durable/durabletest"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/oplogtest"
)

// A log that is made, or restored, in folders that are not there has a name that
// outlives a power cut.
func TestNamesOfNewFoldersAreSynced(t *testing.T) {
	needStrace(t)
	backup := logPath(t)
	l, err := Open(backup, Options{})
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, "d", "", oplogtest.Op("a", 1))
	closeChecked(t, l)
	for role, args := range map[string][]string{"append": {"", "1"}, "restore": {"", backup}} {
		t.Run(role, func(t *testing.T) {
			dir, trace := t.TempDir(), filepath.Join(t.TempDir(), "trace")
			args[0] = filepath.Join(dir, "new", "folders", "log.db")
			if role == "restore" {
				args[0], args[1] = args[1], args[0]
			}
			if out, err := child(t, durabletest.Strace(trace), role, args...).Output(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			names, err := durabletest.Unsynced(trace, dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				t.Errorf("a power cut may take %s: nothing has synced its folder", name)
			}
		})
	}
}

// Two processes make a log at once where files cannot be linked: the one that
// comes second takes the log of the first.
func TestCreateNeverReplacesALog(t *testing.T) {
	strace := needStrace(t)
	path, made := logPath(t), logPath(t)
	l, err := Open(made, Options{})
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, "d", "", oplogtest.Op("a", 1))
	closeChecked(t, l)
	// The second one is held at its link, which then fails.
	under := []string{
		strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace=link,linkat",
		"-e", "inject=link,linkat:error=EPERM:delay_enter=1s", "--",
	}
	second := child(t, under, "append", path, "0")
	var said bytes.Buffer
	second.Stdout = &said
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	for wait := time.Tick(time.Millisecond); ; <-wait {
		// The last page of a new log is written before the link.
		made, err := filepath.Glob(path + ".new-*")
		if err != nil {
			t.Fatal(err)
		}
		if len(made) == 1 {
			if info, err := os.Stat(made[0]); err == nil && info.Size() > 0 {
				break
			}
		}
	}
	if err := os.Rename(made, path); err != nil { // the first is faster
		t.Fatal(err)
	}
	if err := second.Wait(); err != nil {
		t.Fatalf("the second process: %v\n%s", err, said.String())
	}
	if l, err = Open(path, Options{}); err != nil {
		t.Fatal(err)
	}
	defer closeChecked(t, l)
	if s, err := l.State(t.Context(), "d"); err != nil || s.Head != 1 {
		t.Errorf("the log of the first process has d at %d, %v; want its op", s.Head, err)
	}
}

// No log is ever empty: a file of 0 bytes has lost what it held, and nothing
// begins anew by itself.
func TestEmptyFileIsRefused(t *testing.T) {
	path := writeFile(t, nil)
	open := func(path string, o Options) error {
		l, err := Open(path, o)
		if err == nil {
			err = l.Close()
		}
		return err
	}
	look := func(path string, o Options) error {
		l, err := OpenReadOnly(path, o)
		if err == nil {
			err = l.Close()
		}
		return err
	}
	check := func(path string, o Options) error {
		var found error
		err := CheckFile(t.Context(), path, func(c *oplog.CorruptionError) { found = c })
		return errors.Join(err, found)
	}
	for name, open := range map[string]func(string, Options) error{"Open": open, "OpenReadOnly": look, "CheckFile": check} {
		err := open(path, Options{})
		if !errors.Is(err, ErrEmpty) || !strings.Contains(err.Error(), "restore a backup") || !strings.Contains(err.Error(), "delete the file") {
			t.Errorf("%s: got %v, want that it is empty, and what to do", name, err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() != 0 {
			t.Errorf("%s: the file is not as it was: %v", name, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := open(path, Options{}); err != nil {
		t.Errorf("Open once the file is deleted: %v", err)
	}
}
