package oplogtest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

func testCreate(t *testing.T, l oplog.Log) {
	_, err := l.State(t.Context(), "d")
	checkError(t, "State of no document", err, oplog.ErrNotFound)

	before := time.Now().UnixMilli()
	entries := Ops("a", 1, 3)
	epoch := mustAppend(t, l, "d", "", entries...)
	if len(epoch) < 16 {
		t.Errorf("epoch %q is too short to be random", epoch)
	}
	var last oplog.Offset
	for _, e := range entries {
		if e.Offset <= last || e.At < before {
			t.Errorf("offset %d behind %d, at %d", e.Offset, last, e.At)
		}
		last = e.Offset
	}
	s := mustState(t, l, "d")
	if s.Epoch != epoch || s.Head != last || s.First > entries[0].Offset || s.Format != oplog.DefaultFormat || s.At != entries[2].At {
		t.Errorf("state is %+v", s)
	}
	if s.Heads.Clock.Compare(clock.VectorOf(clock.Dot{Actor: "a", Seq: 3})) != clock.Equal {
		t.Errorf("clock is %v", s.Heads.Clock)
	}
	checkEntries(t, readAll(t, l, "d", epoch, 0), entries)
}

func testFields(t *testing.T, l oplog.Log) {
	entries := []oplog.Entry{Op("a", 1), Op("b.c:d_e-f", 1, clock.Dot{Actor: "a", Seq: 1}), Op("a", 2), Op("a", 3)}
	entries[0].Payload = []byte(`"🦆 \u0000"`)
	entries[0].By = "somebody@example.org"
	entries[1].Ext = []byte(`{"x":[1,2]}`)
	entries[2].Payload, entries[2].Redacted = nil, true
	entries[3].Payload = []byte(`0`)
	entries[3].Clock = clock.VectorOf(clock.Dot{Actor: "a", Seq: 2}, clock.Dot{Actor: "b.c:d_e-f", Seq: 1})
	epoch := mustAppend(t, l, "A.b_c~d:e-f", "", entries...)
	checkEntries(t, readAll(t, l, "A.b_c~d:e-f", epoch, 0), entries)
}

func testTimes(t *testing.T, l oplog.Log) {
	entries := Ops("a", 1, 4)
	entries[0].At, entries[1].At, entries[2].At = 5000, 4000, 6000
	mustAppend(t, l, "d", "", entries...)
	for i, want := range []int64{5000, 5000, 6000} {
		if entries[i].At != want {
			t.Errorf("time of entry %d is %d, want %d", i, entries[i].At, want)
		}
	}
	if now := time.Now().UnixMilli(); entries[3].At < now-60_000 || entries[3].At > now {
		t.Errorf("time of an entry without one is %d, now is %d", entries[3].At, now)
	}
	future := Ops("a", 1, 1)
	future[0].At = time.Now().Add(time.Hour).UnixMilli()
	epoch := mustAppend(t, l, "e", "", future...)
	next := Ops("a", 2, 1)
	mustAppend(t, l, "e", epoch, next...)
	if next[0].At < future[0].At {
		t.Errorf("time went back from %d to %d", future[0].At, next[0].At)
	}
	// A time that makes no sense would be that of all entries behind it.
	never := Ops("x", 1, 2)
	never[0].At = clock.MaxSeq
	mustAppend(t, l, "never", "", never...)
	tomorrow := time.Now().Add(oplog.MaxAhead).UnixMilli()
	if s := mustState(t, l, "never"); s.At > tomorrow || never[1].At > tomorrow {
		t.Errorf("the time of an entry from the year 287396 is %d, that behind it %d, of the document %d; want at most %d, a day ahead",
			never[0].At, never[1].At, s.At, tomorrow)
	}
}

func testEpochs(t *testing.T, l oplog.Log) {
	add := func(doc oplog.DocID, epoch oplog.Epoch, seq uint64) error {
		_, err := l.Append(t.Context(), oplog.Append{Doc: doc, Epoch: epoch, Entries: Ops("a", seq, 1)})
		return err
	}
	epoch := mustAppend(t, l, "d", "", Op("a", 1))
	if other := mustAppend(t, l, "e", "", Op("a", 1)); other == epoch {
		t.Errorf("two documents have one epoch")
	}
	checkError(t, "create again", add("d", "", 2), oplog.ErrEpoch)
	checkError(t, "another epoch", add("d", "x"+epoch, 2), oplog.ErrEpoch)
	checkError(t, "no such document", add("f", epoch, 1), oplog.ErrEpoch)
	_, err := l.Read(t.Context(), "d", "x"+epoch, 0, func(*oplog.Entry) bool { return true })
	checkError(t, "read another epoch", err, oplog.ErrEpoch)
	_, err = l.State(t.Context(), "f")
	checkError(t, "State of a document that was refused", err, oplog.ErrNotFound)
	if err := add("d", epoch, 2); err != nil {
		t.Error(err)
	}
}

