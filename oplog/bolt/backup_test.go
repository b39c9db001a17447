package bolt

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/oplogtest"
)

// slowWriter does something before each write.
type slowWriter struct {
	buf    bytes.Buffer
	before func()
}

func (w *slowWriter) Write(p []byte) (int, error) {
	w.before()
	return w.buf.Write(p)
}

func TestBackup(t *testing.T) {
	l, _ := openFated(t, logPath(t), smallCache)
	epoch := mustAppend(t, l, "d", "", oplogtest.Ops("a", 1, 600)...)
	mustAppend(t, l, "e", "", oplogtest.Ops("a", 1, 3)...)
	if _, _, err := l.PutSnapshot(t.Context(), "d", 500, oplog.SnapshotInfo{Format: "json"}, strings.NewReader("state")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Prune(t.Context(), "d", 450); err != nil {
		t.Fatal(err)
	}
	seq := uint64(600)
	copied := slowWriter{before: func() {
		seq++ // the log goes on while the copy is sent
		mustAppend(t, l, "d", epoch, oplogtest.Op("a", seq))
	}}
	if err := l.Backup(t.Context(), &copied); err != nil {
		t.Fatal(err)
	}
	if seq == 600 {
		t.Error("nothing was appended meanwhile, so this test proves nothing")
	}
	checkNoCopies(t, l)

	path := writeFile(t, copied.buf.Bytes())
	restored, _ := openFated(t, path, Options{})
	s, err := restored.State(t.Context(), "d")
	if err != nil || s.First != 450 || s.Head != 600 || s.Heads.Clock.Get("a") != 600 || s.Epoch == epoch || len(s.Epoch) < 16 {
		t.Errorf("the restored document is %+v, %v", s, err)
	}
	if _, err := restored.Read(t.Context(), "d", epoch, 500, func(*oplog.Entry) bool { return true }); !errors.Is(err, oplog.ErrEpoch) {
		t.Errorf("read in the epoch of the original: %v", err)
	}
	mustAppend(t, restored, "d", s.Epoch, oplogtest.Op("a", 601))
	if snap, err := restored.Snapshot(t.Context(), "d", 0); err != nil || snap.Offset != 500 {
		t.Errorf("the restored snapshot is at %d, %v", snap.Offset, err)
	}
	closeChecked(t, restored)
	again, _ := openFated(t, path, Options{})
	if a, err := again.State(t.Context(), "d"); err != nil || a.Epoch != s.Epoch {
		t.Errorf("opened again the epoch is %q, %v; want %q", a.Epoch, err, s.Epoch)
	}
}

func checkNoCopies(t *testing.T, l *Log) {
	t.Helper()
	names, err := os.ReadDir(filepath.Dir(l.path))
	if err != nil || len(names) != 1 {
		t.Errorf("beside the log there is %v, %v", names, err)
	}
}

func TestBackupStops(t *testing.T) {
	l, _ := openFated(t, logPath(t), Options{})
	mustAppend(t, l, "d", "", oplogtest.Ops("a", 1, 100)...)
	ctx, cancel := context.WithCancel(t.Context())
	w := slowWriter{before: cancel}
	if err := l.Backup(ctx, &w); !errors.Is(err, context.Canceled) {
		t.Errorf("a backup that nobody wants any more: %v", err)
	}
	checkNoCopies(t, l)
}

// TestOpenRemovesCopies checks that what a killed process leaves of a backup
// goes with the next opening, and nothing else.
func TestOpenRemovesCopies(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lo[g]*.db")
	for _, name := range []string{path + ".part-1234", path + ".backup-1", filepath.Join(filepath.Dir(path), "lo.db.part-1")} {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, _ := openFated(t, path, Options{})
	mustAppend(t, l, "d", "", oplogtest.Op("a", 1))
	var got []string
	entries, err := os.ReadDir(filepath.Dir(path))
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if want := []string{"lo.db.part-1", "lo[g]*.db", "lo[g]*.db.backup-1"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("there is %q, %v; want %q", got, err, want)
	}
}

func TestFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "for it", "log.db")
	l, _ := openFated(t, path, Options{})
	mustAppend(t, l, "d", "", oplogtest.Op("a", 1))
	for name, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700 | os.ModeDir} {
		if info, err := os.Stat(name); err != nil || info.Mode() != want {
			t.Errorf("mode of %s is %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
}

func TestOpenForeignFiles(t *testing.T) {
	sample := writeSample(t)
	newer := bytes.Clone(sample)
	for _, test := range []struct {
		name, want string
		file       []byte
	}{
		{"Text", "not a log", []byte(strings.Repeat("this is no database\n", 1000))},
		{"Short", "not a log", []byte("short")},
		{"Zeros", "not a log", make([]byte, 100_000)},
		{"CutOff", "the file ends", sample[:len(sample)/8]},
		{"NewerVersion", "use a newer", setVersion(t, newer, formatVersion+1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := Open(writeFile(t, test.file), Options{})
			if err == nil {
				l.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Open: %v, want one with %q", err, test.want)
			}
		})
	}
	if _, err := Open(t.TempDir(), Options{}); err == nil {
		t.Error("opened a directory")
	}
}

// setVersion returns the file with another format version in it.
func setVersion(t *testing.T, file []byte, version byte) []byte {
	t.Helper()
	old := oplog.Seal(nil, metaVersion, []byte{formatVersion})
	changed := bytes.ReplaceAll(file, old, oplog.Seal(nil, metaVersion, []byte{version}))
	if bytes.Equal(changed, file) {
		t.Fatal("found no version")
	}
	return changed
}

// TestOwnersSurvive checks that who an actor belongs to is still known when its
// entries are pruned and the log was closed.
func TestOwnersSurvive(t *testing.T) {
	path := logPath(t)
	l, _ := openFated(t, path, Options{})
	e := oplogtest.Op("a", 1)
	e.By = "ann"
	mustAppend(t, l, "d", "", e, oplogtest.Op("b", 1, clock.Dot{Actor: "a", Seq: 1}))
	if _, _, err := l.PutSnapshot(t.Context(), "d", 2, oplog.SnapshotInfo{Format: "json"}, strings.NewReader("state")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Prune(t.Context(), "d", 3); err != nil {
		t.Fatal(err)
	}
	closeChecked(t, l)
	l, _ = openFated(t, path, Options{})
	s, err := l.State(t.Context(), "d")
	if err != nil || s.Heads.Owner("a") != "ann" || s.Heads.Owner("b") != "" || s.At == 0 {
		t.Errorf("state is %+v, %v", s, err)
	}
}
