package graph

import (
	"cmp"
	"slices"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// Run is ops of one actor that follow each other. Nobody's op comes in but before
// its first, and nobody goes on but from its last.
type Run struct {
	// Actor wrote the ops. It is empty for the run that stands for all ops that
	// the log no longer holds, of which nothing else is known.
	Actor clock.Actor
	// By is the subject whose tokens wrote, empty if nobody was named.
	By string
	// First and Last are the sequence numbers of the first and the last op.
	First, Last uint64
	// Start and End are the offsets of the two ops. Ops of others may lie between.
	Start, End oplog.Offset
	// From and Until are when the log took the two ops, in Unix milliseconds.
	From, Until int64
	// Parents are the runs, by index, whose last ops come right before the first
	// op: the run before of the same actor, then those of others, ascending.
	Parents []int

	actor int
}

// Pruned reports whether r stands for the ops that the log no longer holds.
func (r *Run) Pruned() bool { return r.actor == before }

// Ops returns how many ops there are in r, 0 if they are pruned.
func (r *Run) Ops() int {
	if r.Pruned() {
		return 0
	}
	return int(r.Last - r.First + 1)
}

// Ops returns how many entries were added.
func (g *Graph) Ops() int { return g.ops }

// Runs returns the history as runs, in the order of the offsets they begin at:
// parents come before their children. The caller owns them.
func (g *Graph) Runs() []Run {
	var runs []Run
	for i := range g.actors {
		runs = g.appendRuns(runs, i)
	}
	slices.SortFunc(runs, func(r, s Run) int { return cmp.Compare(r.Start, s.Start) })
	byActor := make([][]int, len(g.actors))
	for i := range runs {
		r := &runs[i]
		if own := byActor[r.actor]; len(own) > 0 {
			r.Parents = append(r.Parents, own[len(own)-1])
		}
		byActor[r.actor] = append(byActor[r.actor], i)
		own := len(r.Parents)
		for _, from := range g.actors[r.actor].mergeAt(r.First) {
			theirs := byActor[from.actor]
			k, _ := slices.BinarySearchFunc(theirs, from.seq, func(i int, seq uint64) int { return cmp.Compare(runs[i].Last, seq) })
			r.Parents = append(r.Parents, theirs[k])
		}
		slices.Sort(r.Parents[own:])
	}
	return runs
}

// appendRuns appends the runs of the actor at index i, without parents.
func (g *Graph) appendRuns(runs []Run, i int) []Run {
	a := &g.actors[i]
	if len(a.ops) == 0 {
		return runs
	}
	ends := slices.Clone(a.cuts)
	for _, m := range a.merges {
		if m.seq > a.first {
			ends = append(ends, m.seq-1)
		}
	}
	ends = append(ends, a.last())
	slices.Sort(ends)
	first := a.first
	for _, last := range slices.Compact(ends) {
		start, end := a.at(first), a.at(last)
		runs = append(runs, Run{
			Actor: a.name, By: a.by, First: first, Last: last, actor: i,
			Start: start.offset, End: end.offset, From: start.at, Until: end.at,
		})
		first = last + 1
	}
	return runs
}

func (a *actor) mergeAt(seq uint64) []ref {
	k, found := slices.BinarySearchFunc(a.merges, seq, func(m merge, seq uint64) int { return cmp.Compare(m.seq, seq) })
	if !found {
		return nil
	}
	return a.merges[k].from
}