func testFormats(t *testing.T, l oplog.Log) {
	add := func(epoch oplog.Epoch, f oplog.Format, seq uint64) (oplog.Epoch, error) {
		return l.Append(t.Context(), oplog.Append{Doc: "d", Epoch: epoch, Format: f, Entries: Ops("a", seq, 1)})
	}
	epoch, err := add("", "yjs", 1)
	if err != nil {
		t.Fatal(err)
	}
	if f := mustState(t, l, "d").Format; f != "yjs" {
		t.Errorf("format is %q", f)
	}
	_, err = add(epoch, "json", 2)
	checkError(t, "another format", err, oplog.ErrFormat)
	if _, err := add(epoch, "yjs", 2); err != nil {
		t.Errorf("same format: %v", err)
	}
	if _, err := add(epoch, "", 3); err != nil {
		t.Errorf("no format: %v", err)
	}
}

func testOrder(t *testing.T, l oplog.Log) {
	epoch := mustAppend(t, l, "d", "", Ops("a", 1, 3)...)
	for _, test := range []struct {
		what  string
		entry oplog.Entry
	}{
		{"a gap", Op("a", 5)},
		{"an op again", Op("a", 3)},
		{"a new actor's second", Op("b", 2)},
		{"a clock ahead", Op("a", 4, clock.Dot{Actor: "b", Seq: 1})},
		{"a clock ahead of oneself", Op("a", 4, clock.Dot{Actor: "a", Seq: 4})},
	} {
		_, err := l.Append(t.Context(), oplog.Append{Doc: "d", Epoch: epoch, Entries: []oplog.Entry{test.entry}})
		checkError(t, test.what, err, oplog.ErrOrder)
	}
	_, err := l.Append(t.Context(), oplog.Append{Doc: "new", Entries: Ops("a", 2, 1)})
	checkError(t, "a gap in a new document", err, oplog.ErrOrder)
	// What is in one append may build on itself.
	mustAppend(t, l, "d", epoch, Op("b", 1), Op("a", 4, clock.Dot{Actor: "b", Seq: 1}), Op("b", 2, clock.Dot{Actor: "a", Seq: 4}))
}

func testAllOrNone(t *testing.T, l oplog.Log) {
	epoch := mustAppend(t, l, "d", "", Op("a", 1))
	_, err := l.Append(t.Context(), oplog.Append{Doc: "d", Epoch: epoch, Entries: []oplog.Entry{Op("a", 2), Op("b", 1), Op("a", 4)}})
	checkError(t, "a gap at the end", err, oplog.ErrOrder)
	if got := mustState(t, l, "d").Heads.Clock; got.Get("a") != 1 || got.Get("b") != 0 {
		t.Errorf("clock is %v", got)
	}
	_, err = l.Append(t.Context(), oplog.Append{Doc: "e", Entries: []oplog.Entry{Op("a", 1), Op("a", 3)}})
	checkError(t, "a gap in a new document", err, oplog.ErrOrder)
	_, err = l.State(t.Context(), "e")
	checkError(t, "State of a document that was refused", err, oplog.ErrNotFound)
	mustAppend(t, l, "d", epoch, Op("a", 2), Op("b", 1))
	if n := len(readAll(t, l, "d", epoch, 0)); n != 3 {
		t.Errorf("%d entries, want 3", n)
	}
}

func testOwners(t *testing.T, l oplog.Log) {
	entries := []oplog.Entry{Op("a", 1), Op("b", 1), Op("b", 2), Op("b", 3)}
	entries[2].By, entries[3].By = "first", "second"
	mustAppend(t, l, "d", "", entries...)
	h := mustState(t, l, "d").Heads
	if a, b := h.Owner("a"), h.Owner("b"); a != "" || b != "first" {
		t.Errorf("owners are %q and %q", a, b)
	}
}

func testBytes(t *testing.T, l oplog.Log) {
	check := func(what string, want int64) {
		t.Helper()
		if got := mustState(t, l, "d").Bytes; got != want {
			t.Errorf("%s: the document has %d bytes, want %d", what, got, want)
		}
	}
	entries := []oplog.Entry{Op("a", 1), Op("a", 2), Op("a", 3)}
	entries[0].Payload = []byte(`"ü"`)      // 4 bytes
	entries[1].Ext = []byte(`{"a":1}`)      // 7
	entries[1].Payload = []byte(`[1,2,3]`)  // 7
	entries[2].Payload = []byte(`12345678`) // 8
	epoch := mustAppend(t, l, "d", "", entries...)
	check("three ops", 26)
	_, err := l.Append(t.Context(), oplog.Append{Doc: "d", Epoch: epoch, Entries: []oplog.Entry{Op("a", 4), Op("a", 6)}})
	checkError(t, "a gap", err, oplog.ErrOrder)
	check("an append that is refused", 26)
	putSnapshot(t, l, "d", entries[2].Offset, "a snapshot does not count")
	check("a snapshot", 26)
	mustPrune(t, l, "d", entries[1].Offset)
	check("one op pruned", 22)
	mustPrune(t, l, "d", entries[2].Offset+1)
	check("all ops pruned", 0)
	next := Op("a", 4)
	next.Payload = []byte(`0`)
	mustAppend(t, l, "d", epoch, next)
	check("one op behind what is pruned", 1)
	if err := l.Delete(t.Context(), "d"); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, "d", "", Op("b", 1)) // {"b":1}
	check("another document of that name", 7)
}

