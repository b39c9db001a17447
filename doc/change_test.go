package doc

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestChangesAreReadAsJavaScriptReadsThem(t *testing.T) {
	for _, args := range [][]string{
		{"kinds", "--decoded"},
		{"board", "--decoded", "--elements", "30", "--moves", "200", "--states", "1"},
	} {
		h := madeInJS(t, args...)
		for i := range h.ops {
			raw, c, err := ReadOp(&h.ops[i])
			if err != nil {
				t.Fatalf("%s, op %d: %v", args[0], i+1, err)
			}
			deps := []string{}
			for _, d := range c.Deps {
				deps = append(deps, d.String())
			}
			got := decoded{c.Hash.String(), deps, c.StartOp, c.Time, c.Message, c.Ops}
			if !reflect.DeepEqual(got, h.decoded[i]) {
				t.Errorf("%s, op %d: got %+v, want %+v", args[0], i+1, got, h.decoded[i])
			}
			whole, err := ReadChange(deflated(t, raw))
			if err != nil || !reflect.DeepEqual(whole, c) {
				t.Errorf("%s, op %d, deflated: got %+v, %v, want %+v", args[0], i+1, whole, err, c)
			}
		}
	}
}

// deflated returns a change as the chunk that Automerge writes of large ones.
func deflated(t testing.TB, raw []byte) []byte {
	t.Helper()
	r := reader{rest: raw[9:]}
	body := r.take(r.uleb())
	return deflatedChunk(t, raw[4:8], body)
}

