package board

import (
	"math"

	"github.com/baton-relay/baton/doc/board/rough"
)

// sketch is one drawing of an element, with what its strokes look like. Places
// are relative to the element's.
type sketch struct {
	drawing     rough.Drawing
	width       float64 // of strokes
	dash        []float64
	strokeColor string
	fillColor   string
	hatchWidth  float64
	evenOdd     bool // how its areas are filled where they cross themselves
}

// pen is how an element is drawn, as its arrowheads change it.
type pen struct {
	rough.Options
	width       float64
	dash        []float64
	strokeColor string
	fillColor   string
	hatchWidth  float64
}

func (p pen) sketch(d rough.Drawing, evenOdd bool) sketch {
	return sketch{d, p.width, p.dash, p.strokeColor, p.fillColor, p.hatchWidth, evenOdd}
}

// look is what of a drawing says how its elements are drawn.
type look struct {
	background string // of what is not filled, and yet hides what is under it
	clean      bool
	lines      int // the most that hatchings have
}

// shape returns what an element is drawn with; a line's first sketch is the line.
func shape(e *element, l look) []sketch {
	if l.clean {
		c := *e
		c.roughness = 0
		e = &c
	}
	switch e.kind {
	case "iframe", "embeddable":
		return []sketch{rectangle(placeholder(e), l)}
	case "rectangle":
		return []sketch{rectangle(e, l)}
	case "diamond":
		return []sketch{diamond(e, l)}
	case "ellipse":
		p := penOf(e, l, false)
		p.CurveFitting = 1
		return []sketch{p.sketch(rough.NewEllipse(e.width/2, e.height/2, e.width, e.height, p.Options), false)}
	case "line", "arrow":
		return line(e, l)
	case "freedraw":
		if !loop(e.points) {
			return nil
		}
		p := penOf(e, l, false)
		p.NoStroke = true
		return []sketch{p.sketch(rough.NewCurve(rough.Simplify(e.points, 0.75), p.Options), true)}
	}
	return nil
}

// placeholder returns the box that stands for a page in the page.
func placeholder(e *element) *element {
	c := *e
	switch {
	case transparent(e.strokeColor) && transparent(e.backgroundColor):
		c.roughness, c.backgroundColor, c.fillStyle = 0, "#d3d3d3", "solid"
	case e.kind == "iframe":
		if transparent(e.strokeColor) {
			c.strokeColor = "#000000"
		}
		if transparent(e.backgroundColor) {
			c.backgroundColor = "#f4f4f6"
		}
	}
	return &c
}

func dotted(width float64) []float64 { return []float64{1.5, 6 + width} }

// penOf returns the pen for an element; through says that its outline is one
// path, whose corners must stay where they are.
func penOf(e *element, l look, through bool) pen {
	p := pen{
		Options: rough.Options{
			Seed:         e.seed,
			Roughness:    roughness(e),
			Single:       e.strokeStyle != "solid",
			KeepVertices: through || e.roughness < 2,
			HatchGap:     e.strokeWidth * 4,
			MostLines:    l.lines,
		},
		width:       e.strokeWidth,
		strokeColor: e.strokeColor,
		fillColor:   e.backgroundColor,
		hatchWidth:  e.strokeWidth / 2,
	}
	switch e.strokeStyle {
	case "dashed":
		p.dash = []float64{8, 8 + e.strokeWidth}
		p.width += 0.5 // strokes are single then, and would look thinner
	case "dotted":
		p.dash = dotted(e.strokeWidth)
		p.width += 0.5
	}
	filled := !transparent(e.backgroundColor)
	switch e.kind {
	case "line", "freedraw":
		filled = filled && loop(e.points)
	case "arrow":
		filled = false
	}
	if filled {
		p.Fill = map[string]rough.FillStyle{
			"solid": rough.Solid, "hachure": rough.Hachure, "cross-hatch": rough.CrossHatch, "zigzag": rough.Zigzag,
		}[e.fillStyle]
	}
	return p
}

// roughness returns how rough an element is drawn: small ones less.
func roughness(e *element) float64 {
	large, small := max(e.width, e.height), min(e.width, e.height)
	round := e.roundness.kind != 0 && e.kind != "ellipse" && e.kind != "arrow" && e.kind != "freedraw"
	switch {
	case small >= 20 && large >= 50, small >= 15 && round, e.isLinear() && large >= 50:
		return e.roughness
	case large < 10:
		return min(e.roughness/3, 2.5)
	}
	return min(e.roughness/2, 2.5)
}

// loop says whether points end where they begin, about.
func loop(points []rough.Point) bool {
	return len(points) >= 3 && distance(points[0], points[len(points)-1]) <= 8
}

