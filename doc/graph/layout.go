package graph

import (
	"cmp"
	"slices"

	"github.com/baton-relay/baton/oplog"
)

// layout puts a drawing on a grid: lanes of actors from above, columns of time from
// the left. Nodes share a column if none of them comes after another and all begin
// within a minute.
type layout struct {
	names    []string // of the lanes
	capsules []capsule
	of       map[[2]int]int // capsules by node and actor
	times    []int64        // when each column begins, in Unix milliseconds
	node     []int          // the column of each node
}

// capsule is what one actor wrote in one node.
type capsule struct {
	Run
	node        int
	lane        int
	first, last int // columns
}

// maxLanes is how many lanes a picture has; actors beyond it share the last.
const maxLanes = 300

// maxCapsules keeps a picture to about a megabyte.
const maxCapsules = 6000

// capsules counts what a layout will have.
func (d *drawing) capsules() (n int) {
	for _, node := range d.nodes {
		n += len(d.whole(node))
	}
	return n
}

func (d *drawing) layout() *layout {
	l := &layout{of: map[[2]int]int{}}
	lane := map[int]int{}
	for i, n := range d.nodes {
		for _, whole := range d.whole(n) {
			k, ok := lane[whole.actor]
			if !ok {
				k = min(len(lane), maxLanes-1)
				lane[whole.actor] = k
				if k == len(l.names) {
					l.names = append(l.names, d.name(&whole))
				}
			}
			l.of[[2]int{i, whole.actor}] = len(l.capsules)
			l.capsules = append(l.capsules, capsule{Run: whole, node: i, lane: k, last: -1})
		}
	}
	if more := len(lane) - maxLanes; more > 0 {
		l.names[maxLanes-1] = count(more+1, "more actor")
	}
	l.columns(d)
	return l
}

// columns gives each node its column: not left of those that begin before it, and
// right of all that lead to it.
func (l *layout) columns(d *drawing) {
	ending := make([]int, len(l.capsules)) // by where they end
	for k := range ending {
		ending[k] = k
	}
	slices.SortFunc(ending, func(i, j int) int {
		return cmp.Or(cmp.Compare(l.capsules[i].End, l.capsules[j].End), cmp.Compare(i, j))
	})
	end := func(until oplog.Offset) {
		for len(ending) > 0 && l.capsules[ending[0]].End < until {
			if c := &l.capsules[ending[0]]; c.last < 0 {
				c.last = len(l.times) - 1
			}
			ending = ending[1:]
		}
	}
	newest := map[int]*capsule{} // of each actor
	k := 0
	for i, n := range d.nodes {
		end(d.runs[n.lo].Start)
		col := max(0, len(l.times)-1)
		for _, a := range n.arrows {
			from := &l.capsules[l.of[[2]int{a.node, d.runs[a.from].actor}]]
			col = max(col, from.first+1, from.last+1)
		}
		members := k
		for ; k < len(l.capsules) && l.capsules[k].node == i; k++ {
			if before, ok := newest[l.capsules[k].actor]; ok {
				col = max(col, before.first+1, before.last+1)
			}
		}
		if col < len(l.times) && d.runs[n.lo].From-l.times[col] >= 60_000 {
			col++
		}
		for ; members < k; members++ {
			c := &l.capsules[members]
			c.first = col
			// What others did in the node before may go on, but not in this lane.
			if before, ok := newest[c.actor]; ok && before.last < 0 {
				before.last = col - 1
			}
			newest[c.actor] = c
		}
		l.node = append(l.node, col)
		for len(l.times) <= col {
			l.times = append(l.times, d.runs[n.lo].From)
		}
	}
	end(^oplog.Offset(0))
}
