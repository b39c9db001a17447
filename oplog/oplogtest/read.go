package oplogtest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

func testReadPart(t *testing.T, l oplog.Log) {
	entries := Ops("a", 1, 10)
	epoch := mustAppend(t, l, "d", "", entries...)
	mustAppend(t, l, "e", "", Ops("a", 1, 5)...) // a neighbour
	for i, e := range entries {
		checkEntries(t, readAll(t, l, "d", epoch, e.Offset), entries[i+1:])
	}
	var got []oplog.Entry
	span, err := l.Read(t.Context(), "d", "", entries[2].Offset, func(e *oplog.Entry) bool {
		got = append(got, keep(e))
		return len(got) < 3
	})
	if err != nil {
		t.Fatal(err)
	}
	checkEntries(t, got, entries[3:6])
	if want := mustState(t, l, "d").Span; span != want {
		t.Errorf("span is %+v, want %+v", span, want)
	}
}

func testReadNothing(t *testing.T, l oplog.Log) {
	visit := func(e *oplog.Entry) bool {
		t.Errorf("visited %v", e.Dot)
		return true
	}
	_, err := l.Read(t.Context(), "d", "", 0, visit)
	checkError(t, "no such document", err, oplog.ErrNotFound)
	mustAppend(t, l, "d", "", Op("a", 1))
	head := mustState(t, l, "d").Head
	for _, after := range []oplog.Offset{head, head + 1, head + 1000, clock.MaxSeq} {
		if _, err := l.Read(t.Context(), "d", "", after, visit); err != nil {
			t.Errorf("read behind %d: %v", after, err)
		}
	}
}

// interleave appends n ops of several actors in turn, several at once, and
// returns them.
func interleave(t *testing.T, l oplog.Log, doc oplog.DocID, n int) (oplog.Epoch, []oplog.Entry) {
	t.Helper()
	var all []oplog.Entry
	var heads clock.Vector
	var epoch oplog.Epoch
	for len(all) < n {
		var some []oplog.Entry
		for range min(50, n-len(all)) {
			actor := clock.Actor(fmt.Sprint("actor", len(all)%7+len(some)%3))
			e := Op(actor, heads.Get(actor)+1)
			heads.Raise(actor, e.Seq)
			some = append(some, e)
		}
		epoch = mustAppend(t, l, doc, epoch, some...)
		all = append(all, some...)
	}
	return epoch, all
}

func testLocate(t *testing.T, l oplog.Log) {
	_, entries := interleave(t, l, "d", 1500)
	var prefix, sparse clock.Vector
	for i := range entries {
		e := &entries[i]
		prefix.Raise(e.Actor, e.Seq)
		if i%5 != 0 {
			sparse.Raise(e.Actor, e.Seq)
		}
		if i%97 == 0 || i == len(entries)-1 {
			checkLocate(t, l, "d", entries, prefix)
			checkLocate(t, l, "d", entries, sparse)
			checkLocate(t, l, "d", entries, prefix.Merge(clock.VectorOf(clock.Dot{Actor: "elsewhere", Seq: 9})))
		}
	}
	checkLocate(t, l, "d", entries, clock.Vector{})
	_, err := l.Locate(t.Context(), "no such", clock.Vector{})
	checkError(t, "no such document", err, oplog.ErrNotFound)
}

// maxCovered is how many covered entries may follow a located offset, in a row.
const maxCovered = 5000

// checkLocate locates a clock in a document of which nothing is pruned.
func checkLocate(t *testing.T, l oplog.Log, doc oplog.DocID, entries []oplog.Entry, c clock.Vector) {
	t.Helper()
	at, err := l.Locate(t.Context(), doc, c)
	if err != nil {
		t.Fatalf("Locate: %v", err)
	}
	covered := 0
	for _, e := range entries {
		switch {
		case e.Offset <= at && !c.Has(e.Dot):
			t.Fatalf("located %v at %d, and %v at %d is not covered", c, at, e.Dot, e.Offset)
		case e.Offset > at && !c.Has(e.Dot):
			return
		case e.Offset > at:
			if covered++; covered > maxCovered {
				t.Fatalf("located %v at %d, and more than %d entries behind it are covered", c, at, maxCovered)
			}
		}
	}
}

