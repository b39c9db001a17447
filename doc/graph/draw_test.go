package graph_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/clipperhouse/displaywidth"
	"pgregory.net/rapid"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/doc/graph"
	"github.com/baton-relay/baton/oplog"
)

// drawAll draws g in all ways and checks what holds for every drawing.
func drawAll(t *rapid.T, g *graph.Graph) {
	o := graph.Options{
		Limit:       rapid.IntRange(-1, 12).Draw(t, "limit"),
		Width:       rapid.SampledFrom([]int{0, 1, 40, 72, 120}).Draw(t, "width"),
		ASCII:       rapid.Bool().Draw(t, "ascii"),
		NewestFirst: rapid.Bool().Draw(t, "newest first"),
		Title:       rapid.String().Draw(t, "title"),
	}
	names := map[clock.Actor]string{}
	o.Names = func(a clock.Actor) string {
		if _, ok := names[a]; !ok {
			names[a] = rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "李小龍", "\x1b[31mred", `"\<&`, "\u202eevil"})).Draw(t, "name")
		}
		return names[a]
	}
	var text, svg, dot bytes.Buffer
	if err := errors.Join(g.WriteText(&text, o), g.WriteSVG(&svg, o), g.WriteDOT(&dot, o)); err != nil {
		t.Fatal(err)
	}
	width := max(o.Width, 40)
	if o.Width == 0 {
		width = 100
	}
	for line := range strings.Lines(text.String()) {
		line = strings.TrimSuffix(line, "\n")
		if got := displaywidth.String(line); got > width {
			t.Errorf("line takes %d columns of %d: %q", got, width, line)
		}
		if strings.ContainsAny(line, "\x1b\r\u202e") {
			t.Errorf("line has control characters: %q", line)
		}
	}
	end := map[string]int{} // of the last capsule of each lane
	for _, m := range capsules.FindAllStringSubmatch(svg.String(), -1) {
		x, _ := strconv.Atoi(m[1])
		width, _ := strconv.Atoi(m[3])
		if x < end[m[2]] {
			t.Errorf("capsules lie over each other at %d of height %s", x, m[2])
		}
		end[m[2]] = x + width
	}
	for dec := xml.NewDecoder(&svg); ; {
		if _, err := dec.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("the picture is no XML: %v", err)
		}
	}
	if strings.Count(dot.String(), "\n") != strings.Count(dot.String(), ";\n")+2 {
		t.Errorf("a statement of the DOT text is broken over lines: %s", dot.String())
	}
}

var capsules = regexp.MustCompile(`<rect x="(\d+)" y="(\d+)" width="(\d+)" height="18"`)

func TestDrawingsOfAnyHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		drawAll(t, build(t, drawHistory.Draw(t, "history").entries))
	})
}

// TestLimit joins runs, and checks that what is drawn stays within the limit and
// has all ops.
func TestLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory.Draw(t, "history")
		g := build(t, h.entries[rapid.IntRange(0, len(h.entries)).Draw(t, "pruned"):])
		runs := g.Runs()
		pruned := len(runs) > 0 && runs[0].Pruned()
		limit := rapid.IntRange(3, 20).Draw(t, "limit")
		var dot bytes.Buffer
		if err := g.WriteDOT(&dot, graph.Options{Limit: limit}); err != nil {
			t.Fatal(err)
		}
		nodes := strings.Count(dot.String(), "[label=")
		if want := min(limit, len(runs)); nodes != want {
			t.Errorf("%d nodes are drawn of %d runs within %d, want %d", nodes, len(runs), limit, want)
		}
		if joined := strings.Contains(dot.String(), "are joined"); joined != (len(runs) > limit) {
			t.Errorf("says that runs are joined: %t, of %d runs within %d", joined, len(runs), limit)
		}
		if alone := strings.Contains(dot.String(), "n0 [label=\"before: ops"); alone != pruned {
			t.Errorf("what was pruned is drawn by itself: %t, want %t", alone, pruned)
		}
		for line := range strings.Lines(dot.String()) {
			var from, to int
			if n, _ := fmt.Sscanf(line, "\tn%d -> n%d", &from, &to); n == 2 && from >= to {
				t.Errorf("an edge leads back: %s", line)
			}
		}
	})
}

