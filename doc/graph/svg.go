package graph

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/clipperhouse/displaywidth"
)

// WriteSVG draws the history as a picture, time to the right: a lane for each
// actor, runs as capsules on it, and a curve from an op to where somebody of
// another lane had first seen it. A capsule says which ops it holds, and everything
// else when pointed at. Runs drawn as one have a frame around what they span.
//
// The scale above names the time at which a column begins; equal distances are not
// equal times. The background is left to the page, light or dark. The picture has
// at most [Options.Limit] nodes, less than half its square of curves, and 300
// lanes: what is beyond shares the last.
func (g *Graph) WriteSVG(w io.Writer, o Options) error {
	d := g.drawing(o, 200)
	for n := d.capsules(); n > maxCapsules && d.Limit > 3; n = d.capsules() {
		d.join(max(3, d.Limit*maxCapsules/n))
	}
	p := picture{d: d, layout: d.layout(), Writer: bufio.NewWriter(w)}
	for _, name := range p.names {
		p.left = max(p.left, 24+7*displaywidth.String(name))
	}
	caption := strings.SplitAfter(strings.TrimSpace(d.summary()+" "+d.ends()), ". ")
	width := max(p.left+len(p.times)*columnWidth+16, 760)
	height := top + len(p.names)*laneHeight + 8 + len(caption)*16
	fmt.Fprintf(p, `<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" font-family="system-ui, sans-serif" font-size="12" fill="#7a7a7a">`+"\n", width, height)
	title := "History"
	if d.Title != "" {
		title += " of " + printable(d.Title)
	}
	fmt.Fprintf(p, "<title>%s</title>\n<desc>%s</desc>\n", escape(title), escape(strings.Join(caption, "")))
	fmt.Fprintf(p, `<text x="8" y="18" font-size="14" font-weight="600">%s</text>`+"\n", escape(title))
	p.scale()
	p.lanes()
	p.curves()
	for i, n := range d.nodes {
		p.node(i, n)
	}
	for i, s := range caption {
		fmt.Fprintf(p, `<text x="8" y="%d" font-size="11">%s</text>`+"\n", height-6-16*(len(caption)-1-i), escape(strings.TrimSpace(s)))
	}
	fmt.Fprintln(p, "</svg>")
	return p.Flush()
}

// Pixels.
const (
	columnWidth = 56
	laneHeight  = 32
	top         = 64 // above the first lane
	capsuleTall = 18
	inset       = 8 // of a capsule in its columns
)

type picture struct {
	*layout
	*bufio.Writer
	d    *drawing
	left int // where columns begin
}

// middle returns the height of a lane's line.
func (p *picture) middle(lane int) int { return top + lane*laneHeight + laneHeight/2 }

func (p *picture) x(column int) int { return p.left + column*columnWidth }

// scale says when columns begin, where that is another minute than before.
func (p *picture) scale() {
	fmt.Fprintln(p, `<g font-size="10">`)
	date, minute := "", ""
	bottom := top + len(p.names)*laneHeight
	for i, ms := range p.times {
		if i == 0 && p.d.runs[0].Pruned() {
			continue
		}
		t := time.UnixMilli(ms).In(p.d.Zone)
		if s := t.Format(time.DateOnly); s != date {
			fmt.Fprintf(p, `<path d="M%d %dV%d" stroke="#7a7a7a" stroke-opacity=".35" stroke-dasharray="2 3"/><text x="%d" y="40">%s</text>`+"\n", p.x(i), 32, bottom, p.x(i)+2, s)
			date, minute = s, ""
		}
		if s := t.Format("15:04"); s != minute {
			fmt.Fprintf(p, `<text x="%d" y="54">%s</text>`+"\n", p.x(i)+2, s)
			minute = s
		}
	}
	fmt.Fprintln(p, "</g>")
}

