package oplog_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// drawHeads adds up entries of few actors and owners.
var drawHeads = rapid.Custom(func(t *rapid.T) (h oplog.Heads) {
	for range rapid.IntRange(0, 20).Draw(t, "entries") {
		a := rapid.SampledFrom([]clock.Actor{"a", "b", "c", "d.1", "d.2"}).Draw(t, "actor")
		e := oplog.Entry{Op: oplog.Op{Dot: clock.Dot{Actor: a, Seq: h.Clock.Get(a) + 1}}}
		e.By = rapid.SampledFrom([]string{"", "", "ann", "bob", "someone else"}).Draw(t, "by")
		h.Apply(&e)
	}
	return h
})

// TestHeadsModel compares heads with plain maps.
func TestHeadsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h oplog.Heads
		seqs, owners := map[clock.Actor]uint64{}, map[clock.Actor]string{}
		for range rapid.IntRange(0, 30).Draw(t, "entries") {
			a := rapid.SampledFrom([]clock.Actor{"a", "b", "c"}).Draw(t, "actor")
			by := rapid.SampledFrom([]string{"", "ann", "bob"}).Draw(t, "by")
			seqs[a]++
			if owners[a] == "" {
				owners[a] = by
			}
			h.Apply(&oplog.Entry{Op: oplog.Op{Dot: clock.Dot{Actor: a, Seq: seqs[a]}}, By: by})
		}
		for _, a := range []clock.Actor{"a", "b", "c", "nobody"} {
			if h.Clock.Get(a) != seqs[a] || h.Owner(a) != owners[a] {
				t.Errorf("%s is at %d of %q, want %d of %q", a, h.Clock.Get(a), h.Owner(a), seqs[a], owners[a])
			}
		}
	})
}

func TestHeadsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHeads.Draw(t, "heads")
		got, rest, err := oplog.ParseHeads(append(h.AppendBinary(nil), "rest"...))
		if err != nil || !got.Equal(&h) || string(rest) != "rest" {
			t.Errorf("got %+v, %q, %v; want %+v", got, rest, err, h)
		}
	})
}

func TestHeadsClone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHeads.Draw(t, "heads")
		before := h.AppendBinary(nil)
		c := h.Clone()
		c.Apply(&oplog.Entry{Op: oplog.Op{Dot: clock.Dot{Actor: "a", Seq: h.Clock.Get("a") + 1}}, By: "eve"})
		c.Apply(&oplog.Entry{Op: oplog.Op{Dot: clock.Dot{Actor: "new", Seq: 1}}, By: "eve"})
		if !bytes.Equal(h.AppendBinary(nil), before) {
			t.Error("a change to a clone changed its source")
		}
		if c.Equal(&h) {
			t.Error("a clone that was changed is equal to its source")
		}
	})
}

func TestParseHeadsRefuses(t *testing.T) {
	var h oplog.Heads
	h.Apply(&oplog.Entry{Op: oplog.Op{Dot: clock.Dot{Actor: "a", Seq: 1}}, By: "ann"})
	h.Apply(&oplog.Entry{Op: oplog.Op{Dot: clock.Dot{Actor: "b", Seq: 1}}})
	good := h.AppendBinary(nil)
	for n := range good {
		if _, _, err := oplog.ParseHeads(good[:n]); err == nil {
			t.Errorf("accepted the first %d bytes of %x", n, good)
		}
	}
}

func FuzzParseHeads(f *testing.F) {
	f.Add([]byte{0, 0})
	f.Add([]byte{1, 1, 'a', 1, 1, 1, 'x', 1})
	f.Add([]byte{2, 1, 'a', 1, 1, 'b', 2, 2, 1, 'x', 1, 'y', 2, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, rest, err := oplog.ParseHeads(b)
		if err != nil {
			return
		}
		b = b[:len(b)-len(rest)]
		again, _, err := oplog.ParseHeads(h.AppendBinary(nil))
		if err != nil || !again.Equal(&h) {
			t.Errorf("%x came back as %+v, %v; want %+v", b, again, err, h)
		}
		if canonical := h.AppendBinary(nil); !bytes.Equal(canonical, b) {
			t.Errorf("%x came back as %x", b, canonical)
		}
	})
}
