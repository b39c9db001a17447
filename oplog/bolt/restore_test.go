package bolt_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
	"github.com/baton-relay/baton/oplog/oplogtest"
)

// contents says what a log holds, epochs aside: for each document the entries
// and snapshots in one sum.
func contents(t *testing.T, path string) (docs map[oplog.DocID]string, epochs []oplog.Epoch) {
	t.Helper()
	mustCheckFile(t, path)
	l := openReadOnly(t, path)
	defer l.Close()
	docs = map[oplog.DocID]string{}
	ids, err := l.Docs(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		s, err := l.State(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.New()
		_, err = l.Read(t.Context(), id, s.Epoch, s.First-1, func(e *oplog.Entry) bool {
			fmt.Fprintln(sum, e.Offset, e.Dot, e.At, e.By, e.Clock)
			sum.Write(e.Payload)
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		snapshot, err := l.Snapshot(t.Context(), id, 0)
		if err != nil && !errors.Is(err, oplog.ErrNotFound) {
			t.Fatal(err)
		}
		docs[id] = fmt.Sprintf("%d-%d %x %d %x", s.First, s.Head, sum.Sum(nil), snapshot.Offset, snapshot.SHA256)
		epochs = append(epochs, s.Epoch)
	}
	return docs, epochs
}

// names lists what lies in the directory of a file.
func names(t *testing.T, path string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func checkNames(t *testing.T, path string, want ...string) {
	t.Helper()
	if got := names(t, path); !slices.Equal(got, want) {
		t.Errorf("in the directory there is %q, want %q", got, want)
	}
}

// someLog makes a small log whose only document is named, closes it and returns its path.
func someLog(t *testing.T, doc oplog.DocID) string {
	t.Helper()
	l := open(t, filepath.Join(t.TempDir(), "log.db"), bolt.Options{})
	if _, err := l.Append(t.Context(), oplog.Append{Doc: doc, Entries: oplogtest.Ops("a", 1, 10)}); err != nil {
		t.Fatal(err)
	}
	l.mustClose(t)
	return l.path
}

// mustBackup returns the path of a backup of a log.
func mustBackup(t *testing.T, path string) string {
	t.Helper()
	l := openReadOnly(t, path)
	defer l.Close()
	backup := filepath.Join(t.TempDir(), "backup.db")
	if err := l.BackupFile(t.Context(), backup, bolt.BackupOptions{}); err != nil {
		t.Fatal(err)
	}
	return backup
}

func TestBackupFile(t *testing.T) {
	path := fixture(t)
	want, epochs := contents(t, path)
	dir := t.TempDir()
	to := filepath.Join(dir, "backup.db")
	if err := os.WriteFile(to+".part-123", []byte("left by one that was killed"), 0o600); err != nil {
		t.Fatal(err)
	}
	var done, total int64
	o := bolt.BackupOptions{Progress: func(d, n int64) { done, total = d, n }}
	l := open(t, path, bolt.Options{})
	if err := l.BackupFile(t.Context(), to, o); err != nil {
		t.Fatal(err)
	}
	if done != total || total == 0 {
		t.Errorf("progress ended at %d of %d", done, total)
	}
	checkNames(t, to, "backup.db")
	if info, err := os.Stat(to); err != nil || info.Mode() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	if got, e := contents(t, to); fmt.Sprint(got) != fmt.Sprint(want) || !slices.Equal(e, epochs) {
		t.Errorf("the backup has %v %v, want %v %v", got, e, want, epochs)
	}

	if err := l.BackupFile(t.Context(), to, o); !errors.Is(err, fs.ErrExist) {
		t.Errorf("backup to a name that is taken: %v", err)
	}
	o.Replace = true
	for range 2 {
		if err := l.BackupFile(t.Context(), to, o); err != nil {
			t.Errorf("backup to replace an older one: %v", err)
		}
	}
	opened := open(t, to, bolt.Options{})
	opened.mustClose(t)
	if _, e := contents(t, to); slices.Contains(epochs, e[0]) {
		t.Error("the opened backup has the epochs of the log")
	}
	for name, to := range map[string]string{"a log": to, "itself": path, "a directory": dir} {
		if err := l.BackupFile(t.Context(), to, o); err == nil || !strings.Contains(err.Error(), "only a backup is replaced") {
			t.Errorf("replace %s with a backup: %v", name, err)
		}
	}
	checkNames(t, to, "backup.db")
}

func TestBackupFileStops(t *testing.T) {
	l := openReadOnly(t, fixture(t))
	to := filepath.Join(t.TempDir(), "backup.db")
	ctx, cancel := context.WithCancel(t.Context())
	o := bolt.BackupOptions{Progress: func(done, total int64) {
		if done > total/2 {
			cancel()
		}
	}}
	if err := l.BackupFile(ctx, to, o); !errors.Is(err, context.Canceled) {
		t.Errorf("a backup that nobody wants any more: %v", err)
	}
	checkNames(t, to)
}

func TestReceiveBackup(t *testing.T) {
	path := fixture(t)
	log := mustReadFile(t, path)
	backup := mustReadFile(t, mustBackup(t, path))
	damaged := bytes.Clone(backup)
	for from := 0; ; from++ {
		i := bytes.Index(damaged[from:], []byte(`{"a":5950}`))
		if i < 0 {
			break
		}
		from += i
		damaged[from+2] = 'b'
	}
	broken := errors.New("the line broke")
	for _, test := range []struct {
		name string
		file []byte
		end  error
		want string
	}{
		{"Whole", backup, nil, ""},
		{"Broken", backup[:len(backup)/2], broken, broken.Error()},
		{"Short", backup[:200_000], nil, "the file ends"},
		{"Nothing", nil, nil, "damaged"},
		{"Page", []byte("<html>not what was asked for</html>"), nil, "damaged"},
		{"Damaged", damaged, nil, "entry 5950: checksum"},
		{"Log", log, nil, "not a backup"},
	} {
		t.Run(test.name, func(t *testing.T) {
			send := func(_ context.Context, w io.Writer) error {
				_, err := w.Write(test.file)
				return errors.Join(err, test.end)
			}
			to := filepath.Join(t.TempDir(), "backup.db")
			err := bolt.ReceiveBackup(t.Context(), send, to, bolt.BackupOptions{})
			if test.want == "" {
				if got := mustReadFile(t, to); err != nil || !bytes.Equal(got, backup) {
					t.Errorf("got %d bytes, %v; want the %d that were sent", len(got), err, len(backup))
				}
				checkNames(t, to, "backup.db")
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
			checkNames(t, to)
		})
	}
}

func TestRestore(t *testing.T) {
	source := fixture(t)
	want, epochs := contents(t, source)
	for name, from := range map[string]string{"Backup": mustBackup(t, source), "Log": source} {
		t.Run(name, func(t *testing.T) {
			before := mustReadFile(t, from)
			path := filepath.Join(t.TempDir(), "made", "log.db")
			kept, err := bolt.Restore(t.Context(), from, path, bolt.RestoreOptions{})
			if err != nil || kept != "" {
				t.Fatalf("Restore: kept %q, %v", kept, err)
			}
			got, e := contents(t, path)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("the restored log has %v, want %v", got, want)
			}
			if slices.ContainsFunc(e, func(e oplog.Epoch) bool { return slices.Contains(epochs, e) }) {
				t.Errorf("its epochs %q are those of the source, %q", e, epochs)
			}
			if l := open(t, path, bolt.Options{}); l != nil {
				if s, err := l.State(t.Context(), "d"); err != nil || s.Epoch != e[0] {
					t.Errorf("opened it has epoch %q, %v; want %q", s.Epoch, err, e[0])
				}
			}
			if !bytes.Equal(mustReadFile(t, from), before) {
				t.Error("the source has changed")
			}
		})
	}
}

func TestRestoreReplaces(t *testing.T) {
	backup := mustBackup(t, fixture(t))
	want, _ := contents(t, backup)
	path := someLog(t, "old")
	old, _ := contents(t, path)
	before := mustReadFile(t, path)
	if _, err := bolt.Restore(t.Context(), backup, path, bolt.RestoreOptions{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("restore over a log without being asked to: %v", err)
	}
	if !bytes.Equal(mustReadFile(t, path), before) {
		t.Error("the log has changed")
	}
	checkNames(t, path, "log.db")

	if err := os.WriteFile(path+".part-1", []byte("left by one that was killed"), 0o600); err != nil {
		t.Fatal(err)
	}
	kept, err := bolt.Restore(t.Context(), backup, path, bolt.RestoreOptions{Replace: true})
	if err != nil || !strings.HasPrefix(kept, path+".before-") {
		t.Fatalf("Restore: kept %q, %v", kept, err)
	}
	checkNames(t, path, "log.db", filepath.Base(kept))
	if got, _ := contents(t, path); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the restored log has %v, want %v", got, want)
	}
	if got, _ := contents(t, kept); fmt.Sprint(got) != fmt.Sprint(old) {
		t.Errorf("the old log has %v, want %v", got, old)
	}
	again, err := bolt.Restore(t.Context(), kept, path, bolt.RestoreOptions{Replace: true})
	if err != nil || again == kept {
		t.Fatalf("restore of what was kept: kept %q, %v", again, err)
	}
	if got, _ := contents(t, path); fmt.Sprint(got) != fmt.Sprint(old) {
		t.Errorf("brought back it has %v, want %v", got, old)
	}
	checkNames(t, path, "log.db", filepath.Base(kept), filepath.Base(again))
}

// TestRestoreGoesOn checks that a restore which was cut after the old log got its
// second name does not give it a third.
func TestRestoreGoesOn(t *testing.T) {
	backup, path := mustBackup(t, fixture(t)), someLog(t, "old")
	second := path + ".before-20200102T030405.000Z"
	if err := os.Link(path, second); err != nil {
		t.Fatal(err)
	}
	if kept, err := bolt.Restore(t.Context(), backup, path, bolt.RestoreOptions{Replace: true}); err != nil || kept != second {
		t.Errorf("Restore: kept %q, %v; want %q", kept, err, second)
	}
	checkNames(t, path, "log.db", filepath.Base(second))
}

func TestRestoreThroughLink(t *testing.T) {
	backup, path := mustBackup(t, fixture(t)), someLog(t, "old")
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	kept, err := bolt.Restore(t.Context(), backup, link, bolt.RestoreOptions{Replace: true})
	if err != nil {
		t.Fatal(err)
	}
	checkNames(t, link, "link.db")
	checkNames(t, path, "log.db", filepath.Base(kept))
	if got, _ := contents(t, link); got["d"] == "" {
		t.Errorf("behind the link there is %v", got)
	}
}

// TestRestoreOverDamage restores where the old log does not open any more.
func TestRestoreOverDamage(t *testing.T) {
	backup := mustBackup(t, fixture(t))
	for _, old := range [][]byte{nil, []byte("short"), bytes.Repeat([]byte("x"), 100_000)} {
		path := filepath.Join(t.TempDir(), "log.db")
		if err := os.WriteFile(path, old, 0o600); err != nil {
			t.Fatal(err)
		}
		kept, err := bolt.Restore(t.Context(), backup, path, bolt.RestoreOptions{Replace: true})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(mustReadFile(t, kept), old) {
			t.Error("what was there is not kept")
		}
		mustCheckFile(t, path)
	}
}

func TestRestoreRefuses(t *testing.T) {
	good := mustBackup(t, fixture(t))
	whole := mustReadFile(t, good)
	write := func(file []byte) string {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	busy := open(t, someLog(t, "busy"), bolt.Options{})
	path := someLog(t, "old")
	before := mustReadFile(t, path)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		name, backup, path string
		ctx                context.Context
		want               string
	}{
		{"None", filepath.Join(t.TempDir(), "none"), path, t.Context(), "no such file"},
		{"Text", write([]byte(strings.Repeat("text\n", 10_000))), path, t.Context(), "not a log"},
		{"Cut", write(whole[:200_000]), path, t.Context(), "EOF"},
		{"Damaged", write(bytes.ReplaceAll(whole, []byte(`{"a":5950}`), []byte(`{"b":5950}`))), path, t.Context(), "damaged"},
		{"Canceled", good, path, canceled, context.Canceled.Error()},
		{"Itself", path, path, t.Context(), "the same file"},
		{"FromBusy", busy.path, path, t.Context(), oplog.ErrInUse.Error()},
		{"ToBusy", good, busy.path, t.Context(), oplog.ErrInUse.Error()},
		{"ToDirectory", good, filepath.Dir(path), t.Context(), "no file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := bolt.Restore(test.ctx, test.backup, test.path, bolt.RestoreOptions{Replace: true})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
			if !bytes.Equal(mustReadFile(t, path), before) {
				t.Error("the log has changed")
			}
			checkNames(t, path, "log.db")
			checkNames(t, busy.path, "log.db")
		})
	}
}
