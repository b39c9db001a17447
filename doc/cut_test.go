//go:build cgo

package doc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
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

// past is a document in a log, with what it was at some moments.
type past struct {
	*history
	log *bolt.Log
}

func pastOf(t *testing.T, h *history) *past {
	p := &past{h, openLog(t)}
	p.put(t, p.log, "board-1", Automerge)
	return p
}

func (p *past) cut(t *testing.T, text string) (*Cut, error) {
	t.Helper()
	at, err := ParseMoment(text, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return CutAt(t.Context(), p.log, "board-1", at)
}

// look compares the document at a moment with what it was.
func (p *past) look(t *testing.T, m moment, text string) {
	t.Helper()
	cut, err := p.cut(t, text)
	if err != nil {
		t.Errorf("at %s: %v", text, err)
		return
	}
	if got := p.content(t, cut); got != m.JSON {
		t.Errorf("at %s: got %d bytes\n%.300s\nwant %d\n%.300s", text, len(got), got, len(m.JSON), m.JSON)
	}
}

func (p *past) content(t *testing.T, cut *Cut) string {
	t.Helper()
	state, err := Engine{}.Make(t.Context(), cut, Want{JSON: true}, MakeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return string(state.JSON)
}

// pruned looks for a moment that is gone.
func (p *past) pruned(t *testing.T, text string) {
	t.Helper()
	if _, err := p.cut(t, text); !errors.Is(err, oplog.ErrPruned) {
		t.Errorf("at %s: got %v, want %v", text, err, oplog.ErrPruned)
	}
}

// store stores a snapshot of the document as it was at an offset.
func (p *past) store(t *testing.T, at oplog.Offset) {
	t.Helper()
	cut, err := p.cut(t, fmt.Sprint(at))
	if err != nil {
		t.Fatal(err)
	}
	state, err := Engine{}.Make(t.Context(), cut, Want{Save: true}, MakeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := store(t.Context(), p.log, cut, state.Save); err != nil {
		t.Fatal(err)
	}
}

func (p *past) clockAt(at oplog.Offset) string {
	var v clock.Vector
	for i := range p.ops[:at] {
		v.Raise(p.ops[i].Actor, p.ops[i].Seq)
	}
	return string(v.AppendJSON(nil))
}

// headAt names the last op, which implies all that its actor had seen.
func (p *past) headAt(at oplog.Offset) string {
	return fmt.Sprintf("%s:%d", p.ops[at-1].Actor, p.ops[at-1].Seq)
}

func (p *past) timeAt(at oplog.Offset) string {
	return start.Add(time.Duration(at-1)*time.Second + 500*time.Millisecond).Format(time.RFC3339Nano)
}

// TestPastIsWhatItWas looks at a document as of offsets, times and clocks, with
// all ops held.
func TestPastIsWhatItWas(t *testing.T) {
	p := pastOf(t, madeInJS(t, "board", "--elements", "20", "--moves", "80", "--states", "12"))
	for _, m := range p.moments {
		p.look(t, m, fmt.Sprint(m.Offset))
		p.look(t, m, p.timeAt(m.Offset))
		p.look(t, m, p.clockAt(m.Offset))
		p.look(t, m, p.headAt(m.Offset))
	}
}

// TestPastIsFoundWhateverSnapshotsThereAre prunes a document, with older
// snapshots in several places. Clocks reach back to the beginning, offsets and
// times to the oldest op that is kept.
func TestPastIsFoundWhateverSnapshotsThereAre(t *testing.T) {
	h := madeInJS(t, "talk", "--moves", "40", "--states", "6")
	for name, older := range map[string][]int{
		"no older snapshot":                              {},
		"one before the oldest kept op":                  {1},
		"one right before it, and one further back":      {0, 3},
		"one before it, and one among those that remain": {1, 4},
	} {
		t.Run(name, func(t *testing.T) {
			p := pastOf(t, h)
			author := p.headAt(p.moments[2].Offset) // had not seen all that was there
			cut, err := p.cut(t, author)
			if err != nil {
				t.Fatal(err)
			}
			seen := moment{JSON: p.content(t, cut)}
			for _, i := range older {
				p.store(t, p.moments[i].Offset)
			}
			last := p.moments[3].Offset // that goes
			if _, err := proving(t).Compact(t.Context(), p.log, "board-1", CompactOptions{Prune: true, Keep: len(p.ops) - int(last)}); err != nil {
				t.Fatal(err)
			}
			p.look(t, seen, author)
			p.look(t, moment{JSON: "{}"}, "0")
			for i, m := range p.moments {
				p.look(t, m, p.clockAt(m.Offset))
				if i >= 3 || slices.Contains(older, i) {
					p.look(t, m, fmt.Sprint(m.Offset))
				} else {
					p.pruned(t, fmt.Sprint(m.Offset))
				}
				if i > 3 {
					p.look(t, m, p.timeAt(m.Offset))
				} else { // nothing says any more which op was the newest then
					p.pruned(t, p.timeAt(m.Offset))
				}
			}
		})
	}
}

// TestTimesOfAPrunedDocument asks for times once all ops are pruned. What was
// there is known for the times since the newest op, and since the snapshot.
func TestTimesOfAPrunedDocument(t *testing.T) {
	p := pastOf(t, madeInJS(t, "kinds"))
	now := p.moments[len(p.moments)-1]
	if _, err := proving(t).Compact(t.Context(), p.log, "board-1", CompactOptions{Prune: true}); err != nil {
		t.Fatal(err)
	}
	p.pruned(t, "2020-01-01")
	p.pruned(t, p.timeAt(now.Offset-1))
	p.look(t, now, p.timeAt(now.Offset))

	state, err := p.log.State(t.Context(), "board-1")
	if err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(oplog.MaxAhead / 2) // no log takes a time much later than that
	op := oplog.Op{Dot: p.ops[len(p.ops)-1].Dot, Payload: []byte(`""`)}
	op.Seq++
	if _, err := p.log.Append(t.Context(), oplog.Append{Doc: "board-1", Epoch: state.Epoch, Format: Automerge, Entries: []oplog.Entry{{Op: op, At: later.UnixMilli()}}}); err != nil {
		t.Fatal(err)
	}
	p.look(t, now, later.Add(-time.Second).Format(time.RFC3339))
	p.pruned(t, p.timeAt(now.Offset))
}

// TestOpsAreReadWhereTheDocumentCannotBeMade prunes a document that nobody can
// look back in: where its snapshot is later than a moment, or has more than a
// clock names, the ops that are held are all there is.
func TestOpsAreReadWhereTheDocumentCannotBeMade(t *testing.T) {
	log := openLog(t)
	h := &history{}
	for i := range 6 {
		dot := clock.Dot{Actor: clock.Actor(fmt.Sprint("writer-", i%2)), Seq: uint64(i/2 + 1)}
		h.ops = append(h.ops, oplog.Entry{Op: oplog.Op{Dot: dot, Payload: []byte(`"AAA="`)}})
	}
	h.put(t, log, "letter", Yjs)
	for _, at := range []oplog.Offset{2, 6} {
		if _, _, err := log.PutSnapshot(t.Context(), "letter", at, oplog.SnapshotInfo{Format: Yjs}, strings.NewReader("letter")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := log.Prune(t.Context(), "letter", 4); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"5":                     "letter at offset 5: ops are pruned, and only a later snapshot holds them",
		"writer-1:3":            "letter: ops are pruned, and the snapshot at offset 6 holds more than the clock names",
		"writer-0:3,writer-1:3": "",
		"6":                     "",
		"2":                     "",
	} {
		at, err := ParseMoment(text, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		cut, err := CutAt(t.Context(), log, "letter", at)
		if err != nil {
			t.Errorf("at %s: %v", text, err)
			continue
		}
		_, err = cut.ReadBase(t.Context())
		opsErr := cut.Ops(t.Context(), func(*oplog.Entry) bool { return true })
		if got := fmt.Sprint(err); want != "" && (got != want || !errors.Is(opsErr, oplog.ErrPruned)) || want == "" && (err != nil || opsErr != nil) {
			t.Errorf("at %s: got %v and %v, want %s", text, err, opsErr, want)
		}
		held := 0
		if err := cut.Held().Ops(t.Context(), func(*oplog.Entry) bool { held++; return true }); err != nil || text == "5" && held != 2 {
			t.Errorf("at %s: got %d ops that are held, %v", text, held, err)
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
