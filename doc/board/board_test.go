package board

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestReadSaysWhatIsNoBoard(t *testing.T) {
	for _, doc := range []string{`{}`, `[]`, `null`, `3`, `"text"`, `{"content":"a text"}`, `{"elements":null}`, `{"elements":"x"}`, `{"elements":[1]}`} {
		if _, err := Read([]byte(doc)); !errors.Is(err, ErrNoBoard) {
			t.Errorf("Read(%s): got %v, want ErrNoBoard", doc, err)
		}
	}
	for _, doc := range []string{``, `{"elements":{}`, `{"elements":{}}}`} {
		if _, err := Read([]byte(doc)); err == nil || errors.Is(err, ErrNoBoard) {
			t.Errorf("Read(%s): got %v, want what is wrong with the JSON", doc, err)
		}
	}
}

func TestElementsLieInTheOrderOfTheirIndexes(t *testing.T) {
	b := boardOf(t, `"c": {"type":"ellipse","index":"a1"}, "b": {"type":"ellipse","index":"a1"},
		"a": {"type":"ellipse","index":"a2"}, "d": {"type":"ellipse","index":"b"}, "gone": {"type":"ellipse","isDeleted":true}`)
	var got []string
	for _, e := range b.elements {
		got = append(got, e.id)
	}
	// "b" is no index: its whole part lacks digits.
	if want := []string{"d", "b", "c", "a"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestValuesThatMakeNoSenseGetDefaults(t *testing.T) {
	b := boardOf(t, `"a": {"type":"arrow","x":"far","y":null,"width":1e300,"strokeWidth":-5,"opacity":400,"fillStyle":"dots",
		"roundness":"{\"type\":\"3\"}","points":"[[1]]","groupIds":"nonsense","locked":null,"index":"A00000000000000000000000000",
		"bound:t":"text","bound:x":"sofa","customData":"[]","startBinding":"{\"elementId\":3}"},
		"n": {"type":"sofa"}, "m": 3, "l": null, "k": {"type":3}`)
	if len(b.elements) != 1 {
		t.Fatalf("got %d elements, want the one that is one", len(b.elements))
	}
	got := b.elements[0].values
	want := map[string]any{
		"x": 0.0, "y": 0.0, "width": 1e6, "strokeWidth": 0.0, "opacity": 100.0, "fillStyle": "solid",
		"roundness": nil, "points": []any{[]any{0.0, 0.0}, []any{1e6, 0.0}}, "groupIds": []any{}, "locked": false, "index": nil,
		"boundElements": []link{{"t", "text"}}, "startBinding": nil,
	}
	for k, v := range want {
		if !reflect.DeepEqual(got[k], v) {
			t.Errorf("%s: got %v, want %v", k, got[k], v)
		}
	}
	if _, there := got["customData"]; there {
		t.Error("customData that is no object is there")
	}
}

func TestWhatANewerExcalidrawWritesIsKept(t *testing.T) {
	b := boardOf(t, `"line": {"type":"line","polygon":true,"points":"[[0,0],[9,9]]"},
		"text": {"type":"text","text":"Q","originalText":"Q","width":900,"height":1875,"fontSize":1500},
		"arrow": {"type":"arrow","points":"[[0,0],[9,9]]",
			"startBinding":"{\"elementId\":\"a\",\"mode\":\"orbit\",\"fixedPoint\":[1.03,0.5]}",
			"endBinding":"{\"elementId\":\"b\",\"focus\":0.1,\"gap\":2,\"fixedPoint\":\"x\",\"more\":1}"}`)
	for id, want := range map[string]map[string]any{
		"line": {"polygon": true},
		"text": {"fontSize": 1500.0},
		"arrow": {
			"startBinding": map[string]any{"elementId": "a", "focus": 0.0, "gap": 5.0, "mode": "orbit", "fixedPoint": []any{1.03, 0.5}},
			"endBinding":   map[string]any{"elementId": "b", "focus": 0.1, "gap": 2.0, "fixedPoint": nil},
		},
	} {
		for k, v := range want {
			if got := b.byID[id].values[k]; !reflect.DeepEqual(got, v) {
				t.Errorf("%s of %s: got %v, want %v", k, id, got, v)
			}
		}
	}
}

func TestLinesAreThoseOfTheirText(t *testing.T) {
	for _, tt := range []struct {
		lines, text string
		want        bool
	}{
		{"one two", "one two", true},
		{"one\ntwo", "one two", true},
		{"one\ntwo", "one   two", true},
		{"lon\ngwo\nrd", "longword", true},
		{"one\n\ntwo", "one\n\ntwo", true},
		{"one", "one  ", true},
		{"one two", "one  two", false},
		{"one\n\ntwo", "one\ntwo", false},
		{"one two", "one two three", false},
		{"one", "one\n", false},
		{"\none", "one", false},
	} {
		if got := wraps(tt.lines, tt.text); got != tt.want {
			t.Errorf("wraps(%q, %q): got %v, want %v", tt.lines, tt.text, got, tt.want)
		}
	}
}

func TestAnExportedTextHasTheLinesOfWhatIsWritten(t *testing.T) {
	b := boardOf(t, `"t": {"type":"text","text":"one","originalText":"one and two","width":30,"height":25,"fontSize":20},
		"u": {"type":"text","text":"unmeasured","originalText":"unmeasured","fontSize":20}`)
	out, err := b.Excalidraw()
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Elements []struct {
			Text          string
			Width, Height float64
		}
	}
	if err := json.Unmarshal(out, &file); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"one and two", "unmeasured"} {
		if got := file.Elements[i]; got.Text != want || got.Width < 50 || got.Height != 25 {
			t.Errorf("got %+v, want %q, measured", got, want)
		}
	}
}

