package bolt_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
	"github.com/baton-relay/baton/oplog/oplogtest"
)

// readOnlyReads is a log that is opened for reading only whenever it is read,
// and for writing whenever it is written.
type readOnlyReads struct {
	path string

	mu       sync.Mutex
	log      *bolt.Log // guarded by mu, like what follows
	readOnly bool
}

func (l *readOnlyReads) use(readOnly bool) *bolt.Log {
	if l.log != nil && l.readOnly == readOnly {
		return l.log
	}
	err := l.close()
	if err == nil {
		open := bolt.Open
		if readOnly {
			open = bolt.OpenReadOnly
		}
		l.log, err = open(l.path, bolt.Options{CommitInterval: -1})
	}
	if err != nil {
		panic(err)
	}
	l.readOnly = readOnly
	return l.log
}

func (l *readOnlyReads) close() error {
	if l.log == nil {
		return nil
	}
	return l.log.Close()
}

func (l *readOnlyReads) do(readOnly bool, f func(*bolt.Log)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l.use(readOnly))
}

func (l *readOnlyReads) Append(ctx context.Context, a oplog.Append) (e oplog.Epoch, err error) {
	l.do(false, func(log *bolt.Log) { e, err = log.Append(ctx, a) })
	return e, err
}

func (l *readOnlyReads) State(ctx context.Context, doc oplog.DocID) (s oplog.State, err error) {
	l.do(true, func(log *bolt.Log) { s, err = log.State(ctx, doc) })
	return s, err
}

func (l *readOnlyReads) Read(ctx context.Context, doc oplog.DocID, epoch oplog.Epoch, after oplog.Offset, visit func(*oplog.Entry) bool) (s oplog.Span, err error) {
	l.do(true, func(log *bolt.Log) { s, err = log.Read(ctx, doc, epoch, after, visit) })
	return s, err
}

func (l *readOnlyReads) Locate(ctx context.Context, doc oplog.DocID, c clock.Vector) (at oplog.Offset, err error) {
	l.do(true, func(log *bolt.Log) { at, err = log.Locate(ctx, doc, c) })
	return at, err
}

func (l *readOnlyReads) Lookup(ctx context.Context, doc oplog.DocID, dots []clock.Dot, visit func(*oplog.Entry) bool) (err error) {
	l.do(true, func(log *bolt.Log) { err = log.Lookup(ctx, doc, dots, visit) })
	return err
}

func (l *readOnlyReads) Docs(ctx context.Context, after oplog.DocID, limit int) (ids []oplog.DocID, err error) {
	l.do(true, func(log *bolt.Log) { ids, err = log.Docs(ctx, after, limit) })
	return ids, err
}

func (l *readOnlyReads) PutSnapshot(ctx context.Context, doc oplog.DocID, at oplog.Offset, info oplog.SnapshotInfo, r io.Reader) (s oplog.Snapshot, stored bool, err error) {
	l.do(false, func(log *bolt.Log) { s, stored, err = log.PutSnapshot(ctx, doc, at, info, r) })
	return s, stored, err
}

func (l *readOnlyReads) Snapshot(ctx context.Context, doc oplog.DocID, atOrBefore oplog.Offset) (s oplog.Snapshot, err error) {
	l.do(true, func(log *bolt.Log) { s, err = log.Snapshot(ctx, doc, atOrBefore) })
	return s, err
}

// SnapshotData returns a reader that outlives the opening it came from.
func (l *readOnlyReads) SnapshotData(ctx context.Context, doc oplog.DocID, at oplog.Offset) (io.ReaderAt, error) {
	r := readerAtFunc(func(p []byte, off int64) (n int, err error) {
		l.do(true, func(log *bolt.Log) {
			var r io.ReaderAt
			if r, err = log.SnapshotData(ctx, doc, at); err == nil {
				n, err = r.ReadAt(p, off)
			}
		})
		return n, err
	})
	if _, err := r(nil, 0); err != nil {
		return nil, err
	}
	return r, nil
}

type readerAtFunc func(p []byte, off int64) (int, error)

func (f readerAtFunc) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }

func (l *readOnlyReads) DeleteSnapshot(ctx context.Context, doc oplog.DocID, at oplog.Offset) (err error) {
	l.do(false, func(log *bolt.Log) { err = log.DeleteSnapshot(ctx, doc, at) })
	return err
}

func (l *readOnlyReads) Prune(ctx context.Context, doc oplog.DocID, before oplog.Offset) (first oplog.Offset, err error) {
	l.do(false, func(log *bolt.Log) { first, err = log.Prune(ctx, doc, before) })
	return first, err
}

func (l *readOnlyReads) Delete(ctx context.Context, doc oplog.DocID) (err error) {
	l.do(false, func(log *bolt.Log) { err = log.Delete(ctx, doc) })
	return err
}

func (l *readOnlyReads) Backup(ctx context.Context, w io.Writer) (err error) {
	l.do(true, func(log *bolt.Log) { err = log.Backup(ctx, w) })
	return err
}

func (l *readOnlyReads) Health() (err error) {
	l.do(false, func(log *bolt.Log) { err = log.Health() })
	return err
}

func (l *readOnlyReads) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.close()
}

// TestContractReadOnly holds what a log shows that is open for reading only to
// the same promises as one that is written.
func TestContractReadOnly(t *testing.T) {
	oplogtest.Run(t, func(t *testing.T) oplog.Log {
		l := &readOnlyReads{path: filepath.Join(t.TempDir(), "log.db")}
		l.use(false)
		t.Cleanup(func() {
			if err := l.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			mustCheckFile(t, l.path)
		})
		return l
	})
}

