package board

import (
	"math"

	"github.com/baton-relay/baton/doc/board/rough"
)

// box is a part of the board. The empty one is that of no points.
type box struct{ left, top, right, bottom float64 }

func emptyBox() box { return box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)} }

func boxOf(points ...rough.Point) box { return emptyBox().with(points...) }

// with returns the box around this one and points.
func (b box) with(points ...rough.Point) box {
	for _, p := range points {
		b.left, b.right = min(b.left, p.X), max(b.right, p.X)
		b.top, b.bottom = min(b.top, p.Y), max(b.bottom, p.Y)
	}
	return b
}

func (b box) and(c box) box {
	return box{min(b.left, c.left), min(b.top, c.top), max(b.right, c.right), max(b.bottom, c.bottom)}
}

func (b box) empty() bool { return b.left > b.right || b.top > b.bottom }

func (b box) moved(dx, dy float64) box {
	return box{b.left + dx, b.top + dy, b.right + dx, b.bottom + dy}
}

func (b box) centre() rough.Point {
	return rough.Point{X: (b.left + b.right) / 2, Y: (b.top + b.bottom) / 2}
}

func (b box) corners() []rough.Point {
	return []rough.Point{{X: b.left, Y: b.top}, {X: b.right, Y: b.top}, {X: b.right, Y: b.bottom}, {X: b.left, Y: b.bottom}}
}

// matrix is an affine map: x' = a*x + c*y + e, y' = b*x + d*y + f, as in SVG.
type matrix struct{ a, b, c, d, e, f float64 }

func translate(x, y float64) matrix { return matrix{1, 0, 0, 1, x, y} }

func scale(x, y float64) matrix { return matrix{x, 0, 0, y, 0, 0} }

// turn rotates around a point, clockwise as y goes downwards.
func turn(angle float64, around rough.Point) matrix {
	if angle == 0 {
		return scale(1, 1)
	}
	sin, cos := math.Sincos(angle)
	return translate(around.X, around.Y).times(matrix{cos, sin, -sin, cos, 0, 0}).times(translate(-around.X, -around.Y))
}

// times returns the map that does n first, then m.
func (m matrix) times(n matrix) matrix {
	return matrix{
		m.a*n.a + m.c*n.b, m.b*n.a + m.d*n.b,
		m.a*n.c + m.c*n.d, m.b*n.c + m.d*n.d,
		m.a*n.e + m.c*n.f + m.e, m.b*n.e + m.d*n.f + m.f,
	}
}

func (m matrix) apply(p rough.Point) rough.Point {
	return rough.Point{X: m.a*p.X + m.c*p.Y + m.e, Y: m.b*p.X + m.d*p.Y + m.f}
}

func (m matrix) path(p rough.Path) rough.Path {
	out := make(rough.Path, len(p))
	for i, op := range p {
		out[i].Verb = op.Verb
		for k := 0; k < 6; k += 2 {
			at := m.apply(rough.Point{X: op.P[k], Y: op.P[k+1]})
			out[i].P[k], out[i].P[k+1] = at.X, at.Y
		}
	}
	return out
}

// curves returns the box around a path's curves. Straight lines do not count,
// as in Excalidraw: the outlines of rough have none.
func curves(p rough.Path) box {
	b := emptyBox()
	var at rough.Point
	for _, op := range p {
		if op.Verb == rough.Curve {
			left, right := extent(at.X, op.P[0], op.P[2], op.P[4])
			top, bottom := extent(at.Y, op.P[1], op.P[3], op.P[5])
			b = b.and(box{left, top, right, bottom})
		}
		at = op.End()
	}
	return b
}

// extent returns the least and the greatest value of a Bézier curve in one
// dimension: at its ends, or where its derivative is zero.
func extent(p0, p1, p2, p3 float64) (least, most float64) {
	least, most = min(p0, p3), max(p0, p3)
	i, j, k := p1-p0, p2-p1, p3-p2
	a, b, c := 3*i-6*j+3*k, 6*j-6*i, 3*i
	root := b*b - 4*a*c
	if root < 0 {
		return least, most
	}
	ts := []float64{(-b + math.Sqrt(root)) / (2 * a), (-b - math.Sqrt(root)) / (2 * a)}
	if a == 0 {
		ts = []float64{-c / b}
	}
	for _, t := range ts {
		if t >= 0 && t <= 1 {
			v := bezier(t, p0, p1, p2, p3)
			least, most = min(least, v), max(most, v)
		}
	}
	return least, most
}

// bezier returns a point of a Bézier curve in one dimension.
func bezier(t, p0, p1, p2, p3 float64) float64 {
	u := 1 - t
	return u*u*u*p0 + 3*u*u*t*p1 + 3*u*t*t*p2 + t*t*t*p3
}

func distance(a, b rough.Point) float64 { return math.Hypot(a.X-b.X, a.Y-b.Y) }
