package rough

import "math"

// flatten returns the points of a path of one part: the ends of its lines, and
// points on its curves, the closer the smaller the tolerance.
func flatten(path Path, tolerance float64) []Point {
	var out, curve []Point
	flush := func() {
		out = append(out, curve...)
		curve = nil
	}
	var at Point
	for _, op := range path {
		if op.Verb == Curve {
			b := bezier{at, {op.P[0], op.P[1]}, {op.P[2], op.P[3]}, {op.P[4], op.P[5]}}
			curve = b.flatten(curve, tolerance, maxSplits)
		} else {
			flush()
			out = append(out, op.End())
		}
		at = op.End()
	}
	flush()
	return out
}

// maxSplits is how often a curve is halved: 2^16 parts are flat at any size.
const maxSplits = 16

type bezier [4]Point

// flatten adds points of the curve, without those that lie close to another.
// See https://seant23.wordpress.com/2010/11/12/offset-bezier-curves/.
func (b bezier) flatten(out []Point, tolerance float64, splits int) []Point {
	if splits == 0 || b.flatness() < tolerance {
		if len(out) == 0 || distance(out[len(out)-1], b[0]) > 1 {
			out = append(out, b[0])
		}
		return append(out, b[3])
	}
	q1, q2, q3 := middle(b[0], b[1]), middle(b[1], b[2]), middle(b[2], b[3])
	r1, r2 := middle(q1, q2), middle(q2, q3)
	m := middle(r1, r2)
	out = bezier{b[0], q1, r1, m}.flatten(out, tolerance, splits-1)
	return bezier{m, r2, q3, b[3]}.flatten(out, tolerance, splits-1)
}

func (b bezier) flatness() float64 {
	square := func(x float64) float64 { return x * x }
	ux := square(3*b[1].X - 2*b[0].X - b[3].X)
	uy := square(3*b[1].Y - 2*b[0].Y - b[3].Y)
	vx := square(3*b[2].X - 2*b[3].X - b[0].X)
	vy := square(3*b[2].Y - 2*b[3].Y - b[0].Y)
	return max(ux, vx) + max(uy, vy)
}

func middle(a, b Point) Point { return Point{a.X + (b.X-a.X)*0.5, a.Y + (b.Y-a.Y)*0.5} }

func distance(a, b Point) float64 { return math.Sqrt(distanceSq(a, b)) }

func distanceSq(a, b Point) float64 {
	return (a.X-b.X)*(a.X-b.X) + (a.Y-b.Y)*(a.Y-b.Y)
}

// Simplify leaves out points that lie within epsilon of the line without them,
// by the algorithm of Ramer, Douglas and Peucker.
func Simplify(points []Point, epsilon float64) []Point {
	if len(points) == 0 {
		return nil
	}
	// A spiral could have it look at all points for each. So it looks at each so
	// often, and then keeps the rest.
	looks := 64 * len(points)
	var out []Point
	var walk func(part []Point)
	walk = func(part []Point) {
		first, last := part[0], part[len(part)-1]
		far, at := 0.0, 1
		for i := 1; i < len(part)-1; i++ {
			if d := toSegmentSq(part[i], first, last); d > far {
				far, at = d, i
			}
		}
		looks -= len(part)
		switch {
		case looks < 0:
			out = append(out, part...)
		case math.Sqrt(far) > epsilon:
			walk(part[:at+1])
			walk(part[at:])
		default:
			if len(out) == 0 {
				out = append(out, first)
			}
			out = append(out, last)
		}
	}
	walk(points)
	return out
}

func toSegmentSq(p, a, b Point) float64 {
	length := distanceSq(a, b)
	if length == 0 {
		return distanceSq(p, a)
	}
	t := ((p.X-a.X)*(b.X-a.X) + (p.Y-a.Y)*(b.Y-a.Y)) / length
	t = max(0, min(1, t))
	return distanceSq(p, Point{a.X + (b.X-a.X)*t, a.Y + (b.Y-a.Y)*t})
}