// fixture makes a log of two documents with snapshots, prunes one so that much is
// left to sweep, closes it and returns its path.
func fixture(t *testing.T) string {
	t.Helper()
	l := open(t, filepath.Join(t.TempDir(), "log.db"), bolt.Options{})
	for _, doc := range []oplog.DocID{"d", "e"} {
		if _, err := l.Append(t.Context(), oplog.Append{Doc: doc, Entries: oplogtest.Ops("a", 1, 6000)}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := l.PutSnapshot(t.Context(), doc, 5900, oplog.SnapshotInfo{Format: "json"}, strings.NewReader("state")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Prune(t.Context(), "d", 5800); err != nil {
		t.Fatal(err)
	}
	l.mustClose(t)
	return l.path
}

func mustReadFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func openReadOnly(t *testing.T, path string) *bolt.Log {
	t.Helper()
	l, err := bolt.OpenReadOnly(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestReadOnlyChangesNothing(t *testing.T) {
	path := fixture(t)
	backup := filepath.Join(filepath.Dir(path), "log.db.backup")
	one := openReadOnly(t, path)
	if err := one.BackupFile(t.Context(), backup, bolt.BackupOptions{}); err != nil {
		t.Fatal(err)
	}
	stale := path + ".part-1"
	if err := os.WriteFile(stale, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before, copied := mustReadFile(t, path), mustReadFile(t, backup)

	two := openReadOnly(t, path)
	a, errA := one.State(t.Context(), "d")
	b, errB := two.State(t.Context(), "d")
	if errA != nil || errB != nil || a.Span != b.Span || a.First != 5800 || a.Head != 6000 {
		t.Errorf("two readers see %+v, %v and %+v, %v", a.Span, errA, b.Span, errB)
	}
	marked := openReadOnly(t, backup)
	if s, err := marked.State(t.Context(), "d"); err != nil || s.Epoch != a.Epoch {
		t.Errorf("looking at a backup shows epoch %q, %v; want that of the log, %q", s.Epoch, err, a.Epoch)
	}
	for _, l := range []*bolt.Log{one, two, marked} {
		if err := l.Check(t.Context(), func(c *oplog.CorruptionError) { t.Error(c) }); err != nil {
			t.Errorf("Check: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if !bytes.Equal(mustReadFile(t, path), before) || !bytes.Equal(mustReadFile(t, backup), copied) {
		t.Error("a file that was only looked at has changed")
	}
	if _, err := os.Stat(stale); err != nil {
		t.Errorf("a file beside the log: %v", err)
	}
}

func TestReadOnlyRefusesWrites(t *testing.T) {
	path := fixture(t)
	l := openReadOnly(t, path)
	s, err := l.State(t.Context(), "e")
	if err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func() error{
		"Append": func() error {
			_, err := l.Append(t.Context(), oplog.Append{Doc: "e", Epoch: s.Epoch, Entries: oplogtest.Ops("a", 6001, 1)})
			return err
		},
		"PutSnapshot": func() error {
			_, _, err := l.PutSnapshot(t.Context(), "e", 5950, oplog.SnapshotInfo{Format: "json"}, strings.NewReader("more"))
			return err
		},
		"DeleteSnapshot": func() error { return l.DeleteSnapshot(t.Context(), "e", 5900) },
		"Prune":          func() error { _, err := l.Prune(t.Context(), "e", 5900); return err },
		"Delete":         func() error { return l.Delete(t.Context(), "e") },
		"Health":         l.Health,
	} {
		if err := write(); !errors.Is(err, oplog.ErrUnavailable) || !strings.Contains(err.Error(), "for reading only") {
			t.Errorf("%s: got error %v, want %v", name, err, oplog.ErrUnavailable)
		}
	}
}

func TestReadOnlyLocks(t *testing.T) {
	path := fixture(t)
	reader := openReadOnly(t, path)
	if _, err := bolt.Open(path, bolt.Options{}); !errors.Is(err, oplog.ErrInUse) {
		t.Errorf("opened a log that is being looked at: %v", err)
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	writer := open(t, path, bolt.Options{})
	if _, err := bolt.OpenReadOnly(path, bolt.Options{}); !errors.Is(err, oplog.ErrInUse) || !strings.Contains(err.Error(), path) {
		t.Errorf("looked at a log that is written: %v", err)
	}
	writer.mustClose(t)
}

func TestReadOnlyNeedsALog(t *testing.T) {
	dir := t.TempDir()
	path := fixture(t)
	whole := mustReadFile(t, path)
	for _, test := range []struct {
		name string
		file []byte
		want string
	}{
		{"text", []byte(strings.Repeat("this is no database\n", 1000)), "not a log"},
		{"short", []byte("short"), "not a log"},
		{"cut", whole[:200_000], "the file ends"},
	} {
		path := filepath.Join(dir, test.name)
		if err := os.WriteFile(path, test.file, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := bolt.OpenReadOnly(path, bolt.Options{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %v, want one with %q", test.name, err, test.want)
		}
	}
	empty, none := filepath.Join(dir, "empty"), filepath.Join(dir, "none")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{empty: bolt.ErrEmpty, none: fs.ErrNotExist} {
		if _, err := bolt.OpenReadOnly(path, bolt.Options{}); !errors.Is(err, want) {
			t.Errorf("%s: got error %v, want %v", path, err, want)
		}
	}
	if _, err := os.Stat(none); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
	if info, err := os.Stat(empty); err != nil || info.Size() != 0 {
		t.Errorf("the empty file is not empty any more: %v", err)
	}
}
