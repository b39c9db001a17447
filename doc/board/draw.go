package board

import (
	"iter"
	"math"
	"net/url"
	"strings"

	"github.com/baton-relay/baton/doc/board/fonts"
	"github.com/baton-relay/baton/doc/board/rough"
)

// Options say what a picture is to be like. The zero value is what Excalidraw
// exports by default.
type Options struct {
	// Scale is how many pixels of the picture a pixel of the board is; 0 is 1.
	Scale float64
	// Padding is what is left free around the drawing, in pixels of the board; 0
	// is 10, less than 0 is none.
	Padding float64
	// Background is a CSS colour; empty is white.
	Background string
	// Dark draws the board as the dark theme shows it.
	Dark bool
	// Clean draws straight lines in place of hand-drawn ones.
	Clean bool
	// Fonts has characters that the whiteboard's own fonts lack; nil has none. In an
	// SVG it is the viewer who has them, or has not.
	Fonts *fonts.Others
}

// The most lines that all hatchings of a picture have about, and the most of one.
const (
	mostLines    = 2_000_000
	mostLinesOne = 20_000
)

// drawing is a board that is being drawn.
type drawing struct {
	sizer
	Options
	setter        *fonts.Setter
	titles        []*element // texts on frames, in the order of the frames
	left, top     float64    // where the picture begins, on the board
	width, height float64    // of the picture, in pixels of the board
	paper         colour
	hatched       int // how many lines hatchings have so far
}

func (b *Board) draw(o Options) *drawing {
	if !(o.Scale > 0) || math.IsInf(o.Scale, 0) {
		o.Scale = 1
	}
	if o.Background == "" {
		o.Background = white
	}
	under := o.Background // what an arrowhead that is not filled hides what is under it with
	if transparent(under) {
		under = white
	}
	d := &drawing{
		sizer:   sizer{Board: b, background: under, clean: o.Clean, shapes: map[*element][]sketch{}},
		Options: o,
		setter:  fonts.NewSetter(o.Fonts),
	}
	d.paper = d.colour(o.Background)
	for _, e := range b.elements {
		if e.isFrame() {
			d.titles = append(d.titles, d.title(e))
		}
	}
	padding := 10.0
	if o.Padding != 0 {
		padding = min(max(o.Padding, 0), far)
	}
	whole := d.whole(d.titles)
	d.left, d.top = whole.left-padding, whole.top-padding
	d.width, d.height = whole.right-whole.left+2*padding, whole.bottom-whole.top+2*padding
	return d
}

func (d *drawing) colour(css string) colour {
	c := parseColour(css)
	if d.Dark {
		c = c.dark()
	}
	return c
}

// layers returns what is drawn, from below: elements in their order, each with
// the text on it, and at last pages in the page.
func (d *drawing) layers() iter.Seq[layer] {
	return func(yield func(layer) bool) {
		titles := d.titles
		for _, e := range d.elements {
			if e.isFrame() {
				if !yield(d.text(titles[0], nil)) {
					return
				}
				titles = titles[1:]
			}
			if e.isEmbed() || e.kind == "text" && d.container(e) != nil {
				continue
			}
			label := d.label(e)
			if !yield(d.layer(e, label)) || label != nil && !yield(d.text(label, e)) {
				return
			}
		}
		for _, e := range d.elements {
			if e.isEmbed() && (!yield(d.layer(e, nil)) || !yield(d.text(d.caption(e), nil))) {
				return
			}
		}
	}
}

// layer draws an element without the text on it.
func (d *drawing) layer(e, label *element) layer {
	if e.kind == "text" {
		return d.text(e, nil)
	}
	l := d.base(e)
	if e.isFrame() {
		l.marks = d.frameMarks(e)
		l.at = translate(e.x-d.left, e.y-d.top)
		return l
	}
	l.at = translate(-d.left, -d.top).times(d.placed(e))
	if label != nil && e.kind == "arrow" {
		at := d.labelPlace(e, label)
		hole := box{at.X, at.Y, at.X + label.width, at.Y + label.height}.moved(-d.left, -d.top)
		l.hole = &hole
	}
	switch e.kind {
	case "image":
		l.marks = d.imageMarks(e)
	case "freedraw":
		l.marks = d.sketches(d.shape(e))
		l.marks = append(l.marks, area{path: freehand(e), fill: d.colour(e.strokeColor)})
	default:
		l.marks = d.sketches(d.shape(e))
	}
	return l
}

