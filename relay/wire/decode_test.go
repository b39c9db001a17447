package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/baton-relay/baton/clock"
)

func testLimits() *Limits {
	return &Limits{FrameBytes: 1 << 20, OpBytes: 4096, OpsPerFrame: 8, ClockEntries: 4, PresenceBytes: 256}
}

func TestDecode(t *testing.T) {
	tests := []struct {
		frame string
		want  Frame
	}{
		{`{"type":"ping"}`, Frame{Type: "ping"}},
		{` { "id" : 1.50 , "type" : "ping" } `, Frame{Type: "ping", ID: json.RawMessage("1.50")}},
		{`{"type":"p\u0069ng","id":"\u003ca>"}`, Frame{Type: "ping", ID: json.RawMessage(`"\u003ca>"`)}},
		{`{"type":"auth","token":"a\"b"}`, Frame{Type: "auth", Token: `a"b`}},
		{`{"type":"leave","doc":"d~1:x"}`, Frame{Type: "leave", Doc: "d~1:x"}},
		{`{"type":"join","doc":"d"}`, Frame{Type: "join", Doc: "d", Join: Join{Ops: true, Presence: true}}},
		{`{"type":"join","doc":"d","channels":[]}`, Frame{Type: "join", Doc: "d"}},
		{`{"type":"join","doc":"d","channels":[ "presence" ],"since":null}`, Frame{Type: "join", Doc: "d", Join: Join{Presence: true}}},
		{
			`{"type":"join","doc":"d","channels":["ops","ops"],"format":"yjs","snapshot":false,"replaces":"s","since":{"offset":0,"epoch":"e","x":[1,1]}}`,
			Frame{Type: "join", Doc: "d", Join: Join{Ops: true, Format: "yjs", NoSnapshot: true, Replaces: "s", Since: Since{Epoch: "e"}}},
		},
		{
			`{"type":"join","doc":"d","since":{"offset":9007199254740991,"clock":{"b":2,"a":1}}}`,
			Frame{Type: "join", Doc: "d", Join: Join{Ops: true, Presence: true, Since: Since{Offset: clock.MaxSeq, Clock: clock.VectorOf(clock.Dot{Actor: "a", Seq: 1}, clock.Dot{Actor: "b", Seq: 2})}}},
		},
		{`{"type":"presence","doc":"d","state":{"a" : [ 1 ]}}`, Frame{Type: "presence", Doc: "d", State: []byte(`{"a":[1]}`)}},
		{`{"type":"presence","doc":"d","state":null}`, Frame{Type: "presence", Doc: "d"}},
		{`{"type":"event","doc":"d","name":"n"}`, Frame{Type: "event", Doc: "d", Name: "n"}},
		{`{"type":"event","doc":"d","name":"\u00e9","data": {"a": 1}}`, Frame{Type: "event", Doc: "d", Name: "é", Data: []byte(`{"a":1}`)}},
	}
	for _, tt := range tests {
		data := []byte(tt.frame)
		got, err := Decode(data, testLimits())
		if err != nil {
			t.Errorf("%s: %v", tt.frame, err)
			continue
		}
		clear(data) // nothing of it may be kept
		if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", &tt.want); g != w {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.frame, g, w)
		}
	}
}

func TestRefusedFramesSayWhatTheyAnswer(t *testing.T) {
	tests := []struct {
		frame   string
		code    Code
		id, doc string
	}{
		{`{"type":"nap","id":7,"doc":"d"}`, UnknownType, "7", ""},
		{`{"type":"join","id":"x","doc":"/"}`, Invalid, `"x"`, ""},
		{`{"type":"ops","id":"x","doc":"d","ops":[]}`, Invalid, `"x"`, "d"},
		{`{"type":"presence","doc":"d","id":-1,"state":[]}`, Invalid, "-1", "d"},
		{`{"type":"ping","id":true}`, Invalid, "", ""},
		{`{"type":"ping","id":[1]}`, Invalid, "", ""},
	}
	for _, tt := range tests {
		_, err := Decode([]byte(tt.frame), testLimits())
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Type != "error" || e.Code != tt.code || string(e.ID) != tt.id || string(e.Doc) != tt.doc || e.Message == "" {
			t.Errorf("%s: got %+v", tt.frame, err)
		}
	}
}

