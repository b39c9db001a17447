package wire

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// What a reader gets is what the log has, byte for byte.
func TestEntryComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := oplog.Entry{
			Op: oplog.Op{
				Dot:     clock.Dot{Actor: "a.b:c-d", Seq: rapid.Uint64Range(1, clock.MaxSeq).Draw(t, "seq")},
				Payload: []byte(rapid.SampledFrom([]string{"1", "null", `"\ud83d \u0041<é>"`, `{"a":1,"a":2}`, "[1e400,-0.0]"}).Draw(t, "payload")),
			},
			Offset: oplog.Offset(rapid.Uint64Range(1, clock.MaxSeq).Draw(t, "offset")),
			At:     rapid.Int64Range(0, clock.MaxSeq).Draw(t, "at"),
			By:     rapid.String().Draw(t, "by"),
		}
		if rapid.Bool().Draw(t, "clock") {
			e.Clock = clock.VectorOf(clock.Dot{Actor: "b", Seq: 7}, clock.Dot{Actor: "B", Seq: clock.MaxSeq})
		}
		if rapid.Bool().Draw(t, "ext") {
			e.Ext = []byte(`{"k":[1,"\u00e9"]}`)
		}
		if rapid.Bool().Draw(t, "redacted") {
			e.Payload, e.Redacted = nil, true
		}
		var got oplog.Entry
		text := AppendEntry(nil, &e)
		if err := ParseEntry(text, &got); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if string(AppendEntry(nil, &got)) != string(text) || !got.SameContent(&e.Op) || got.By != e.By || (got.Ext == nil) != (e.Ext == nil) {
			t.Fatalf("%s came back as %+v", text, got)
		}
	})
}

// What is imported is read as what was given.
func TestImportComesBack(t *testing.T) {
	e := oplog.Entry{
		Op: oplog.Op{Dot: clock.Dot{Actor: "a", Seq: 2}, Clock: clock.VectorOf(clock.Dot{Actor: "b", Seq: 7}), Payload: []byte(`"\ud83d"`), Ext: []byte(`{"k":1}`)},
		By: "ann \"<é>", At: 5,
	}
	text, err := AppendImport([]byte("["), &e)
	if err != nil {
		t.Fatal(err)
	}
	ops, stamps, err := DecodeImport(append(text, ']'), &Limits{OpBytes: 100, OpsPerFrame: 1, ClockEntries: 1}, true)
	if err != nil || ops[0].Fault != nil || ops[0].Dot != e.Dot || !ops[0].SameContent(&e.Op) || stamps[0] != (Stamp{By: e.By, At: 5}) {
		t.Errorf("%s came back as %+v %+v, %v", text, ops, stamps, err)
	}
	for _, bad := range []oplog.Op{{Payload: []byte("1},{")}, {Payload: nil}, {Payload: []byte("1"), Ext: []byte("{")}} {
		if text, err := AppendImport(nil, &oplog.Entry{Op: bad}); err == nil {
			t.Errorf("%s is sent", text)
		}
	}
	if _, err := AppendImport(nil, &oplog.Entry{Redacted: true}); err == nil {
		t.Error("a redacted op is sent")
	}
}

func TestParseEntryIsTolerant(t *testing.T) {
	var e oplog.Entry
	const text = ` {"new":{"x":[]},"redacted":false, "seq":2,"offset":3,"actor":"a","clock":{},"at":0,"payload": {"x": 1} } `
	if err := ParseEntry([]byte(text), &e); err != nil || e.Offset != 3 || e.Seq != 2 || string(e.Payload) != `{"x": 1}` {
		t.Errorf("got %+v, %v", e, err)
	}
}

func TestParseEntryRefuses(t *testing.T) {
	const good = `{"offset":1,"actor":"a","seq":1,"clock":{},"at":5,"payload":1}`
	var e oplog.Entry
	if err := ParseEntry([]byte(good), &e); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nothing":        "",
		"space":          "  ",
		"cut":            good[:len(good)-1],
		"two":            good + good,
		"a list":         "[" + good + "]",
		"null":           "null",
		"no UTF-8":       strings.Replace(good, ":1}", ":\"\xff\"}", 1),
		"no offset":      strings.Replace(good, `"offset":1,`, "", 1),
		"offset 0":       strings.Replace(good, `"offset":1`, `"offset":0`, 1),
		"offset text":    strings.Replace(good, `"offset":1`, `"offset":"1"`, 1),
		"no actor":       strings.Replace(good, `"actor":"a",`, "", 1),
		"bad actor":      strings.Replace(good, `"actor":"a"`, `"actor":" a"`, 1),
		"no seq":         strings.Replace(good, `"seq":1,`, "", 1),
		"seq 0":          strings.Replace(good, `"seq":1`, `"seq":0`, 1),
		"no clock":       strings.Replace(good, `"clock":{},`, "", 1),
		"bad clock":      strings.Replace(good, `"clock":{}`, `"clock":{"b":0}`, 1),
		"no time":        strings.Replace(good, `"at":5,`, "", 1),
		"negative time":  strings.Replace(good, `"at":5`, `"at":-5`, 1),
		"by number":      strings.Replace(good, `"at":5`, `"at":5,"by":5`, 1),
		"no payload":     strings.Replace(good, `,"payload":1`, "", 1),
		"erased payload": strings.Replace(good, `"at":5`, `"at":5,"redacted":true`, 1),
		"redacted text":  strings.Replace(good, `"at":5`, `"at":5,"redacted":"true"`, 1),
		"ext list":       strings.Replace(good, `"at":5`, `"at":5,"ext":[]`, 1),
		"twice":          strings.Replace(good, `"at":5`, `"at":5,"seq":1`, 1),
	} {
		if err := ParseEntry([]byte(text), &e); err == nil {
			t.Errorf("%s: %s is taken", name, text)
		}
	}
}

func FuzzParseEntry(f *testing.F) {
	f.Add([]byte(`{"offset":1,"actor":"a","seq":1,"clock":{"b":2},"at":5,"by":"x","payload":{"x":[1,"\ud800"]},"ext":{"k":1}}`))
	f.Add([]byte(`{"offset":2,"actor":"a","seq":2,"clock":{},"at":0,"redacted":true}`))
	f.Add([]byte(`{"offset":2,"\u0061ctor":"a","seq":2,"clock":{},"at":1,"payload":null,"more":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var e, again oplog.Entry
		if ParseEntry(text, &e) != nil {
			return
		}
		if e.Payload != nil && !bytes.Contains(text, e.Payload) {
			t.Fatalf("payload %q is not of %q", e.Payload, text)
		}
		out := AppendEntry(nil, &e)
		if err := ParseEntry(out, &again); err != nil || string(AppendEntry(nil, &again)) != string(out) {
			t.Fatalf("%q goes out as %q and comes back as %q, %v", text, out, AppendEntry(nil, &again), err)
		}
	})
}
