package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzDecode holds the decoder against encoding/json: whatever comes, it does
// not panic; what it takes is JSON, and payloads, states and data are the text
// that came, without white space.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"type":"ping","id":7}`,
		`{"type":"join","doc":"d","channels":["ops"],"since":{"epoch":"e","offset":4,"clock":{"a":1,"b":2}},"format":"json","snapshot":false,"replaces":"x"}`,
		`{"type":"ops","doc":"d","ops":[{"actor":"a","seq":1,"clock":{"b":1},"payload":{"k" : [1, "a\\\" b"]},"ext":{"e":"\ud83d"}},{"actor":"a","seq":2,"payload":null}]}`,
		`{"type":"presence","doc":"d","state":{"x" : [1,2]}}`,
		`{"type":"event","doc":"d","name":"\u00e9","data":"\\"}`,
		`{"type":"auth","token":"t"}`, `{"type":"leave","doc":"d"}`,
		`{"\u0074ype":"ping","type":"ping"}`, `[]`, `"`, `{"type":"ops","doc":"d","ops":[{}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		orig := bytes.Clone(data)
		frame, err := Decode(data, testLimits())
		_, refused := errors.AsType[*Error](err)
		readable := utf8.Valid(orig) && json.Valid(orig)
		switch {
		case err != nil && !refused && !errors.Is(err, ErrUnreadable):
			t.Fatalf("%q: got an error of neither kind: %v", orig, err)
		case !readable && !errors.Is(err, ErrUnreadable):
			t.Fatalf("%q is no JSON in UTF-8: got %v", orig, err)
		case err != nil:
			return
		}
		before := fmt.Sprintf("%+v", frame)
		for i := range data {
			data[i] = 'x'
		}
		if after := fmt.Sprintf("%+v", frame); before != after {
			t.Fatalf("%q: the frame keeps a part of the data", orig)
		}
		checkFrame(t, orig, frame)
	})
}

func checkFrame(t *testing.T, orig []byte, f *Frame) {
	fields := objectOf(t, orig)
	if id := fields["id"]; string(f.ID) != string(id) {
		t.Fatalf("%q: got id %s", orig, f.ID)
	}
	same := func(what string, got []byte, raw json.RawMessage) {
		if string(got) != compacted(string(raw)) {
			t.Fatalf("%q: got %s %s, want %s", orig, what, got, compacted(string(raw)))
		}
	}
	switch f.Type {
	case TypePresence:
		if f.State != nil {
			same("state", f.State, fields["state"])
		}
	case TypeEvent:
		if f.Data != nil {
			same("data", f.Data, fields["data"])
		}
		var event struct{ Name string }
		b := AppendEvent(nil, f.Doc, "s", f.Name, f.Data)
		if err := json.Unmarshal(b, &event); err != nil || event.Name != f.Name {
			t.Fatalf("%q: goes out as %s: %v", orig, b, err)
		}
	case TypeOps:
		var list []json.RawMessage
		if err := json.Unmarshal(fields["ops"], &list); err != nil || len(list) != len(f.Ops) {
			t.Fatalf("%q: got %d ops of %d, %v", orig, len(f.Ops), len(list), err)
		}
		for i := range f.Ops {
			checkOp(t, &f.Ops[i], objectOf(t, list[i]), same)
		}
	}
}

func checkOp(t *testing.T, op *Op, fields map[string]json.RawMessage, same func(string, []byte, json.RawMessage)) {
	if !op.Actor.Valid() || op.Seq == 0 {
		t.Fatalf("got an op named %v", op.Dot)
	}
	if op.Fault != nil {
		return
	}
	same("payload", op.Payload, fields["payload"])
	if op.Ext != nil {
		same("ext", op.Ext, fields["ext"])
	}
	e := op.Entry("by")
	e.Offset = 1
	frame := string(append(append(AppendOps(nil, "d"), AppendEntry(nil, &e)...), OpsEnd...))
	if !json.Valid([]byte(frame)) || !utf8.ValidString(frame) {
		t.Fatalf("goes out as %q", frame)
	}
	// What goes out, sent in again, is the same op.
	again, err := Decode([]byte(frame), &Limits{OpBytes: 1 << 20, OpsPerFrame: 1, ClockEntries: 1 << 20})
	if err != nil || len(again.Ops) != 1 || !again.Ops[0].SameContent(&op.Op) || again.Ops[0].Dot != op.Dot || !again.Ops[0].Clock.Covers(op.Clock) {
		t.Fatalf("%q comes back as %+v, %v", frame, again, err)
	}
}

// objectOf reads an object by encoding/json; names are as they are, in any
// spelling that JSON has for them.
func objectOf(t *testing.T, obj []byte) map[string]json.RawMessage {
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(obj, &fields); err != nil {
		t.Fatalf("%.200q is taken, but no object: %v", obj, err)
	}
	for name := range fields {
		if strings.Contains(name, "\ufffd") {
			delete(fields, name) // several names may have become this one
		}
	}
	return fields
}
