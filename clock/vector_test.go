package clock_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/baton-relay/baton/clock"
)

// model is a vector as a plain map.
type model map[clock.Actor]uint64

// drawModel draws from few actors, so that vectors meet.
var drawModel = rapid.Custom(func(t *rapid.T) model {
	actors := rapid.SampledFrom([]clock.Actor{"A", "a", "a.1", "aa", "b", "constructor", "z:-_.9"})
	return rapid.MapOf(actors, rapid.Uint64Range(1, 4)).Draw(t, "vector")
})

func (m model) vector() (v clock.Vector) {
	for a, seq := range m {
		v.Raise(a, seq)
	}
	return v
}

func (m model) covers(n model) bool {
	for a, seq := range n {
		if m[a] < seq {
			return false
		}
	}
	return true
}

func (m model) compare(n model) clock.Order {
	switch after, before := m.covers(n), n.covers(m); {
	case after && before:
		return clock.Equal
	case after:
		return clock.After
	case before:
		return clock.Before
	}
	return clock.Concurrent
}

func toModel(v clock.Vector) model { return maps.Collect(v.All()) }

// TestVectorModel compares everything a vector answers with what a map says.
func TestVectorModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, n := drawModel.Draw(t, "m"), drawModel.Draw(t, "n")
		v, w := m.vector(), n.vector()
		if got := toModel(v); !maps.Equal(got, m) || v.Len() != len(m) {
			t.Fatalf("vector holds %v, want %v", got, m)
		}
		if got, want := v.Compare(w), m.compare(n); got != want {
			t.Errorf("Compare(%v, %v) = %v, want %v", m, n, got, want)
		}
		if got, want := v.Covers(w), m.covers(n); got != want {
			t.Errorf("Covers(%v, %v) = %v, want %v", m, n, got, want)
		}
		missing, merged := model{}, maps.Clone(m)
		for a, seq := range n {
			if m[a] < seq {
				missing[a] = seq
			}
			merged[a] = max(m[a], seq)
			if v.Get(a) != m[a] || v.Has(clock.Dot{Actor: a, Seq: seq}) != (m[a] >= seq) {
				t.Errorf("%v: Get(%q) = %d", m, a, v.Get(a))
			}
		}
		if got := toModel(v.Missing(w)); !maps.Equal(got, missing) {
			t.Errorf("Missing(%v, %v) = %v, want %v", m, n, got, missing)
		}
		if got := toModel(v.Merge(w)); !maps.Equal(got, merged) {
			t.Errorf("Merge(%v, %v) = %v, want %v", m, n, got, merged)
		}
	})
}

// TestLattice checks the laws of a join semilattice, and that Compare is its
// order.
func TestLattice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawModel.Draw(t, "a").vector(), drawModel.Draw(t, "b").vector(), drawModel.Draw(t, "c").vector()
		same := func(law string, v, w clock.Vector) {
			if v.Compare(w) != clock.Equal {
				t.Errorf("%s: %v and %v differ", law, toModel(v), toModel(w))
			}
		}
		same("merge is idempotent", a.Merge(a), a)
		same("merge commutes", a.Merge(b), b.Merge(a))
		same("merge associates", a.Merge(b).Merge(c), a.Merge(b.Merge(c)))
		same("empty is neutral", a.Merge(clock.Vector{}), a)
		same("what was missing completes", a.Merge(a.Missing(b)), a.Merge(b))
		join := a.Merge(b)
		if !join.Covers(a) || !join.Covers(b) {
			t.Error("a merge is not an upper bound")
		}
		if c.Covers(a) && c.Covers(b) && !c.Covers(join) {
			t.Error("a merge is not the least upper bound")
		}
		if got, want := a.Covers(b), a.Merge(b).Compare(a) == clock.Equal; got != want {
			t.Errorf("Covers says %t, and merging %t", got, want)
		}
		if got, want := a.Covers(b), a.Missing(b).Len() == 0; got != want {
			t.Errorf("Covers says %t, and what is missing %t", got, want)
		}
		mirror := map[clock.Order]clock.Order{
			clock.Equal: clock.Equal, clock.Concurrent: clock.Concurrent,
			clock.Before: clock.After, clock.After: clock.Before,
		}
		if got, want := b.Compare(a), mirror[a.Compare(b)]; got != want {
			t.Errorf("compared the other way round %v, want %v", got, want)
		}
	})
}

// TestRaise raises in any order, on a vector and on a map.
func TestRaise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var v clock.Vector
		m := model{}
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			a := rapid.SampledFrom([]clock.Actor{"a", "b", "c", "d", "e", "f"}).Draw(t, "actor")
			seq := rapid.Uint64Range(0, 9).Draw(t, "seq")
			before := v.Clone()
			v.Raise(a, seq)
			if !v.Covers(before) {
				t.Fatal("raising lowered")
			}
			if seq > m[a] {
				m[a] = seq
			}
		}
		if got := toModel(v); !maps.Equal(got, m) {
			t.Errorf("got %v, want %v", got, m)
		}
		var names []clock.Actor
		for a := range v.All() {
			names = append(names, a)
		}
		if !slices.IsSorted(names) {
			t.Errorf("actors come as %q", names)
		}
	})
}

func TestCloneSharesNothing(t *testing.T) {
	v := clock.VectorOf(clock.Dot{Actor: "a", Seq: 1}, clock.Dot{Actor: "b", Seq: 2}, clock.Dot{Actor: "a", Seq: 0})
	c := v.Clone()
	c.Raise("a", 9)
	c.Raise("0", 1)
	if got, want := toModel(v), (model{"a": 1, "b": 2}); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestMergeSharesNothing checks that a merge can be changed without its sources.
func TestMergeSharesNothing(t *testing.T) {
	v, w := clock.VectorOf(clock.Dot{Actor: "a", Seq: 1}), clock.VectorOf(clock.Dot{Actor: "b", Seq: 1})
	for _, m := range []clock.Vector{v.Merge(w), w.Merge(v), v.Merge(clock.Vector{}), v.Missing(w)} {
		m.Raise("a", 5)
		m.Raise("b", 5)
	}
	if v.Get("a") != 1 || w.Get("b") != 1 || v.Len() != 1 || w.Len() != 1 {
		t.Errorf("sources are %v and %v", toModel(v), toModel(w))
	}
}

func TestParseActor(t *testing.T) {
	long := strings.Repeat("x", clock.MaxActorLen)
	for s, want := range map[string]bool{
		"a": true, "Z9": true, "0": true, "a.b_c:d-e": true, "constructor": true, "__proto__": false, long: true,
		"": false, ".a": false, "-": false, ":a": false, "a b": false, "a\x00": false, "é": false, "a/b": false, long + "x": false, "a~": false,
	} {
		if _, err := clock.ParseActor(s); (err == nil) != want {
			t.Errorf("ParseActor(%q): %v", s, err)
		}
		if got := clock.Actor(s).Valid(); got != want {
			t.Errorf("Valid(%q) = %t", s, got)
		}
	}
}
