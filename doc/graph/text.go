package graph

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/clipperhouse/displaywidth"
)

// WriteText draws the history for a terminal, as git log --graph does: a line for
// each node, in front a lane for each actor that is at work there.
//
//	●        1–46   2026-03-09 14:02–14:09  alice 1–46, 46 ops
//	├─▶●     47     2026-03-09 14:10        bob 1  after alice 46
//	●  │     48–60  2026-03-09 14:10        alice 47–59, 13 ops
//	╰─▶●     61     2026-03-09 14:12        bob 2  after alice 59
//
// An arrow comes from an op that the author had newly seen; it is dashed where
// the other had written more by then, which the author had not seen. ◎ is runs
// drawn as one, over several lanes where several actors wrote. A summary ends it.
func (g *Graph) WriteText(w io.Writer, o Options) error {
	d := g.drawing(o, 1000)
	if d.Width == 0 {
		d.Width = 100
	}
	d.Width = max(d.Width, 40)
	buf := bufio.NewWriter(w)
	if d.Title != "" {
		fmt.Fprintln(buf, d.cut(printable(d.Title), d.Width))
	}
	offsets, times := d.columns()
	lanes := d.lanes(max(2, (d.Width-offsets-times-wordsMin)/laneWidth))
	for i, row := range lanes.rows {
		label := d.cut(d.label(d.nodes[row.node], offsets, times), d.Width-lanes.width*laneWidth)
		fmt.Fprintln(buf, strings.TrimRight(lanes.draw(i, d.Options)+label, " "))
	}
	for _, s := range []string{d.summary(), d.ends(), lanes.legend()} {
		d.wrap(buf, s)
	}
	return buf.Flush()
}

// wordsMin is what lanes must leave of a line for words.
const wordsMin = 32

func (d *drawing) label(n node, offsets, times int) string {
	offset, time := d.columnsOf(n)
	s := pad(offset, offsets) + "  " + pad(time, times) + "  " + d.what(n)
	if after := d.after(n); after != "" {
		s += "  " + after
	}
	return s
}

// columnsOf returns the texts that stand below each other in all lines. Nobody
// knows offset and time of what was pruned.
func (d *drawing) columnsOf(n node) (offset, time string) {
	if d.runs[n.lo].Pruned() {
		return "", ""
	}
	s := d.span(n)
	offset = fmt.Sprint(s.Start)
	if s.End > s.Start {
		offset += d.dash() + fmt.Sprint(s.End)
	}
	return offset, d.when(s.From, s.Until)
}

func (d *drawing) columns() (offsets, times int) {
	for _, n := range d.nodes {
		offset, time := d.columnsOf(n)
		offsets, times = max(offsets, displaywidth.String(offset)), max(times, displaywidth.String(time))
	}
	return offsets, times
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-displaywidth.String(s)))
}

func (d *drawing) ellipsis() string {
	if d.ASCII {
		return "~"
	}
	return "…"
}

func (d *drawing) cut(s string, width int) string {
	return displaywidth.TruncateString(s, width, d.ellipsis())
}

// wrap writes a sentence in lines that fit, behind an empty line.
func (d *drawing) wrap(w io.Writer, s string) {
	if s == "" {
		return
	}
	line := ""
	for word := range strings.FieldsSeq(s) {
		if line != "" && displaywidth.String(line)+1+displaywidth.String(word) > d.Width {
			fmt.Fprintln(w, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += d.cut(word, d.Width)
	}
	fmt.Fprintln(w, line)
}