// TestEveryParentIsDrawn reads the edges back from DOT.
func TestEveryParentIsDrawn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := build(t, drawHistory.Draw(t, "history").entries)
		var dot strings.Builder
		if err := g.WriteDOT(&dot, graph.Options{}); err != nil {
			t.Fatal(err)
		}
		got, want := map[[2]int]bool{}, map[[2]int]bool{}
		for line := range strings.Lines(dot.String()) {
			var from, to int
			if n, _ := fmt.Sscanf(line, "\tn%d -> n%d", &from, &to); n == 2 {
				got[[2]int{from, to}] = true
			}
		}
		for i, r := range g.Runs() {
			for _, p := range r.Parents {
				want[[2]int{p, i}] = true
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("edges are %v, want %v", got, want)
		}
	})
}

// TestCrowdedPicture draws many actors who all write all the time: the picture must
// stay of a size that can be opened, and say that it left something out.
func TestCrowdedPicture(t *testing.T) {
	g := build(t, crowd(400, 5_000))
	var svg strings.Builder
	draw(t, g.WriteSVG(&svg, graph.Options{}))
	if n := len(capsules.FindAllString(svg.String(), -1)); n > 6000 || n < 2000 {
		t.Errorf("%d capsules are drawn, want up to 6000", n)
	}
	for _, want := range []string{"are not drawn", "101 more actors"} {
		if !strings.Contains(svg.String(), want) {
			t.Errorf("the picture does not say %q", want)
		}
	}
	if svg.Len() > 2<<20 {
		t.Errorf("the picture has %d bytes", svg.Len())
	}
}

// TestWriterFails checks that an error of the writer is told.
func TestWriterFails(t *testing.T) {
	g := build(t, crowd(20, 400))
	full := errors.New("disk full")
	for name, write := range map[string]func(io.Writer, graph.Options) error{"text": g.WriteText, "SVG": g.WriteSVG, "DOT": g.WriteDOT} {
		if err := write(failing{full}, graph.Options{}); !errors.Is(err, full) {
			t.Errorf("%s: got %v, want %v", name, err, full)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestColour checks that colours change nothing but colour.
func TestColour(t *testing.T) {
	g := readScenario(t, "testdata/branches.txt")
	var plain, coloured strings.Builder
	draw(t, g.WriteText(&plain, graph.Options{}))
	draw(t, g.WriteText(&coloured, graph.Options{Colour: true}))
	s := coloured.String()
	if !strings.Contains(s, "\x1b[") {
		t.Error("nothing has a colour")
	}
	for code := range 100 {
		s = strings.ReplaceAll(s, fmt.Sprintf("\x1b[%dm", code), "")
	}
	if s != plain.String() {
		t.Errorf("without its colours the text is\n%s\nwant\n%s", s, plain.String())
	}
}

// TestNamesAreEscaped gives an actor a name that each language takes for its own.
func TestNamesAreEscaped(t *testing.T) {
	g := build(t, crowd(1, 2))
	o := graph.Options{Names: func(clock.Actor) string { return "a\"b\\n<&amp;\x1b[0m" }}
	for name, c := range map[string]struct {
		write func(io.Writer, graph.Options) error
		want  string
	}{
		"text": {g.WriteText, "a\"b\\n<&amp;\ufffd[0m 1–2"},
		"SVG":  {g.WriteSVG, "a&#34;b\\n&lt;&amp;amp;\ufffd[0m 1–2"},
		"DOT":  {g.WriteDOT, `a\"b\\n<&amp;amp;` + "\ufffd[0m 1–2"},
	} {
		var got strings.Builder
		draw(t, c.write(&got, o))
		if !strings.Contains(got.String(), c.want) {
			t.Errorf("%s lacks %q:\n%s", name, c.want, got.String())
		}
	}
}

// crowd is actors who write by turns and hear everything.
func crowd(actors, ops int) []oplog.Entry {
	var entries []oplog.Entry
	var all clock.Vector
	at := time.Date(2026, 3, 9, 14, 0, 0, 0, time.UTC).UnixMilli()
	for i := range ops {
		name := clock.Actor(fmt.Sprintf("user-%03d", i*7919%actors))
		seq := all.Get(name) + 1
		e := oplog.Entry{Op: oplog.Op{Dot: clock.Dot{Actor: name, Seq: seq}}, Offset: oplog.Offset(i + 1), At: at + int64(i)*900}
		for a, n := range all.All() {
			if a != name {
				e.Clock.Raise(a, n)
			}
		}
		all.Raise(name, seq)
		entries = append(entries, e)
	}
	return entries
}
