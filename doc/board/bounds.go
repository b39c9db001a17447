package board

import (
	"math"

	"github.com/baton-relay/baton/doc/board/rough"
)

// sizer works out where elements lie. It keeps the shapes of lines and arrows,
// which say it.
type sizer struct {
	*Board
	background string
	clean      bool
	allowed    int // how many lines the next hatching may have
	shapes     map[*element][]sketch
}

// shape returns what an element is drawn with.
func (s *sizer) shape(e *element) []sketch {
	if !e.isLinear() {
		return shape(e, look{s.background, s.clean, s.allowed})
	}
	if _, ok := s.shapes[e]; !ok {
		s.shapes[e] = shape(e, look{s.background, s.clean, s.allowed})
	}
	return s.shapes[e]
}

// place returns the box of an element, as if it were not turned.
func (s *sizer) place(e *element) box {
	switch e.kind {
	case "freedraw":
		if len(e.points) == 0 {
			return boxOf(rough.Point{X: e.x, Y: e.y})
		}
		return boxOf(e.points...).moved(e.x, e.y)
	case "line", "arrow":
		b := emptyBox()
		if shapes := s.shape(e); len(shapes) > 0 {
			b = curves(shapes[0].drawing.Outline())
		}
		if b.empty() {
			b = boxOf(e.points...)
		}
		return b.moved(e.x, e.y)
	case "text":
		if c := s.container(e); c != nil && c.kind == "arrow" {
			at := s.labelPlace(c, e)
			return box{at.X, at.Y, at.X + e.width, at.Y + e.height}
		}
	}
	return box{e.x, e.y, e.x + e.width, e.y + e.height}
}

// extent returns the box around an element, turned as it is.
func (s *sizer) extent(e *element) box {
	place := s.place(e)
	m := turn(e.angle, place.centre())
	around := func(points []rough.Point) box {
		b := emptyBox()
		for _, p := range points {
			b = b.with(m.apply(p))
		}
		return b
	}
	switch e.kind {
	case "freedraw":
		if len(e.points) == 0 {
			return place
		}
		m = m.times(translate(e.x, e.y))
		return around(e.points)
	case "line", "arrow":
		b := emptyBox()
		if shapes := s.shape(e); len(shapes) > 0 {
			b = curves(m.times(translate(e.x, e.y)).path(shapes[0].drawing.Outline()))
		}
		if b.empty() {
			return place
		}
		return b
	case "diamond":
		c := place.centre()
		return around([]rough.Point{{X: c.X, Y: place.top}, {X: c.X, Y: place.bottom}, {X: place.left, Y: c.Y}, {X: place.right, Y: c.Y}})
	case "ellipse":
		w, h := (place.right-place.left)/2, (place.bottom-place.top)/2
		sin, cos := math.Sincos(e.angle)
		c := place.centre()
		x, y := math.Hypot(w*cos, h*sin), math.Hypot(h*cos, w*sin)
		return box{c.X - x, c.Y - y, c.X + x, c.Y + y}
	}
	return around(place.corners())
}

// whole returns the box around all elements but those in frames, which are cut
// off where their frame ends.
func (s *sizer) whole(labels []*element) box {
	b := emptyBox()
	for _, list := range [][]*element{s.elements, labels} {
		for _, e := range list {
			if e.isFrame() || s.frame(e) == nil {
				b = b.and(s.extent(e))
			}
		}
	}
	if b.empty() {
		return box{}
	}
	return b
}

// labelPlace returns where the text on an arrow lies: at its middle point, or
// amid its middle segment.
func (s *sizer) labelPlace(arrow, text *element) rough.Point {
	m := s.placed(arrow)
	n := len(arrow.points)
	var at rough.Point
	switch {
	case n%2 == 1:
		at = m.apply(arrow.points[n/2])
	case n == 2 || arrow.roundness.kind == 0:
		a, b := m.apply(arrow.points[n/2-1]), m.apply(arrow.points[n/2])
		at = rough.Point{X: (a.X + b.X) / 2, Y: (a.Y + b.Y) / 2}
	default:
		at = m.apply(s.amid(arrow, arrow.points[n/2]))
	}
	return rough.Point{X: at.X - text.width/2, Y: at.Y - text.height/2}
}

// placed returns the map from an element's own places to those of the board.
func (s *sizer) placed(e *element) matrix {
	return turn(e.angle, s.place(e).centre()).times(translate(e.x, e.y))
}

// amid returns the middle, by length, of the part of a curved arrow that leads
// to a point.
func (s *sizer) amid(arrow *element, to rough.Point) rough.Point {
	shapes := s.shape(arrow)
	if len(shapes) == 0 {
		return to
	}
	var c [4]rough.Point
	var at rough.Point
	nearest := math.Inf(1)
	for _, op := range shapes[0].drawing.Outline() {
		if d := distance(op.End(), to); op.Verb == rough.Curve && d < nearest {
			nearest = d
			c = [4]rough.Point{at, {X: op.P[0], Y: op.P[1]}, {X: op.P[2], Y: op.P[3]}, op.End()}
		}
		at = op.End()
	}
	on := func(t float64) rough.Point {
		return rough.Point{X: bezier(t, c[0].X, c[1].X, c[2].X, c[3].X), Y: bezier(t, c[0].Y, c[1].Y, c[2].Y, c[3].Y)}
	}
	const parts = 20
	var run [parts + 1]float64
	for i := 1; i <= parts; i++ {
		run[i] = run[i-1] + distance(on(float64(i-1)/parts), on(float64(i)/parts))
	}
	for i := 1; i <= parts; i++ {
		if half := run[parts] / 2; run[i] >= half && run[i] > run[i-1] {
			return on((float64(i-1) + (half-run[i-1])/(run[i]-run[i-1])) / parts)
		}
	}
	return to
}
