package board

import (
	"math"

	"github.com/baton-relay/baton/doc/board/rough"
)

// mostDashes is how many dashes a path has at most; with more it is drawn solid.
const mostDashes = 100_000

// stroke adds what a line of points covers when it is drawn with a round pen: a
// rectangle for each segment, and what is lacking between them.
func (r *raster) stroke(points []rough.Point, radius float64) {
	points = distinct(points)
	r.dot(points[0], radius)
	var before rough.Point // the normal of the segment before
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		n := mul(side(unit(sub(b, a))), radius)
		r.polygon(add(a, n), add(b, n), sub(b, n), sub(a, n))
		if i > 1 {
			// A slight bend leaves two thin triangles, a sharp one a slice of the pen.
			if dot(n, before) > 0.9*radius*radius {
				r.polygon(a, add(a, n), add(a, before))
				r.polygon(a, sub(a, n), sub(a, before))
			} else {
				r.dot(a, radius)
			}
		}
		before = n
	}
	if len(points) > 1 {
		r.dot(points[len(points)-1], radius)
	}
}

// dot adds a circle.
func (r *raster) dot(at rough.Point, radius float64) {
	n := min(max(8, int(6*math.Sqrt(radius))), 64)
	points := make([]rough.Point, n)
	for i := range points {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		points[i] = rough.Point{X: at.X + radius*cos, Y: at.Y + radius*sin}
	}
	r.polygon(points...)
}

// distinct leaves out points that are where the one before is.
func distinct(points []rough.Point) []rough.Point {
	out := points[:1]
	for _, p := range points[1:] {
		if distanceSq(p, out[len(out)-1]) > 1e-12 {
			out = append(out, p)
		}
	}
	return out
}

// dashes cuts a line of points into the pieces that are drawn.
func dashes(points []rough.Point, dash []float64) [][]rough.Point {
	var length, period float64
	for i := 1; i < len(points); i++ {
		length += distance(points[i-1], points[i])
	}
	for _, d := range dash {
		period += d
	}
	if len(dash) == 0 || !(period > 0) || length/period > mostDashes {
		return [][]rough.Point{points}
	}
	var out [][]rough.Point
	piece := []rough.Point{points[0]}
	phase, left := 0, dash[0]
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		rest := distance(a, b)
		for rest > left {
			a = mix(a, b, left/rest)
			rest -= left
			if phase%2 == 0 {
				out = append(out, append(piece, a))
			}
			piece = []rough.Point{a}
			phase = (phase + 1) % len(dash)
			left = dash[phase]
		}
		left -= rest
		piece = append(piece, b)
	}
	if phase%2 == 0 {
		out = append(out, piece)
	}
	return out
}
