package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// The golden files hold every frame as it goes over the wire, one a line.
// Clients in other languages are tested with the same lines.
const (
	clientFrames = "testdata/client.jsonl"
	serverFrames = "testdata/server.jsonl"
)

func goldenFrames(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines, ended := strings.CutSuffix(string(text), "\n")
	if !ended {
		t.Fatalf("%s: the last line has no end", file)
	}
	return strings.Split(lines, "\n")
}

// strictly reads JSON text into v, and fails where v has no place for a field.
func strictly(t *testing.T, text []byte, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("read %s into %T: %v", text, v, err)
	}
}

// What the relay's encoders make of a golden frame is that frame, byte for byte,
// and no field of theirs is without one.
func TestGoldenServerFrames(t *testing.T) {
	used := map[string]bool{}
	for i, line := range goldenFrames(t, serverFrames) {
		var head struct{ Type string }
		if err := json.Unmarshal([]byte(line), &head); err != nil {
			t.Fatalf("%s:%d: %v", serverFrames, i+1, err)
		}
		if got := encodedAgain(t, head.Type, []byte(line), used); string(got) != line {
			t.Errorf("%s:%d:\ngot  %s\nwant %s", serverFrames, i+1, got, line)
		}
	}
	for _, field := range slices.Sorted(maps.Keys(used)) {
		if !used[field] {
			t.Errorf("no golden frame of the relay has %s", field)
		}
	}
}

func encodedAgain(t *testing.T, typ string, line []byte, used map[string]bool) []byte {
	t.Helper()
	switch typ {
	case TypeWelcome:
		return marshaled[Welcome](t, line, used)
	case TypeJoined:
		return marshaled[Joined](t, line, used)
	case TypeOps:
		return opsAgain(t, line)
	case TypeLive:
		return marshaled[Live](t, line, used)
	case TypeAck:
		var f Ack
		strictly(t, line, &f)
		return AppendAck(nil, f.Doc, clock.Dot{Actor: f.Actor, Seq: f.Seq}, f.Offset)
	case TypeReject:
		return marshaled[Reject](t, line, used)
	case TypeSnapshot:
		return marshaled[SnapshotNotice](t, line, used)
	case TypePresence:
		return presenceAgain(t, line, used)
	case TypeEvent:
		var f struct {
			Type, Session, Name string
			Doc                 oplog.DocID
			Data                json.RawMessage
		}
		strictly(t, line, &f)
		return AppendEvent(nil, f.Doc, f.Session, f.Name, f.Data)
	case TypePong:
		return marshaled[Pong](t, line, used)
	case TypeLeft, TypeAccess, TypeCompact:
		return marshaled[DocFrame](t, line, used)
	case TypeAuth:
		return marshaled[Auth](t, line, used)
	case TypeError:
		return marshaled[Error](t, line, used)
	case TypeDraining:
		return marshaled[Draining](t, line, used)
	}
	t.Fatalf("the relay sends no frame of type %q: %s", typ, line)
	return nil
}

// marshaled reads a frame into its type, notes the fields in use, and encodes it.
func marshaled[Frame any](t *testing.T, line []byte, used map[string]bool) []byte {
	t.Helper()
	var f Frame
	strictly(t, line, &f)
	noteFields(reflect.ValueOf(f), used)
	return Marshal(&f)
}

// noteFields notes which fields of this package's types hold something.
func noteFields(v reflect.Value, used map[string]bool) {
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct || v.Type().PkgPath() != reflect.TypeFor[Welcome]().PkgPath() {
		return
	}
	for field, value := range v.Fields() {
		name := v.Type().Name() + "." + field.Name
		used[name] = used[name] || !value.IsZero()
		noteFields(value, used)
	}
}

func opsAgain(t *testing.T, line []byte) []byte {
	t.Helper()
	var f struct {
		Type string
		Doc  oplog.DocID
		Ops  []struct {
			clock.Dot
			Offset       oplog.Offset
			Clock        clock.Vector
			At           int64
			By           string
			Payload, Ext json.RawMessage
			Redacted     bool
		}
	}
	strictly(t, line, &f)
	b := AppendOps(nil, f.Doc)
	for i, op := range f.Ops {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendEntry(b, &oplog.Entry{
			Op:     oplog.Op{Dot: op.Dot, Clock: op.Clock, Payload: op.Payload, Ext: op.Ext},
			Offset: op.Offset, At: op.At, By: op.By, Redacted: op.Redacted,
		})
	}
	return append(b, OpsEnd...)
}

