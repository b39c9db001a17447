package oplog_test

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

var (
	drawActor = rapid.Map(rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._:-]{0,9}`), func(s string) clock.Actor { return clock.Actor(s) })
	drawSeq   = rapid.Uint64Range(1, clock.MaxSeq)
	drawClock = rapid.Map(rapid.MapOf(drawActor, drawSeq), func(m map[clock.Actor]uint64) (v clock.Vector) {
		for a, seq := range m {
			v.Raise(a, seq)
		}
		return v
	})
	drawEntry = rapid.Custom(func(t *rapid.T) (e oplog.Entry) {
		e.Dot = clock.Dot{Actor: drawActor.Draw(t, "actor"), Seq: drawSeq.Draw(t, "seq")}
		e.Clock = drawClock.Draw(t, "clock")
		e.At = rapid.Int64Range(0, clock.MaxSeq).Draw(t, "at")
		e.By = rapid.String().Draw(t, "by")
		if rapid.Bool().Draw(t, "has ext") {
			e.Ext = rapid.SliceOf(rapid.Byte()).Draw(t, "ext")
		}
		if e.Redacted = rapid.Bool().Draw(t, "redacted"); !e.Redacted {
			e.Payload = rapid.SliceOfN(rapid.Byte(), 1, 100).Draw(t, "payload")
		}
		return e
	})
)

func TestEntryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawEntry.Draw(t, "entry")
		var got oplog.Entry
		if err := oplog.ParseEntry(oplog.AppendEntry(nil, &want), &got); err != nil {
			t.Fatal(err)
		}
		if got.Dot != want.Dot || got.Clock.Compare(want.Clock) != clock.Equal || !got.SameContent(&want.Op) {
			t.Errorf("got op %+v, want %+v", got.Op, want.Op)
		}
		if got.At != want.At || got.By != want.By || got.Redacted != want.Redacted || (got.Ext == nil) != (want.Ext == nil) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// TestParseEntryOverwrites checks that nothing of an earlier entry stays.
func TestParseEntryOverwrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, second := drawEntry.Draw(t, "first"), drawEntry.Draw(t, "second")
		var got oplog.Entry
		for _, e := range []oplog.Entry{first, second} {
			if err := oplog.ParseEntry(oplog.AppendEntry(nil, &e), &got); err != nil {
				t.Fatal(err)
			}
		}
		if a, b := oplog.AppendEntry(nil, &got), oplog.AppendEntry(nil, &second); !bytes.Equal(a, b) {
			t.Errorf("got %+v, want %+v", got, second)
		}
	})
}

func TestSeal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, body := rapid.SliceOf(rapid.Byte()).Draw(t, "key"), rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		sealed := oplog.Seal(nil, key, body)
		if got, err := oplog.Unseal(key, sealed); err != nil || !bytes.Equal(got, body) {
			t.Fatalf("got %x, %v; want %x", got, err, body)
		}
		bit := rapid.IntRange(0, 8*len(sealed)-1).Draw(t, "bit")
		sealed[bit/8] ^= 1 << (bit % 8)
		if _, err := oplog.Unseal(key, sealed); !errors.Is(err, oplog.ErrChecksum) {
			t.Errorf("bit %d flipped: %v", bit, err)
		}
	})
	if _, err := oplog.Unseal([]byte("other"), oplog.Seal(nil, []byte("key"), []byte("body"))); !errors.Is(err, oplog.ErrChecksum) {
		t.Errorf("under another key: %v", err)
	}
	for n := range 4 {
		if _, err := oplog.Unseal(nil, make([]byte, n)); !errors.Is(err, oplog.ErrChecksum) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// FuzzParseEntry checks that what is accepted is what AppendEntry writes.
func FuzzParseEntry(f *testing.F) {
	for _, e := range []oplog.Entry{
		{Op: oplog.Op{Dot: clock.Dot{Actor: "a", Seq: 1}, Payload: []byte(`{}`)}},
		{Op: oplog.Op{Dot: clock.Dot{Actor: "b", Seq: 9}, Ext: []byte(`{"x":1}`)}, Redacted: true},
		{Op: oplog.Op{
			Dot: clock.Dot{Actor: "c", Seq: clock.MaxSeq}, Clock: clock.VectorOf(clock.Dot{Actor: "a", Seq: 300}), Payload: []byte(`1`),
		}, At: 1_700_000_000_000, By: "somebody"},
	} {
		f.Add(oplog.AppendEntry(nil, &e))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var e oplog.Entry
		if oplog.ParseEntry(b, &e) != nil {
			return
		}
		if !e.Actor.Valid() || e.Seq == 0 || e.At < 0 || e.Redacted != (e.Payload == nil) {
			t.Errorf("accepted %+v", e)
		}
		if again := oplog.AppendEntry(nil, &e); !bytes.Equal(again, b) {
			t.Errorf("%x came back as %x", b, again)
		}
	})
}