func deflatedChunk(t testing.TB, checksum, body []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err == nil {
		_, err = w.Write(body)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	chunk := slices.Concat(magic, checksum, []byte{deflatedChange})
	chunk = binary.AppendUvarint(chunk, uint64(packed.Len()))
	return append(chunk, packed.Bytes()...)
}

// A change of nothing: no dependencies, an actor of two bytes, seq, startOp,
// time, no message, no other actors, no columns.
var nothing = []byte{0, 2, 0xab, 0xcd, 1, 1, 0, 0, 0, 0}

func TestWhatIsNoChangeIsRefused(t *testing.T) {
	good := sealed(nothing)
	if c, err := ReadChange(good); err != nil || c.Actor != "abcd" || c.Seq != 1 || c.Ops != 0 {
		t.Fatalf("a change of nothing: got %+v, %v", c, err)
	}
	with := func(at int, b ...byte) []byte { return sealed(slices.Replace(slices.Clone(nothing), at, at+1, b...)) }
	withType := func(kind byte) []byte {
		b := slices.Clone(good)
		b[8] = kind
		return b
	}
	columns := func(specs ...byte) []byte { return sealed(append(slices.Clone(nothing[:9]), specs...)) }
	flipped := slices.Clone(good)
	flipped[len(flipped)-1] ^= 1
	huge := hashOf(make([]byte, MaxInflated+1))
	for name, c := range map[string]struct {
		raw  []byte
		want Fault
	}{
		"nothing":                          {nil, WrongType},
		"eight bytes":                      {good[:8], WrongType},
		"other data":                       {[]byte("no Automerge data"), WrongType},
		"a document":                       {withType(0), WrongType},
		"a bundle":                         {withType(3), WrongType},
		"a flipped bit":                    {flipped, Damaged},
		"a lost end":                       {good[:len(good)-1], Damaged},
		"a byte too many":                  {append(slices.Clone(good), 0), Damaged},
		"two changes":                      {slices.Concat(good, good), Damaged},
		"a plain body called deflated":     {withType(deflatedChange), Damaged},
		"a deflated body that is too long": {deflatedChunk(t, huge[:4], make([]byte, MaxInflated+1)), TooLarge},
		"a body of nothing":                {sealed(nil), Malformed},
		"a dependency that is not there":   {with(0, 1), Malformed},
		"2^53 dependencies":                {with(0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f), Malformed},
		"seq 0":                            {with(4, 0), Malformed},
		"startOp 0":                        {with(5, 0), Malformed},
		"counters beyond 32 bits":          {with(5, 0x80, 0x80, 0x80, 0x80, 0x10), Malformed},
		"a number with a byte too many":    {with(4, 0x81, 0), Malformed},
		"a negative one with one too many": {with(6, 0xff, 0x7f), Malformed},
		"a number of 54 bits":              {with(4, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10), Malformed},
		"a number without an end":          {with(4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), Malformed},
		"a message that is not UTF-8":      {with(7, 1, 0xff), Malformed},
		"a column twice":                   {columns(2, columnActions, 0, columnActions, 0), Malformed},
		"columns in no order":              {columns(2, columnActions, 0, 0x15, 0), Malformed},
		"a deflated column":                {columns(1, columnActions|columnDeflated, 0), Malformed},
		"a column beyond the end":          {columns(1, columnActions, 9, 1), Malformed},
		"a run without its value":          {columns(1, columnActions, 1, 1), Malformed},
		"fewer values than are counted":    {columns(1, columnActions, 3, 0x7d, 1, 1), Malformed},
		"too many ops":                     {bomb(MaxOps + 1), TooLarge},
		"too many in several runs":         {columns(1, columnActions, 8, 0xc0, 0x84, 0x3d, 1, 0xc0, 0x84, 0x3e, 1), TooLarge},
		"one that overwrites two million":  {columns(1, columnOverwritten, 4, 1, 0x81, 0x89, 0x7a), TooLarge},
	} {
		got, err := ReadChange(c.raw)
		wrong, ok := errors.AsType[*ChangeError](err)
		if !ok || wrong.Fault != c.want || got != nil {
			t.Errorf("%s: got %+v, %v, want %s", name, got, err, c.want)
		}
	}
}

func TestOpsAreHeldAgainstTheirNames(t *testing.T) {
	op := func(actor string, seq uint64, payload string) error {
		h := (&history{}).with(withPayload(op0, sealed(nothing)))
		e := h.ops[0]
		e.Actor, e.Seq = "abcd", seq
		if actor != "" {
			e.Actor = "abce"
		}
		if payload != "" {
			e.Payload = []byte(payload)
		}
		_, _, err := ReadOp(&e)
		return err
	}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"its own change":     {op("", 1, ""), ""},
		"another's change":   {op("other", 1, ""), "carries change 1 of actor abcd"},
		"another change":     {op("", 2, ""), "carries change 1 of actor abcd"},
		"a number":           {op("", 1, "7"), "no string with base64"},
		"no base64":          {op("", 1, `"???"`), "no string with base64"},
		"base64 of nothing":  {op("", 1, `""`), "no Automerge data"},
		"base64 of anything": {op("", 1, `"aGVsbG8="`), "no Automerge data"},
	} {
		got := fmt.Sprint(c.err)
		if c.err == nil {
			got = ""
		}
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	redacted := op0
	redacted.Redacted = true
	if _, err := Payload(&redacted); err == nil {
		t.Error("an erased payload was read")
	}
	escaped := op0
	escaped.Payload = []byte(`"\/w=="`)
	if raw, err := Payload(&escaped); err != nil || !bytes.Equal(raw, []byte{0xff}) {
		t.Errorf("an escaped payload: got %x, %v, want ff", raw, err)
	}
}

// FuzzReadChange reads anything. What is read as a change is bounded, and its
// hash is that of its content.
func FuzzReadChange(f *testing.F) {
	f.Add(sealed(nothing))
	f.Add(bomb(10))
	f.Add(deflated(f, sealed(nothing)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := ReadChange(raw)
		if _, known := errors.AsType[*ChangeError](err); err != nil && !known {
			t.Errorf("got %v, want a ChangeError", err)
		}
		if err == nil && (!bytes.Equal(raw[4:8], c.Hash[:4]) || c.Ops > MaxOps || c.Seq == 0) {
			t.Errorf("got %+v", c)
		}
	})
}
