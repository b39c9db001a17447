package rough

import "math"

// NewCurve draws a curve through points, and fills what is inside.
func NewCurve(points []Point, o Options) Drawing {
	if len(points) == 0 {
		return nil
	}
	p := newPen(o)
	outline := p.curve(points, 1*(1+p.Roughness*0.2))
	if !p.Single {
		outline = append(outline, p.again().curve(points, 1.5*(1+p.Roughness*0.22))...)
	}
	var d Drawing
	switch {
	case o.Fill == NoFill || len(points) < 3:
	case o.Fill == Solid:
		area := p.forArea()
		d = append(d, Set{Area, merged(area.curve(points, 1*(1+area.Roughness*0.2)))})
	default:
		d = append(d, Set{Hatch, p.hatch(Simplify(flatten(splines(points), 10), (1+p.Roughness)/2))})
	}
	return p.stroked(d, outline)
}

// NewPath draws a path, and fills what is inside. It must have one part only.
func NewPath(path Path, o Options) Drawing {
	p := newPen(o)
	outline := p.path(path)
	var d Drawing
	switch o.Fill {
	case NoFill:
	case Solid:
		d = append(d, Set{Area, merged(p.forArea().path(path))})
	default:
		d = append(d, Set{Hatch, p.hatch(Simplify(flatten(path, 1), (1+p.Roughness)/2))})
	}
	return p.stroked(d, outline)
}

// path draws each step of a path.
func (p *pen) path(path Path) Path {
	var out Path
	var at Point
	for _, op := range path {
		switch op.Verb {
		case Line:
			out = p.lines(out, at, op.End())
		case Curve:
			out = p.bezier(out, at, op.P)
		}
		at = op.End()
	}
	return out
}

// bezier draws a Bézier curve, twice unless the pen is to do it once.
func (p *pen) bezier(out Path, at Point, c [6]float64) Path {
	strays := []float64{maxOffset, maxOffset + 0.3}
	if p.Single {
		strays = strays[:1]
	}
	vertex := func(by float64) float64 {
		if p.KeepVertices {
			return 0
		}
		return p.off(by)
	}
	for i, stray := range strays {
		x, y := at.X, at.Y
		if i > 0 {
			x += vertex(maxOffset)
			y += vertex(maxOffset)
		}
		out.MoveTo(x, y)
		d := c
		d[4] += vertex(stray)
		d[5] += vertex(stray)
		for k := range 4 {
			d[k] += p.off(stray)
		}
		out = append(out, Op{Curve, d})
	}
	return out
}

// curve draws a curve through points, each of which strays by up to offset.
func (p *pen) curve(points []Point, offset float64) Path {
	through := make([]Point, 0, len(points)+2)
	add := func(at Point) {
		x := at.X + p.off(offset)
		y := at.Y + p.off(offset)
		through = append(through, Point{x, y})
	}
	add(points[0])
	add(points[0])
	for i, at := range points[1:] {
		add(at)
		if i == len(points)-2 {
			add(at)
		}
	}
	return p.spline(through)
}

// spline draws a Catmull-Rom spline from the second to the last but one point.
func (p *pen) spline(points []Point) Path {
	var out Path
	switch len(points) {
	case 0, 1:
	case 2:
		out = p.lines(out, points[0], points[1])
	case 3:
		out.MoveTo(points[1].X, points[1].Y)
		out.CurveTo(points[1].X, points[1].Y, points[2].X, points[2].Y, points[2].X, points[2].Y)
	default:
		out = catmullRom(points)
	}
	return out
}

// catmullRom returns a spline through all but the first and the last of four
// points or more.
func catmullRom(points []Point) Path {
	out := make(Path, 0, len(points)-2)
	out.MoveTo(points[1].X, points[1].Y)
	for i := 1; i+2 < len(points); i++ {
		before, a, b, after := points[i-1], points[i], points[i+1], points[i+2]
		out.CurveTo(
			a.X+(b.X-before.X)/6, a.Y+(b.Y-before.Y)/6,
			b.X+(a.X-after.X)/6, b.Y+(a.Y-after.Y)/6,
			b.X, b.Y,
		)
	}
	return out
}

