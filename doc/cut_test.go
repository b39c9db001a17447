//go:build cgo

package doc

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

func TestMomentsAreRead(t *testing.T) {
	zone := time.FixedZone("here", 3600)
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, zone)
	for text, want := range map[string]string{
		"":                           "now",
		"now":                        "now",
		"0":                          "offset 0",
		"4000":                       "offset 4000",
		"2026-11-24T10:00:00Z":       "2026-11-24T10:00:00Z",
		"2026-11-24 10:00":           "2026-11-24T10:00:00+01:00",
		"2026-11-24":                 "2026-11-24T00:00:00+01:00",
		"90m":                        "2026-11-24T10:30:00+01:00",
		"-90m":                       "2026-11-24T10:30:00+01:00",
		"2h ago":                     "2026-11-24T10:00:00+01:00",
		"3d":                         "2026-11-21T12:00:00+01:00",
		`{"alice":3,"bob":4}`:        `clock {"alice":3,"bob":4}`,
		"alice:3, bob:4":             `clock {"alice":3,"bob":4}`,
		"urn:a:7":                    `clock {"urn:a":7}`,
		"-1":                         "error",
		"9007199254740992":           "error",
		"yesterday":                  "error",
		"alice":                      "error",
		"alice:0":                    "error",
		`{"alice":0}`:                "error",
		"2026-13-01":                 "error",
		"alice:3,":                   "error",
		"2026-11-24T10:00:00Z extra": "error",
	} {
		m, err := ParseMoment(text, now)
		got := m.String()
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("moment %q: got %s (%v), want %s", text, got, err, want)
		}
	}
}

// TestPastIsWhatItWas looks at a document as of offsets, times and clocks, with
// all ops held and with some pruned.
func TestPastIsWhatItWas(t *testing.T) {
	h := madeInJS(t, "board", "--elements", "20", "--moves", "80", "--states", "12")
	log := openLog(t)
	h.put(t, log, "board-1", Automerge)
	look := func(t *testing.T, m moment, text string) {
		t.Helper()
		at, err := ParseMoment(text, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		cut, err := CutAt(t.Context(), log, "board-1", at)
		if err != nil {
			t.Fatalf("at %s: %v", text, err)
		}
		state, err := Engine{}.Make(t.Context(), cut, Want{JSON: true}, MakeOptions{})
		if err != nil {
			t.Fatalf("at %s: %v", text, err)
		}
		if got := string(state.JSON); got != m.JSON {
			t.Errorf("at %s: got %d bytes\n%.300s\nwant %d\n%.300s", text, len(got), got, len(m.JSON), m.JSON)
		}
	}
	clockAt := func(at oplog.Offset) string {
		var v clock.Vector
		for i := range h.ops[:at] {
			v.Raise(h.ops[i].Actor, h.ops[i].Seq)
		}
		return string(v.AppendJSON(nil))
	}
	// The last op of the last actor implies all that it had seen.
	headAt := func(at oplog.Offset) string {
		return fmt.Sprintf("%s:%d", h.ops[at-1].Actor, h.ops[at-1].Seq)
	}
	timeAt := func(at oplog.Offset) string {
		return start.Add(time.Duration(at-1)*time.Second + 500*time.Millisecond).Format(time.RFC3339Nano)
	}
	for _, m := range h.moments {
		look(t, m, fmt.Sprint(m.Offset))
		look(t, m, timeAt(m.Offset))
		look(t, m, clockAt(m.Offset))
		look(t, m, headAt(m.Offset))
	}

	middle := h.moments[len(h.moments)/2].Offset
	if _, err := (Engine{}).Compact(t.Context(), log, "board-1", CompactOptions{Prune: true, Keep: len(h.ops) - int(middle)}); err != nil {
		t.Fatal(err)
	}
	for _, m := range h.moments {
		look(t, m, clockAt(m.Offset))
		at, _ := ParseMoment(fmt.Sprint(m.Offset), time.Now())
		_, err := CutAt(t.Context(), log, "board-1", at)
		if m.Offset < h.moments[len(h.moments)-1].Offset && !errors.Is(err, oplog.ErrPruned) {
			t.Errorf("offset %d, before the only snapshot: got %v, want %v", m.Offset, err, oplog.ErrPruned)
		}
	}
}

func TestMomentsThatAreNotThere(t *testing.T) {
	h := madeInJS(t, "kinds")
	log := openLog(t)
	h.put(t, log, "notes", Automerge)
	for text, want := range map[string]string{
		"7":                    "notes has no offset 7: it ends at 6",
		"alice:1":              `notes does not have {"alice":1}`,
		"2026-11-24T09:00:00Z": "",
	} {
		at, err := ParseMoment(text, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		cut, err := CutAt(t.Context(), log, "notes", at)
		switch {
		case want == "" && (err != nil || cut.Last != 0):
			t.Errorf("at %s: got %+v, %v, want an empty document", text, cut, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("at %s: got %v, want %s", text, err, want)
		}
	}
	if _, err := CutAt(t.Context(), log, "nowhere", Moment{}); !errors.Is(err, oplog.ErrNotFound) {
		t.Errorf("a document that is not there: got %v, want %v", err, oplog.ErrNotFound)
	}
}
