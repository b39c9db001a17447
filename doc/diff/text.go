package diff

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/clipperhouse/displaywidth"
)

// Options say how changes are written for people. The zero value works.
type Options struct {
	// Width is the most columns a line may take; 0 means 100, and fewer than 40
	// are 40.
	Width int
	// Colour writes in the colours of a terminal: green, red, yellow.
	Colour bool
	// Lines is the most lines that are shown of one text that changed; 0 means 20.
	Lines int
}

// WriteText writes a line for each change, and how many there are:
//
//	~ elements/abc/x  10 → 20
//	+ elements/def  {…12 properties}
//	- elements/old  "sketch"
//	1 added, 1 removed, 1 changed
//
// Names are set apart as in a JSON Pointer. Items of lists go by their index in the
// new list, removed ones by that in the old. A text of several lines that changed is
// followed by those that did, with a line around; within a line, or a long text,
// [-what is gone-] and {+what is new+} are marked. Control characters are written
// as escapes. For equal documents nothing is written.
func WriteText(w io.Writer, a, b []byte, o Options) error {
	changes, err := compare(a, b)
	if err != nil || len(changes) == 0 {
		return err
	}
	p := printer{Writer: bufio.NewWriter(w), Options: o}
	p.Width = max(cmp.Or(o.Width, 100), 40)
	p.Lines = cmp.Or(max(o.Lines, 0), 20)
	var counts [3]int
	for i := range changes {
		counts[changes[i].kind]++
		p.change(&changes[i])
	}
	var sum []string
	for k, what := range []string{added: "added", removed: "removed", changed: "changed"} {
		if counts[k] > 0 {
			sum = append(sum, fmt.Sprintf("%d %s", counts[k], what))
		}
	}
	p.line(plain, strings.Join(sum, ", "))
	return p.Flush()
}

type printer struct {
	*bufio.Writer
	Options
}

func (p *printer) change(c *change) {
	path := cut(shown(c), p.Width*2/3)
	room := p.Width - displaywidth.String(path) - 4
	switch c.kind {
	case added:
		p.line(green, "+ "+path+"  "+short(c.new, room))
	case removed:
		p.line(red, "- "+path+"  "+short(c.old, room))
	case changed:
		p.changed(c, path, room)
	}
}

func (p *printer) changed(c *change, path string, room int) {
	before, wasText := c.old.(string)
	after, isText := c.new.(string)
	if wasText && isText {
		if strings.Contains(before, "\n") || strings.Contains(after, "\n") {
			p.line(yellow, fmt.Sprintf("~ %s  %s → %s", path, lines(before), lines(after)))
			p.text(before, after)
			return
		}
		if displaywidth.String(before)+displaywidth.String(after)+len(`"" → ""`) > room {
			p.marked("~ "+path+"  ", marks(before, after))
			return
		}
	}
	const arrow = " → "
	was := short(c.old, (room-3)/2)
	p.line(yellow, "~ "+path+"  "+was+arrow+short(c.new, room-3-displaywidth.String(was)))
}

func lines(s string) string {
	return count(strings.Count(strings.TrimSuffix(s, "\n"), "\n")+1, "line", "lines")
}

// shown is where a change is, for people.
func shown(c *change) string {
	if len(c.path) == 0 {
		return "(the document)"
	}
	var b strings.Builder
	for i, name := range c.path {
		if i > 0 {
			b.WriteByte('/')
		}
		if i == len(c.path)-1 && c.was >= 0 {
			name = strconv.Itoa(c.was)
		}
		if name == "" {
			name = `""`
		}
		b.WriteString(printable(escaper.Replace(name)))
	}
	return b.String()
}

// short writes a value in at most so many columns, or a few more where they are
// fewer than ten: whole if it is small, else what it is.
func short(v any, width int) string {
	width = max(width, 10)
	switch v := v.(type) {
	case string:
		return cut(`"`+printable(cut(v, width-2))+`"`, width)
	case map[string]any:
		if s := printable(encode(v)); displaywidth.String(s) <= min(width, 40) {
			return s
		}
		return cut("{…"+count(len(v), "property", "properties")+"}", width)
	case []any:
		if s := printable(encode(v)); displaywidth.String(s) <= min(width, 40) {
			return s
		}
		return cut("[…"+count(len(v), "item", "items")+"]", width)
	}
	return cut(encode(v), width)
}

func count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + more
}

func cut(s string, width int) string { return displaywidth.TruncateString(s, width, "…") }

// printable writes what a terminal must not get as Go's escapes.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
		} else {
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}

// colour is the number that a terminal has for one.
type colour int

const (
	plain  colour = 0
	red    colour = 31
	green  colour = 32
	yellow colour = 33
)

func (p *printer) line(c colour, s string) {
	p.paint(c, cut(s, p.Width))
	p.WriteByte('\n')
}

func (p *printer) paint(c colour, s string) {
	if p.Colour && c != plain && s != "" {
		fmt.Fprintf(p, "\x1b[%dm%s\x1b[0m", c, s)
		return
	}
	p.WriteString(s)
}
