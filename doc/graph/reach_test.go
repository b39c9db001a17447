package graph_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/doc/graph"
	"github.com/baton-relay/baton/oplog"
)

// history is what some actors write who hear of each other now and then. full is
// what each op's author had seen, its own op included.
type history struct {
	entries []oplog.Entry
	full    []clock.Vector
}

var drawHistory = rapid.Custom(func(t *rapid.T) history {
	var h history
	actors := rapid.IntRange(1, 5).Draw(t, "actors")
	seen := make([]clock.Vector, actors)
	newest := make([]int, actors)
	for range rapid.IntRange(0, 40).Draw(t, "ops") {
		i := rapid.IntRange(0, actors-1).Draw(t, "who")
		name := clock.Actor(rune('a' + i))
		var heads clock.Vector
		for range rapid.IntRange(0, 2).Draw(t, "hears") {
			if len(h.entries) == 0 {
				break
			}
			k := rapid.IntRange(0, len(h.entries)-1).Draw(t, "of")
			seen[i] = seen[i].Merge(h.full[k])
			if other := h.entries[k].Dot; other.Actor != name {
				heads.Raise(other.Actor, other.Seq)
			}
		}
		newest[i]++
		seen[i] = seen[i].Clone()
		seen[i].Raise(name, uint64(newest[i]))
		e := oplog.Entry{Op: oplog.Op{Dot: clock.Dot{Actor: name, Seq: uint64(newest[i])}, Clock: heads}}
		if rapid.Bool().Draw(t, "names all") {
			e.Clock = clock.Vector{}
			for a, seq := range seen[i].All() {
				if a != name {
					e.Clock.Raise(a, seq)
				}
			}
		}
		e.Offset = oplog.Offset(len(h.entries)*2 + 1)
		e.At = 1_773_064_800_000 + int64(len(h.entries))*700
		h.entries, h.full = append(h.entries, e), append(h.full, seen[i])
	}
	return h
})

// ancestors says of each run which runs a way leads from, itself included.
func ancestors(runs []graph.Run) [][]bool {
	above := make([][]bool, len(runs))
	for i, r := range runs {
		above[i] = make([]bool, len(runs))
		above[i][i] = true
		for _, p := range r.Parents {
			for k, is := range above[p] {
				above[i][k] = above[i][k] || is
			}
		}
	}
	return above
}

func runOf(runs []graph.Run, d clock.Dot) int {
	return slices.IndexFunc(runs, func(r graph.Run) bool { return r.Actor == d.Actor && r.First <= d.Seq && d.Seq <= r.Last })
}

// TestWaysAreWhatHappenedBefore holds the runs to the clocks: a way leads from one
// op to another exactly if the author of the other had seen it.
func TestWaysAreWhatHappenedBefore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory.Draw(t, "history")
		runs := build(t, h.entries).Runs()
		above := ancestors(runs)
		for j, e := range h.entries {
			to := runOf(runs, e.Dot)
			if to < 0 {
				t.Fatalf("op %s is in no run", e.Dot)
			}
			for _, earlier := range h.entries[:j] {
				from := runOf(runs, earlier.Dot)
				if got, want := above[to][from], h.full[j].Has(earlier.Dot); got != want {
					t.Errorf("a way leads from %s to %s: %t, want %t\nruns %+v", earlier.Dot, e.Dot, got, want, runs)
				}
			}
		}
	})
}

// TestNothingIsDrawnTwice checks that no parent is implied by another, that runs
// are as long as they can be, and that they add up to the log.
func TestNothingIsDrawnTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory.Draw(t, "history")
		runs := build(t, h.entries).Runs()
		above := ancestors(runs)
		children := make([]int, len(runs))
		ops := 0
		for i, r := range runs {
			ops += r.Ops()
			for _, p := range r.Parents {
				children[p]++
				for _, q := range r.Parents {
					if own := runs[p].Actor == r.Actor; p != q && !own && above[q][p] {
						t.Errorf("run %d has the parents %d and %d, and one implies the other", i, p, q)
					}
				}
			}
		}
		for i, r := range runs {
			if len(r.Parents) == 1 && children[r.Parents[0]] == 1 && runs[r.Parents[0]].Actor == r.Actor {
				t.Errorf("runs %d and %d could be one", r.Parents[0], i)
			}
		}
		if ops != len(h.entries) {
			t.Errorf("runs hold %d ops, want %d", ops, len(h.entries))
		}
	})
}

