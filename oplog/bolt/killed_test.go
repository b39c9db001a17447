package bolt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/oplogtest"
)

func backupChild(args []string) error {
	l, err := OpenReadOnly(args[0], Options{})
	if err != nil {
		return err
	}
	return errors.Join(l.BackupFile(context.Background(), args[1], BackupOptions{Replace: true}), l.Close())
}

func restoreChild(args []string) error {
	_, err := Restore(context.Background(), args[0], args[1], RestoreOptions{Replace: true})
	return err
}

// pruneAt is what pruneChild prunes each document before.
const pruneAt = 11_000

func pruneChild(args []string) error {
	l, err := Open(args[0], Options{})
	if err != nil {
		return err
	}
	for _, doc := range killedDocs {
		if _, err := l.Prune(context.Background(), doc, pruneAt); err != nil {
			return err
		}
	}
	for left := true; left; { // sweeps go on by themselves
		<-time.After(time.Millisecond)
		if err := l.viewFile(func(tx *bbolt.Tx) error {
			k, _ := tx.Bucket(bucketSweeps).Cursor().First()
			left = k != nil
			return nil
		}); err != nil {
			return err
		}
	}
	return l.Close()
}

var killedDocs = []oplog.DocID{"one", "two"}

// writeKilled makes the log that processes of these tests work on.
func writeKilled(t *testing.T, path string, actor string) {
	t.Helper()
	l, err := Open(path, Options{CommitInterval: -1})
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range killedDocs {
		epoch := oplog.Epoch("")
		for seq := uint64(1); seq < 12_000; seq += 1000 {
			epoch = mustAppend(t, l, doc, epoch, oplogtest.Ops(clock.Actor(actor), seq, 1000)...)
		}
		if _, _, err := l.PutSnapshot(t.Context(), doc, 11_500, oplog.SnapshotInfo{Format: "json"}, bytes.NewReader(make([]byte, 40*chunkSize))); err != nil {
			t.Fatal(err)
		}
	}
	closeChecked(t, l)
}

// holding is what a file holds: sums of what lies behind pruneAt, and how much
// lies before. The file must be whole.
func holding(t *testing.T, path string) (sum string, pruned int) {
	t.Helper()
	if err := CheckFile(t.Context(), path, func(c *oplog.CorruptionError) { t.Error(c) }); err != nil {
		t.Fatal(err)
	}
	l, err := OpenReadOnly(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, doc := range killedDocs {
		s, err := l.State(t.Context(), doc)
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		n := 0
		if _, err = l.Read(t.Context(), doc, "", s.First-1, func(e *oplog.Entry) bool {
			n++
			if e.Offset >= pruneAt {
				fmt.Fprintf(h, "%d %s %d %s\n", e.Offset, e.Dot, e.At, e.Payload)
			}
			return true
		}); err != nil {
			t.Fatal(err)
		}
		switch n {
		case 12_000:
		case 12_000 - pruneAt + 1:
			pruned++
		default:
			t.Errorf("%s holds %d entries of %q from %d on", path, n, doc, s.First)
		}
		snapshot, err := l.Snapshot(t.Context(), doc, 0)
		if err != nil {
			t.Fatal(err)
		}
		sum += fmt.Sprintf("%x %d %x %v\n", h.Sum(nil), snapshot.Offset, snapshot.SHA256, s.Heads.Clock)
	}
	return sum, pruned
}

// killMoments is how often each kind of process is killed.
const killMoments = 17

// killed runs a process killMoments times, and kills it each time at a moment of
// the time that it takes, or lets it end. before and after frame each run.
func killed(t *testing.T, role string, args []string, before, after func()) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	before()
	began := time.Now()
	if err := child(t, nil, role, args...).Run(); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	ended := 0
	for range killMoments {
		before()
		cmd := child(t, nil, role, args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Duration(rnd.Int64N(int64(took))))
		_ = cmd.Process.Kill()
		if cmd.Wait() == nil {
			ended++
		}
		after()
		if err := child(t, nil, role, args...).Run(); err != nil {
			t.Errorf("the run after a kill: %v", err)
		}
	}
	t.Logf("a run took %v; of %d that were killed %d had ended", took, killMoments, ended)
	if ended == killMoments {
		t.Error("none was killed in the middle, so this test proves nothing")
	}
}

