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
		c, err := proving(t).Compact(t.Context(), log, "plan", o)
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
		if _, _, err := log.PutSnapshot(t.Context(), "notes", 6, oplog.SnapshotInfo{Format: Automerge}, bytes.NewReader(blob)); err != nil {
			t.Fatal(err)
		}
		_, err := proving(t).Compact(t.Context(), log, "notes", CompactOptions{Prune: true})
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
	_, err = proving(t).Compact(t.Context(), log, "notes", CompactOptions{Prune: true})
	bad, ok := errors.AsType[*OpError](err)
	if !ok || bad.Offset != 4 {
		t.Fatalf("got %v, want the op at offset 4", err)
	}
	c, err := proving(t).Compact(t.Context(), log, "notes", CompactOptions{Prune: true, MakeOptions: MakeOptions{SkipBad: true}})
	if err != nil {
		t.Fatal(err)
	}
	// The change behind it was made upon it, and so was the one behind that.
	if len(c.Skipped) != 3 || c.Skipped[0].Offset != 4 || c.Skipped[2].Offset != 6 || c.Pruned != 6 {
		t.Errorf("without it: got %+v, want ops 4 to 6 skipped", c)
	}
}

// TestNothingIsLetGoOnTheWordOfAnOldAutomerge compacts where no prover is: whose word
// the newest snapshot is decides how far that goes.
func TestNothingIsLetGoOnTheWordOfAnOldAutomerge(t *testing.T) {
	h := madeInJS(t, "kinds")
	saved := func(at oplog.Offset) []byte {
		state, err := Engine{}.Run(t.Context(), Job{Ops: h.upTo(at), Want: Want{Save: true}})
		if err != nil {
			t.Fatal(err)
		}
		return state.Save
	}
	at4, at6 := saved(4), saved(6)
	type put struct {
		at    oplog.Offset
		maker oplog.Maker
		blob  []byte
	}
	for name, test := range map[string]struct {
		puts     []put
		pruned   oplog.Offset // before the compaction, below this
		options  CompactOptions
		first    oplog.Offset
		stored   bool
		dropped  int
		unproven string
	}{
		"no snapshot":                       {options: CompactOptions{Prune: true}, first: 1, stored: true, unproven: "no client stored a snapshot"},
		"one of unknown make":               {puts: []put{{4, "", at4}}, options: CompactOptions{Prune: true}, first: 1, stored: true, unproven: "no current client"},
		"one of ours":                       {puts: []put{{6, ownMaker(), at6}}, options: CompactOptions{Prune: true}, first: 1, unproven: "no current client"},
		"one of an older client":            {puts: []put{{6, "automerge 3.4.9", at6}}, options: CompactOptions{Prune: true}, first: 1, unproven: "no current client"},
		"a client's at the head":            {puts: []put{{6, "automerge 3.5.0", at6}}, options: CompactOptions{Prune: true}, first: 7},
		"a client's before the head":        {puts: []put{{4, "automerge 3.5.0", at4}}, options: CompactOptions{Prune: true}, first: 5},
		"a client's, and ops to keep":       {puts: []put{{4, "automerge 3.6.1+abc1234", at4}}, options: CompactOptions{Prune: true, Keep: 3}, first: 4},
		"a client's, and few ops to keep":   {puts: []put{{4, "automerge 4.0.0", at4}}, options: CompactOptions{Prune: true, Keep: 1}, first: 5},
		"a client's behind ours":            {puts: []put{{4, "automerge 3.5.0", at4}, {6, ownMaker(), at6}}, options: CompactOptions{Prune: true}, first: 1, unproven: "no current client"},
		"older ones behind ours":            {puts: []put{{4, "automerge 3.5.0", at4}, {6, ownMaker(), at6}}, options: CompactOptions{DropOlder: true}, first: 1, unproven: "no current client"},
		"older ones behind a client's":      {puts: []put{{4, "", at4}, {6, "automerge 3.5.0", at6}}, options: CompactOptions{DropOlder: true}, first: 1, dropped: 1},
		"nothing but a snapshot":            {puts: []put{{4, "", at4}}, first: 1, stored: true},
		"nothing but a snapshot, of pruned": {puts: []put{{4, "automerge 3.5.0", at4}}, pruned: 5, first: 5, unproven: "clients begin with the snapshot"},
		"nothing new, of pruned":            {puts: []put{{6, "", at6}}, pruned: 5, first: 5},
	} {
		t.Run(name, func(t *testing.T) {
			log := openLog(t)
			h.put(t, log, "notes", Automerge)
			for _, p := range test.puts {
				if _, _, err := log.PutSnapshot(t.Context(), "notes", p.at, oplog.SnapshotInfo{Maker: p.maker}, bytes.NewReader(p.blob)); err != nil {
					t.Fatal(err)
				}
			}
			if test.pruned > 0 {
				if _, err := log.Prune(t.Context(), "notes", test.pruned); err != nil {
					t.Fatal(err)
				}
			}
			c, err := Engine{}.Compact(t.Context(), log, "notes", test.options)
			if err != nil {
				t.Fatal(err)
			}
			if c.Stored != test.stored || c.Dropped != test.dropped || !strings.Contains(c.Unproven, test.unproven) || (c.Unproven == "") != (test.unproven == "") {
				t.Errorf("got %+v, want stored %t, %d dropped, unproven %q", c, test.stored, test.dropped, test.unproven)
			}
			state, err := log.State(t.Context(), "notes")
			if err != nil || state.First != test.first || c.First != test.first {
				t.Errorf("the log begins at %d (said: %d), %v; want %d", state.First, c.First, err, test.first)
			}
			newest, err := log.Snapshot(t.Context(), "notes", 0)
			if err != nil || test.stored && (newest.Offset != 6 || newest.Maker != ownMaker()) {
				t.Errorf("the newest snapshot is %+v, %v", newest, err)
			}
		})
	}
}

func TestCurrent(t *testing.T) {
	for m, want := range map[oplog.Maker]bool{
		"automerge 3.5.0": true, "automerge 3.5.0+4d2a8f6": true, "automerge 3.12.1": true, "automerge 4.0.0-alpha.1": true, "automerge 10.0.0": true,
		"": false, "automerge": false, "automerge 3.4.9": false, "automerge 2.99.0": false, "automerge 3": false, "Automerge 3.5.0": false,
		"automerge-go 3.5.0": false, "yjs 13.6": false, "sketch 3.5.0": false, "automerge x.y.z": false, "automerge -4.5.0": false,
	} {
		if got := Current(m); got != want {
			t.Errorf("Current(%q) = %t, want %t", m, got, want)
		}
	}
	if m := ownMaker(); !strings.HasPrefix(string(m), "automerge-go") || Current(m) {
		t.Errorf("the maker here is %q", m)
	}
	if _, err := oplog.ParseMaker(string(ownMaker())); err != nil {
		t.Error(err)
	}
}