// splines returns the exact curve through three points or more.
func splines(points []Point) Path {
	if len(points) == 3 {
		a, b, c := points[0], points[1], points[2]
		return Path{{Move, [6]float64{a.X, a.Y}}, {Curve, [6]float64{b.X, b.Y, c.X, c.Y, c.X, c.Y}}}
	}
	through := make([]Point, 0, len(points)+2)
	through = append(through, points[0])
	through = append(through, points...)
	through = append(through, points[len(points)-1])
	return catmullRom(through)
}

// merged joins the parts of a path, which all begin where the one before ends,
// so that it can be filled as one.
func merged(path Path) Path {
	out := path[:0]
	for i, op := range path {
		if i == 0 || op.Verb != Move {
			out = append(out, op)
		}
	}
	return out
}

// NewEllipse draws an ellipse around x, y, and fills it.
func NewEllipse(x, y, width, height float64, o Options) Drawing {
	p := newPen(o)
	psq := math.Sqrt(math.Pi * 2 * math.Sqrt((width*width/4+height*height/4)/2))
	e := ellipse{x: x, y: y, rx: math.Abs(width / 2), ry: math.Abs(height / 2)}
	e.step = 2 * math.Pi / math.Ceil(max(steps, steps/math.Sqrt(200)*psq))
	unfit := 1 - p.CurveFitting
	e.rx += p.off(e.rx * unfit)
	e.ry += p.off(e.ry * unfit)
	outline, around := p.ellipse(e)
	var d Drawing
	switch o.Fill {
	case NoFill:
	case Solid:
		area, _ := p.ellipse(e)
		d = append(d, Set{Area, area})
	default:
		d = append(d, Set{Hatch, p.hatch(around)})
	}
	return p.stroked(d, outline)
}

// ellipse is where an ellipse lies, and at which angles it has points.
type ellipse struct{ x, y, rx, ry, step float64 }

func (e ellipse) at(angle, size float64) Point {
	return Point{e.x + size*e.rx*math.Cos(angle), e.y + size*e.ry*math.Sin(angle)}
}

// ellipse draws an ellipse and returns, beside, the points around it.
func (p *pen) ellipse(e ellipse) (outline Path, around []Point) {
	overlap := e.step * p.between(0.1, p.between(0.4, 1))
	if p.Roughness == 0 {
		return e.exact()
	}
	all, around := p.around(e, 1, overlap)
	outline = p.spline(all)
	if !p.Single {
		all, _ = p.around(e, 1.5, 0)
		outline = append(outline, p.spline(all)...)
	}
	return outline, around
}

// exact returns the points of an ellipse where nothing strays.
func (e ellipse) exact() (outline Path, around []Point) {
	step := e.step / 4
	for angle := 0.0; angle <= 2*math.Pi; angle += step {
		around = append(around, e.at(angle, 1))
	}
	all := append([]Point{e.at(-step, 1)}, around...)
	return catmullRom(append(all, e.at(0, 1), e.at(step, 1))), around
}

// around returns the points of one turn around an ellipse, and of those the
// ones that lie between its loose ends.
func (p *pen) around(e ellipse, offset, overlap float64) (all, core []Point) {
	put := func(angle, size float64) Point {
		dx := p.off(offset)
		dy := p.off(offset)
		at := e.at(angle, size)
		return Point{at.X + dx, at.Y + dy}
	}
	begin := p.off(0.5) - math.Pi/2
	all = append(all, put(begin-e.step, 0.9))
	for angle := begin; angle < 2*math.Pi+begin-0.01; angle += e.step {
		core = append(core, put(angle, 1))
	}
	all = append(all, core...)
	return append(all,
		put(begin+2*math.Pi+overlap*0.5, 1),
		put(begin+overlap, 0.98),
		put(begin+overlap*0.5, 0.9),
	), core
}
