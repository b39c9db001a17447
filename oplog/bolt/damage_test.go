package bolt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/oplogtest"
)

// writeSample makes a log that has something of everything and returns its bytes.
func writeSample(t *testing.T) []byte {
	t.Helper()
	path := logPath(t)
	l, err := Open(path, Options{CommitInterval: -1})
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range []oplog.DocID{"left", "middle", "right"} {
		epoch := oplog.Epoch("")
		for seq := uint64(1); seq < 900; seq += 30 {
			epoch = mustAppend(t, l, doc, epoch, oplogtest.Ops(clock.Actor(doc), seq, 30)...)
		}
		snapshot := strings.NewReader(strings.Repeat(string(doc), 100_000))
		if _, _, err := l.PutSnapshot(t.Context(), doc, 700, oplog.SnapshotInfo{Format: "json"}, snapshot); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Prune(t.Context(), "right", 400); err != nil {
		t.Fatal(err)
	}
	closeChecked(t, l)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// damage returns the file with one byte flipped in the middle of the value of a
// key, wherever that is stored (old pages may have copies).
func damage(t *testing.T, file []byte, bucket, key []byte) []byte {
	t.Helper()
	return damageAt(t, file, bucket, key, func(sealed []byte) int { return len(sealed) / 2 })
}

// damageAt is damage at the place in the value that where names.
func damageAt(t *testing.T, file []byte, bucket, key []byte, where func(sealed []byte) int) []byte {
	t.Helper()
	path := writeFile(t, file)
	db, err := openFile(path, readable())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	file = bytes.Clone(file)
	if err := db.View(func(tx *bbolt.Tx) error {
		sealed := tx.Bucket(bucket).Get(key)
		if len(sealed) < 5 {
			t.Fatalf("no value in %s under %x", bucket, key)
		}
		for from := 0; ; from++ {
			i := bytes.Index(file[from:], sealed)
			if i < 0 {
				return nil
			}
			from += i
			file[from+where(sealed)] ^= 0x04
		}
	}); err != nil {
		t.Fatal(err)
	}
	return file
}

func writeFile(t *testing.T, file []byte) (path string) {
	t.Helper()
	path = logPath(t)
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDamage(t *testing.T) {
	sample := writeSample(t)
	num := map[string]uint64{"left": 1, "middle": 2, "right": 3}
	at := func(doc string, offset oplog.Offset) []byte {
		k := offsetKey(num[doc], offset)
		return k[:]
	}
	chunk := chunkKey(2, 1)
	ctx := context.Background()
	read := func(l *Log, doc oplog.DocID, after oplog.Offset) error {
		_, err := l.Read(ctx, doc, "", after, func(*oplog.Entry) bool { return true })
		return err
	}
	for _, test := range []struct {
		name        string
		bucket, key []byte
		place       string
		use         func(l *Log) error // must meet the damage
	}{
		{"Op", bucketOps, at("middle", 300), `document "middle", entry 300`, func(l *Log) error { return read(l, "middle", 0) }},
		{"NewestOp", bucketOps, at("middle", 900), `document "middle", entry 900`, func(l *Log) error {
			_, err := l.State(ctx, "middle")
			return err
		}},
		{"Block", bucketHeads, at("middle", firstBlock(t, sample, 2)), `document "middle", index block`, func(l *Log) error {
			_, err := l.Locate(ctx, "middle", clock.VectorOf(clock.Dot{Actor: "middle", Seq: 100}))
			return err
		}},
		{"BaseBlock", bucketHeads, at("right", 399), `document "right", index block 399`, func(l *Log) error {
			_, err := l.Locate(ctx, "right", clock.VectorOf(clock.Dot{Actor: "right", Seq: 500}))
			return err
		}},
		{"Snapshot", bucketSnapshots, at("middle", 700), `document "middle", snapshot 700`, func(l *Log) error {
			_, err := l.Snapshot(ctx, "middle", 0)
			return err
		}},
		{"Chunk", bucketBlobs, chunk[:], `document "middle", chunk 1 of the snapshot at 700`, func(l *Log) error {
			r, err := l.SnapshotData(ctx, "middle", 700)
			if err == nil {
				_, err = io.Copy(io.Discard, io.NewSectionReader(r, 0, 1<<30))
			}
			return err
		}},
		{"Document", bucketDocs, []byte("middle"), `"middle"`, func(l *Log) error { return read(l, "middle", 0) }},
		{"Version", bucketMeta, metaVersion, "format version", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := writeFile(t, damage(t, sample, test.bucket, test.key))
			checkReported(t, path, test.place)
			l, err := Open(path, Options{})
			if test.use == nil {
				checkCorruption(t, err, test.place)
				return
			}
			if err != nil {
				t.Fatalf("Open: %v", err)
			}
			defer l.Close()
			checkCorruption(t, test.use(l), test.place)
			if err := read(l, "left", 0); err != nil {
				t.Errorf("read another document: %v", err)
			}
			if _, err := l.Append(ctx, oplog.Append{Doc: "fresh", Entries: oplogtest.Ops("a", 1, 1)}); err != nil {
				t.Errorf("append to another document: %v", err)
			}
		})
	}
}

// firstBlock returns the offset of the first index block of a document.
func firstBlock(t *testing.T, file []byte, num uint64) (at oplog.Offset) {
	t.Helper()
	db, err := openFile(writeFile(t, file), readable())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.View(func(tx *bbolt.Tx) error {
		at = newOffsetCursor(tx.Bucket(bucketHeads), num).at
		return nil
	}); err != nil || at == 0 {
		t.Fatalf("no index block, %v", err)
	}
	return at
}

func checkCorruption(t *testing.T, err error, place string) {
	t.Helper()
	corruption, ok := errors.AsType[*oplog.CorruptionError](err)
	if !ok || !strings.Contains(corruption.Place, place) {
		t.Errorf("got error %v, want corruption at %q", err, place)
	}
}

func checkReported(t *testing.T, path, place string) {
	t.Helper()
	var all []string
	if err := CheckFile(t.Context(), path, func(c *oplog.CorruptionError) { all = append(all, c.Error()) }); err != nil {
		t.Errorf("CheckFile: %v", err)
	}
	if !strings.Contains(strings.Join(all, "\n"), place) {
		t.Errorf("CheckFile reports %q, want %q in it", all, place)
	}
}

// An op whose stored name is damaged is found to be damaged by who looks for it:
// it is not taken for one that is no longer held.
func TestLookupOfADamagedName(t *testing.T) {
	k := offsetKey(2, 300)
	file := damageAt(t, writeSample(t), bucketOps, k[:], func(sealed []byte) int { return bytes.Index(sealed, []byte("middle")) })
	l, err := Open(writeFile(t, file), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for seq := uint64(298); seq <= 302; seq++ {
		dot := clock.Dot{Actor: "middle", Seq: seq}
		found := false
		err := l.Lookup(t.Context(), "middle", []clock.Dot{dot}, func(e *oplog.Entry) bool { found = e.Dot == dot; return true })
		if seq == 300 {
			checkCorruption(t, err, `document "middle", entry 300`)
		} else if !found {
			t.Errorf("%v is not found, %v", dot, err)
		}
	}
}

// TestDamagedIsNotNew checks that a document that cannot be loaded is not taken
// for one that does not exist, by none of several requests of one batch.
func TestDamagedIsNotNew(t *testing.T) {
	k := offsetKey(2, 900)
	l, err := Open(writeFile(t, damage(t, writeSample(t), bucketOps, k[:])), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var all []*request
	for range 3 {
		p := &appending{Append: oplog.Append{Doc: "middle", Entries: oplogtest.Ops("a", 1, 1)}}
		all = append(all, newWrite(p.write))
	}
	pushAll(l, all)
	for _, r := range all {
		<-r.done
		checkCorruption(t, r.err, `document "middle", entry 900`)
	}
}

// pushAll gives the committer several requests at once.
func pushAll(l *Log, all []*request) {
	l.queue.mu.Lock()
	l.queue.waiting = append(l.queue.waiting, all...)
	l.queue.mu.Unlock()
	l.queue.signal()
}

// TestEveryByte flips bytes anywhere in the file. Either that is reported, or it
// makes no difference; in no case is anything served that was not written.
func TestEveryByte(t *testing.T) {
	sample := writeSample(t)
	path := logPath(t)
	original := contents(t, writeFile(t, sample))
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	used := len(bytes.TrimRight(sample, "\x00"))
	const flips = 120
	reported := 0
	for range flips {
		at := r.IntN(used)
		if r.IntN(3) == 0 {
			at = at/4096*4096 + r.IntN(200) // where the pages describe themselves
		}
		file := bytes.Clone(sample)
		file[at] ^= 1 << r.IntN(8)
		if err := (&image{file[:used], int64(len(file))}).write(path); err != nil {
			t.Fatal(err)
		}
		n := 0
		if err := CheckFile(t.Context(), path, func(c *oplog.CorruptionError) {
			if n++; !strings.Contains(c.Place, path) {
				t.Errorf("byte %d of seed %d: the place is %q", at, seed, c.Place)
			}
		}); err != nil {
			t.Errorf("byte %d of seed %d: CheckFile: %v", at, seed, err)
		}
		if n > 0 {
			reported++
		}
		for what, got := range contents(t, path) {
			if want := original[what]; got != want && (n == 0 || !strings.HasPrefix(got, "error:")) {
				t.Errorf("byte %d of seed %d: %s is %.200q, want %.200q, and %d things are reported", at, seed, what, got, want, n)
			}
		}
	}
	t.Logf("%d of %d flipped bytes are reported; the others lie where nothing is stored", reported, flips)
}

// contents returns all that a log serves, as a sum for each piece.
func contents(t *testing.T, path string) map[string]string {
	t.Helper()
	all := map[string]string{}
	l, err := Open(path, Options{})
	if err != nil {
		all["the log"] = "error: " + err.Error()
		return all
	}
	defer l.Close()
	for _, doc := range []oplog.DocID{"left", "middle", "right"} {
		s, err := l.State(t.Context(), doc)
		if err == nil {
			all[string(doc)] = fmt.Sprintf("%+v", s)
			_, err = l.Read(t.Context(), doc, "", s.First-1, func(e *oplog.Entry) bool {
				all[fmt.Sprint(doc, e.Offset)] = fmt.Sprintf("%v %v %s %d", e.Dot, e.Clock, e.Payload, e.At)
				return true
			})
		}
		if err != nil {
			all[string(doc)] = "error: " + err.Error()
		}
		all["snapshot of "+string(doc)] = snapshotSum(t.Context(), l, doc)
	}
	return all
}

func snapshotSum(ctx context.Context, l *Log, doc oplog.DocID) string {
	s, err := l.Snapshot(ctx, doc, 0)
	if err != nil {
		return "error: " + err.Error()
	}
	r, err := l.SnapshotData(ctx, doc, s.Offset)
	if err != nil {
		return "error: " + err.Error()
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(r, 0, s.Bytes)); err != nil {
		return "error: " + err.Error()
	}
	return fmt.Sprintf("%+v %x", s, h.Sum(nil))
}
