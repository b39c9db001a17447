//go:build cgo

package doc

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/baton-relay/baton/oplog"
)

func TestCompactionsOfAGrowingDocument(t *testing.T) {
	h := madeInJS(t, "board", "--elements", "10", "--moves", "60", "--states", "1")
	log := openLog(t)
	(&history{ops: h.ops[:40]}).put(t, log, "plan", Automerge)
	compact := func(o CompactOptions) *Compaction {
		t.Helper()
		c, err := Engine{}.Compact(t.Context(), log, "plan", o)
		if err != nil {
			t.Fatal(err)
		}
		if found := verifyAll(t, log, "plan"); len(found) > 0 {
			t.Fatalf("after a compaction: %v", found)
		}
		return c
	}
	snapshots := func() (offsets []oplog.Offset) {
		for at := oplog.Offset(0); ; {
			s, err := log.Snapshot(t.Context(), "plan", at)
			if err != nil {
				return offsets
			}
			offsets = append(offsets, s.Offset)
			at = s.Offset - 1
		}
	}
	dry := compact(CompactOptions{DryRun: true, Prune: true})
	if !dry.Stored || dry.Pruned != 40 || len(snapshots()) != 0 {
		t.Errorf("a dry run: got %+v and snapshots at %v, want all said and nothing done", dry, snapshots())
	}
	if c := compact(CompactOptions{}); !c.Stored || c.Ops != 40 || c.First != 1 {
		t.Errorf("the first: got %+v, want a snapshot of 40 ops and nothing pruned", c)
	}
	if c := compact(CompactOptions{}); c.Stored || c.Pruned != 0 {
		t.Errorf("again: got %+v, want nothing done", c)
	}
	if c := compact(CompactOptions{Prune: true, Keep: 10}); c.Stored || c.Pruned != 30 || c.First != 31 {
		t.Errorf("pruning all but 10: got %+v, want 30 ops pruned", c)
	}
	state, err := log.State(t.Context(), "plan")
	if err != nil {
		t.Fatal(err)
	}
	rest := append([]oplog.Entry(nil), h.ops[40:]...)
	for i := range rest {
		rest[i].Offset = 0
	}
	if _, err := log.Append(t.Context(), oplog.Append{Doc: "plan", Epoch: state.Epoch, Entries: rest}); err != nil {
		t.Fatal(err)
	}
	c := compact(CompactOptions{Prune: true, DropOlder: true})
	if !c.Stored || c.Pruned != len(h.ops)-30 || c.Dropped != 1 || len(snapshots()) != 1 {
		t.Errorf("the last: got %+v and snapshots at %v, want one, and no ops", c, snapshots())
	}
	cut, err := CutAt(t.Context(), log, "plan", Moment{})
	if err != nil {
		t.Fatal(err)
	}
	now, err := Engine{}.Make(t.Context(), cut, Want{JSON: true}, MakeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if want := h.moments[len(h.moments)-1].JSON; string(now.JSON) != want {
		t.Errorf("at the end: got %.200s, want %.200s", now.JSON, want)
	}
}

// TestNothingIsPrunedForASnapshotThatIsAnother has somebody store a snapshot that
// is not what the ops make.
func TestNothingIsPrunedForASnapshotThatIsAnother(t *testing.T) {
	h := madeInJS(t, "kinds")
	early, err := Engine{}.Run(t.Context(), Job{Ops: h.upTo(2), Want: Want{Save: true}})
	if err != nil {
		t.Fatal(err)
	}
	for name, blob := range map[string][]byte{"an earlier state": early.Save, "junk": []byte("junk"), "nothing": {}} {
		log := openLog(t)
		h.put(t, log, "notes", Automerge)
		if _, _, err := log.PutSnapshot(t.Context(), "notes", 6, Automerge, bytes.NewReader(blob)); err != nil {
			t.Fatal(err)
		}
		_, err := Engine{}.Compact(t.Context(), log, "notes", CompactOptions{Prune: true})
		if err == nil || !strings.Contains(err.Error(), "snapshot of notes at 6") {
			t.Errorf("%s: got %v, want that the snapshot at 6 is not it", name, err)
		}
		state, err := log.State(t.Context(), "notes")
		if err != nil || state.First != 1 {
			t.Errorf("%s: the log begins at %d (%v), want all ops held", name, state.First, err)
		}
	}
}

func TestBadOpsKeepADocumentFromBeingCompacted(t *testing.T) {
	h := madeInJS(t, "kinds")
	raw, err := Payload(&h.ops[3])
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-1] ^= 1 // the checksum is wrong now
	ops := append([]oplog.Entry(nil), h.ops...)
	ops[3] = withPayload(ops[3], raw)
	log := openLog(t)
	(&history{ops: ops}).put(t, log, "notes", Automerge)
	_, err = Engine{}.Compact(t.Context(), log, "notes", CompactOptions{Prune: true})
	bad, ok := errors.AsType[*OpError](err)
	if !ok || bad.Offset != 4 {
		t.Fatalf("got %v, want the op at offset 4", err)
	}
	c, err := Engine{}.Compact(t.Context(), log, "notes", CompactOptions{Prune: true, MakeOptions: MakeOptions{SkipBad: true}})
	if err != nil {
		t.Fatal(err)
	}
	// The change behind it was made upon it, and so was the one behind that.
	if len(c.Skipped) != 3 || c.Skipped[0].Offset != 4 || c.Skipped[2].Offset != 6 || c.Pruned != 6 {
		t.Errorf("without it: got %+v, want ops 4 to 6 skipped", c)
	}
}
