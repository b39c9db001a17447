// Package graph draws the causal history of one document's log: who wrote when,
// and who had seen what.
//
// [Graph.Add] takes the entries of a log in the order of their offsets, and keeps
// of each only its place and time. Ops of one actor that follow each other, where
// nothing of others comes in and from whose middle nobody goes on, are one [Run].
// An op comes after the op before it of its own actor and after the ops that its
// clock names; of those, what others of them imply is left out (the transitive
// reduction of happened-before: Lamport 1978). So a way leads from one run to
// another exactly where the ops of the one happened before those of the other.
//
// The runs are drawn for a terminal ([Graph.WriteText]), as a picture
// ([Graph.WriteSVG]), both after the diagrams of Mattern (1988) with a lane for
// each actor, and for Graphviz ([Graph.WriteDOT]). Where there are more runs than
// can be read, neighbours in the log are drawn as one, and the drawing says so.
//
// Nothing here reads a log or looks into a payload.
package graph

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// Graph is the history of one document. The zero value is that of an empty log.
// It is not safe for concurrent use.
//
// Memory: 16 bytes for each op, about 60 for each run, and 8 for each pair of actors
// of which one has seen the other.
type Graph struct {
	// actors has at index before what stands for all ops that the log no longer
	// holds, as an actor of a single op.
	actors []actor
	index  map[clock.Actor]int
	last   oplog.Offset
	ops    int

	wants, stack []ref // kept to be used again
}

// before is the index of the actor that stands for what was pruned.
const before = 0

// actor is what is known of one writer.
type actor struct {
	name  clock.Actor
	by    string // the first named subject that wrote as this actor
	first uint64 // seq of ops[0]
	ops   []place
	// gone is the highest seq that was named while no op of that number was held.
	gone uint64
	// merges are the ops that come after ops of others, by seq.
	merges []merge
	// cuts are the seqs that merges name, as they came, some more than once.
	cuts []uint64
	// seen is how far the newest op has come, by index of the actor. It is
	// closed: what is seen has all that it comes after seen too.
	seen []uint64
}

type place struct {
	offset oplog.Offset
	at     int64
}

// merge says that the op of that seq comes after those in from.
type merge struct {
	seq  uint64
	from []ref
}

// ref names an op by the index of its actor.
type ref struct {
	actor int
	seq   uint64
}

// Add takes the next entry; it keeps nothing of e. Ops that were pruned before
// the first entry, whether they are named or only missing, are known to have
// been there.
//
// What no log holds is an error and leaves the graph as it was: an offset that is
// not above the last one, an op that does not follow its actor's last one or comes
// before one that it names ([oplog.ErrOrder]), no name of an op ([clock.ErrActor],
// [clock.ErrSeq]).
func (g *Graph) Add(e *oplog.Entry) error {
	if g.index == nil {
		g.index, g.actors = map[clock.Actor]int{}, make([]actor, 1)
	}
	i, err := g.next(e)
	if err == nil {
		err = g.gather(e, i)
	}
	if err != nil {
		return fmt.Errorf("add op %.80q %d at offset %d: %w", e.Actor, e.Seq, e.Offset, err)
	}
	if len(g.actors[i].ops) == 0 {
		g.actors[i].first = e.Seq
		if e.Seq > 1 {
			g.wants = append(g.wants, ref{before, 1})
		}
	}
	if from := g.follow(i); len(from) > 0 {
		g.actors[i].merges = append(g.actors[i].merges, merge{e.Seq, from})
	}
	a := &g.actors[i]
	a.ops = append(a.ops, place{e.Offset, e.At})
	a.by = cmp.Or(a.by, e.By)
	g.last = e.Offset
	g.ops++
	return nil
}

// next returns the index of the actor of e, if e can be its next op.
func (g *Graph) next(e *oplog.Entry) (int, error) {
	if e.Offset <= g.last {
		return 0, fmt.Errorf("%w: the entry before is at offset %d", oplog.ErrOrder, g.last)
	}
	if e.Seq == 0 || e.Seq > clock.MaxSeq {
		return 0, clock.ErrSeq
	}
	i := g.actor(e.Actor)
	switch a := &g.actors[i]; {
	case len(a.ops) > 0 && e.Seq != a.last()+1:
		return 0, fmt.Errorf("%w: the actor's op before is %d", oplog.ErrOrder, a.last())
	case len(a.ops) == 0 && !e.Actor.Valid():
		return 0, clock.ErrActor
	case len(a.ops) == 0 && e.Seq <= a.gone:
		return 0, fmt.Errorf("%w: an entry before names the actor's op %d", oplog.ErrOrder, a.gone)
	}
	return i, nil
}

