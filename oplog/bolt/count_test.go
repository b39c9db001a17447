package bolt

import (
	"errors"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/oplogtest"
)

// held returns the content of the entries that a document holds, read one by one.
func held(t *testing.T, l *Log, doc oplog.DocID) (bytes int64) {
	t.Helper()
	s, err := l.State(t.Context(), doc)
	if err == nil {
		_, err = l.Read(t.Context(), doc, "", s.First-1, func(e *oplog.Entry) bool { bytes += e.Bytes(); return true })
	}
	if err != nil {
		t.Error(err)
	}
	return bytes
}

func checkHeld(t *testing.T, l *Log, doc oplog.DocID, want int64) {
	t.Helper()
	s, err := l.State(t.Context(), doc)
	if read := held(t, l, doc); err != nil || s.Bytes != want || read != want {
		t.Errorf("%q has %d bytes by its state and %d by its entries, want %d; %v", doc, s.Bytes, read, want, err)
	}
}

// TestBytesOfOneBatch has appends that are taken and refused, and a prune, in one
// batch, with an index block behind them.
func TestBytesOfOneBatch(t *testing.T) {
	path := logPath(t)
	l, _ := openFated(t, path, Options{CommitInterval: -1})
	epoch := mustAppend(t, l, "d", "", oplogtest.Ops("a", 1, 250)...)
	if _, _, err := l.PutSnapshot(t.Context(), "d", 100, oplog.SnapshotInfo{Format: "json"}, strings.NewReader("state")); err != nil {
		t.Fatal(err)
	}
	batches := map[*batch]bool{}
	note := func(write func(*batch) error) *request {
		return newWrite(func(b *batch) error { batches[b] = true; return write(b) })
	}
	add := func(entries ...oplog.Entry) *request {
		return note((&appending{Append: oplog.Append{Doc: "d", Epoch: epoch, Entries: entries}}).write)
	}
	refused := append(oplogtest.Ops("a", 252, 30), oplogtest.Op("a", 1))
	all := []*request{
		add(oplogtest.Op("a", 251)),
		add(refused...),
		note(func(b *batch) error { _, err := b.prune("d", 101); return err }),
		add(oplogtest.Ops("a", 252, 20)...),
		add(refused...),
		add(oplogtest.Ops("a", 272, 20)...),
	}
	pushAll(l, all)
	for i, r := range all {
		<-r.done
		if want := i == 1 || i == 4; errors.Is(r.err, oplog.ErrOrder) != want || !want && r.err != nil {
			t.Errorf("request %d: %v", i, r.err)
		}
	}
	if len(batches) != 1 {
		t.Fatalf("they took %d batches, want 1", len(batches))
	}
	want := int64(191 * len(`{"a":100}`)) // 101 to 291
	checkHeld(t, l, "d", want)
	closeChecked(t, l)
	l, _ = openFated(t, path, Options{})
	checkHeld(t, l, "d", want)
}

// TestBytesWithoutBase checks that a document is used as before, and its bytes
// are right, when only the block before its first entry is damaged.
func TestBytesWithoutBase(t *testing.T) {
	base := offsetKey(3, 399)
	l, err := Open(writeFile(t, damage(t, writeSample(t), bucketHeads, base[:])), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	checkHeld(t, l, "right", 501*int64(len(`{"right":400}`)))
}

// TestCheckHoldsBytes has a block that says another sum than the entries.
func TestCheckHoldsBytes(t *testing.T) {
	sample := writeSample(t)
	at := firstBlock(t, sample, 1)
	key := offsetKey(1, at)
	path := writeFile(t, sample)
	if err := updateFile(path, func(tx *bbolt.Tx) error {
		body, _, err := unseal(tx, bucketHeads, key[:])
		if err != nil {
			return err
		}
		b, err := parseBlock(body)
		if err != nil {
			return err
		}
		b.bytes++
		return tx.Bucket(bucketHeads).Put(key[:], oplog.Seal(nil, key[:], b.appendBinary(nil)))
	}); err != nil {
		t.Fatal(err)
	}
	checkReported(t, path, `document "left", index block`)
}

func TestParseBlockRefuses(t *testing.T) {
	b := block{at: 7, bytes: 300}
	b.heads.Apply(&oplog.Entry{Op: oplogtest.Op("a", 1).Op, By: "ann"})
	good := b.appendBinary(nil)
	got, err := parseBlock(good)
	if err != nil || got.at != 7 || got.bytes != 300 || !got.heads.Equal(&b.heads) {
		t.Errorf("got %+v, %v; want %+v", got, err, b)
	}
	if got, err = parseBlock(good[:len(good)-2]); err != nil || got.bytes != uncounted {
		t.Errorf("without bytes: %+v, %v", got, err)
	}
	for name, bad := range map[string][]byte{
		"cut":      good[:len(good)-1],
		"too long": append(good[:len(good):len(good)], 0),
		"negative": append(good[:len(good)-2:len(good)-2], 255, 255, 255, 255, 255, 255, 255, 255, 255, 1),
	} {
		if got, err := parseBlock(bad); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
