package board

import (
	"github.com/baton-relay/baton/doc/board/fonts"
	"github.com/baton-relay/baton/doc/board/rough"
)

// layer is an element as it is drawn: marks, from below, and what holds for all
// of them. Both writers, of SVG and of PNG, take layers one by one.
type layer struct {
	at    matrix // from its own places to those of the picture, in board pixels
	alpha float64
	clip  *element // the frame outside of which nothing of it is seen, if any
	hole  *box     // where nothing of it is seen, in the picture; if any
	link  string   // what it leads to, if anything
	marks []mark
}

// with returns the layer with other marks.
func (l layer) with(marks []mark) layer {
	l.marks = marks
	return l
}

// mark is one of area, trace, words and image.
type mark any

// area is a filled path.
type area struct {
	path    rough.Path
	fill    colour
	evenOdd bool
}

// trace is a stroked path. Ends and joins are round.
type trace struct {
	path  rough.Path
	ink   colour
	width float64
	dash  []float64 // lengths of strokes and gaps in turn, if any
}

// words is a line of text on a baseline at y. At x it begins, has its middle or
// ends, as align says.
type words struct {
	text   string
	family *fonts.Family
	size   float64
	ink    colour
	x, y   float64
	align  string
}

// image is a picture, from 0, 0 to its size.
type image struct {
	id            string // of its file
	width, height float64
	crop          *crop
	radius        float64 // of its corners
	flip          [2]float64
}
