package rough

import "math"

// NewLine draws a line.
func NewLine(a, b Point, o Options) Drawing {
	p := newPen(o)
	return Drawing{{Outline, p.lines(nil, a, b)}}
}

// NewLines draws lines from point to point.
func NewLines(points []Point, o Options) Drawing {
	p := newPen(o)
	return Drawing{{Outline, p.chain(points, false)}}
}

// NewPolygon draws lines from point to point and back to the first, and fills
// what is inside.
func NewPolygon(points []Point, o Options) Drawing {
	p := newPen(o)
	outline := p.chain(points, true)
	var d Drawing
	switch o.Fill {
	case NoFill:
	case Solid:
		d = append(d, Set{Area, p.polygon(points)})
	default:
		d = append(d, Set{Hatch, p.hatch(points)})
	}
	return p.stroked(d, outline)
}

// NewRectangle draws a rectangle whose upper left corner is at 0, 0.
func NewRectangle(width, height float64, o Options) Drawing {
	return NewPolygon([]Point{{0, 0}, {width, 0}, {width, height}, {0, height}}, o)
}

// stroked puts an outline on a fill, where there is to be one.
func (p *pen) stroked(d Drawing, outline Path) Drawing {
	if p.NoStroke {
		return d
	}
	return append(d, Set{Outline, outline})
}

// chain draws lines from point to point. Two points are one line, closed or not.
func (p *pen) chain(points []Point, closed bool) Path {
	var path Path
	for i := 1; i < len(points); i++ {
		path = p.lines(path, points[i-1], points[i])
	}
	if closed && len(points) > 2 {
		path = p.lines(path, points[len(points)-1], points[0])
	}
	return path
}

// polygon returns the area within points.
func (p *pen) polygon(points []Point) Path {
	if len(points) < 3 {
		return nil
	}
	var path Path
	for i, at := range points {
		x := at.X + p.off(maxOffset)
		y := at.Y + p.off(maxOffset)
		if i == 0 {
			path.MoveTo(x, y)
		} else {
			path.LineTo(x, y)
		}
	}
	return path
}

// lines draws a line as a hand does: twice, unless the pen is to do it once.
func (p *pen) lines(path Path, a, b Point) Path {
	path = p.line(path, a, b, 1)
	if !p.Single {
		path = p.line(path, a, b, 0.5)
	}
	return path
}

// line draws one line that strays by a share of what lines may. The random
// numbers are drawn in the order of the statements.
func (p *pen) line(path Path, a, b Point, share float64) Path {
	length := math.Sqrt((a.X-b.X)*(a.X-b.X) + (a.Y-b.Y)*(a.Y-b.Y))
	gain := 1.0 // long lines would stray too far
	switch {
	case length > 500:
		gain = 0.4
	case length >= 200:
		gain = -0.0016668*length + 1.233334
	}
	offset := maxOffset
	if offset*offset*100 > length*length {
		offset = length / 10
	}
	offset *= share
	stray := func(x float64) float64 { return p.Roughness * gain * (p.random.next()*2*x - x) }
	vertex := func() float64 {
		if p.KeepVertices {
			return 0
		}
		return stray(offset)
	}
	diverge := 0.2 + p.random.next()*0.2
	bowX := stray(maxOffset * (b.Y - a.Y) / 200)
	bowY := stray(maxOffset * (a.X - b.X) / 200)
	x := a.X + vertex()
	y := a.Y + vertex()
	path.MoveTo(x, y)
	var c [6]float64
	c[0] = bowX + a.X + (b.X-a.X)*diverge + stray(offset)
	c[1] = bowY + a.Y + (b.Y-a.Y)*diverge + stray(offset)
	c[2] = bowX + a.X + 2*(b.X-a.X)*diverge + stray(offset)
	c[3] = bowY + a.Y + 2*(b.Y-a.Y)*diverge + stray(offset)
	c[4] = b.X + vertex()
	c[5] = b.Y + vertex()
	return append(path, Op{Curve, c})
}
