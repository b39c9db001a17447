package diff_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/clipperhouse/displaywidth"
	"pgregory.net/rapid"

	"github.com/baton-relay/baton/doc/diff"
)

func decode(t failer, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

type failer interface {
	Helper()
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

// checkPatch applies the patch from a to b.
func checkPatch(t failer, a, b []byte) []byte {
	t.Helper()
	text, err := diff.Patch(a, b)
	if err != nil {
		t.Fatalf("%s to %s: %v", a, b, err)
	}
	got, err := apply(decode(t, a), text)
	if err != nil {
		t.Fatalf("%s with %s: %v", a, text, err)
	}
	if !reflect.DeepEqual(got, decode(t, b)) {
		t.Errorf("%s with %s is %v, want %s", a, text, got, b)
	}
	return text
}

func drawValue(depth int) *rapid.Generator[any] {
	name := rapid.SampledFrom([]string{"a", "b", "c", "a/b", "~", "~1", "", "0", "x\ny", "<ä>"})
	leaves := []*rapid.Generator[any]{
		rapid.SampledFrom([]any{nil, true, false, json.Number("1"), json.Number("1.0"), json.Number("9007199254740993"), json.Number("1e400"), json.Number("-0.10")}),
		rapid.Map(rapid.SampledFrom([]string{"", "a", "<&>", "two\nlines", "two\nother lines", "a quite long text of many words that goes on", "\x1b[31m"}), func(s string) any { return s }),
		rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"this", " ", "word", "漢字", ", ", "\u202e"}), 0, 60), func(w []string) any { return strings.Join(w, "") }),
	}
	if depth > 0 {
		leaves = append(leaves,
			rapid.Map(rapid.MapOfN(name, drawValue(depth-1), 0, 4), func(m map[string]any) any { return m }),
			rapid.Map(rapid.SliceOfN(drawValue(depth-1), 0, 5), func(l []any) any { return l }))
	}
	return rapid.OneOf(leaves...)
}

var drawDocument = rapid.Custom(func(t *rapid.T) []byte {
	text, err := json.Marshal(map[string]any{"x": drawValue(3).Draw(t, "x"), "y": drawValue(3).Draw(t, "y")})
	if err != nil {
		t.Fatal(err)
	}
	return text
})

func TestPatchTurnsOneIntoTheOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawDocument.Draw(t, "a"), drawDocument.Draw(t, "b")
		patch := checkPatch(t, a, b)
		if equal := reflect.DeepEqual(decode(t, a), decode(t, b)); equal != (string(patch) == "[]") {
			t.Errorf("%s and %s are equal: %t, and the patch is %s", a, b, equal, patch)
		}
	})
}

// TestEveryDifferenceIsTold checks that text and patch have the same changes, and
// that a change anywhere is one.
func TestEveryDifferenceIsTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawDocument.Draw(t, "a"), drawDocument.Draw(t, "b")
		var ops []struct{ Op string }
		patch, err := diff.Patch(a, b)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(patch, &ops); err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		o := diff.Options{Width: rapid.IntRange(0, 120).Draw(t, "width"), Colour: rapid.Bool().Draw(t, "colour"), Lines: rapid.IntRange(0, 3).Draw(t, "lines")}
		if err := diff.WriteText(&text, a, b, o); err != nil {
			t.Fatal(err)
		}
		want := map[string]int{}
		for _, op := range ops {
			want[op.Op]++
		}
		got := map[string]int{}
		for line := range strings.Lines(text.String()) {
			for code := range 100 {
				line = strings.ReplaceAll(line, fmt.Sprintf("\x1b[%dm", code), "")
			}
			switch {
			case strings.HasPrefix(line, "+ "):
				got["add"]++
			case strings.HasPrefix(line, "- "):
				got["remove"]++
			case strings.HasPrefix(line, "~ "):
				got["replace"]++
			}
			if got, most := displaywidth.String(strings.TrimSuffix(line, "\n")), max(cmp.Or(o.Width, 100), 40); got > most {
				t.Errorf("line takes %d columns of %d: %q", got, most, line)
			}
			if strings.ContainsRune(line, 0x1b) {
				t.Errorf("a document's control characters reach the terminal: %q", line)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("text has %v, and the patch %v:\n%s\n%s", got, want, text.String(), patch)
		}
	})
}

func TestPatches(t *testing.T) {
	for _, c := range []struct{ name, a, b, want string }{
		{"equal", `{"b":1,"a":[2]}`, ` { "a" : [2], "b" : 1 } `, `[]`},
		{"number beyond 2^53", `{"n":9007199254740992}`, `{"n":9007199254740993}`, `[{"op":"replace","path":"/n","value":9007199254740993}]`},
		{"null", `{"n":1}`, `{"n":null}`, `[{"op":"replace","path":"/n","value":null}]`},
		{"escaped names", `{"a/b":{"~":1}}`, `{"a/b":{"~":2}}`, `[{"op":"replace","path":"/a~1b/~0","value":2}]`},
		{"item put in front", `[1,2,3]`, `[0,1,2,3]`, `[{"op":"add","path":"/0","value":0}]`},
		{"items taken out", `[1,2,3,4]`, `[2,4]`, `[{"op":"remove","path":"/0"},{"op":"remove","path":"/1"}]`},
		{"within an item behind one put in", `[{"x":1},{"x":2,"y":1}]`, `[{"x":0},{"x":1},{"x":3,"y":1}]`, `[{"op":"add","path":"/0","value":{"x":0}},{"op":"replace","path":"/2/x","value":3}]`},
		{"names with what looks like numbers", `[0,1,{"a":1,"b":2}]`, `[0,1,{"a\u0001b":2}]`, `[{"op":"remove","path":"/2/a"},{"op":"add","path":"/2/a\u0001b","value":2},{"op":"remove","path":"/2/b"}]`},
		{"all of it", `1`, `[1]`, `[{"op":"replace","path":"","value":[1]}]`},
	} {
		got, err := diff.Patch([]byte(c.a), []byte(c.b))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %s, %v; want %s", c.name, got, err, c.want)
		}
	}
}

func TestNoJSON(t *testing.T) {
	for _, bad := range []string{"", "{", "{} {}", "nul", `{"a":1,}`} {
		if _, err := diff.Patch([]byte(bad), []byte("1")); err == nil || !strings.Contains(err.Error(), "first document") {
			t.Errorf("%q as the first: %v", bad, err)
		}
		if err := diff.WriteText(io.Discard, []byte("1"), []byte(bad), diff.Options{}); err == nil || !strings.Contains(err.Error(), "second document") {
			t.Errorf("%q as the second: %v", bad, err)
		}
	}
}

// FuzzDiff compares anything with anything.
func FuzzDiff(f *testing.F) {
	f.Add([]byte(`{"a":[1,2,{"b":"x\ny"}]}`), []byte(`{"a":[2,{"b":"x\nz"}],"c":null}`))
	f.Add([]byte(`[[[]],"\u0000\ud800"]`), []byte(`[{},1e999]`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if !json.Valid(a) || !json.Valid(b) {
			return
		}
		checkPatch(t, a, b)
		var text strings.Builder
		if err := diff.WriteText(&text, a, b, diff.Options{Width: 40}); err != nil {
			t.Error(err)
		}
	})
}
