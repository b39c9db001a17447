package rough

// Verb is what an op of a path does.
type Verb uint8

const (
	Move  Verb = iota // begin anew at P[0], P[1]
	Line              // a straight line to P[0], P[1]
	Curve             // a cubic Bézier curve over P[0..3] to P[4], P[5]
)

// Op is one step of a path.
type Op struct {
	Verb Verb
	P    [6]float64
}

// End returns where the op ends.
func (o Op) End() Point {
	if o.Verb == Curve {
		return Point{o.P[4], o.P[5]}
	}
	return Point{o.P[0], o.P[1]}
}

// Point is a place, in pixels, y downwards.
type Point struct{ X, Y float64 }

// Path is a sequence of ops of which the first is a Move.
type Path []Op

// MoveTo begins a new part of the path.
func (p *Path) MoveTo(x, y float64) { *p = append(*p, Op{Move, [6]float64{x, y}}) }

// LineTo draws a straight line.
func (p *Path) LineTo(x, y float64) { *p = append(*p, Op{Line, [6]float64{x, y}}) }

// CurveTo draws a cubic Bézier curve.
func (p *Path) CurveTo(x1, y1, x2, y2, x, y float64) {
	*p = append(*p, Op{Curve, [6]float64{x1, y1, x2, y2, x, y}})
}

// QuadTo draws a quadratic Bézier curve, as the cubic one that looks the same.
func (p *Path) QuadTo(x1, y1, x, y float64) {
	var at Point
	if len(*p) > 0 {
		at = (*p)[len(*p)-1].End()
	}
	p.CurveTo(at.X+2*(x1-at.X)/3, at.Y+2*(y1-at.Y)/3, x+2*(x1-x)/3, y+2*(y1-y)/3, x, y)
}
