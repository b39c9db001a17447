package graph

import (
	"fmt"
	"slices"
	"strings"
)

// lanes gives columns of text to actors: from the first line that needs one to
// the last, and then to another. What does not fit shares the last column.
type lanes struct {
	rows   []row
	col    map[int]int // of each actor
	end    map[int]int // the last row in which an actor has its column
	width  int         // columns in use
	shared int         // actors that have to share the last one
	owner  []int       // of each column that was drawn in: who has it
	until  []int       // and the last row in which it goes on
}

// row is a node with the actors that meet in it.
type row struct {
	node    int
	joined  bool
	members []int // actors, in the order they begin
	to      int   // the actor that arrows lead to
	from    []source
}

type source struct {
	actor int
	old   bool // the actor had gone on by then
}

func (d *drawing) lanes(most int) *lanes {
	l := &lanes{col: map[int]int{}, end: map[int]int{}}
	newest := map[int]int{} // the node of each actor's newest op so far
	for i, n := range d.nodes {
		r := row{node: i, joined: n.hi > n.lo+1, to: d.runs[n.lo].actor}
		for _, m := range d.whole(n) {
			r.members = append(r.members, m.actor)
		}
		for _, a := range n.arrows {
			r.to = d.runs[a.to].actor
			from := d.runs[a.from].actor
			r.from = append(r.from, source{from, newest[from] > a.node})
		}
		for _, m := range r.members {
			newest[m] = i
		}
		l.rows = append(l.rows, r)
	}
	if d.NewestFirst {
		slices.Reverse(l.rows)
	}
	l.place(most)
	return l
}

// actors are all that have to do with a row.
func (r *row) actors() []int {
	all := slices.Clone(r.members)
	for _, s := range r.from {
		all = append(all, s.actor)
	}
	return all
}

func (l *lanes) place(most int) {
	for i, r := range l.rows {
		for _, a := range r.actors() {
			l.end[a] = i
		}
	}
	var until []int // for each column, the last row of who has it
	for i, r := range l.rows {
		for _, a := range r.actors() {
			if _, has := l.col[a]; has {
				continue
			}
			c := slices.IndexFunc(until, func(end int) bool { return end < i })
			switch {
			case c >= 0:
			case len(until) < most:
				c = len(until)
				until = append(until, 0)
			default:
				c = most - 1
				l.shared++
			}
			l.col[a] = c
			until[c] = max(until[c], l.end[a])
		}
	}
	l.width = len(until)
	l.owner, l.until = make([]int, l.width), slices.Repeat([]int{-1}, l.width)
}

// legend explains what is rare.
func (l *lanes) legend() string {
	var s []string
	if slices.ContainsFunc(l.rows, func(r row) bool { return slices.ContainsFunc(r.from, func(s source) bool { return s.old }) }) {
		s = append(s, "A dashed arrow comes from an op behind which its actor had written more by then.")
	}
	if l.shared > 0 {
		s = append(s, fmt.Sprintf("The last lane is shared: %s found no room elsewhere.", count(l.shared, "actor")))
	}
	return strings.Join(s, " ")
}
