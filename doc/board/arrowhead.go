package board

import (
	"math"

	"github.com/baton-relay/baton/doc/board/rough"
)

// arrowhead returns what is drawn at one end of an arrow, given its shaft. The
// pen is left as the head at the other end finds it.
func arrowhead(e *element, shaft rough.Path, end bool, p *pen, background string) []sketch {
	name := e.startArrowhead
	if end {
		name = e.endArrowhead
	}
	if name == "" {
		return nil
	}
	t, ok := tipOf(e, shaft, end)
	if !ok {
		return nil
	}
	at := t.headPoints(e, end, name)
	polygon := *p
	polygon.Fill, polygon.Roughness, polygon.dash, polygon.fillColor = rough.Solid, min(1, p.Roughness), nil, e.strokeColor
	switch name {
	case "dot", "circle", "circle_outline":
		p.dash = nil
		if name == "circle_outline" {
			polygon.fillColor = background
		}
		polygon.Roughness = min(0.5, p.Roughness)
		c, size := at[0], at[1].X
		return []sketch{polygon.sketch(rough.NewEllipse(c.X, c.Y, size, size, polygon.Options), false)}
	case "triangle", "triangle_outline", "diamond", "diamond_outline":
		p.dash = nil
		if name == "triangle_outline" || name == "diamond_outline" {
			polygon.fillColor = background
		}
		return []sketch{polygon.sketch(rough.NewPolygon(append(at, at[0]), polygon.Options), true)}
	case "crowfoot_one":
		return []sketch{p.sketch(rough.NewLine(at[1], at[2], p.Options), true)}
	}
	p.dash = nil
	if e.strokeStyle == "dotted" {
		p.dash = dotted(e.strokeWidth - 1)
		p.dash[1]--
	}
	p.Roughness = min(1, p.Roughness)
	out := []sketch{
		p.sketch(rough.NewLine(at[1], at[0], p.Options), true),
		p.sketch(rough.NewLine(at[2], at[0], p.Options), true),
	}
	if name == "crowfoot_one_or_many" {
		at = t.headPoints(e, end, "crowfoot_one")
		out = append(out, p.sketch(rough.NewLine(at[1], at[2], p.Options), true))
	}
	return out
}

// tip is an end of an arrow.
type tip struct {
	at     rough.Point
	nx, ny float64 // its direction
	length float64 // of the last line before it
	before rough.Point
}

// tipOf works out where a shaft points to at one end.
func tipOf(e *element, shaft rough.Path, end bool) (tip, bool) {
	i := 1
	before := rough.Point{}
	last := e.points[0]
	if len(e.points) > 1 {
		before = e.points[1]
	}
	if end {
		i = len(shaft) - 1
		last = e.points[len(e.points)-1]
		before = e.points[max(len(e.points)-2, 0)]
	}
	if i < 1 || i >= len(shaft) || shaft[i].Verb != rough.Curve {
		return tip{}, false
	}
	p0, c := shaft[i-1].End(), shaft[i].P
	t := tip{at: p0, length: distance(last, before), before: before}
	if end {
		t.at = shaft[i].End()
	}
	// The curve a little before the end says more than the end itself.
	x := bezier(0.3, c[4], c[2], c[0], p0.X)
	y := bezier(0.3, c[5], c[3], c[1], p0.Y)
	d := math.Hypot(t.at.X-x, t.at.Y-y)
	if d == 0 {
		return tip{}, false // the arrow has no length, and points nowhere
	}
	t.nx, t.ny = (t.at.X-x)/d, (t.at.Y-y)/d
	return t, true
}

// headPoints returns the points of an arrowhead; of a circle its middle, and its
// diameter as the x of a second one.
func (t tip) headPoints(e *element, end bool, name string) []rough.Point {
	size, angle, share := 15.0, 25.0, 0.5
	switch name {
	case "arrow":
		size, angle = 25, 20
	case "bar":
		angle = 90
	case "diamond", "diamond_outline":
		size, share = 12, 0.25
	case "crowfoot_many", "crowfoot_one", "crowfoot_one_or_many":
		size = 20
	}
	size = min(size, t.length*share)
	foot := rough.Point{X: t.at.X - t.nx*size, Y: t.at.Y - t.ny*size}
	angle *= math.Pi / 180
	switch name {
	case "dot", "circle", "circle_outline":
		return []rough.Point{t.at, {X: distance(foot, t.at) + e.strokeWidth - 2}}
	case "crowfoot_many", "crowfoot_one_or_many":
		return []rough.Point{foot, turn(-angle, foot).apply(t.at), turn(angle, foot).apply(t.at)}
	}
	out := []rough.Point{t.at, turn(-angle, t.at).apply(foot), turn(angle, t.at).apply(foot)}
	if name == "diamond" || name == "diamond_outline" {
		way, side := math.Atan2(t.before.Y-t.at.Y, t.before.X-t.at.X), size*2
		if end {
			way, side = math.Atan2(t.at.Y-t.before.Y, t.at.X-t.before.X), -size*2
		}
		far := turn(way, t.at).apply(rough.Point{X: t.at.X + side, Y: t.at.Y})
		out = []rough.Point{out[0], out[1], far, out[2]}
	}
	return out
}