func presenceAgain(t *testing.T, line []byte, used map[string]bool) []byte {
	t.Helper()
	var f struct {
		Type   string
		Doc    oplog.DocID
		States json.RawMessage
	}
	strictly(t, line, &f)
	b := AppendPresence(nil, f.Doc)
	first := true
	members(f.States, func(session, value []byte) bool {
		if !first {
			b = append(b, ',')
		}
		first = false
		var p *struct{ User, State json.RawMessage }
		if strictly(t, value, &p); p == nil {
			b = AppendGone(b, string(session))
			return true
		}
		if p.User != nil {
			p.User = marshaled[User](t, p.User, used)
		}
		b = AppendState(b, string(session), p.User, p.State)
		return true
	})
	return append(b, PresenceEnd...)
}

// What Decode makes of a golden frame is all that its text says.
func TestGoldenClientFrames(t *testing.T) {
	for i, line := range goldenFrames(t, clientFrames) {
		f, err := Decode([]byte(line), testLimits())
		if err != nil {
			t.Errorf("%s:%d: %s: %v", clientFrames, i+1, line, err)
			continue
		}
		for name, text := range objectOf(t, []byte(line)) {
			if got := fieldText(t, f, name, text); got != string(text) {
				t.Errorf("%s:%d: %s: of %q\ngot  %s\nwant %s", clientFrames, i+1, line, name, got, text)
			}
		}
	}
}

// fieldText returns the JSON text of what the frame has read from a field, whose
// text it is given only for the choice between spellings that mean the same.
func fieldText(t *testing.T, f *Frame, name string, text json.RawMessage) string {
	switch name {
	case "type":
		return quote(f.Type)
	case "id":
		return string(f.ID)
	case "doc":
		return quote(string(f.Doc))
	case "channels":
		channels := []string{}
		if f.Join.Ops {
			channels = append(channels, "ops")
		}
		if f.Join.Presence {
			channels = append(channels, "presence")
		}
		return string(Marshal(channels))
	case "since":
		return sinceTextLike(t, &f.Join.Since, text)
	case "format":
		return quote(string(f.Join.Format))
	case "snapshot":
		return fmt.Sprint(!f.Join.NoSnapshot)
	case "replaces":
		return quote(f.Join.Replaces)
	case "ops":
		return opsTextLike(t, f.Ops, text)
	case "state":
		return textOrNull(f.State)
	case "name":
		return quote(f.Name)
	case "data":
		return string(f.Data)
	case "token":
		return quote(f.Token)
	}
	return "nothing"
}

// sinceTextLike returns since as JSON text with the fields that text has.
func sinceTextLike(t *testing.T, s *Since, text json.RawMessage) string {
	if string(text) == "null" && reflect.ValueOf(*s).IsZero() {
		return "null"
	}
	return objectLike(text, func(name string, value []byte) string {
		switch name {
		case "epoch":
			return quote(string(s.Epoch))
		case "offset":
			return fmt.Sprint(s.Offset)
		case "clock":
			return clockTextLike(t, s.Clock, value)
		}
		return "nothing"
	})
}

// opsTextLike returns ops as JSON text, each with the fields that it has in text.
func opsTextLike(t *testing.T, ops []Op, text json.RawMessage) string {
	var texts []string
	elements(text, func(value []byte) bool {
		if len(texts) == len(ops) || ops[len(texts)].Fault != nil {
			return false
		}
		op := &ops[len(texts)]
		texts = append(texts, objectLike(value, func(name string, value []byte) string {
			switch name {
			case "actor":
				return quote(string(op.Actor))
			case "seq":
				return fmt.Sprint(op.Seq)
			case "clock":
				return clockTextLike(t, op.Clock, value)
			case "payload":
				return string(op.Payload)
			case "ext":
				return string(op.Ext)
			}
			return "nothing"
		}))
		return true
	})
	return "[" + strings.Join(texts, ",") + "]"
}

// clockTextLike returns text if it says what the clock does: the order of its
// actors is the client's own.
func clockTextLike(t *testing.T, v clock.Vector, text []byte) string {
	var seqs map[clock.Actor]uint64
	strictly(t, text, &seqs)
	if maps.Equal(seqs, maps.Collect(v.All())) {
		return string(text)
	}
	return string(v.AppendJSON(nil))
}

// objectLike returns an object with the names of text, and the values that field
// gives for them.
func objectLike(text []byte, field func(name string, value []byte) string) string {
	var fields []string
	members(text, func(name, value []byte) bool {
		fields = append(fields, quote(string(name))+":"+field(string(name), value))
		return true
	})
	return "{" + strings.Join(fields, ",") + "}"
}

func quote(s string) string { return string(appendString(nil, s)) }

func textOrNull(text []byte) string {
	if text == nil {
		return "null"
	}
	return string(text)
}