func testStateIsACopy(t *testing.T, l oplog.Log) {
	epoch := mustAppend(t, l, "d", "", Op("a", 1))
	s := mustState(t, l, "d")
	mustAppend(t, l, "d", epoch, Op("b", 1))
	if s.Heads.Clock.Len() != 1 {
		t.Error("an append changed a state that was handed out")
	}
	s.Heads.Clock.Raise("c", 7)
	if got := mustState(t, l, "d").Heads.Clock; got.Get("c") != 0 || got.Len() != 2 {
		t.Errorf("a caller changed the log's clock: %v", got)
	}
}

// testConcurrent has writers on documents of their own and on a common one, and
// readers that must see whole prefixes.
func testConcurrent(t *testing.T, l oplog.Log) {
	const writers, each = 8, 30
	shared := mustAppend(t, l, "shared", "", Op("a", 1))
	var wg sync.WaitGroup
	for w := range writers {
		actor := clock.Actor(fmt.Sprint("w", w))
		wg.Go(func() {
			var own oplog.Epoch
			for i := range uint64(each) {
				epoch, err := l.Append(t.Context(), oplog.Append{Doc: oplog.DocID(actor), Epoch: own, Entries: Ops(actor, i+1, 1)})
				if err != nil {
					t.Error(err)
					return
				}
				own = epoch
				if _, err := l.Append(t.Context(), oplog.Append{Doc: "shared", Epoch: shared, Entries: Ops(actor, i+1, 1)}); err != nil {
					t.Error(err)
					return
				}
			}
		})
		wg.Go(func() {
			for range each {
				if err := readPrefix(t.Context(), l, "shared"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(readAll(t, l, "shared", shared, 0)); n != writers*each+1 {
		t.Errorf("%d entries, want %d", n, writers*each+1)
	}
}

// readPrefix reads a document and says whether it got all up to the span's head,
// in order and with what is named before what names it.
func readPrefix(ctx context.Context, l oplog.Log, doc oplog.DocID) error {
	var heads oplog.Heads
	var last oplog.Offset
	var err error
	span, readErr := l.Read(ctx, doc, "", 0, func(e *oplog.Entry) bool {
		if e.Offset <= last || e.Seq != heads.Clock.Get(e.Actor)+1 || !heads.Clock.Covers(e.Clock) {
			err = fmt.Errorf("%s at %d does not follow %v at %d", e.Dot, e.Offset, heads.Clock, last)
		}
		heads.Apply(e)
		last = e.Offset
		return err == nil
	})
	if readErr == nil && err == nil && last != span.Head {
		err = fmt.Errorf("read up to %d, and the span says %d", last, span.Head)
	}
	return errors.Join(readErr, err)
}

func testContextEnded(t *testing.T, l oplog.Log) {
	epoch := mustAppend(t, l, "d", "", Ops("a", 1, 3)...)
	putSnapshot(t, l, "d", 2, "two")
	want := mustState(t, l, "d")
	ctx, end := context.WithCancel(t.Context())
	end()
	_, err := l.Append(ctx, oplog.Append{Doc: "d", Epoch: epoch, Entries: Ops("a", 4, 1)})
	checkError(t, "Append", err, context.Canceled)
	_, _, err = l.PutSnapshot(ctx, "d", 3, oplog.SnapshotInfo{Format: oplog.DefaultFormat}, strings.NewReader("three"))
	checkError(t, "PutSnapshot", err, context.Canceled)
	checkError(t, "DeleteSnapshot", l.DeleteSnapshot(ctx, "d", 2), context.Canceled)
	_, err = l.Prune(ctx, "d", 2)
	checkError(t, "Prune", err, context.Canceled)
	checkError(t, "Delete", l.Delete(ctx, "d"), context.Canceled)
	_, err = l.State(ctx, "d")
	checkError(t, "State", err, context.Canceled)

	// Nothing of that was tried.
	mustAppend(t, l, "e", "", Op("a", 1))
	if got := mustState(t, l, "d"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	mustAppend(t, l, "d", epoch, Op("a", 4))
}

func testContextEnds(t *testing.T, l oplog.Log) {
	epoch := mustAppend(t, l, "d", "", Op("a", 1))
	for n := range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		seq := mustState(t, l, "d").Heads.Clock.Get("a") + 1
		entries := Ops("a", seq, 1)
		go cancel()
		_, err := l.Append(ctx, oplog.Append{Doc: "d", Epoch: epoch, Entries: entries})
		if err != nil {
			checkError(t, "Append", err, context.Canceled)
		}
		entries[0] = oplog.Entry{} // they are the caller's again

		// Whether an abandoned one is in the log or not is settled before what is
		// asked for after it.
		mustAppend(t, l, "d", epoch, Op("b", uint64(n+1)))
		got := mustState(t, l, "d").Heads.Clock.Get("a")
		if got != seq && (err == nil || got != seq-1) {
			t.Errorf("after Append of a:%d gave %v, the log has a up to %d", seq, err, got)
		}
	}
}
