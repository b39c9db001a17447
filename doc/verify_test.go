//go:build cgo

package doc

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// brokenLog is a log that holds anything, as no log of ours would.
type brokenLog struct {
	state     oplog.State
	entries   []oplog.Entry
	snapshots map[oplog.Offset][]byte
	clocks    map[oplog.Offset]clock.Vector // of snapshots, where they are not those of the ops
}

// broken returns a log with the ops of a history, and what it should say of them.
func (h *history) broken(format oplog.Format) *brokenLog {
	l := &brokenLog{entries: slices.Clone(h.ops), snapshots: map[oplog.Offset][]byte{}, clocks: map[oplog.Offset]clock.Vector{}}
	l.state = oplog.State{Span: oplog.Span{Epoch: "e", First: 1, Head: oplog.Offset(len(h.ops))}, Format: format}
	for i := range l.entries {
		l.entries[i].At = int64(i)
		l.state.Heads.Apply(&l.entries[i])
	}
	return l
}

func (l *brokenLog) State(context.Context, oplog.DocID) (oplog.State, error) { return l.state, nil }

func (l *brokenLog) Read(_ context.Context, _ oplog.DocID, _ oplog.Epoch, after oplog.Offset, visit func(*oplog.Entry) bool) (oplog.Span, error) {
	for i := range l.entries {
		if l.entries[i].Offset > after && !visit(&l.entries[i]) {
			break
		}
	}
	return l.state.Span, nil
}

func (l *brokenLog) Snapshot(_ context.Context, _ oplog.DocID, atOrBefore oplog.Offset) (s oplog.Snapshot, err error) {
	err = oplog.ErrNotFound
	for at, blob := range l.snapshots {
		if (atOrBefore == 0 || at <= atOrBefore) && at > s.Offset {
			c, given := l.clocks[at]
			if !given {
				c = l.clockAt(at)
			}
			s, err = oplog.Snapshot{Offset: at, Bytes: int64(len(blob)), SHA256: sha256.Sum256(blob), Clock: c}, nil
		}
	}
	return s, err
}

func (l *brokenLog) clockAt(at oplog.Offset) (v clock.Vector) {
	for i := range l.entries {
		if l.entries[i].Offset <= at {
			v.Raise(l.entries[i].Actor, l.entries[i].Seq)
		}
	}
	return v
}

func (l *brokenLog) SnapshotData(_ context.Context, _ oplog.DocID, at oplog.Offset) (io.ReaderAt, error) {
	return bytes.NewReader(l.snapshots[at]), nil
}