func TestDecodeOps(t *testing.T) {
	const list = `[ {"actor":"a","seq":3,"clock":{"b":2, "a":1},"payload": {"k" : "a b"} ,"ext":{ }, "note":1},
		{"seq":9007199254740991,"payload":null,"actor":"constructor"} ]`
	ops, err := DecodeOps([]byte(list), testLimits())
	if err != nil || len(ops) != 2 {
		t.Fatalf("got %d ops, %v", len(ops), err)
	}
	a, b := ops[0], ops[1]
	if a.Dot != (clock.Dot{Actor: "a", Seq: 3}) || a.Clock.Get("b") != 2 || a.Clock.Get("a") != 1 || a.Fault != nil ||
		string(a.Payload) != `{"k":"a b"}` || string(a.Ext) != `{}` {
		t.Errorf("got %+v", a)
	}
	if b.Dot != (clock.Dot{Actor: "constructor", Seq: clock.MaxSeq}) || b.Clock.Len() != 0 || string(b.Payload) != "null" || b.Ext != nil {
		t.Errorf("got %+v", b)
	}
	// What one op keeps must not run into the next.
	a.Payload = append(a.Payload, "xxxx"...)
	if string(b.Payload) != "null" || string(a.Ext) != "{}" {
		t.Errorf("payloads share memory beyond their ends: %s, %s", a.Ext, b.Payload)
	}
}