func TestExcalidrawIsWhatThePageExports(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "clean.excalidraw"))
	if err != nil {
		t.Fatal(err)
	}
	ours, err := readBoard(t, "clean").Excalidraw()
	if err != nil {
		t.Fatal(err)
	}
	var got, want map[string]any
	for _, in := range []struct {
		data []byte
		into *map[string]any
	}{{ours, &got}, {data, &want}} {
		if err := json.Unmarshal(in.data, in.into); err != nil {
			t.Fatal(err)
		}
		// These are each program's own.
		delete(*in.into, "source")
		for _, e := range (*in.into)["elements"].([]any) {
			for _, own := range []string{"version", "versionNonce", "updated"} {
				if _, ok := e.(map[string]any)[own].(float64); !ok {
					t.Errorf("an element has no %s", own)
				}
				delete(e.(map[string]any), own)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if key != "elements" && !reflect.DeepEqual(got[key], want[key]) {
			t.Errorf("%s: got %v, want %v", key, got[key], want[key])
		}
	}
	g, w := got["elements"].([]any), want["elements"].([]any)
	if len(g) != len(w) || len(got) != len(want) {
		t.Fatalf("got %d elements and %d keys, want %d and %d", len(g), len(got), len(w), len(want))
	}
	for i := range w {
		if !reflect.DeepEqual(g[i], w[i]) {
			t.Errorf("element %d: got\n%v, want\n%v", i, g[i], w[i])
		}
	}
}

func TestTextsThatMergedAreWrappedAnew(t *testing.T) {
	b := boardOf(t, `"box": {"type":"rectangle","width":100,"height":80,"bound:t":"text"},
		"t": {"type":"text","containerId":"box","text":"one two","originalText":"one two three four five","width":90,"height":25,"fontSize":20,"textAlign":"center"}`)
	text := wellFormed(t, svgOf(t, b, Options{Clean: true}))
	for _, want := range []string{"one two", "three", "four"} {
		if !strings.Contains(text, want) {
			t.Errorf("the picture has no %q in %q", want, text)
		}
	}
	if n := strings.Count(string(svgOf(t, b, Options{})), "<text"); n < 3 {
		t.Errorf("got %d lines, want the text wrapped", n)
	}
}

func TestAPictureThatIsTooLargeSaysWhatScaleFits(t *testing.T) {
	b := boardOf(t, `"a": {"type":"rectangle","x":-1e6,"y":-1e6}, "b": {"type":"rectangle","x":1e6,"y":1e6}`)
	_, err := b.PNG(io.Discard, Options{})
	if _, ok := errors.AsType[*TooLargeError](err); !ok {
		t.Fatal("a picture of 2,000,000 pixels square was drawn")
	}
	for _, most := range []float64{1, 1000, 1 << 20} {
		_, _, err := b.picture(Options{}, most)
		tooLarge, ok := errors.AsType[*TooLargeError](err)
		if !ok {
			t.Fatalf("got %v for %g pixels, want that they are too few", err, most)
		}
		if _, _, err := b.picture(Options{Scale: tooLarge.Scale}, most); err != nil {
			t.Errorf("at the scale of %g that fits %g pixels: %v", tooLarge.Scale, most, err)
		}
	}
}

// hostile are values that a document may have for any property.
var hostile = []string{
	`null`, `0`, `-1`, `1e6`, `-1e6`, `1e308`, `0.0001`, `true`, `""`, `"a1"`, `"solid"`, `"hachure"`, `"cross-hatch"`, `"zigzag"`, `"dotted"`,
	`"{}"`, `"[]"`, `"[[0,0],[1000000,1000000]]"`, `"[[0,0],[0,0],[0,0]]"`, `"{\"type\":3,\"value\":-5}"`, `[]`, `[0]`, `[0,0,0,0]`, `[1e6,-1e6,5,5,1e6,1e6]`,
	`"transparent"`, `"#fff0"`, `"hsl(1e9,200%,-5%)"`, `"arrow"`, `"diamond"`, `"text"`, `"line"`, `"freedraw"`, `"image"`, `"frame"`, `"iframe"`,
	`"e0"`, `"e1"`, `"\u202ea\u0301שלום 漢字\n\n\t\u0000"`, `"{\"x\":0,\"y\":0,\"width\":0.001,\"height\":1e6,\"naturalWidth\":1,\"naturalHeight\":1}"`, `"[-1,0.5]"`,
}

func TestHostileValues(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if given, err := strconv.ParseUint(os.Getenv("BATON_SEED"), 10, 64); err == nil {
		seed = given
	}
	t.Logf("BATON_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	kinds := slices.Sorted(maps.Keys(schema))
	for range 100 {
		kind := kinds[random.IntN(len(kinds))]
		var element strings.Builder
		fmt.Fprintf(&element, `{"type":%q,"width":50,"height":40,"fillStyle":"hachure","backgroundColor":"#f00",`, kind)
		element.WriteString(`"points":"[[0,0],[50,40],[0,3]]","fileId":"f","bound:e1":"text","endArrowhead":"dot"`)
		for range 1 + random.IntN(4) {
			p := schema[kind][random.IntN(len(schema[kind]))]
			fmt.Fprintf(&element, ",%q:%s", p.name, hostile[random.IntN(len(hostile))])
		}
		drawAll(t, []byte(`{"elements":{"e0":`+element.String()+`},"e1":{"type":"text","containerId":"e0","originalText":"abc","frameId":"e0"}},
			"files":{"f":"{\"type\":\"image/png\",\"slices\":1}","f/0":"AAAA"}}`))
	}
}

// drawAll makes everything of a document that can be made, small.
func drawAll(t testing.TB, doc []byte) {
	b, err := Read(doc)
	if err != nil {
		return
	}
	for _, o := range []Options{{}, {Dark: true, Clean: true, Padding: -1}} {
		svg := svgOf(t, b, o)
		wellFormed(t, svg)
		// How much there is to draw is what takes time, in a picture too.
		if len(svg) > 8<<20 {
			t.Errorf("drawn in %d bytes: %.1000s", len(svg), doc)
		}
		const small = 1 << 14
		_, _, err := b.picture(o, small)
		if tooLarge, ok := errors.AsType[*TooLargeError](err); ok {
			o.Scale = tooLarge.Scale
			_, _, err = b.picture(o, small)
		}
		if err != nil {
			t.Fatalf("draw %s: %v", doc, err)
		}
	}
	if _, err := b.Excalidraw(); err != nil {
		t.Fatal(err)
	}
}

func FuzzDraw(f *testing.F) {
	for kind := range schema {
		f.Add([]byte(`{"elements":{"e0":{"type":"` + kind + `","x":1,"y":2,"width":50,"height":40,"angle":1,"text":"a b","originalText":"a b","points":"[[0,0],[50,40],[0,3]]","fillStyle":"zigzag","backgroundColor":"#ffc9c9","roundness":"{\"type\":3}","seed":5,"roughness":2,"endArrowhead":"diamond","strokeStyle":"dashed","link":"https://a.example"}},"files":{}}`))
	}
	f.Add([]byte(`{"elements":{"a":{"type":"freedraw","points":[0,0,5,5,9,2],"pressures":[0.1,0.5],"simulatePressure":false},"b":{"type":"frame"},"c":{"type":"image","frameId":"b","fileId":"i","crop":"{\"x\":0,\"y\":0,\"width\":1,\"height\":1,\"naturalWidth\":1,\"naturalHeight\":1}"}},"files":{"i":"{\"type\":\"image/gif\",\"slices\":1}","i/0":"R0lGODlhAQABAIAAAAUEBAAAACwAAAAAAQABAAACAkQBADs="}}`))
	f.Fuzz(func(t *testing.T, doc []byte) { drawAll(t, doc) })
}

// large returns a board of 5,000 elements: the scene of a test, again and again.
func large(b *testing.B) *Board {
	b.Helper()
	doc, err := os.ReadFile(filepath.Join("testdata", "rough.json"))
	if err != nil {
		b.Fatal(err)
	}
	var root struct {
		Elements map[string]map[string]any `json:"elements"`
		Files    map[string]string         `json:"files"`
	}
	if err := json.Unmarshal(doc, &root); err != nil {
		b.Fatal(err)
	}
	all := map[string]map[string]any{}
	ids := slices.Sorted(maps.Keys(root.Elements))
	for i := range 5000 {
		e := maps.Clone(root.Elements[ids[i%len(ids)]])
		e["y"] = e["y"].(float64) + float64(i/len(ids))*800
		for _, key := range []string{"containerId", "frameId"} {
			if to, ok := e[key].(string); ok {
				e[key] = fmt.Sprintf("%s-%d", to, i/len(ids))
			}
		}
		for key, v := range e {
			if to, ok := strings.CutPrefix(key, linkPrefix); ok {
				delete(e, key)
				e[fmt.Sprintf("%s%s-%d", linkPrefix, to, i/len(ids))] = v
			}
		}
		all[fmt.Sprintf("%s-%d", ids[i%len(ids)], i/len(ids))] = e
	}
	out, err := json.Marshal(map[string]any{"elements": all, "files": root.Files})
	if err != nil {
		b.Fatal(err)
	}
	board, err := Read(out)
	if err != nil {
		b.Fatal(err)
	}
	if len(board.elements) != 5000 {
		b.Fatalf("got %d elements", len(board.elements))
	}
	return board
}

func BenchmarkSVGOf5000Elements(b *testing.B) {
	board := large(b)
	var out bytes.Buffer
	for b.Loop() {
		out.Reset()
		if err := board.SVG(&out, Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(out.Len())/1e6, "MB")
}

func BenchmarkPNGOf5000Elements(b *testing.B) {
	board := large(b)
	var out bytes.Buffer
	for b.Loop() {
		out.Reset()
		if _, err := board.PNG(&out, Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(out.Len())/1e6, "MB")
}
