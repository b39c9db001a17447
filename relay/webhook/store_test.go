package webhook

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// nowhere is an endpoint that nobody listens at.
const nowhere = "http://127.0.0.1:1/"

// What was not delivered is, after the next start, with the same ids and in the
// same order, and nobody is told that anything is missing.
func TestRestart(t *testing.T) {
	path := file(t)
	down := newBackend(t, always(http.StatusServiceUnavailable))
	var decide http.Handler = down
	url := serve(t, &decide)
	q, _ := start(t, path, Options{URLs: []string{url}}, nil)
	q.Put(Event{Type: Created, Doc: "d", Epoch: "e", Format: "json", By: "alice"})
	q.Put(Event{Type: Changed, Doc: "d", Epoch: "e", Head: 3, Ops: 3}) // told at the end, though neither many nor old
	awaitStats(t, q, "an attempt", func(s Stats) bool { return s.Failed > 0 })
	stop(t, q)

	up := newBackend(t, nil)
	decide = up
	q, _ = start(t, path, Options{URLs: []string{url}}, nil)
	got := up.await(2)
	wantOrder(t, got, Created+" d", Changed+" d")
	if tried := down.tried(); tried[0].id() != got[0].id() || string(tried[0].text) != string(got[0].text) {
		t.Errorf("got %s, want the %s of before", got[0].text, tried[0].text)
	}
	if ev := got[1].Data; ev.Head != 3 || ev.Ops != 3 {
		t.Errorf("got %+v", ev)
	}
	awaitSaved(t, q, 0)
}

// serve runs whatever handler stands in h now.
func serve(t *testing.T, h *http.Handler) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*h).ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	return server.URL
}

// A queue that did not end well says from when on notices may be missing: not
// later than the oldest thing that it had not written.
func TestUncleanEnd(t *testing.T) {
	path := file(t)
	q, _ := start(t, path, Options{URLs: []string{nowhere}, Every: time.Hour}, nil)
	q.Put(Event{Type: Changed, Doc: "lost", Ops: 1})
	began := time.Now()
	q.Put(Event{Type: Created, Doc: "d"})
	awaitSaved(t, q, 1)
	left := filepath.Join(t.TempDir(), "left.db") // what a kill leaves
	copyFile(t, path, left)

	for range 2 { // the second kill comes before anything was delivered
		q, _ = start(t, left, Options{URLs: []string{nowhere}}, nil)
		awaitSaved(t, q, 2)
		next := filepath.Join(t.TempDir(), "left.db")
		copyFile(t, left, next)
		left = next
	}
	b := newBackend(t, nil)
	url := b.serve()
	rename(t, left, nowhere, url)
	q, _ = start(t, left, Options{URLs: []string{url}}, nil)
	got := b.await(2)
	wantOrder(t, got, Created+" d", Missed)
	if ev := got[1].Data; ev.Dropped != 0 || ev.Since.After(began) || began.Sub(ev.Since) > 10*time.Second {
		t.Errorf("got %+v, want since just before %v", ev, began)
	}
	stop(t, q)
	q, _ = start(t, left, Options{URLs: []string{url}}, nil)
	if st := q.Stats(); st.Waiting != 0 {
		t.Errorf("%d wait after a good end, want none", st.Waiting)
	}
}

// rename gives what waits for one endpoint to another.
func rename(t *testing.T, path, from, to string) {
	t.Helper()
	edit(t, path, func(tx *bbolt.Tx) error {
		all := tx.Bucket(bucketEndpoints)
		b, err := all.CreateBucket([]byte(to))
		if err != nil {
			return err
		}
		old := all.Bucket([]byte(from))
		if err := errors.Join(all.SetSequence(2), b.SetSequence(old.Sequence())); err != nil {
			return err
		}
		return old.ForEach(func(k, v []byte) error {
			n, err := parseRecord(from, k, v)
			if err != nil {
				return err
			}
			return b.Put(k, n.record(to, k))
		})
	})
}