// TestPrunedHistory cuts the log's beginning off. What is left keeps its ways but
// for those that led through what is gone.
func TestPrunedHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory.Draw(t, "history")
		k := rapid.IntRange(0, len(h.entries)).Draw(t, "pruned")
		runs := build(t, h.entries[k:]).Runs()
		above := ancestors(runs)
		for j, e := range h.entries[k:] {
			to := runOf(runs, e.Dot)
			for _, earlier := range h.entries[k : k+j] {
				from := runOf(runs, earlier.Dot)
				if got, want := above[to][from], h.full[k+j].Has(earlier.Dot); got != want {
					t.Errorf("a way leads from %s to %s: %t, want %t", earlier.Dot, e.Dot, got, want)
				}
			}
			sawPruned := slices.ContainsFunc(h.entries[:k], func(gone oplog.Entry) bool { return h.full[k+j].Has(gone.Dot) })
			if got := runs[0].Pruned() && above[to][0]; got != sawPruned {
				t.Errorf("%s comes after what was pruned: %t, want %t", e.Dot, got, sawPruned)
			}
		}
	})
}

// TestAddTakesAnything adds entries of which nothing needs to fit. Those that are
// refused must leave no trace.
func TestAddTakesAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var g, clean graph.Graph
		name := rapid.SampledFrom([]clock.Actor{"a", "b", "c", "", "-", "\x1b[31m"})
		for range rapid.IntRange(0, 30).Draw(t, "ops") {
			e := oplog.Entry{Offset: oplog.Offset(rapid.Uint64Range(0, 60).Draw(t, "offset")), At: rapid.Int64().Draw(t, "at")}
			e.Dot = clock.Dot{Actor: name.Draw(t, "actor"), Seq: rapid.OneOf(rapid.Uint64Range(0, 6), rapid.Uint64()).Draw(t, "seq")}
			for range rapid.IntRange(0, 3).Draw(t, "entries") {
				e.Clock.Raise(name.Draw(t, "names"), rapid.OneOf(rapid.Uint64Range(0, 6), rapid.Uint64()).Draw(t, "named seq"))
			}
			if g.Add(&e) == nil {
				if err := clean.Add(&e); err != nil {
					t.Fatalf("a graph that was refused entries took %+v, and one that was not: %v", e, err)
				}
			}
		}
		if got, want := fmt.Sprintf("%v", shape(&g)), fmt.Sprintf("%v", shape(&clean)); got != want {
			t.Errorf("runs are %s, want %s", got, want)
		}
		drawAll(t, &g)
	})
}

// shape is what can be compared of two graphs that numbered their actors
// differently.
func shape(g *graph.Graph) (s []string) {
	for _, r := range g.Runs() {
		s = append(s, fmt.Sprint(r.Actor, r.First, r.Last, r.Start, r.End, r.From, r.Until, r.Parents))
	}
	return s
}

func TestAddRefuses(t *testing.T) {
	for _, c := range []struct {
		name, before string
		refused      oplog.Entry
		want         error
	}{
		{"an offset again", "alice 1 {}", entry(1, "alice", 2), oplog.ErrOrder},
		{"a hole", "alice 1 {}", entry(2, "alice", 3), oplog.ErrOrder},
		{"an op again", "alice 1-2 {}", entry(3, "alice", 2), oplog.ErrOrder},
		{"seq 0", "", entry(1, "alice", 0), clock.ErrSeq},
		{"seq too high", "", entry(1, "alice", clock.MaxSeq+1), clock.ErrSeq},
		{"no actor", "", entry(1, "", 1), clock.ErrActor},
		{"a clock that names what comes later", "alice 1 {}\nbob 1 {}", entry(3, "alice", 2, clock.Dot{Actor: "bob", Seq: 2}), oplog.ErrOrder},
		{"a clock that names itself", "alice 1 {}", entry(2, "alice", 2, clock.Dot{Actor: "alice", Seq: 2}), oplog.ErrOrder},
		{"what was named as pruned", "alice 1 {bob:5}", entry(2, "bob", 5), oplog.ErrOrder},
	} {
		entries, err := parseScenario(c.before)
		if err != nil {
			t.Fatal(err)
		}
		g := build(t, entries)
		before := shape(g)
		if err := g.Add(&c.refused); !errors.Is(err, c.want) || !slices.Equal(shape(g), before) {
			t.Errorf("%s: got %v and runs %v, want %v and %v", c.name, err, shape(g), c.want, before)
		}
	}
}

func entry(at oplog.Offset, a clock.Actor, seq uint64, names ...clock.Dot) oplog.Entry {
	return oplog.Entry{Op: oplog.Op{Dot: clock.Dot{Actor: a, Seq: seq}, Clock: clock.VectorOf(names...)}, Offset: at}
}
