package bolt

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"go.etcd.io/bbolt"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/oplogtest"
)

// keys counts the keys of each bucket.
func keys(t *testing.T, l *Log) map[string]int {
	t.Helper()
	n := map[string]int{}
	if err := l.db.View(func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			n[string(name)] = tx.Bucket(name).Stats().KeyN
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func checkKeys(t *testing.T, l *Log, want map[string]int) {
	t.Helper()
	got := keys(t, l)
	for bucket, n := range want {
		if got[bucket] != n {
			t.Errorf("bucket %s has %d keys, want %d", bucket, got[bucket], n)
		}
	}
}

// fillDocument appends n ops and stores a snapshot of the given size at the head.
func fillDocument(t *testing.T, l *Log, doc oplog.DocID, n, snapshot int) {
	t.Helper()
	epoch := oplog.Epoch("")
	for seq := uint64(1); seq <= uint64(n); seq += 100 {
		epoch = mustAppend(t, l, doc, epoch, oplogtest.Ops("a", seq, 100)...)
	}
	r := bytes.NewReader(make([]byte, snapshot))
	if _, _, err := l.PutSnapshot(t.Context(), doc, oplog.Offset(n), oplog.SnapshotInfo{Format: "json"}, r); err != nil {
		t.Fatal(err)
	}
}

func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, f := openFated(t, logPath(t), Options{CommitInterval: -1})
		fillDocument(t, l, "pruned", 6000, 10)
		fillDocument(t, l, "deleted", 5000, 100*chunkSize)
		fillDocument(t, l, "kept", 300, chunkSize+1)
		commits := f.commits.Load()
		if _, err := l.Prune(t.Context(), "pruned", 5900); err != nil {
			t.Fatal(err)
		}
		if err := l.Delete(t.Context(), "deleted"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		checkKeys(t, l, map[string]int{"docs": 2, "ops": 101 + 300, "snapshots": 2, "blobs": 1 + 2, "sweeps": 0})
		if n := f.commits.Load() - commits; n < 2+3+3+2 {
			t.Errorf("all went in %d commits: that holds up others", n)
		}
	})
}

// TestSweepGoesOn closes a log when its sweeps have begun, and opens it again.
func TestSweepGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := logPath(t)
		l, f := openFated(t, path, Options{CommitInterval: -1})
		fillDocument(t, l, "pruned", 6000, 10)
		fillDocument(t, l, "deleted", 5000, 10)
		release := make(chan bool)
		synctest.Wait()
		f.next <- (*bbolt.Tx).Commit
		f.next <- (*bbolt.Tx).Commit
		f.next <- heldBefore(release) // a slice
		if _, err := l.Prune(t.Context(), "pruned", 3000); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		done := make(chan error)
		go func() {
			_, err := l.Prune(t.Context(), "pruned", 5900)
			done <- errors.Join(err, l.Delete(t.Context(), "deleted"), l.Close())
		}()
		synctest.Wait()
		close(release)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if err := CheckFile(t.Context(), path, func(c *oplog.CorruptionError) { t.Error(c) }); err != nil {
			t.Error(err)
		}
		checkLeft(t, path)
		l, _ = openFated(t, path, Options{CommitInterval: -1})
		synctest.Wait()
		checkKeys(t, l, map[string]int{"docs": 1, "ops": 101, "sweeps": 0})
	})
}

// checkLeft checks that a closed log has something left to sweep.
func checkLeft(t *testing.T, path string) {
	t.Helper()
	db, err := openFile(path, readable())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if n := keys(t, &Log{db: db})["sweeps"]; n == 0 {
		t.Error("nothing was left to sweep, so this test proves nothing")
	}
}

// TestSweepUploads checks that nothing stays of snapshots that were not kept.
func TestSweepUploads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := logPath(t)
		l, _ := openFated(t, path, Options{CommitInterval: -1, MaxSnapshot: 3 * chunkSize})
		mustAppend(t, l, "d", "", oplogtest.Op("a", 1))
		put := func(r io.Reader) error {
			_, _, err := l.PutSnapshot(t.Context(), "d", 1, oplog.SnapshotInfo{Format: "json"}, r)
			return err
		}
		broken := errors.New("connection lost")
		if err := put(io.MultiReader(strings.NewReader(strings.Repeat("x", 2*chunkSize)), iotest.ErrReader(broken))); !errors.Is(err, broken) {
			t.Errorf("a reader that fails: %v", err)
		}
		if err := put(bytes.NewReader(make([]byte, 3*chunkSize+1))); !errors.Is(err, oplog.ErrTooLarge) {
			t.Errorf("a snapshot that is too large: %v", err)
		}
		synctest.Wait()
		checkKeys(t, l, map[string]int{"snapshots": 0, "blobs": 0, "sweeps": 0})

		// One that is under way when the log closes goes when it opens again.
		r, w := io.Pipe()
		go func() {
			w.Write(make([]byte, chunkSize+1))
			closeChecked(t, l)
			w.Close()
		}()
		if err := put(r); !errors.Is(err, oplog.ErrUnavailable) {
			t.Errorf("an upload when the log closes: %v", err)
		}
		checkLeft(t, path)
		l, _ = openFated(t, path, Options{})
		synctest.Wait()
		checkKeys(t, l, map[string]int{"snapshots": 0, "blobs": 0, "sweeps": 0})
	})
}

// TestUploadsMeet has two uploads of one snapshot under way at once.
func TestUploadsMeet(t *testing.T) {
	for _, test := range []struct {
		name, other string
		want        error
	}{{"Same", "content", nil}, {"Other", "another", oplog.ErrExists}} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, _ := openFated(t, logPath(t), Options{CommitInterval: -1})
				mustAppend(t, l, "d", "", oplogtest.Op("a", 1))
				r, w := io.Pipe()
				done := make(chan error)
				go func() {
					_, stored, err := l.PutSnapshot(t.Context(), "d", 1, oplog.SnapshotInfo{Format: "json"}, r)
					if stored {
						t.Error("both are stored")
					}
					done <- err
				}()
				w.Write([]byte(test.other[:3]))
				synctest.Wait() // the first is admitted and waits for its bytes
				if _, stored, err := l.PutSnapshot(t.Context(), "d", 1, oplog.SnapshotInfo{Format: "json"}, strings.NewReader("content")); err != nil || !stored {
					t.Fatalf("the faster upload: stored %t, %v", stored, err)
				}
				w.Write([]byte(test.other[3:]))
				w.Close()
				if err := <-done; !errors.Is(err, test.want) {
					t.Errorf("the slower upload: %v, want %v", err, test.want)
				}
				synctest.Wait()
				checkKeys(t, l, map[string]int{"snapshots": 1, "blobs": 1, "sweeps": 0})
			})
		})
	}
}