// edit changes a file that no queue has open.
func edit(t *testing.T, path string, change func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(change); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// What waits for an endpoint that is no longer given goes, with a line that
// does not show its path.
func TestEndpointTakenAway(t *testing.T) {
	path := file(t)
	q, _ := start(t, path, Options{URLs: []string{nowhere + "s3cret", nowhere}}, nil)
	q.Put(Event{Type: Created, Doc: "d"})
	stop(t, q)
	q, said := start(t, path, Options{URLs: []string{nowhere}}, nil)
	if st := q.Stats(); st.Waiting != 1 || !strings.Contains(said.String(), "no longer given") || strings.Contains(said.String(), "s3cret") {
		t.Errorf("%d wait, want 1; said %s", st.Waiting, said)
	}
	if n := stored(t, q); n != 1 {
		t.Errorf("the file holds %d, want 1", n)
	}
}

// A damaged file does not open, or is as good as before; nothing panics, and the
// error says what to do.
func TestDamage(t *testing.T) {
	path := file(t)
	q, _ := start(t, path, Options{URLs: []string{nowhere}}, nil)
	for range 200 {
		q.Put(Event{Type: Stored, Doc: "d", SHA256: strings.Repeat("0123456789abcdef", 4)})
	}
	stop(t, q)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	opened, refused := 0, 0
	for i := range 100 {
		data := append([]byte{}, whole...)
		switch {
		case i%10 == 0:
			data = data[:1+rnd.IntN(len(data)-1)]
		case i%10 == 1:
			from := rnd.IntN(len(data)/4096) * 4096
			clear(data[from : from+4096])
		default:
			for range 1 + rnd.IntN(3) {
				data[rnd.IntN(len(data))] ^= 1 << rnd.IntN(8)
			}
		}
		damagedPath := filepath.Join(t.TempDir(), "webhooks.db")
		if err := os.WriteFile(damagedPath, data, 0o600); err != nil {
			t.Fatal(err)
		}
		q, err := open(damagedPath, Options{URLs: []string{nowhere}, Secrets: openSecrets(t, testSecret)}, newTransport())
		if err != nil {
			refused++
			if !strings.Contains(err.Error(), "delete it to go on") && !strings.Contains(err.Error(), "another version") {
				t.Errorf("got %v, want what to do", err)
			}
			continue
		}
		opened++
		q.mu.Lock()
		last := q.endpoints[0].waiting.Back().Value.(*item).notice.event.Type
		q.mu.Unlock()
		// Where it is as it was one commit before, it was open then.
		if got := q.Stats().Waiting; got != 200 && last != Missed {
			t.Errorf("%d wait, want 200, or word that some are missing", got)
		}
		stop(t, q)
	}
	t.Logf("%d damaged files were refused, %d opened whole", refused, opened)
	if refused == 0 || opened == 0 {
		t.Error("want some of each")
	}
}

// Nothing else is taken for a queue's file.
func TestFilesThatAreNone(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(dir, "newer")
	edit(t, newer, func(tx *bbolt.Tx) error {
		if err := initialize(tx); err != nil {
			return err
		}
		return tx.Bucket(bucketMeta).Put(keyVersion, []byte("2"))
	})
	used := filepath.Join(dir, "used")
	start(t, used, Options{URLs: []string{nowhere}}, nil)
	for path, want := range map[string]string{
		text: "delete it to go on", newer: "another version", used: "in use by another process", dir: "is a directory",
	} {
		_, err := Open(path, Options{URLs: []string{nowhere}, Secrets: openSecrets(t, testSecret)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", filepath.Base(path), err, want)
		}
	}
}

// A file that takes no writes delays nothing: notices come from memory, and
// that is said once.
func TestFileTakesNoWrites(t *testing.T) {
	b := newBackend(t, nil)
	q, said := start(t, file(t), Options{URLs: []string{b.serve(), nowhere}}, nil)
	if err := q.store.db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		q.Put(Event{Type: Active, Doc: "d"})
	}
	b.await(100)
	awaitStats(t, q, "the failure to be noticed", func(s Stats) bool { return s.Unsaved })
	q.mu.Lock()
	q.saveAt = time.Now()
	q.turnBy(q.saveAt)
	unsaved := len(q.endpoints[1].unsaved)
	q.mu.Unlock()
	if unsaved != 100 {
		t.Errorf("%d are kept to be written later, want the 100 of the other endpoint", unsaved)
	}
	awaitStats(t, q, "another attempt", func(Stats) bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		return q.saveAt.After(time.Now().Add(saveRetry / 2))
	})
	awaitStats(t, q, "a line", func(Stats) bool { return strings.Contains(said.String(), "takes no writes") })
	if n := strings.Count(said.String(), "takes no writes"); n != 1 {
		t.Errorf("said %d times that the file takes no writes, want once", n)
	}
}

