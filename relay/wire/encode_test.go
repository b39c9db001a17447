package wire

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// wellFormed fails unless b is one strict JSON value, and reads it into v.
func wellFormed(t interface{ Fatalf(string, ...any) }, b []byte, v any) {
	if !jsontext.Value(b).IsValid() {
		t.Fatalf("%s is no JSON", b)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("read %s: %v", b, err)
	}
}

func TestAppendEntry(t *testing.T) {
	e := oplog.Entry{
		Op: oplog.Op{
			Dot:     clock.Dot{Actor: "a.b:c-d", Seq: clock.MaxSeq},
			Clock:   clock.VectorOf(clock.Dot{Actor: "b", Seq: 2}, clock.Dot{Actor: "B", Seq: 1}),
			Payload: []byte(`{"x":[1]}`), Ext: []byte(`{"e":1}`),
		},
		Offset: 9, At: 1767225600000, By: "ann \"<é>",
	}
	const want = `{"offset":9,"actor":"a.b:c-d","seq":9007199254740991,"clock":{"B":1,"b":2},"at":1767225600000,"by":"ann \"<é>","payload":{"x":[1]},"ext":{"e":1}}`
	if got := string(AppendEntry(nil, &e)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	e = oplog.Entry{Op: oplog.Op{Dot: clock.Dot{Actor: "a", Seq: 1}}, Offset: 1, At: 5, Redacted: true}
	if got, want := string(AppendEntry(nil, &e)), `{"offset":1,"actor":"a","seq":1,"clock":{},"at":5,"redacted":true}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Whatever a token file calls people, and sessions are called, frames are JSON.
func TestFramesOfAnyNameAreJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		by := string(rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "by"))
		name := rapid.String().Draw(t, "name")
		session := rapid.StringN(1, 8, -1).Draw(t, "session")
		e := oplog.Entry{Op: oplog.Op{Dot: clock.Dot{Actor: "a", Seq: 1}, Payload: []byte("1")}, Offset: 1, By: by}
		var ops struct {
			Type, Doc string
			Ops       []struct{ By string }
		}
		wellFormed(t, append(append(AppendOps(nil, "d"), AppendEntry(nil, &e)...), OpsEnd...), &ops)
		if want := string([]rune(by)); ops.Type != "ops" || ops.Doc != "d" || ops.Ops[0].By != want { // U+FFFD for each byte that is no UTF-8
			t.Fatalf("got %+v, want by %q", ops, by)
		}
		var event struct {
			Session, Name string
			Data          json.RawMessage
		}
		wellFormed(t, AppendEvent(nil, "d", session, name, []byte(`{"k":1}`)), &event)
		if event.Session != session || event.Name != name || string(event.Data) != `{"k":1}` {
			t.Fatalf("got %+v, want %q and %q", event, session, name)
		}
		wellFormed(t, AppendEvent(nil, "d", "", name, nil), &event)
	})
}

func TestAppendPresence(t *testing.T) {
	b := AppendPresence(nil, "d")
	b = append(AppendGone(b, "s1"), ',')
	b = append(AppendState(b, "s2", nil, nil), ',')
	b = append(AppendState(b, "s3", []byte(`{"id":"ann"}`), nil), ',')
	b = append(AppendState(b, "s4", nil, []byte(`{"x":1}`)), ',')
	b = AppendState(b, "s5", []byte(`{"id":"bob"}`), []byte(`{}`))
	const want = `{"type":"presence","doc":"d","states":{"s1":null,"s2":{},"s3":{"user":{"id":"ann"}},"s4":{"state":{"x":1}},"s5":{"user":{"id":"bob"},"state":{}}}}`
	if got := string(append(b, PresenceEnd...)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAppendAck(t *testing.T) {
	const want = `{"type":"ack","doc":"d","actor":"a","seq":2,"offset":9}`
	if got := string(AppendAck(nil, "d", clock.Dot{Actor: "a", Seq: 2}, 9)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// An id comes back byte for byte; fields that say nothing are left out.
func TestMarshal(t *testing.T) {
	missing := clock.VectorOf(clock.Dot{Actor: "b", Seq: 3})
	tests := []struct {
		frame any
		want  string
	}{
		{&Pong{Type: "pong"}, `{"type":"pong"}`},
		{&Pong{Type: "pong", ID: json.RawMessage("1.50")}, `{"type":"pong","id":1.50}`},
		{&Pong{Type: "pong", ID: json.RawMessage(`"<a&b>\u003c` + "\u2028" + `"`)}, `{"type":"pong","id":"<a&b>\u003c` + "\u2028" + `"}`},
		{&Joined{Type: "joined", Doc: "d", Access: []string{"read"}}, `{"type":"joined","doc":"d","epoch":"","head":0,"first":0,"from":0,"access":["read"]}`},
		{&Joined{Type: "joined", Doc: "d", Clock: new(clock.Vector), Access: []string{}}, `{"type":"joined","doc":"d","epoch":"","head":0,"first":0,"from":0,"clock":{},"access":[]}`},
		{
			&Reject{Type: "reject", Doc: "d", Actor: "a", Seq: 1, Code: Missing, Message: "m", Missing: &missing},
			`{"type":"reject","doc":"d","actor":"a","seq":1,"code":"missing","message":"m","missing":{"b":3}}`,
		},
		{&Error{Type: "error", Code: Invalid, Message: `"<x>" & y`}, `{"type":"error","code":"invalid","message":"\"<x>\" & y"}`},
	}
	for _, tt := range tests {
		if got := string(Marshal(tt.frame)); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestBinary(t *testing.T) {
	for _, b := range []string{"", "\x00", "ab", "\xff\xfe\xfd", strings.Repeat("x", 1000)} {
		var got []byte
		wellFormed(t, Binary([]byte(b)), &got)
		if string(got) != b {
			t.Errorf("got %q, want %q", got, b)
		}
	}
	if got, want := string(Binary([]byte{0xfb, 0xff})), `"+/8="`; got != want {
		t.Errorf("got %s, want %s: standard base64 with padding", got, want)
	}
}