func TestOpsWithFaultsKeepTheirName(t *testing.T) {
	large := `"` + strings.Repeat("x", 4096) + `"`
	tests := []struct {
		op   string
		code Code
	}{
		{`{"actor":"a","seq":2}`, Invalid},
		{`{"actor":"a","seq":2,"payload":1,"ext":1}`, Invalid},
		{`{"actor":"a","seq":2,"payload":1,"clock":null}`, Invalid},
		{`{"actor":"a","seq":2,"payload":1,"clock":{"b":"1"}}`, Invalid},
		{`{"actor":"a","seq":2,"payload":1,"clock":{"b":01}}`, ""}, // no JSON at all
		{`{"actor":"a","seq":2,"payload":1,"clock":{"b":1e0}}`, Invalid},
		{`{"actor":"a","seq":2,"payload":1,"clock":{"b":1,"c":1,"d":1,"e":1,"f":1}}`, Invalid},
		{`{"actor":"a","seq":2,"payload":1,"clock":{"a":2}}`, Invalid},
		{`{"actor":"a","seq":2,"payload":` + large + `}`, TooLarge},
		{`{"actor":"a","seq":2,"payload":1,"ext":{"e":` + large + `}}`, TooLarge},
		{`{"actor":"a","seq":2,"payload":[` + strings.Repeat(" ", 4096) + `]}`, TooLarge},
	}
	for _, tt := range tests {
		f, err := Decode([]byte(`{"type":"ops","doc":"d","ops":[`+tt.op+`,{"actor":"a","seq":3,"payload":1}]}`), testLimits())
		if tt.code == "" {
			if !errors.Is(err, ErrUnreadable) {
				t.Errorf("%.80s: got %v, want unreadable", tt.op, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%.80s: %v", tt.op, err)
			continue
		}
		if o := f.Ops[0]; o.Fault == nil || o.Fault.Code != tt.code || o.Dot.Seq != 2 || o.Dot.Actor != "a" || f.Ops[1].Fault != nil {
			t.Errorf("%.80s: got %+v", tt.op, o.Fault)
		}
	}
}

func TestDecodeImport(t *testing.T) {
	body := []byte(` [{"actor":"a","seq":1,"payload":1,"by":"ann","at":5},{"actor":"a","seq":2,"payload":1,"at":0},{"actor":"a","seq":3,"payload":1}] `)
	ops, stamps, err := DecodeImport(body, testLimits(), true)
	if err != nil || !slices.Equal(stamps, []Stamp{{By: "ann", At: 5}, {}, {}}) || ops[0].Fault != nil || ops[1].Fault == nil || ops[2].Fault != nil {
		t.Errorf("got %+v, %+v, %v", ops, stamps, err)
	}
	ops, stamps, err = DecodeImport(body, testLimits(), false)
	if err != nil || stamps != nil || ops[1].Fault != nil {
		t.Errorf("without the right: got %+v, %+v, %v", ops, stamps, err)
	}
	for _, body := range []string{"", "[", "[}", "{}", "[]", "[1]", "null", "\xff"} {
		if _, _, err := DecodeImport([]byte(body), testLimits(), true); err == nil {
			t.Errorf("%q: got no error", body)
		}
	}
}

func TestDecodeEvent(t *testing.T) {
	name, data, err := DecodeEvent([]byte(` {"name":"n","data":[ 1 ],"type":7} `), testLimits())
	if name != "n" || string(data) != "[1]" || err != nil {
		t.Errorf("got %q, %s, %v", name, data, err)
	}
	for _, body := range []string{"", " ", "[]", `"n"`, `{"data":1}`, `{"name":"n","name":"n"}`, `{"name":"n","data":"` + strings.Repeat("x", 300) + `"}`} {
		if _, _, err := DecodeEvent([]byte(body), testLimits()); err == nil {
			t.Errorf("%q: got no error", body)
		}
	}
}

// jsonText draws the text of a JSON value, with white space, odd numbers, odd
// strings and repeated names in it.
func jsonText(t *rapid.T, depth int) string {
	ws := func() string { return rapid.SampledFrom([]string{"", "", " ", "\n\t ", "\r"}).Draw(t, "space") }
	kinds := 4
	if depth == 0 {
		kinds = 2
	}
	list := func(open, end string, element func() string) string {
		var parts []string
		for range rapid.IntRange(0, 3).Draw(t, "n") {
			parts = append(parts, ws()+element()+ws())
		}
		return open + ws() + strings.Join(parts, ",") + end
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return rapid.SampledFrom([]string{"null", "true", "0", "-0", "1.50e+07", "12345678901234567890", "1E400", "-1.0"}).Draw(t, "literal")
	case 1:
		return stringText(t)
	case 2:
		return list("[", "]", func() string { return jsonText(t, depth-1) })
	}
	return list("{", "}", func() string { return stringText(t) + ws() + ":" + ws() + jsonText(t, depth-1) })
}

func stringText(t *rapid.T) string {
	parts := rapid.SliceOfN(rapid.SampledFrom([]string{
		"a", " ", "  ", "é", "😀", `\"`, `\\`, `\/`, `\n`, `\u00e9`, `\uD83D\ude00`, `\ud83d`, "{", "}", "[", "]", ",", ":", "<", "\u2028", `\u0000`,
	}), 0, 6).Draw(t, "string")
	return `"` + strings.Join(parts, "") + `"`
}

// Payload and ext are kept as their text without the white space outside
// strings, otherwise byte for byte, and go out as that.
func TestPayloadsAreKeptByteForByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload, ext := jsonText(t, 3), "{"+stringText(t)+" : "+jsonText(t, 2)+"\n}"
		f, err := Decode([]byte(`{"type":"ops","doc":"d","ops":[{"actor":"a","seq":1,"payload":`+payload+`,"ext":`+ext+`}]}`), testLimits())
		if err != nil {
			t.Fatal(err)
		}
		op := f.Ops[0]
		if got, want := string(op.Payload), compacted(payload); got != want {
			t.Fatalf("payload %q: got %q, want %q", payload, got, want)
		}
		if got, want := string(op.Ext), compacted(ext); got != want {
			t.Fatalf("ext %q: got %q, want %q", ext, got, want)
		}
		e := op.Entry("ann")
		e.Offset = 7
		out := AppendEntry(nil, &e)
		if !json.Valid(out) || !bytes.Contains(out, append([]byte(`"payload":`), op.Payload...)) {
			t.Fatalf("got %s", out)
		}
	})
}

func compacted(s string) string {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(s)); err != nil {
		panic(err)
	}
	return b.String()
}
