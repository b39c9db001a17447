package oplogtest

import (
	"strings"
	"testing"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

func mustPrune(t *testing.T, l oplog.Log, doc oplog.DocID, before oplog.Offset) oplog.Offset {
	t.Helper()
	first, err := l.Prune(t.Context(), doc, before)
	if err != nil {
		t.Fatalf("Prune before %d: %v", before, err)
	}
	if s := mustState(t, l, doc); s.First != first {
		t.Fatalf("Prune returned %d, and the state says %d", first, s.First)
	}
	return first
}

func testPrune(t *testing.T, l oplog.Log) {
	epoch, entries := interleave(t, l, "d", 1000)
	clockBefore := mustState(t, l, "d").Heads
	const cut = 700 // entries[cut] is the first that stays
	putSnapshot(t, l, "d", entries[cut+50].Offset, "state")
	first := mustPrune(t, l, "d", entries[cut].Offset)
	if first > entries[cut].Offset || first <= entries[cut-1].Offset {
		t.Errorf("first is %d, want one in (%d, %d]", first, entries[cut-1].Offset, entries[cut].Offset)
	}
	after := mustState(t, l, "d")
	if !after.Heads.Equal(&clockBefore) || after.Head != entries[999].Offset || after.Epoch != epoch {
		t.Errorf("state is %+v", after.Span)
	}
	checkPruned(t, l, epoch, entries, cut)

	// Un-acked ops that name pruned ones are still right.
	next := after.Heads.Clock.Get("actor0") + 1
	more := []oplog.Entry{Op("actor0", next, entries[10].Dot), Op("new", 1, clock.Dot{Actor: "actor0", Seq: next})}
	mustAppend(t, l, "d", epoch, more...)
	checkPruned(t, l, epoch, append(entries, more...), cut)
	if again := mustPrune(t, l, "d", entries[cut-100].Offset); again != first {
		t.Errorf("pruning less gives first %d, want %d", again, first)
	}
}

// checkPruned checks what reads say of a document that begins at entries[cut].
func checkPruned(t *testing.T, l oplog.Log, epoch oplog.Epoch, entries []oplog.Entry, cut int) {
	t.Helper()
	base := entries[cut-1].Offset
	checkEntries(t, readAll(t, l, "d", epoch, base), entries[cut:])
	span, err := l.Read(t.Context(), "d", epoch, entries[cut-2].Offset, func(*oplog.Entry) bool { return true })
	checkError(t, "Read below the first", err, oplog.ErrPruned)
	if want := mustState(t, l, "d").Span; span != want {
		t.Errorf("the span of a read below the first is %+v, want %+v", span, want)
	}
	var sum clock.Vector
	for i, e := range entries {
		if sum.Raise(e.Actor, e.Seq); i%31 == 0 {
			at, err := l.Locate(t.Context(), "d", sum)
			if err != nil || at > e.Offset || i >= cut && at < base || i < cut-1 && at >= base {
				t.Errorf("the clock at %d is located at %d, %v", e.Offset, at, err)
			}
		}
	}
	var got []oplog.Entry
	dots := []clock.Dot{entries[0].Dot, entries[cut-1].Dot, entries[cut].Dot, entries[len(entries)-1].Dot}
	if err := l.Lookup(t.Context(), "d", dots, func(e *oplog.Entry) bool { got = append(got, keep(e)); return true }); err != nil {
		t.Fatal(err)
	}
	checkEntries(t, got, []oplog.Entry{entries[cut], entries[len(entries)-1]})
	_, _, err = l.PutSnapshot(t.Context(), "d", entries[cut-1].Offset, oplog.SnapshotInfo{Format: "json"}, strings.NewReader("late"))
	checkError(t, "PutSnapshot below the first", err, oplog.ErrPruned)
}

func testPruneAll(t *testing.T, l oplog.Log) {
	entries := Ops("a", 1, 40)
	epoch := mustAppend(t, l, "d", "", entries...)
	head := entries[39].Offset
	content := putSnapshot(t, l, "d", head, "everything")
	if first := mustPrune(t, l, "d", head+1); first != head+1 {
		t.Errorf("first is %d, want %d", first, head+1)
	}
	s := mustState(t, l, "d")
	if s.Head != head || s.At != entries[39].At || s.Heads.Clock.Get("a") != 40 {
		t.Errorf("state is %+v", s)
	}
	checkEntries(t, readAll(t, l, "d", epoch, head), nil)
	if at, err := l.Locate(t.Context(), "d", s.Heads.Clock); err != nil || at != head {
		t.Errorf("the log's own clock is located at %d, %v", at, err)
	}
	if _, stored, err := l.PutSnapshot(t.Context(), "d", head, oplog.SnapshotInfo{Format: "json"}, strings.NewReader("everything")); stored || err != nil {
		t.Errorf("the same snapshot again: stored %t, %v", stored, err)
	}
	checkSnapshot(t, l, "d", content, "everything", s.Heads.Clock)
	next := Op("a", 41)
	mustAppend(t, l, "d", epoch, next)
	if got := readAll(t, l, "d", epoch, head); len(got) != 1 || got[0].Dot != next.Dot {
		t.Errorf("got %v behind all that is pruned", got)
	}
}

func testPruneNeedsSnapshot(t *testing.T, l oplog.Log) {
	_, err := l.Prune(t.Context(), "d", 1)
	checkError(t, "no such document", err, oplog.ErrNotFound)
	entries := Ops("a", 1, 10)
	mustAppend(t, l, "d", "", entries...)
	prune := func(before oplog.Offset) error {
		_, err := l.Prune(t.Context(), "d", before)
		return err
	}
	checkError(t, "no snapshot", prune(entries[5].Offset), oplog.ErrNeeded)
	low := putSnapshot(t, l, "d", entries[4].Offset, "low")
	checkError(t, "the snapshot ends too early", prune(entries[6].Offset), oplog.ErrNeeded)
	if err := prune(entries[9].Offset + 2); err == nil {
		t.Error("pruned what is not there yet")
	}
	mustPrune(t, l, "d", entries[4].Offset+1)

	remove := func(s oplog.Snapshot) error { return l.DeleteSnapshot(t.Context(), "d", s.Offset) }
	checkError(t, "the last snapshot", remove(low), oplog.ErrNeeded)
	high := putSnapshot(t, l, "d", entries[8].Offset, "high")
	if err := remove(low); err != nil {
		t.Errorf("one of two snapshots: %v", err)
	}
	checkError(t, "the last snapshot", remove(high), oplog.ErrNeeded)
}
