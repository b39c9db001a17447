package bolt_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
	"github.com/baton-relay/baton/oplog/oplogtest"
)

// oldFile unpacks a backup that a program of format version 1 wrote. See oldHeld
// for what is in it.
func oldFile(t *testing.T) (path string) {
	t.Helper()
	return unpacked(t, "version1.db.gz")
}

// unpacked unpacks a file of testdata.
func unpacked(t *testing.T, name string) (path string) {
	t.Helper()
	packed, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	r, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	file, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "old.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// oldHeld has the offsets that the documents of oldFile hold: all of one actor,
// named like the document, the n-th with the payload {"n":n} and each seventh with
// an ext. The last two are pruned before 301.
var oldHeld = map[oplog.DocID][2]uint64{"short": {1, 10}, "long": {1, 600}, "pruned": {301, 600}, "empty": {301, 300}}

func oldBytes(doc oplog.DocID, upTo uint64) (n int64) {
	for i := oldHeld[doc][0]; i <= upTo; i++ {
		n += int64(len(fmt.Sprintf(`{"n":%d}`, i)))
		if i%7 == 0 {
			n += int64(len(`{"x":true}`))
		}
	}
	return n
}

// checkBytes holds the bytes of a document against its entries, and against want.
func checkBytes(t *testing.T, l *bolt.Log, doc oplog.DocID, want int64) {
	t.Helper()
	s, err := l.State(t.Context(), doc)
	if err != nil {
		t.Errorf("State: %v", err)
		return
	}
	read := int64(0)
	if _, err := l.Read(t.Context(), doc, "", s.First-1, func(e *oplog.Entry) bool { read += e.Bytes(); return true }); err != nil {
		t.Error(err)
	}
	if s.Bytes != want || read != want {
		t.Errorf("%q has %d bytes by its state and %d by its entries, want %d", doc, s.Bytes, read, want)
	}
}

// fileVersion returns the format version that a file has.
func fileVersion(t *testing.T, path string) (v uint64) {
	t.Helper()
	viewBuckets(t, path, func(tx *bbolt.Tx) error {
		v, _ = binary.Uvarint(tx.Bucket([]byte("meta")).Get([]byte("version"))[4:])
		return nil
	})
	return v
}

func viewBuckets(t *testing.T, path string, view func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.View(view); err != nil {
		t.Fatal(err)
	}
}

func TestOldVersionIsReadAsItIs(t *testing.T) {
	path := oldFile(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l, err := bolt.OpenReadOnly(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for doc, held := range oldHeld {
		checkBytes(t, l, doc, oldBytes(doc, held[1]))
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := l.BackupFile(t.Context(), copied, bolt.BackupOptions{}); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	mustCheckFile(t, path)
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the file changed, or %v", err)
	}
	restored := filepath.Join(t.TempDir(), "restored.db")
	if _, err := bolt.Restore(t.Context(), copied, restored, bolt.RestoreOptions{}); err != nil {
		t.Fatal(err)
	}
	again := open(t, restored, bolt.Options{})
	for doc, held := range oldHeld {
		checkBytes(t, again.Log, doc, oldBytes(doc, held[1]))
	}
}

// TestOldVersionIsCarriedOn checks that a file of version 1 becomes one of
// the newest version that is right through all that may happen to it next.
func TestOldVersionIsCarriedOn(t *testing.T) {
	path := oldFile(t)
	if v := fileVersion(t, path); v != 1 {
		t.Fatalf("the file to begin with has version %d", v)
	}
	l := open(t, path, bolt.Options{CommitInterval: -1})
	want := map[oplog.DocID]int64{}
	for doc, held := range oldHeld {
		want[doc] = oldBytes(doc, held[1])
		checkBytes(t, l.Log, doc, want[doc])
	}
	l.mustClose(t)
	if v := fileVersion(t, path); v != 3 {
		t.Errorf("once opened, the file has version %d", v)
	}
	l.open(t)
	next := func(doc oplog.DocID, n int) {
		t.Helper()
		s, err := l.State(t.Context(), doc)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			e := oplogtest.Op("late", s.Heads.Clock.Get("late")+uint64(i)+1)
			want[doc] += e.Bytes()
			if _, err := l.Append(t.Context(), oplog.Append{Doc: doc, Epoch: s.Epoch, Entries: []oplog.Entry{e}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Pruned between two blocks of version 1, before any of a later one is written.
	if _, _, err := l.PutSnapshot(t.Context(), "long", 300, oplog.SnapshotInfo{Format: "json"}, strings.NewReader("state")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Prune(t.Context(), "long", 300); err != nil {
		t.Fatal(err)
	}
	want["long"] -= oldBytes("long", 299)
	for _, n := range []int{0, 1, 300} {
		for doc := range want {
			next(doc, n)
			checkBytes(t, l.Log, doc, want[doc])
		}
		l.Reopen(t)
		for doc := range want {
			checkBytes(t, l.Log, doc, want[doc])
		}
	}
}

// TestSnapshotsOfVersion2 opens a file that a program of format version 2 wrote: two
// documents of six ops with snapshots at 3 and 6, one of them pruned before 4. Who
// stored its snapshots is not known; of new ones it is.
func TestSnapshotsOfVersion2(t *testing.T) {
	path := unpacked(t, "version2.db.gz")
	check := func(l *bolt.Log) {
		t.Helper()
		for _, doc := range []oplog.DocID{"kept", "pruned"} {
			for _, at := range []oplog.Offset{3, 6} {
				s, err := l.Snapshot(t.Context(), doc, at)
				if err != nil || s.Offset != at || s.Bytes != 10 || s.By != "" || s.Maker != "" || s.Clock.Get(clock.Actor(doc)) != uint64(at) {
					t.Errorf("%s at %d: got %+v, %v", doc, at, s, err)
				}
			}
		}
	}
	if v := fileVersion(t, path); v != 2 {
		t.Fatalf("the file to begin with has version %d", v)
	}
	mustCheckFile(t, path)
	reading, err := bolt.OpenReadOnly(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	check(reading)
	if err := reading.Close(); err != nil {
		t.Error(err)
	}
	l := open(t, path, bolt.Options{CommitInterval: -1})
	check(l.Log)
	if err := l.DeleteSnapshot(t.Context(), "kept", 3); err != nil {
		t.Fatal(err)
	}
	info := oplog.SnapshotInfo{By: "ann", Maker: "automerge 3.5.0"}
	if _, _, err := l.PutSnapshot(t.Context(), "kept", 4, info, strings.NewReader("state")); err != nil {
		t.Fatal(err)
	}
	l.mustClose(t)
	if v := fileVersion(t, path); v != 3 {
		t.Errorf("once opened, the file has version %d", v)
	}
	l.open(t)
	if s, err := l.Snapshot(t.Context(), "kept", 5); err != nil || s.Offset != 4 || s.By != "ann" || s.Maker != "automerge 3.5.0" {
		t.Errorf("the new one: got %+v, %v", s, err)
	}
	copied, restored := filepath.Join(t.TempDir(), "copy.db"), filepath.Join(t.TempDir(), "restored.db")
	if err := l.BackupFile(t.Context(), copied, bolt.BackupOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := bolt.Restore(t.Context(), copied, restored, bolt.RestoreOptions{}); err != nil {
		t.Fatal(err)
	}
	again := open(t, restored, bolt.Options{})
	if s, err := again.Snapshot(t.Context(), "kept", 5); err != nil || s.By != "ann" || s.Maker != "automerge 3.5.0" {
		t.Errorf("in a backup that was restored: got %+v, %v", s, err)
	}
}

// TestOldVersionIsCountedOnce checks that the first append behind a block of
// version 1 writes one that says how many bytes there are.
func TestOldVersionIsCountedOnce(t *testing.T) {
	path := oldFile(t)
	l := open(t, path, bolt.Options{})
	for doc, held := range oldHeld {
		s, err := l.State(t.Context(), doc)
		if err != nil {
			t.Fatal(err)
		}
		for seq := range uint64(3) {
			if _, err := l.Append(t.Context(), oplog.Append{Doc: doc, Epoch: s.Epoch, Entries: oplogtest.Ops("late", seq+1, 1)}); err != nil {
				t.Fatal(err)
			}
		}
		want := 1
		if held[1] < 256 {
			want = 0 // it never had a block
		}
		l.mustClose(t)
		if got := blocksBehind(t, path, doc, held[1]); got != want {
			t.Errorf("%d appends to %q wrote %d index blocks, want %d", 3, doc, got, want)
		}
		l.open(t)
	}
}

// blocksBehind counts the index blocks of a document behind an offset.
func blocksBehind(t *testing.T, path string, doc oplog.DocID, after uint64) (n int) {
	t.Helper()
	viewBuckets(t, path, func(tx *bbolt.Tx) error {
		num := tx.Bucket([]byte("docs")).Get([]byte(doc))[4:12]
		return tx.Bucket([]byte("heads")).ForEach(func(k, _ []byte) error {
			if bytes.HasPrefix(k, num) && binary.BigEndian.Uint64(k[8:]) > after {
				n++
			}
			return nil
		})
	})
	return n
}

// TestOldVersionDamaged checks that counting does not make a document useless
// that has one damaged op.
func TestOldVersionDamaged(t *testing.T) {
	path := oldFile(t)
	updateBuckets(t, path, func(tx *bbolt.Tx) error {
		key := append(bytes.Clone(tx.Bucket([]byte("docs")).Get([]byte("long"))[4:12]), 0, 0, 0, 0, 0, 0, 0, 42)
		return tx.Bucket([]byte("ops")).Put(key, []byte("damage"))
	})
	l, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	lost := int64(len(`{"n":42}`) + len(`{"x":true}`))
	want := oldBytes("long", 600) - lost
	s, err := l.State(t.Context(), "long")
	if err != nil || s.Bytes != want {
		t.Errorf("State: %d bytes, %v; want %d", s.Bytes, err, want)
	}
	late := oplogtest.Op("late", 1)
	if _, err := l.Append(t.Context(), oplog.Append{Doc: "long", Epoch: s.Epoch, Entries: []oplog.Entry{late}}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.PutSnapshot(t.Context(), "long", 300, oplog.SnapshotInfo{Format: "json"}, strings.NewReader("state")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Prune(t.Context(), "long", 301); err != nil {
		t.Fatal(err)
	}
	checkBytes(t, l, "long", oldBytes("long", 600)-oldBytes("long", 300)+late.Bytes())
}

// TestContractOldVersion makes the log one of version 1 at each restart in the
// middle of random walks.
func TestContractOldVersion(t *testing.T) {
	oplogtest.Run(t, func(t *testing.T) oplog.Log {
		return &agingLog{open(t, filepath.Join(t.TempDir(), "log.db"), bolt.Options{CommitInterval: -1, CacheBytes: 1})}
	})
}

type agingLog struct{ *testLog }

// Reopen implements [oplogtest.Reopener].
func (l *agingLog) Reopen(t *testing.T) {
	t.Helper()
	l.mustClose(t)
	makeOld(t, l.path)
	mustCheckFile(t, l.path)
	l.open(t)
}

// makeOld makes a file what a program of version 1 would have written, but for who
// stored its snapshots.
func makeOld(t *testing.T, path string) {
	t.Helper()
	updateBuckets(t, path, func(tx *bbolt.Tx) error {
		blocks, old := tx.Bucket([]byte("heads")), map[string][]byte{}
		err := blocks.ForEach(func(k, sealed []byte) error {
			body, err := oplog.Unseal(k, sealed)
			if err != nil {
				return err
			}
			_, at := binary.Uvarint(body)
			_, rest, err := oplog.ParseHeads(body[at:])
			old[string(k)] = oplog.Seal(nil, k, body[:len(body)-len(rest)])
			return err
		})
		for k, sealed := range old {
			if err == nil {
				err = blocks.Put([]byte(k), sealed)
			}
		}
		if err != nil {
			return err
		}
		key := []byte("version")
		return tx.Bucket([]byte("meta")).Put(key, oplog.Seal(nil, key, []byte{1}))
	})
}

func updateBuckets(t *testing.T, path string, update func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Update(update); err != nil {
		t.Fatal(err)
	}
}