func copyTo(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestKilledBackups(t *testing.T) {
	path, to := logPath(t), filepath.Join(t.TempDir(), "backup.db")
	writeKilled(t, path, "a")
	want, _ := holding(t, path)
	killed(t, "backup", []string{path, to}, func() {
		if _, err := os.Stat(to); err == nil {
			if got, _ := holding(t, to); got != want {
				t.Errorf("the backup holds\n%swant\n%s", got, want)
			}
			checkOnly(t, to)
		}
		if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}, func() {
		if got, _ := holding(t, path); got != want {
			t.Errorf("the log holds\n%swant\n%s", got, want)
		}
		if _, err := os.Stat(to); errors.Is(err, fs.ErrNotExist) {
			return
		}
		if got, _ := holding(t, to); got != want {
			t.Errorf("there is a backup, and it holds\n%swant\n%s", got, want)
		}
	})
}

// checkOnly checks that nothing lies beside a file.
func checkOnly(t *testing.T, path string) {
	t.Helper()
	if names, err := os.ReadDir(filepath.Dir(path)); err != nil || len(names) != 1 {
		t.Errorf("beside %s there is %v, %v", path, names, err)
	}
}

func TestKilledRestores(t *testing.T) {
	source, backup, oldPath, path := logPath(t), filepath.Join(t.TempDir(), "backup.db"), logPath(t), logPath(t)
	writeKilled(t, source, "new")
	writeKilled(t, oldPath, "old")
	if err := backupChild([]string{source, backup}); err != nil {
		t.Fatal(err)
	}
	old, _ := holding(t, oldPath)
	restored, _ := holding(t, backup)
	first := true
	killed(t, "restore", []string{backup, path}, func() {
		if !first {
			if got, _ := holding(t, path); got != restored {
				t.Errorf("after a run that ended the log holds\n%swant\n%s", got, restored)
			}
			if keptOld(t, path, old) == 0 {
				t.Error("the old log is gone")
			}
		}
		first = false
		if err := os.RemoveAll(filepath.Dir(path)); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		copyTo(t, oldPath, path)
	}, func() {
		got, _ := holding(t, path)
		switch {
		case got == old:
		case got == restored:
			if keptOld(t, path, old) != 1 {
				t.Error("the old log is gone")
			}
		default:
			t.Errorf("the log holds\n%swant\n%sor\n%s", got, old, restored)
		}
		if got, _ := holding(t, backup); got != restored {
			t.Error("the backup has changed")
		}
	})
}

// keptOld counts the files beside a log that hold what the old log held.
func keptOld(t *testing.T, path, old string) (n int) {
	t.Helper()
	kept, err := filepath.Glob(path + ".before-*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range kept {
		if got, _ := holding(t, name); got == old {
			n++
		}
	}
	return n
}

func TestKilledPrunes(t *testing.T) {
	source, path := logPath(t), logPath(t)
	writeKilled(t, source, "a")
	want, _ := holding(t, source)
	first := true
	killed(t, "prune", []string{path}, func() {
		if !first {
			if got, pruned := holding(t, path); got != want || pruned != len(killedDocs) {
				t.Errorf("after a run that ended %d documents are pruned, and the log holds\n%swant\n%s", pruned, got, want)
			}
		}
		first = false
		copyTo(t, source, path)
	}, func() {
		if got, _ := holding(t, path); got != want {
			t.Errorf("the log holds\n%swant\n%s", got, want)
		}
	})
}