// lanes draws names, and lines from an actor's first capsule to its last.
func (p *picture) lanes() {
	for lane, name := range p.names {
		fmt.Fprintf(p, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", p.left-8, p.middle(lane)+4, escape(name))
	}
	first, last := make([]*capsule, len(p.names)), make([]*capsule, len(p.names))
	for i := range p.capsules {
		c := &p.capsules[i]
		if first[c.lane] == nil {
			first[c.lane] = c
		}
		last[c.lane] = c
	}
	for lane, c := range first {
		fmt.Fprintf(p, `<path d="M%d %dH%d" stroke="%s" stroke-width="2" stroke-opacity=".6"/>`+"\n", p.x(c.first)+inset, p.middle(lane), p.x(last[lane].last)+inset, hue(c.lane, 50))
	}
}

func (p *picture) curves() {
	fmt.Fprintln(p, `<g fill="none" stroke-width="1.5">`)
	for i, n := range p.d.nodes {
		for _, a := range n.arrows {
			from := &p.capsules[p.of[[2]int{a.node, p.d.runs[a.from].actor}]]
			to := &p.capsules[p.of[[2]int{i, p.d.runs[a.to].actor}]]
			x2, y2 := p.x(to.first)+inset-1, p.middle(to.lane)
			x1, y1 := min(p.x(from.last+1)-inset, x2-8), p.middle(from.lane)
			bend, colour := min(max((x2-x1)/2, 12), 90), hue(from.lane, 50)
			fmt.Fprintf(p, `<path d="M%d %dC%d %d %d %d %d %d" stroke="%s"/><path d="M%[7]d %[8]dl-7-3.5v7z" fill="%[9]s"/>`+"\n", x1, y1, x1+bend, y1, x2-5-bend, y2, x2, y2, colour)
		}
	}
	fmt.Fprintln(p, "</g>")
}

func (p *picture) node(i int, n node) {
	title := p.d.what(n)
	if after := p.d.after(n); after != "" {
		title += ", " + after
	}
	if offset, when := p.d.columnsOf(n); offset != "" {
		title += "; offset " + offset + ", " + when
	}
	fmt.Fprintf(p, "<g><title>%s</title>\n", escape(title))
	members := p.d.whole(n)
	if n.hi > n.lo+1 {
		highest, lowest, last := len(p.names), 0, 0
		for _, m := range members {
			c := p.capsules[p.of[[2]int{i, m.actor}]]
			highest, lowest, last = min(highest, c.lane), max(lowest, c.lane), max(last, c.last)
		}
		x, y := p.x(p.layout.node[i])+inset-4, p.middle(highest)-capsuleTall/2-4
		fmt.Fprintf(p, `<rect x="%d" y="%d" width="%d" height="%d" rx="9" fill="#7a7a7a" fill-opacity=".12" stroke="#7a7a7a" stroke-opacity=".5"/>`+"\n",
			x, y, p.x(last+1)-inset+4-x, p.middle(lowest)+capsuleTall/2+4-y)
	}
	for _, m := range members {
		p.capsule(&p.capsules[p.of[[2]int{i, m.actor}]])
	}
	fmt.Fprintln(p, "</g>")
}

func (p *picture) capsule(c *capsule) {
	x, y, width := p.x(c.first)+inset, p.middle(c.lane)-capsuleTall/2, (c.last-c.first+1)*columnWidth-2*inset
	fill := hue(c.lane, 34)
	if c.Pruned() {
		fill = "#666"
	}
	fmt.Fprintf(p, `<rect x="%d" y="%d" width="%d" height="%d" rx="9" fill="%s" stroke="#7a7a7a"/>`, x, y, width, capsuleTall, fill)
	for _, label := range c.labels() {
		if 6*displaywidth.String(label) <= width-4 {
			fmt.Fprintf(p, `<text x="%d" y="%d" font-size="10" text-anchor="middle" fill="#fff">%s</text>`, x+width/2, y+13, label)
			break
		}
	}
	fmt.Fprintln(p)
}

// labels are what a capsule may say, the best first.
func (c *capsule) labels() []string {
	switch {
	case c.Pruned():
		return []string{"…"}
	case c.First == c.Last:
		return []string{fmt.Sprint(c.First), "1"}
	}
	return []string{fmt.Sprintf("%d–%d", c.First, c.Last), count(c.Ops(), "op"), fmt.Sprint(c.Ops())}
}

// hue gives lanes colours that differ most from those of their neighbours.
func hue(lane, lightness int) string {
	return fmt.Sprintf("hsl(%d,55%%,%d%%)", (210+lane*137)%360, lightness)
}

func escape(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}
