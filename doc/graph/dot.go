package graph

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// WriteDOT writes the history in the language of Graphviz (dot -Tsvg): a box for
// each node, an edge for each parent. Edges between ops of one actor are bold.
func (g *Graph) WriteDOT(w io.Writer, o Options) error {
	d := g.drawing(o, 1000)
	buf := bufio.NewWriter(w)
	label := d.summary()
	if d.Title != "" {
		label = printable(d.Title) + "\n" + label
	}
	fmt.Fprintf(buf, "digraph history {\n\tlabel=%s;\n\tnode [shape=box, style=rounded];\n", quote(label))
	at := make([]int, len(d.runs))
	for i, n := range d.nodes {
		text := d.what(n)
		if !d.runs[n.lo].Pruned() {
			offset, time := d.columnsOf(n)
			text += "\noffset " + offset + "\n" + time
		}
		fmt.Fprintf(buf, "\tn%d [label=%s];\n", i, quote(text))
		for k := n.lo; k < n.hi; k++ {
			at[k] = i
		}
	}
	for i, n := range d.nodes {
		drawn := map[int]bool{i: true}
		for k := n.lo; k < n.hi; k++ {
			for _, p := range d.runs[k].Parents {
				if drawn[at[p]] {
					continue
				}
				drawn[at[p]] = true
				style := ""
				if d.runs[p].actor == d.runs[k].actor {
					style = " [style=bold]"
				}
				fmt.Fprintf(buf, "\tn%d -> n%d%s;\n", at[p], i, style)
			}
		}
	}
	fmt.Fprintln(buf, "}")
	return buf.Flush()
}

// quote makes a string of the language of Graphviz, which knows escapes and, in
// labels, the entities of HTML.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;", "\n", `\n`).Replace(s) + `"`
}
