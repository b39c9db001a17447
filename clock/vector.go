package clock

import (
	"iter"
	"slices"
	"strings"
)

// Vector is what has been seen: for each actor the highest sequence number. An
// actor that is absent has been seen up to 0. The zero value is empty and
// ready to use.
//
// Entries are kept sorted by actor in one slice, so that a lookup is a binary
// search, everything else a single merge walk, and ten thousand actors cost
// little more than their names. Copies share memory: call [Vector.Clone]
// before changing one of two. A Vector is not safe for concurrent change.
type Vector struct {
	dots []Dot // sorted by Actor, unique, every Seq ≥ 1
}

// VectorOf returns the vector that has seen each of dots; of two dots of one
// actor the higher counts, and a Seq of 0 adds nothing.
func VectorOf(dots ...Dot) Vector {
	var v Vector
	for _, d := range dots {
		v.Raise(d.Actor, d.Seq)
	}
	return v
}

// Len returns the number of actors seen.
func (v Vector) Len() int { return len(v.dots) }

// All yields the entries in the order of their actors' names.
func (v Vector) All() iter.Seq2[Actor, uint64] {
	return func(yield func(Actor, uint64) bool) {
		for _, d := range v.dots {
			if !yield(d.Actor, d.Seq) {
				return
			}
		}
	}
}

// Get returns the highest number seen of a, 0 if none.
func (v Vector) Get(a Actor) uint64 {
	if i, ok := v.find(a); ok {
		return v.dots[i].Seq
	}
	return 0
}

// Has reports whether the op named d has been seen.
func (v Vector) Has(d Dot) bool { return v.Get(d.Actor) >= d.Seq }

// Raise notes that a has been seen up to seq; a lower seq than before changes
// nothing.
func (v *Vector) Raise(a Actor, seq uint64) {
	i, ok := v.find(a)
	switch {
	case ok:
		v.dots[i].Seq = max(v.dots[i].Seq, seq)
	case seq > 0:
		v.dots = slices.Insert(v.dots, i, Dot{a, seq})
	}
}

// Clone returns a copy that shares nothing with v.
func (v Vector) Clone() Vector { return Vector{slices.Clone(v.dots)} }

func (v Vector) find(a Actor) (int, bool) {
	// A vector that grows by the name, and the last entry asked for again, are
	// the common cases of a decoder.
	if n := len(v.dots); n == 0 || v.dots[n-1].Actor < a {
		return n, false
	}
	return slices.BinarySearchFunc(v.dots, Dot{Actor: a}, compareActors)
}

// Order is how two vectors stand to each other.
type Order int

// The four ways in which two vectors can stand to each other.
const (
	Equal Order = iota
	Before
	After
	Concurrent
)

func (o Order) String() string {
	return [...]string{"equal", "before", "after", "concurrent"}[o]
}

// Compare says how v stands to w: [Before] means that w has seen all that v
// has and more.
func (v Vector) Compare(w Vector) Order {
	var less, more bool
	for a, b := range walk(v, w) {
		less = less || a.Seq < b.Seq
		more = more || a.Seq > b.Seq
		if less && more {
			return Concurrent
		}
	}
	switch {
	case less:
		return Before
	case more:
		return After
	}
	return Equal
}

// Covers reports whether v has seen all that w has.
func (v Vector) Covers(w Vector) bool {
	for a, b := range walk(v, w) {
		if a.Seq < b.Seq {
			return false
		}
	}
	return true
}

// Missing returns the entries of w of which v has not seen all: what has to
// come before v covers w. It is empty when v covers w.
func (v Vector) Missing(w Vector) Vector {
	var m Vector
	for a, b := range walk(v, w) {
		if a.Seq < b.Seq {
			m.dots = append(m.dots, b)
		}
	}
	return m
}

// Merge returns the least vector that covers both v and w.
func (v Vector) Merge(w Vector) Vector {
	m := Vector{make([]Dot, 0, max(len(v.dots), len(w.dots)))}
	for a, b := range walk(v, w) {
		m.dots = append(m.dots, Dot{a.Actor, max(a.Seq, b.Seq)})
	}
	return m
}

// walk yields, for every actor of v or w in order, its dot in v and in w, with
// Seq 0 where it is absent.
func walk(v, w Vector) iter.Seq2[Dot, Dot] {
	return func(yield func(Dot, Dot) bool) {
		a, b := v.dots, w.dots
		for len(a) > 0 || len(b) > 0 {
			var da, db Dot
			switch c := compareHeads(a, b); {
			case c < 0:
				da, db, a = a[0], Dot{Actor: a[0].Actor}, a[1:]
			case c > 0:
				da, db, b = Dot{Actor: b[0].Actor}, b[0], b[1:]
			default:
				da, db, a, b = a[0], b[0], a[1:], b[1:]
			}
			if !yield(da, db) {
				return
			}
		}
	}
}

// compareHeads orders the next entries of two lists; an empty list comes last.
func compareHeads(a, b []Dot) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	return compareActors(a[0], b[0])
}

func compareActors(a, b Dot) int { return strings.Compare(string(a.Actor), string(b.Actor)) }