func testLookup(t *testing.T, l oplog.Log) {
	epoch, entries := interleave(t, l, "d", 1200)
	lookup := func(dots ...clock.Dot) (got []oplog.Entry) {
		err := l.Lookup(t.Context(), "d", dots, func(e *oplog.Entry) bool { got = append(got, keep(e)); return true })
		if err != nil {
			t.Fatalf("Lookup: %v", err)
		}
		return got
	}
	for i := 0; i < len(entries); i += 101 {
		checkEntries(t, lookup(entries[i].Dot), entries[i:i+1])
	}
	var dots []clock.Dot
	var want []oplog.Entry
	for i := 3; i < len(entries); i += 17 {
		dots, want = append(dots, entries[i].Dot), append(want, entries[i])
	}
	dots = append(dots, dots[0], clock.Dot{Actor: "nobody", Seq: 1}, clock.Dot{Actor: "actor1", Seq: 1 << 40}, clock.Dot{Actor: "actor1"})
	slices.Reverse(dots)
	checkEntries(t, lookup(dots...), want)
	checkEntries(t, lookup(), nil)
	n := 0
	if err := l.Lookup(t.Context(), "d", dots, func(*oplog.Entry) bool { n++; return n < 7 }); err != nil || n != 7 {
		t.Errorf("visited %d entries, %v; want an end after the 7th", n, err)
	}

	next := Op("actor1", mustState(t, l, "d").Heads.Clock.Get("actor1")+1)
	checkEntries(t, lookup(next.Dot), nil)
	fresh := []oplog.Entry{next}
	mustAppend(t, l, "d", epoch, fresh...)
	checkEntries(t, lookup(next.Dot), fresh)

	err := l.Lookup(t.Context(), "no such", dots, func(*oplog.Entry) bool { return true })
	checkError(t, "no such document", err, oplog.ErrNotFound)
}

func testDocs(t *testing.T, l oplog.Log) {
	docs := func(after oplog.DocID, limit int) []oplog.DocID {
		got, err := l.Docs(t.Context(), after, limit)
		if err != nil {
			t.Fatalf("Docs: %v", err)
		}
		return got
	}
	if got := docs("", 10); len(got) != 0 {
		t.Errorf("an empty log has %q", got)
	}
	want := []oplog.DocID{"A", "a", "a.b", "a:b", "b", "ba", "c~1", "d"}
	for _, i := range []int{3, 0, 7, 1, 6, 2, 5, 4} {
		mustAppend(t, l, want[i], "", Op("a", 1))
	}
	for i := range want {
		for limit := range len(want) + 2 {
			if limit == 0 {
				continue
			}
			if got := docs(want[i], limit); !slices.Equal(got, want[i+1:min(i+1+limit, len(want))]) {
				t.Errorf("%d documents behind %q: %q", limit, want[i], got)
			}
		}
	}
	if got := docs("", 100); !slices.Equal(got, want) {
		t.Errorf("all documents are %q", got)
	}
	if got := docs("aa", 2); !slices.Equal(got, []oplog.DocID{"b", "ba"}) {
		t.Errorf("documents behind one that is not there: %q", got)
	}
	if err := l.Delete(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	if got := docs("aa", 2); !slices.Equal(got, []oplog.DocID{"ba", "c~1"}) {
		t.Errorf("documents after one was deleted: %q", got)
	}
}

func testDelete(t *testing.T, l oplog.Log) {
	checkError(t, "no such document", l.Delete(t.Context(), "d"), oplog.ErrNotFound)
	old := mustAppend(t, l, "d", "", Ops("a", 1, 300)...)
	neighbour := Ops("x", 1, 3)
	other := mustAppend(t, l, "e", "", neighbour...)
	putSnapshot(t, l, "d", mustState(t, l, "d").Head, "state")
	if err := l.Delete(t.Context(), "d"); err != nil {
		t.Fatal(err)
	}
	_, err := l.State(t.Context(), "d")
	checkError(t, "State", err, oplog.ErrNotFound)
	_, err = l.Snapshot(t.Context(), "d", 0)
	checkError(t, "Snapshot", err, oplog.ErrNotFound)
	_, err = l.Append(t.Context(), oplog.Append{Doc: "d", Epoch: old, Entries: Ops("a", 301, 1)})
	checkError(t, "Append", err, oplog.ErrEpoch)

	fresh := Ops("b", 1, 2)
	epoch := mustAppend(t, l, "d", "", fresh...)
	if epoch == old {
		t.Error("a document made anew has the old epoch")
	}
	checkEntries(t, readAll(t, l, "d", epoch, 0), fresh)
	checkEntries(t, readAll(t, l, "e", other, 0), neighbour)
	_, err = l.Snapshot(t.Context(), "d", 0)
	checkError(t, "Snapshot of a document made anew", err, oplog.ErrNotFound)
}
