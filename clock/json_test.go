package clock_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/baton-relay/baton/clock"
)

func TestJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.MapOf(
			rapid.Map(rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._:-]{0,63}`), func(s string) clock.Actor { return clock.Actor(s) }),
			rapid.Uint64Range(1, clock.MaxSeq),
		).Draw(t, "vector")
		text, err := json.Marshal(model(m).vector())
		if err != nil {
			t.Fatal(err)
		}
		var plain map[clock.Actor]uint64
		if err := json.Unmarshal(text, &plain); err != nil || !maps.Equal(plain, m) {
			t.Fatalf("%s is %v as JSON, %v; want %v", text, plain, err, m)
		}
		var v clock.Vector
		if err := json.Unmarshal(text, &v); err != nil || !maps.Equal(toModel(v), m) {
			t.Errorf("%s is %v, %v; want %v", text, toModel(v), err, m)
		}
	})
}

func TestParseJSON(t *testing.T) {
	for _, test := range []struct {
		text string
		want model // nil for an error
		err  error
	}{
		{`{}`, model{}, nil},
		{" {\t}\r\n", model{}, nil},
		{`{"a":1}`, model{"a": 1}, nil},
		{`{"b":2 , "a" :1}`, model{"a": 1, "b": 2}, nil},
		{`{"\u0061":1}`, model{"a": 1}, nil},
		{`{"a":9007199254740991}`, model{"a": clock.MaxSeq}, nil},
		{`{"a":9007199254740992}`, nil, clock.ErrSeq},
		{`{"a":99999999999999999999}`, nil, clock.ErrSeq},
		{`{"a":0}`, nil, clock.ErrSeq},
		{`{"a":01}`, nil, clock.ErrSeq},
		{`{"a":-1}`, nil, clock.ErrSeq},
		{`{"a":1.0}`, nil, clock.ErrSeq},
		{`{"a":1e3}`, nil, clock.ErrSeq},
		{`{"a":1E3}`, nil, clock.ErrSeq},
		{`{"a":"1"}`, nil, clock.ErrSeq},
		{`{"a":null}`, nil, clock.ErrSeq},
		{`{"":1}`, nil, clock.ErrActor},
		{`{"a b":1}`, nil, clock.ErrActor},
		{`{"a\"":1}`, nil, clock.ErrActor},
		{`{"a":1,"a":1}`, nil, clock.ErrTwice},
		{`{"a":1,"\u0061":2}`, nil, clock.ErrTwice},
		{`{"a":1,"b":1,"c":1,"d":1}`, nil, clock.ErrTooMany},
	} {
		v, err := clock.ParseJSON([]byte(test.text), 3)
		if !errors.Is(err, test.err) || test.want != nil && !maps.Equal(toModel(v), test.want) {
			t.Errorf("ParseJSON(%s) = %v, %v; want %v, %v", test.text, toModel(v), err, test.want, test.err)
		}
	}
	for _, text := range []string{
		``, `null`, `[]`, `{`, `{"a"}`, `{"a":}`, `{"a":1`, `{"a":1,}`, `{,}`, `{"a":1 "b":1}`, `{"a":1}}`, `{"a":1} x`,
		`{a:1}`, `{"a:1}`, `{"a\`, `{"\u00":1}`, `{"a":1,,"b":1}`, `{"a"::1}`, `{"a":1a}`,
	} {
		if v, err := clock.ParseJSON([]byte(text), 3); err == nil || v.Len() > 0 {
			t.Errorf("ParseJSON(%s) = %v, %v", text, toModel(v), err)
		}
	}
}

func TestUnmarshalNull(t *testing.T) {
	v := clock.VectorOf(clock.Dot{Actor: "a", Seq: 1})
	if err := json.Unmarshal([]byte("null"), &v); err != nil || v.Get("a") != 1 {
		t.Errorf("null gave %v, %v", toModel(v), err)
	}
}

// TestParseJSONHostileOrder parses names in the order that is worst for a
// sorted slice: had each its place found on arrival, 50,000 would take seconds.
func TestParseJSONHostileOrder(t *testing.T) {
	const n = 50_000
	for name, order := range map[string]func(i int) int{
		"descending": func(i int) int { return n - i },
		"outside in": func(i int) int { return (n + (1-2*(i%2))*(n-i)) / 2 },
	} {
		text := []byte{'{'}
		for i := range n {
			text = fmt.Appendf(text, `"a%08d":%d,`, order(i)*2+i%2, i+1)
		}
		text[len(text)-1] = '}'
		start := time.Now()
		v, err := clock.ParseJSON(text, n)
		if err != nil || v.Len() != n {
			t.Fatalf("%s: %d entries, %v", name, v.Len(), err)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s: %d names took %v", name, n, took)
		}
	}
}

// FuzzParseJSON holds the parser against encoding/json.
func FuzzParseJSON(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"a":1}`, ` { "a" : 12 , "b.c" : 9007199254740991 } `, `{"a":1,"a":2}`, `{"\u0061\n":1}`, `{"a":1.5}`, `{"a":1e2}`,
		`{"a":01}`, `{"a":null}`, `null`, `[1]`, `{"a\\":1}`, "{\"\xff\":1}", `{"a":{"b":1}}`, `{"a":1}x`, `{"a":-0}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := clock.ParseJSON(text, len(text))
		want, ok := reference(text)
		if ok != (err == nil) {
			t.Fatalf("ParseJSON(%q): %v; encoding/json accepts it: %t", text, err, ok)
		}
		if ok && !maps.Equal(toModel(v), want) {
			t.Fatalf("ParseJSON(%q) = %v, want %v", text, toModel(v), want)
		}
		if ok {
			again, err := clock.ParseJSON(v.AppendJSON(nil), v.Len())
			if err != nil || again.Compare(v) != clock.Equal {
				t.Fatalf("%q came back as %v, %v", text, toModel(again), err)
			}
		}
	})
}

// reference parses a clock with encoding/json.
func reference(text []byte) (m model, ok bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if open, err := d.Token(); !json.Valid(text) || err != nil || open != json.Delim('{') {
		return nil, false
	}
	m = model{}
	for d.More() {
		name, _ := d.Token()
		value, _ := d.Token()
		a, err := clock.ParseActor(name.(string))
		number, isNumber := value.(json.Number)
		if err != nil || !isNumber || m[a] > 0 {
			return nil, false
		}
		seq, err := strconv.ParseUint(string(number), 10, 64)
		if err != nil || seq == 0 || seq > clock.MaxSeq || strconv.FormatUint(seq, 10) != string(number) {
			return nil, false
		}
		m[a] = seq
	}
	return m, true
}

// many returns a vector of n actors with names as clients make them.
func many(n int) (v clock.Vector) {
	r := rand.New(rand.NewPCG(1, 2))
	for range n {
		v.Raise(clock.Actor(fmt.Sprintf("%016x", r.Uint64())), 1+r.Uint64N(100_000))
	}
	return v
}
