package doc

import (
	"fmt"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// changeGraph checks that the changes of a document follow from each other as
// their ops' clocks say.
type changeGraph struct {
	open  bool // it does not begin at the beginning: others come before it
	names map[Hash]clock.Dot
	seen  map[clock.Actor]*clock.Vector // what an actor had seen when it wrote last
	links map[clock.Dot]clock.Vector    // the clocks of ops that have one
	// unsaid is how many more clocks that leave something out are told of: finding
	// one takes a walk through the history.
	unsaid int
}

const maxUnsaid = 100

func newChangeGraph(open bool) *changeGraph {
	return &changeGraph{
		open: open, names: map[Hash]clock.Dot{},
		seen: map[clock.Actor]*clock.Vector{}, links: map[clock.Dot]clock.Vector{}, unsaid: maxUnsaid,
	}
}

// take adds the change of an op. Each change that it was made upon must be in
// the log before it, and its author must have said that it had seen that one.
func (g *changeGraph) take(e *oplog.Entry, head *Change) error {
	g.names[head.Hash] = e.Dot
	seen := g.seen[e.Actor]
	if seen == nil {
		seen = &clock.Vector{}
		g.seen[e.Actor] = seen
	}
	if e.Clock.Len() > 0 {
		for actor, seq := range e.Clock.All() {
			seen.Raise(actor, seq)
		}
		g.links[e.Dot] = e.Clock.Clone()
	}
	for _, dep := range head.Deps {
		dot, known := g.names[dep]
		switch {
		case !known && g.open:
		case !known:
			return fmt.Errorf("it follows from change %v, which does not come before it", dep)
		case dot.Actor != e.Actor && g.unsaid > 0 && !g.saw(seen, dot):
			g.unsaid--
			return fmt.Errorf("its change follows from op %v, which its clock does not name", dot)
		}
	}
	return nil
}

// saw reports whether an actor that has seen so much has seen an op: itself, or
// by what an op that it has seen had seen.
func (g *changeGraph) saw(seen *clock.Vector, op clock.Dot) bool {
	if seen.Has(op) {
		return true
	}
	// A clock that names only heads: what do these imply?
	all := seen.Clone()
	done := clock.Vector{}
	for !all.Has(op) {
		before := all
		for actor, seq := range before.All() {
			for s := done.Get(actor) + 1; s <= seq; s++ {
				if link, ok := g.links[clock.Dot{Actor: actor, Seq: s}]; ok {
					all = all.Merge(link)
				}
			}
			done.Raise(actor, seq)
		}
		if all.Compare(before) == clock.Equal {
			return false
		}
	}
	return true
}