// cornerRadius returns the radius of corners between sides of a length.
func (e *element) cornerRadius(side float64) float64 {
	const share, fixed = 0.25, 32
	switch e.roundness.kind {
	case 1, 2: // legacy, proportional
		return side * share
	case 3: // adaptive
		radius := e.roundness.value
		if radius == 0 {
			radius = fixed
		}
		if side > radius/share {
			return radius
		}
		return side * share
	}
	return 0
}

func rectangle(e *element, l look) sketch {
	if e.roundness.kind == 0 {
		p := penOf(e, l, false)
		return p.sketch(rough.NewRectangle(e.width, e.height, p.Options), false)
	}
	w, h := e.width, e.height
	r := e.cornerRadius(min(w, h))
	var path rough.Path
	path.MoveTo(r, 0)
	path.LineTo(w-r, 0)
	path.QuadTo(w, 0, w, r)
	path.LineTo(w, h-r)
	path.QuadTo(w, h, w-r, h)
	path.LineTo(r, h)
	path.QuadTo(0, h, 0, h-r)
	path.LineTo(0, r)
	path.QuadTo(0, 0, r, 0)
	p := penOf(e, l, true)
	return p.sketch(rough.NewPath(path, p.Options), true)
}

func diamond(e *element, l look) sketch {
	topX, rightY := math.Floor(e.width/2)+1, math.Floor(e.height/2)+1
	w, h := e.width, e.height
	if e.roundness.kind == 0 {
		p := penOf(e, l, false)
		corners := []rough.Point{{X: topX}, {X: w, Y: rightY}, {X: topX, Y: h}, {Y: rightY}}
		return p.sketch(rough.NewPolygon(corners, p.Options), true)
	}
	v, r := e.cornerRadius(math.Abs(topX)), e.cornerRadius(math.Abs(rightY))
	var path rough.Path
	path.MoveTo(topX+v, r)
	path.LineTo(w-v, rightY-r)
	path.CurveTo(w, rightY, w, rightY, w-v, rightY+r)
	path.LineTo(topX+v, h-r)
	path.CurveTo(topX, h, topX, h, topX-v, h-r)
	path.LineTo(v, rightY+r)
	path.CurveTo(0, rightY, 0, rightY, v, rightY-r)
	path.LineTo(topX-v, r)
	path.CurveTo(topX, 0, topX, 0, topX+v, r)
	p := penOf(e, l, true)
	return p.sketch(rough.NewPath(path, p.Options), true)
}

func line(e *element, l look) []sketch {
	p := penOf(e, l, false)
	var shaft sketch
	switch {
	case e.elbowed && e.kind == "arrow":
		through := penOf(e, l, true)
		shaft = through.sketch(rough.NewPath(elbows(e.points), through.Options), true)
	case e.roundness.kind != 0:
		shaft = p.sketch(rough.NewCurve(e.points, p.Options), true)
	case p.Fill != rough.NoFill:
		shaft = p.sketch(rough.NewPolygon(e.points, p.Options), true)
	default:
		shaft = p.sketch(rough.NewLines(e.points, p.Options), true)
	}
	out := []sketch{shaft}
	if e.kind == "arrow" {
		out = append(out, arrowhead(e, shaft.drawing.Outline(), false, &p, l.background)...)
		out = append(out, arrowhead(e, shaft.drawing.Outline(), true, &p, l.background)...)
	}
	return out
}

// elbows returns the path of an arrow with right angles, whose corners are
// rounded.
func elbows(points []rough.Point) rough.Path {
	var path rough.Path
	path.MoveTo(points[0].X, points[0].Y)
	for i := 1; i < len(points)-1; i++ {
		before, at, after := points[i-1], points[i], points[i+1]
		radius := min(16, distance(at, after)/2, distance(at, before)/2)
		in := towards(at, before, radius, level(at, before))
		out := towards(at, after, radius, level(after, at))
		path.LineTo(in.X, in.Y)
		path.QuadTo(at.X, at.Y, out.X, out.Y)
	}
	last := points[len(points)-1]
	path.LineTo(last.X, last.Y)
	return path
}

// level says whether the way to a from b is rather sideways.
func level(a, b rough.Point) bool {
	x, y := a.X-b.X, a.Y-b.Y
	return x > math.Abs(y) || x <= -math.Abs(y)
}

// towards returns the point at a distance from a, sideways or not, in the
// direction of b.
func towards(a, b rough.Point, distance float64, sideways bool) rough.Point {
	if sideways {
		if b.X < a.X {
			distance = -distance
		}
		return rough.Point{X: a.X + distance, Y: a.Y}
	}
	if b.Y < a.Y {
		distance = -distance
	}
	return rough.Point{X: a.X, Y: a.Y + distance}
}