// gather puts into wants what the clock of e names and its actor, at index i, has
// not seen.
func (g *Graph) gather(e *oplog.Entry, i int) error {
	g.wants = g.wants[:0]
	for name, seq := range e.Clock.All() {
		j := g.actor(name)
		b := &g.actors[j]
		switch seen := g.actors[i].seen; {
		case j == i && seq < e.Seq:
		case j == i || len(b.ops) > 0 && seq > b.last():
			return fmt.Errorf("%w: its clock names %s:%d, which does not come before", oplog.ErrOrder, name, seq)
		case j >= len(seen) || seen[j] < seq:
			g.wants = append(g.wants, ref{j, seq})
		}
	}
	return nil
}

// follow lets the actor at index i see what is in wants, and returns those of it
// that the others do not imply.
func (g *Graph) follow(i int) (from []ref) {
	if len(g.wants) == 0 {
		return nil
	}
	a := &g.actors[i]
	a.seen = append(a.seen, make([]uint64, len(g.actors)-len(a.seen))...)
	for k, w := range g.wants {
		b := &g.actors[w.actor]
		if b.holds(w.seq) {
			continue
		}
		if w.actor != before {
			b.gone, a.seen[w.actor] = max(b.gone, w.seq), w.seq
		}
		g.wants[k] = ref{before, 1}
		g.actors[before].first, g.actors[before].ops = 1, make([]place, 1)
	}
	// What implies an op comes after it in the log, so the newest go first. Mostly
	// the very newest implies all others, and there is nothing left to sort.
	newer := func(v, w ref) int { return cmp.Compare(g.at(w).offset, g.at(v).offset) }
	implied := func(w ref) bool { return a.seen[w.actor] >= w.seq }
	wants := g.wants
	first := slices.MinFunc(wants, newer)
	from = append(from, first)
	g.see(a.seen, first)
	wants = slices.DeleteFunc(wants, implied)
	slices.SortFunc(wants, newer)
	for _, w := range wants {
		if !implied(w) {
			from = append(from, w)
			g.see(a.seen, w)
		}
	}
	for _, w := range from {
		if b := &g.actors[w.actor]; len(b.cuts) == 0 || b.cuts[len(b.cuts)-1] != w.seq {
			b.cuts = append(b.cuts, w.seq)
		}
	}
	return from
}

// see adds to seen the op w and all that happened before it. Over a whole log
// each actor goes over each merge once.
func (g *Graph) see(seen []uint64, w ref) {
	g.stack = append(g.stack[:0], w)
	for len(g.stack) > 0 {
		w, g.stack = g.stack[len(g.stack)-1], g.stack[:len(g.stack)-1]
		old := seen[w.actor]
		if old >= w.seq {
			continue
		}
		seen[w.actor] = w.seq
		merges := g.actors[w.actor].merges
		n, _ := slices.BinarySearchFunc(merges, w.seq+1, func(m merge, seq uint64) int { return cmp.Compare(m.seq, seq) })
		for n--; n >= 0 && merges[n].seq > old; n-- {
			g.stack = append(g.stack, merges[n].from...)
		}
	}
}

// actor returns the index of a name.
func (g *Graph) actor(name clock.Actor) int {
	i, ok := g.index[name]
	if !ok {
		i = len(g.actors)
		g.index[name] = i
		g.actors = append(g.actors, actor{name: name})
	}
	return i
}

func (g *Graph) at(r ref) place { return g.actors[r.actor].at(r.seq) }

func (a *actor) last() uint64 { return a.first + uint64(len(a.ops)) - 1 }

func (a *actor) holds(seq uint64) bool { return len(a.ops) > 0 && seq >= a.first }

func (a *actor) at(seq uint64) place { return a.ops[seq-a.first] }
