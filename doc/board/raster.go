package board

import (
	"math"
	"slices"

	"github.com/baton-relay/baton/doc/board/rough"
)

// raster turns paths into how much of each pixel they cover. It counts how often
// a path winds around each point, rather than adding up areas: the two strokes
// of a hand-drawn line lie on each other, and must not be darker there.
type raster struct {
	width, height int
	edges         []edge
	active        []edge    // those that a line crosses, from left to right, each with its x there
	change        []float32 // by how much the cover changes from pixel to pixel
}

// rows is how many lines across each row of pixels are looked at.
const rows = 8

// edge is a straight line that goes downwards; up says that the path went up.
type edge struct {
	top, bottom, x, slope float64 // x is that at the top
	up                    bool
}

func newRaster(width, height int) *raster {
	return &raster{width: width, height: height, change: make([]float32, width+2)}
}

// line adds a side of a path, in pixels. Paths must be closed.
func (r *raster) line(a, b rough.Point) {
	e := edge{top: a.Y, bottom: b.Y, x: a.X}
	if a.Y > b.Y {
		e = edge{top: b.Y, bottom: a.Y, x: b.X, up: true}
	}
	if e.top == e.bottom || e.bottom <= 0 || e.top >= float64(r.height) {
		return
	}
	e.slope = (b.X - a.X) / (b.Y - a.Y)
	r.edges = append(r.edges, e)
}

// polygon adds a convex polygon so that it winds one way whatever its order.
func (r *raster) polygon(points ...rough.Point) {
	var twice float64
	for i, p := range points {
		q := points[(i+1)%len(points)]
		twice += p.X*q.Y - q.X*p.Y
	}
	for i, p := range points {
		q := points[(i+1)%len(points)]
		if twice < 0 {
			p, q = q, p
		}
		r.line(p, q)
	}
}

// path adds a path, each part of it closed.
func (r *raster) path(path rough.Path) {
	for _, part := range flatten(path) {
		for i := 1; i < len(part); i++ {
			r.line(part[i-1], part[i])
		}
		if len(part) > 1 {
			r.line(part[len(part)-1], part[0])
		}
	}
}

// fill calls paint with each run of pixels that what was added covers, and how
// much of each, from 0 to 1. Then nothing is added any more.
func (r *raster) fill(evenOdd bool, paint func(x, y int, cover []float32)) {
	slices.SortFunc(r.edges, func(a, b edge) int { return order(a.top, b.top) })
	r.active = r.active[:0]
	next := 0
	for y := 0; y < r.height && (next < len(r.edges) || len(r.active) > 0); y++ {
		if len(r.active) == 0 {
			y = max(y, int(math.Floor(r.edges[next].top)))
		}
		left, right := r.width, 0
		for k := 0; k < rows && y < r.height; k++ {
			at := float64(y) + (float64(k)+0.5)/rows
			for i := range r.active {
				r.active[i].x += r.active[i].slope / rows
			}
			for ; next < len(r.edges) && r.edges[next].top <= at; next++ {
				e := r.edges[next]
				e.x += e.slope * (at - e.top)
				r.active = append(r.active, e)
			}
			r.active = slices.DeleteFunc(r.active, func(e edge) bool { return e.bottom <= at })
			// They hardly change their order from line to line, so this is quick.
			slices.SortFunc(r.active, func(a, b edge) int { return order(a.x, b.x) })
			l, m := r.cover(evenOdd)
			left, right = min(left, l), max(right, m)
		}
		if left < right {
			r.row(left, right, y, paint)
		}
	}
	r.edges = r.edges[:0]
}

// order compares numbers that are none of them NaN.
func order(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// cover notes what one line across covers, and returns the pixels that changed.
func (r *raster) cover(evenOdd bool) (left, right int) {
	left = r.width
	winding := 0
	for _, c := range r.active {
		was := inside(winding, evenOdd)
		if c.up {
			winding--
		} else {
			winding++
		}
		is := inside(winding, evenOdd)
		if was == is {
			continue
		}
		x := min(max(c.x, 0), float64(r.width))
		at := int(x)
		part := float32(1-(x-float64(at))) / rows
		if was {
			r.change[at] -= part
			r.change[at+1] -= 1./rows - part
			right = min(at+1, r.width)
		} else {
			r.change[at] += part
			r.change[at+1] += 1./rows - part
			left = min(left, at)
		}
	}
	return left, right
}

func inside(winding int, evenOdd bool) bool {
	if evenOdd {
		return winding&1 != 0
	}
	return winding != 0
}

// row paints the pixels of a row from left to right, and forgets it.
func (r *raster) row(left, right, y int, paint func(x, y int, cover []float32)) {
	var sum float32
	for x := left; x < right; x++ {
		sum += r.change[x]
		r.change[x] = min(max(sum, 0), 1)
	}
	paint(left, y, r.change[left:right])
	clear(r.change[left:min(right+2, len(r.change))])
}

// flatten returns the parts of a path as points, a fifth of a pixel near it.
func flatten(path rough.Path) [][]rough.Point {
	var parts [][]rough.Point
	var part []rough.Point
	for _, op := range path {
		switch op.Verb {
		case rough.Move:
			if len(part) > 0 {
				parts = append(parts, part)
			}
			part = []rough.Point{op.End()}
		case rough.Line:
			part = append(part, op.End())
		case rough.Curve:
			part = flattenCurve(part, op.P)
		}
	}
	if len(part) > 0 {
		parts = append(parts, part)
	}
	return parts
}

// flattenCurve adds points of a curve. How many it needs follows from its second
// derivative.
func flattenCurve(part []rough.Point, c [6]float64) []rough.Point {
	if len(part) == 0 {
		return part
	}
	a := part[len(part)-1]
	ddx := max(math.Abs(a.X-2*c[0]+c[2]), math.Abs(c[0]-2*c[2]+c[4]))
	ddy := max(math.Abs(a.Y-2*c[1]+c[3]), math.Abs(c[1]-2*c[3]+c[5]))
	const tolerance = 0.05
	n := math.Ceil(math.Sqrt(math.Hypot(ddx, ddy) * 0.75 / tolerance))
	n = min(max(n, 1), 500)
	for i := 1.0; i < n; i++ {
		t := i / n
		part = append(part, rough.Point{X: bezier(t, a.X, c[0], c[2], c[4]), Y: bezier(t, a.Y, c[1], c[3], c[5])})
	}
	return append(part, rough.Point{X: c[4], Y: c[5]})
}