func TestRecords(t *testing.T) {
	n := newNotice(Event{
		Type: Stored, Doc: "d", Epoch: "e", Format: "json", Head: 1 << 53, Ops: 2, Offset: 3, Bytes: 4, SHA256: "5", By: "ä<>\n",
		Since: time.Unix(1, 2).UTC(), Dropped: 6,
	}, time.Now())
	const url, key = "https://a.example", "12345678"
	got, err := parseRecord(url, []byte(key), n.record(url, []byte(key)))
	if err != nil || !reflect.DeepEqual(got, n) {
		t.Errorf("got %+v, %v, want %+v", got, err, n)
	}
	b := n.record(url, []byte(key))
	for i := range b {
		b[i] ^= 1
		if _, err := parseRecord(url, []byte(key), b); err == nil {
			t.Errorf("a record with byte %d changed was read", i)
		}
		b[i] ^= 1
	}
	for _, place := range [][2]string{{"https://b.example", key}, {url, "12345679"}} {
		if _, err := parseRecord(place[0], []byte(place[1]), b); err == nil {
			t.Errorf("a record was read in the place %q", place)
		}
	}
}

// Whatever the file holds: an error, or a notice that is written as it is read.
func FuzzRecord(f *testing.F) {
	f.Add(newNotice(Event{Type: Changed, Doc: "d", Epoch: "e", Head: 3, Ops: 2}, time.Now()).record("", nil)[4:])
	f.Add(newNotice(Event{Type: Missed, Since: time.Now(), Dropped: 6}, time.Now()).record("", nil)[4:])
	f.Add([]byte(`{"id":"x","type":"document.idle","at":"0001-01-01T00:00:00.1+23:59","data":{"since":"9999-12-31T23:59:59-12:00"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, _ = parseRecord("", nil, text)
		sealed := append(binary.BigEndian.AppendUint32(nil, crc32.Checksum(text, castagnoli)), text...)
		n, err := parseRecord("", nil, sealed)
		if err != nil {
			return
		}
		n.body()
		if again, err := parseRecord("", nil, n.record("", nil)); err != nil || string(again.record("", nil)) != string(n.record("", nil)) {
			t.Errorf("got %+v, %v, want %+v", again, err, n)
		}
	})
}

// A disk that does not answer holds up nobody who puts events, and Close only for
// so long.
func TestDiskDoesNotAnswer(t *testing.T) {
	q, err := open(file(t), Options{URLs: []string{nowhere}, Secrets: openSecrets(t, testSecret)}, newTransport())
	if err != nil {
		t.Fatal(err)
	}
	tx, err := q.store.db.Begin(true) // as a disk that does not answer
	if err != nil {
		t.Fatal(err)
	}
	for range 10_000 {
		q.Put(Event{Type: Active, Doc: "d"})
	}
	awaitStats(t, q, "an attempt", func(s Stats) bool { return s.Failed > 0 }) // delivery goes on too
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := q.Close(ctx); err == nil || !strings.Contains(err.Error(), "the disk takes too long") {
		t.Errorf("got %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
}