// base returns the layer of an element with nothing on it yet.
func (d *drawing) base(e *element) layer {
	l := layer{alpha: e.opacity / 100, link: safeLink(e.link)}
	if f := d.frame(e); f != nil && f != e {
		l.alpha *= f.opacity / 100
		l.clip = f
	}
	return l
}

// safeLink returns a link if it is one that may be followed: to the web, to
// somebody's mail, or within the site.
func safeLink(link string) string {
	u, err := url.Parse(strings.TrimSpace(link))
	if err != nil {
		return ""
	}
	switch u.Scheme {
	case "", "http", "https", "mailto", "tel":
		return u.String()
	}
	return ""
}

// sketches returns the marks of rough drawings.
func (d *drawing) sketches(list []sketch) []mark {
	var marks []mark
	for _, s := range list {
		for _, set := range s.drawing {
			switch set.Kind {
			case rough.Area:
				marks = append(marks, area{set.Path, d.colour(s.fillColor), s.evenOdd})
			case rough.Hatch:
				d.hatched += len(set.Path) / 4
				marks = append(marks, trace{path: set.Path, ink: d.colour(s.fillColor), width: s.hatchWidth})
			case rough.Outline:
				marks = append(marks, trace{set.Path, d.colour(s.strokeColor), s.width, s.dash})
			}
		}
	}
	return marks
}

// shape returns what an element is drawn with; the more lines there are already,
// the coarser hatchings are.
func (d *drawing) shape(e *element) []sketch {
	d.allowed = min(max(mostLines-d.hatched, 100), mostLinesOne)
	return d.sizer.shape(e)
}

// frameRadius is the radius of the corners of frames.
const frameRadius = 8

func (d *drawing) frameMarks(e *element) []mark {
	ink := "#bbbbbb"
	if e.kind == "magicframe" {
		ink = "#7affd7"
	}
	return []mark{trace{path: roundedBox(e.width, e.height, frameRadius), ink: d.colour(ink), width: 2}}
}

// roundedBox returns a rectangle with corners that are parts of circles.
func roundedBox(width, height, radius float64) rough.Path {
	var p rough.Path
	r := min(radius, math.Abs(width)/2, math.Abs(height)/2)
	if r <= 0 {
		p.MoveTo(0, 0)
		p.LineTo(width, 0)
		p.LineTo(width, height)
		p.LineTo(0, height)
		p.LineTo(0, 0)
		return p
	}
	const arc = 0.5522847498 // how far the handles of a Bézier curve for a quarter of a circle are
	k := r * (1 - arc)
	p.MoveTo(r, 0)
	p.LineTo(width-r, 0)
	p.CurveTo(width-k, 0, width, k, width, r)
	p.LineTo(width, height-r)
	p.CurveTo(width, height-k, width-k, height, width-r, height)
	p.LineTo(r, height)
	p.CurveTo(k, height, 0, height-k, 0, height-r)
	p.LineTo(0, r)
	p.CurveTo(0, k, k, 0, r, 0)
	return p
}

// imageMarks draws an image, or a grey box where it is not there.
func (d *drawing) imageMarks(e *element) []mark {
	if _, ok := d.files[e.fileID]; !ok {
		return d.missing(e.width, e.height)
	}
	radius := e.cornerRadius(min(e.width, e.height))
	return []mark{image{e.fileID, e.width, e.height, e.crop, radius, e.flip}}
}

// missing draws a grey box with a picture of a picture in it.
func (d *drawing) missing(width, height float64) []mark {
	size := min(min(width, height)*0.4, 100)
	if size <= 0 {
		return []mark{area{path: roundedBox(width, height, 0), fill: d.colour("#e7e7e7")}}
	}
	at := translate(width/2-size/2, height/2-size/2).times(scale(size, size))
	icon := translate(0, 0.125).path(roundedBox(1, 0.75, 0.09))
	icon = append(icon, translate(0.11, 0.235).path(roundedBox(0.22, 0.22, 0.11))...)
	icon.MoveTo(0.125, 0.75)
	for _, p := range []rough.Point{{X: 0.125, Y: 0.66}, {X: 0.26, Y: 0.52}, {X: 0.41, Y: 0.62}, {X: 0.69, Y: 0.35}, {X: 0.875, Y: 0.53}, {X: 0.875, Y: 0.75}, {X: 0.125, Y: 0.75}} {
		icon.LineTo(p.X, p.Y)
	}
	return []mark{
		area{path: roundedBox(width, height, 0), fill: d.colour("#e7e7e7")},
		area{path: at.path(icon), fill: d.colour("#888888"), evenOdd: true},
	}
}
