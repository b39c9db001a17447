package graph

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/clipperhouse/displaywidth"

	"github.com/baton-relay/baton/clock"
)

// Options say how a history is drawn. The zero value works.
type Options struct {
	// Limit is the most nodes that are drawn: beyond it, runs that are neighbours
	// in the log are drawn as one. 0 means 200 for a picture, else 1000. At the
	// least three nodes are drawn.
	Limit int
	// Names returns what to call an actor; nil, or an empty answer, means as it is.
	Names func(clock.Actor) string
	// Zone is where times are told; nil means UTC.
	Zone *time.Location
	// Title is what the history is of, for people.
	Title string

	// The rest is for text alone.

	// Width is the most columns a line may take; 0 means 100, and fewer than 40
	// are 40.
	Width int
	// ASCII draws without characters outside ASCII; names stay what they are.
	ASCII bool
	// Colour gives each actor a colour of the terminal.
	Colour bool
	// NewestFirst turns the order round: later lines happened before.
	NewestFirst bool
}

// drawing is what all drawings have in common.
type drawing struct {
	Options
	runs   []Run
	nodes  []node
	ops    int
	actors int // that wrote, and are held
}

func (g *Graph) drawing(o Options, limit int) *drawing {
	if o.Limit <= 0 {
		o.Limit = limit
	}
	o.Limit = max(o.Limit, 3)
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	d := &drawing{Options: o, runs: g.Runs(), ops: g.ops}
	d.join(o.Limit)
	for i := range g.actors {
		if i != before && len(g.actors[i].ops) > 0 {
			d.actors++
		}
	}
	return d
}

func (d *drawing) join(limit int) {
	d.Limit = limit
	d.nodes = nodes(d.runs, limit)
}

const maxName = 32 // columns

// printable makes outside text safe to print on one line: no control characters,
// none that turn the direction round.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

func (d *drawing) name(r *Run) string {
	if r.Pruned() {
		return "before"
	}
	name := string(r.Actor)
	if d.Names != nil {
		if s := d.Names(r.Actor); s != "" {
			name = s
		}
	}
	return displaywidth.TruncateString(printable(name), maxName, "~")
}

// who is the author of a run, with the subject where that says something else.
func (d *drawing) who(r *Run) string {
	name := d.name(r)
	if by := printable(r.By); by != "" && by != name {
		name += " (" + displaywidth.TruncateString(by, maxName, "~") + ")"
	}
	return name
}

// maxListed is how many actors one label names.
const maxListed = 6

// what says which ops a node holds: "alice 12–57, 46 ops".
func (d *drawing) what(n node) string {
	if n.hi == n.lo+1 {
		r := &d.runs[n.lo]
		switch {
		case r.Pruned():
			return "before: ops the log no longer holds"
		case r.First == r.Last:
			return fmt.Sprintf("%s %d", d.who(r), r.First)
		}
		return fmt.Sprintf("%s %d%s%d, %d ops", d.who(r), r.First, d.dash(), r.Last, r.Ops())
	}
	whole := d.whole(n)
	var parts []string
	for i := range whole {
		r := &whole[i]
		if i == maxListed {
			parts = append(parts, fmt.Sprintf("%d more", len(whole)-i))
			break
		}
		part := fmt.Sprintf("%s %d", d.name(r), r.First)
		if r.Last > r.First {
			part += fmt.Sprintf("%s%d", d.dash(), r.Last)
		}
		parts = append(parts, part)
	}
	return fmt.Sprintf("%s: %d ops in %d runs", strings.Join(parts, ", "), n.ops, n.hi-n.lo)
}

// whole returns for each actor of a node, in the order they begin, its runs there
// as one.
func (d *drawing) whole(n node) (whole []Run) {
	at := map[int]int{}
	for _, r := range d.runs[n.lo:n.hi] {
		k, ok := at[r.actor]
		if !ok {
			at[r.actor] = len(whole)
			whole = append(whole, r)
			continue
		}
		whole[k].Last, whole[k].End, whole[k].Until = r.Last, r.End, r.Until
	}
	return whole
}

// after says what of others came in: "after bob 12, carol 7".
func (d *drawing) after(n node) string {
	var from []*Run
	for _, a := range n.arrows {
		from = append(from, &d.runs[a.from])
	}
	if len(from) == 0 {
		return ""
	}
	// Of each actor the newest is named; it implies the others.
	slices.SortFunc(from, func(r, s *Run) int {
		return cmp.Or(cmp.Compare(r.actor, s.actor), cmp.Compare(s.Last, r.Last))
	})
	from = slices.CompactFunc(from, func(r, s *Run) bool { return r.actor == s.actor })
	var parts []string
	for i, r := range from {
		switch {
		case i == maxListed:
			parts = append(parts, fmt.Sprintf("%d more", len(from)-i))
		case i > maxListed:
		case r.Pruned():
			parts = append(parts, "what was before")
		default:
			parts = append(parts, fmt.Sprintf("%s %d", d.name(r), r.Last))
		}
	}
	return "after " + strings.Join(parts, ", ")
}

// span returns where a node begins and ends: offsets, and times in Unix
// milliseconds.
func (d *drawing) span(n node) (whole Run) {
	whole = d.runs[n.lo]
	for _, r := range d.runs[n.lo+1 : n.hi] {
		whole.End, whole.Until = max(whole.End, r.End), max(whole.Until, r.Until)
	}
	return whole
}

// when tells a time, or two of which the second says only what differs.
func (d *drawing) when(from, until int64) string {
	const day, minute = "2006-01-02", "15:04"
	a, b := time.UnixMilli(from).In(d.Zone), time.UnixMilli(until).In(d.Zone)
	first := a.Format(day + " " + minute)
	switch {
	case b.Format(day+minute) == a.Format(day+minute):
		return first
	case b.Format(day) == a.Format(day):
		return first + d.dash() + b.Format(minute)
	}
	return first + d.dash() + b.Format(day+" "+minute)
}

func (d *drawing) dash() string {
	if d.ASCII {
		return "-"
	}
	return "–"
}

// summary says in a sentence or two what is drawn, and what is not.
func (d *drawing) summary() string {
	if d.ops == 0 {
		return "No ops."
	}
	held := len(d.runs)
	s := ""
	if d.runs[0].Pruned() {
		held--
		s = " Older ops are pruned from the log."
	}
	s = fmt.Sprintf("%s by %s in %s.", count(d.ops, "op"), count(d.actors, "actor"), count(held, "run")) + s
	if len(d.nodes) < len(d.runs) {
		s += fmt.Sprintf(" More than %d nodes are not drawn: runs that are neighbours in the log are joined, and who saw what within them is left out.", d.Limit)
	}
	return s
}

// ends says which ops nobody goes on from.
func (d *drawing) ends() string {
	followed := make([]bool, len(d.runs))
	for _, r := range d.runs {
		for _, p := range r.Parents {
			followed[p] = true
		}
	}
	var names []string
	total := 0
	for i := range slices.Backward(d.runs) {
		if r := &d.runs[i]; !followed[i] && !r.Pruned() {
			if total++; total <= maxListed {
				names = append(names, fmt.Sprintf("%s %d", d.name(r), r.Last))
			}
		}
	}
	switch {
	case total == 0:
		return ""
	case total == 1:
		return "All comes together in " + names[0] + "."
	case total > maxListed:
		names = append(names, fmt.Sprintf("%d more", total-maxListed))
	}
	return fmt.Sprintf("%d ends that nobody has brought together: %s.", total, strings.Join(names, ", "))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
