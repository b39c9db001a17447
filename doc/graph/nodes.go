package graph

import (
	"cmp"
	"container/heap"
	"slices"
)

// node is what is drawn as one: a run, or runs that begin one after the other in
// the log. As parents begin before their children, ways lead from nodes only to
// later ones.
type node struct {
	lo, hi int // runs[lo:hi]
	ops    int
	// arrows come from earlier nodes, at most one from each, ascending.
	arrows []arrow
}

// arrow leads from a run of an earlier node to a run of this one. It is of an actor
// that has no run in this node: others come there by themselves.
type arrow struct{ node, from, to int }

// nodes joins runs until no more than limit nodes are left, which must be two or
// more.
func nodes(runs []Run, limit int) []node {
	all := join(runs, limit)
	at := make([]int, len(runs)) // the node of each run
	for n := range all {
		for i := all[n].lo; i < all[n].hi; i++ {
			at[i] = n
		}
	}
	for n := range all {
		all[n].arrows = arrows(runs, at, n, all[n])
	}
	return all
}

func arrows(runs []Run, at []int, n int, to node) []arrow {
	var found []arrow
	here := map[int]bool{}
	for i := to.lo; i < to.hi; i++ {
		here[runs[i].actor] = true
	}
	for i := to.lo; i < to.hi; i++ {
		for _, p := range runs[i].Parents {
			if at[p] != n && !here[runs[p].actor] {
				found = append(found, arrow{at[p], p, i})
			}
		}
	}
	// Of many between the same two nodes the newest is drawn.
	slices.SortFunc(found, func(a, b arrow) int {
		return cmp.Or(cmp.Compare(a.node, b.node), cmp.Compare(b.from, a.from), cmp.Compare(a.to, b.to))
	})
	return slices.CompactFunc(found, func(a, b arrow) bool { return a.node == b.node })
}

// join makes neighbours one, first those that cost least: few ops, and little time
// between them. So what people type by turns goes first, and what somebody did
// alone, and nights, stay apart longest. What was pruned stays by itself.
func join(runs []Run, limit int) []node {
	all := make([]node, len(runs))
	for i := range runs {
		all[i] = node{lo: i, hi: i + 1, ops: runs[i].Ops()}
	}
	if len(runs) <= limit {
		return all
	}
	j := joiner{runs: runs, nodes: all, until: make([]int64, len(runs)), before: make([]int, len(runs))}
	for i := range runs {
		j.until[i], j.before[i] = runs[i].Until, i-1
	}
	for i := range runs {
		j.offer(i)
	}
	for left := len(runs); left > limit && len(j.pairs) > 0; {
		p := heap.Pop(&j.pairs).(pair)
		if a, b := all[p.lo], all[p.mid]; a.hi != p.mid || b.hi != p.hi {
			continue // one of the two was joined since
		}
		j.merge(p)
		left--
	}
	return slices.DeleteFunc(all, func(n node) bool { return n.hi == 0 })
}

// joiner keeps each node at the index of its first run.
type joiner struct {
	runs   []Run
	nodes  []node
	until  []int64 // when the newest op of a node was taken
	before []int   // where the node before one begins
	pairs  pairs
}

// pair is an offer to join the nodes that begin at lo and mid.
type pair struct {
	cost        int64
	ops         int
	lo, mid, hi int
}

// offer queues the joining of the node that begins at lo with the one behind it.
func (j *joiner) offer(lo int) {
	mid := j.nodes[lo].hi
	if mid >= len(j.runs) || j.runs[lo].Pruned() {
		return
	}
	// An op weighs as much as a second without one. Times may be any numbers.
	pause := uint64(max(j.runs[mid].From, j.until[lo])-j.until[lo]) / 1000
	ops := j.nodes[lo].ops + j.nodes[mid].ops
	heap.Push(&j.pairs, pair{int64(min(pause, 1<<50)) + int64(ops), ops, lo, mid, j.nodes[mid].hi})
}

func (j *joiner) merge(p pair) {
	j.nodes[p.lo].hi, j.nodes[p.lo].ops = p.hi, p.ops
	j.until[p.lo] = max(j.until[p.lo], j.until[p.mid])
	j.nodes[p.mid] = node{}
	if p.hi < len(j.runs) {
		j.before[p.hi] = p.lo
	}
	j.offer(p.lo)
	if b := j.before[p.lo]; b >= 0 {
		j.offer(b)
	}
}

// pairs is a heap: the least cost first, of equals the earliest.
type pairs []pair

func (p pairs) Len() int { return len(p) }
func (p pairs) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(p[i].cost, p[j].cost), cmp.Compare(p[i].lo, p[j].lo)) < 0
}
func (p pairs) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p *pairs) Push(x any)   { *p = append(*p, x.(pair)) }
func (p *pairs) Pop() any {
	last := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	return last
}
