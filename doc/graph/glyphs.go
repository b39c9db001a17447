package graph

import "strconv"

// laneWidth is a glyph, and two columns that lead to the next.
const laneWidth = 3

// The sides through which a line leaves a cell.
const (
	up = 1 << iota
	down
	left
	right
)

// glyphs are the characters of a drawing.
type glyphs struct {
	boxes               [16]rune // by sides
	run, joined         rune
	link, old, together rune
	intoLeft, intoRight rune
}

var (
	lines = glyphs{[16]rune([]rune(" │││─╯╮┤─╰╭├─┴┬┼")), '●', '◎', '─', '┄', '═', '◀', '▶'}
	ascii = glyphs{[16]rune([]rune(" |||-'.|-`.|---+")), '*', '@', '-', '.', '=', '<', '>'}
)

// cells are one line of lanes as it is put together. A gap lies behind each lane.
type cells struct {
	glyphs
	sides  []int
	passed []bool // a line crosses the lane
	nodes  []rune // 0 where there is none
	gaps   []gap
}

// gap is what leads from one lane to the next.
type gap struct {
	link, head rune
	actor      int
}

// draw returns the lanes of row i. Rows must be drawn in order, each once.
func (l *lanes) draw(i int, o Options) string {
	c := cells{lines, make([]int, l.width), make([]bool, l.width), make([]rune, l.width), make([]gap, l.width)}
	if o.ASCII {
		c.glyphs = ascii
	}
	r := &l.rows[i]
	l.enter(i, &c)
	c.join(r, l.col)
	for _, s := range r.from {
		c.lead(s, l.col[s.actor], l.col[r.to])
	}
	var line []rune
	for k := range c.sides {
		line = paint(line, o.Colour, l.owner[k], c.cell(k))
		line = paint(line, o.Colour, c.gaps[k].actor, c.between(k)...)
	}
	return string(line)
}

// enter opens lanes that row i begins, and says for each lane where it goes.
func (l *lanes) enter(i int, c *cells) {
	for k, until := range l.until {
		if until >= i {
			c.sides[k] |= up
		}
	}
	for _, a := range l.rows[i].actors() {
		k := l.col[a]
		l.owner[k], l.until[k] = a, max(l.until[k], l.end[a])
	}
	for k, until := range l.until {
		if until > i {
			c.sides[k] |= down
		}
	}
}

// join sets the nodes of a row, and what holds them together.
func (c *cells) join(r *row, col map[int]int) {
	first, last := len(c.sides), 0
	for _, m := range r.members {
		k := col[m]
		c.nodes[k] = c.run
		if r.joined {
			c.nodes[k] = c.joined
		}
		first, last = min(first, k), max(last, k)
	}
	for k := first; k < last; k++ {
		c.gaps[k] = gap{link: c.together}
		c.passed[k] = k > first
	}
}

// lead draws an arrow from one lane to another. An actor that shares the lane of
// the other has none.
func (c *cells) lead(s source, from, to int) {
	if from == to {
		return
	}
	for k := min(from, to); k < max(from, to); k++ {
		g := &c.gaps[k]
		g.actor = s.actor
		switch {
		case !s.old:
			g.link = c.link
		case g.link == 0:
			g.link = c.old
		}
		c.passed[k] = c.passed[k] || k > min(from, to)
	}
	if from < to {
		c.sides[from] |= right
		c.gaps[to-1].head = c.intoRight
	} else {
		c.sides[from] |= left
		c.gaps[to].head = c.intoLeft
	}
}

func (c *cells) cell(k int) rune {
	sides := c.sides[k]
	switch joint := sides&(left|right) != 0; {
	case c.nodes[k] != 0:
		return c.nodes[k]
	case c.passed[k] && joint:
		sides |= left | right
	case c.passed[k] && sides == 0:
		return c.gaps[k].link
	}
	return c.boxes[sides]
}

func (c *cells) between(k int) []rune {
	switch g := c.gaps[k]; {
	case g.link == 0:
		return []rune{' ', ' '}
	case g.head == c.intoRight:
		return []rune{g.link, g.head}
	case g.head == c.intoLeft:
		return []rune{g.head, g.link}
	default:
		return []rune{g.link, g.link}
	}
}

// colours are those that terminals show well on dark and on light.
var colours = []int{32, 33, 34, 35, 36, 31, 92, 93, 94, 95, 96, 91}

func paint(line []rune, colour bool, actor int, what ...rune) []rune {
	if !colour || actor == before || what[0] == ' ' {
		return append(line, what...)
	}
	line = append(line, []rune("\x1b["+strconv.Itoa(colours[actor%len(colours)])+"m")...)
	line = append(line, what...)
	return append(line, []rune("\x1b[0m")...)
}