// TestVerifyNamesWhatIsWrong breaks each promise of a document by itself.
func TestVerifyNamesWhatIsWrong(t *testing.T) {
	h := madeInJS(t, "kinds")
	// a1:1 a1:2 a1:3, b2:1, a1:4 a1:5
	state := func(at oplog.Offset) []byte {
		s, err := Engine{}.Run(t.Context(), Job{Ops: h.upTo(at), Want: Want{Save: true}})
		if err != nil {
			t.Fatal(err)
		}
		return s.Save
	}
	middle, end := state(3), state(6)
	for name, c := range map[string]struct {
		do   func(*brokenLog)
		want []string // a part of each finding
	}{
		"nothing": {func(*brokenLog) {}, nil},
		"a snapshot at its head and in its middle": {func(l *brokenLog) {
			l.snapshots[3], l.snapshots[6] = middle, end
		}, nil},
		"a snapshot of another moment": {func(l *brokenLog) {
			l.snapshots[6] = middle
		}, []string{"offset 6: the snapshot has the heads"}},
		"a snapshot of no document": {func(l *brokenLog) {
			l.snapshots[6] = []byte("junk")
		}, []string{"offset 6: the snapshot: load snapshot"}},
		"a snapshot with another clock": {func(l *brokenLog) {
			l.snapshots[3], l.clocks[3] = middle, clock.VectorOf(clock.Dot{Actor: "x", Seq: 1})
		}, []string{`offset 3: the snapshot's clock is {"x":1}`}},
		"an offset twice": {func(l *brokenLog) {
			l.entries[2].Offset = 2
		}, []string{"its offset does not follow 2"}},
		"a time that goes back": {func(l *brokenLog) {
			l.entries[3].At = 1
		}, []string{"offset 4, op 000000000000000000000000000000b2:1: its time, 1, is before"}},
		"an op that is missing": {func(l *brokenLog) {
			l.entries = slices.Delete(l.entries, 1, 2)
		}, []string{
			"offset 3, op 000000000000000000000000000000a1:3: the op of its actor before it is 1",
			"offset 3, op 000000000000000000000000000000a1:3: it follows from change",
			"offset 4, op 000000000000000000000000000000b2:1: it follows from change",
		}},
		"an end that is missing": {func(l *brokenLog) {
			l.entries = l.entries[:5]
		}, []string{"the ops end at offset 5, the log says 6"}},
		"a head that is another": {func(l *brokenLog) {
			l.state.Heads.Clock.Raise("zoe", 1)
		}, []string{"the ops add up to the clock"}},
		"a clock that names what comes later": {func(l *brokenLog) {
			l.entries[0].Clock = clock.VectorOf(clock.Dot{Actor: h.ops[3].Actor, Seq: 1})
		}, []string{"it comes before"}},
		"a clock that names the op itself": {func(l *brokenLog) {
			l.entries[2].Clock = clock.VectorOf(clock.Dot{Actor: h.ops[2].Actor, Seq: 3})
		}, []string{"it comes before", "its clock names itself"}},
		"a clock that leaves out what the change follows from": {func(l *brokenLog) {
			l.entries[3].Clock = clock.Vector{}
		}, []string{"op 000000000000000000000000000000b2:1: its change follows from op 000000000000000000000000000000a1:2, which its clock does not name"}},
		"a payload of another op": {func(l *brokenLog) {
			l.entries[5].Payload = l.entries[4].Payload
		}, []string{"offset 6, op 000000000000000000000000000000a1:5: it carries change 4"}},
		"a payload that is damaged": {func(l *brokenLog) {
			raw, _ := Payload(&l.entries[5])
			raw[len(raw)-1] ^= 1
			l.entries[5] = withPayload(l.entries[5], raw)
		}, []string{"offset 6, op 000000000000000000000000000000a1:5: read change: its checksum is that of other bytes"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := h.broken(Automerge)
			c.do(l)
			found := verifyAll(t, l, "notes")
			for _, want := range c.want {
				if !slices.ContainsFunc(found, func(f *Finding) bool { return strings.Contains(f.String(), want) }) {
					t.Errorf("nothing says %q in %v", want, found)
				}
			}
			if c.want == nil && len(found) > 0 {
				t.Errorf("got %v, want nothing", found)
			}
		})
	}
}

func TestVerifyReadsPayloadsOfOtherFormats(t *testing.T) {
	op := func(payload string) *history {
		e := op0
		e.Actor, e.Seq, e.Payload = "ann", 1, []byte(payload)
		return (&history{}).with(e)
	}
	for _, c := range []struct {
		format  oplog.Format
		payload string
		want    string
	}{
		{JSON, `{"a":1}`, ""},
		{JSON, `{"a":`, "no JSON"},
		{Yjs, `"AAA="`, ""},
		{Yjs, `""`, "empty"},
		{Yjs, `{}`, "base64"},
		{"secret", `"ciphertext"`, ""},
	} {
		found := verifyAll(t, op(c.payload).broken(c.format), "notes")
		if c.want == "" && len(found) > 0 || c.want != "" && (len(found) != 1 || !strings.Contains(found[0].String(), c.want)) {
			t.Errorf("%s %s: got %v, want %q", c.format, c.payload, found, c.want)
		}
	}
}
