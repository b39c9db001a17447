package rough

import (
	"cmp"
	"math"
	"slices"
)

// maxLooks is how often hatching looks at an edge, about; beyond that the lines
// lie farther apart.
const maxLooks = 5_000_000

// hatch returns the lines that fill a polygon.
func (p *pen) hatch(points []Point) Path {
	if len(points) < 2 {
		return nil
	}
	var out Path
	switch p.Fill {
	case CrossHatch:
		out = p.segments(out, p.hachure(points, hatchAngle))
		out = p.segments(out, p.hachure(points, hatchAngle+90))
	case Zigzag:
		gap := max(p.HatchGap, 0.1)
		dx := gap * 0.5 * math.Cos(math.Pi/180*hatchAngle)
		dy := gap * 0.5 * math.Sin(math.Pi/180*hatchAngle)
		var zigzag []segment
		for _, s := range p.hachure(points, hatchAngle) {
			if s[0] != s[1] {
				a, b := s[0], s[1]
				zigzag = append(zigzag, segment{{a.X - dx, a.Y + dy}, b}, segment{{a.X + dx, a.Y - dy}, b})
			}
		}
		out = p.segments(out, zigzag)
	default:
		out = p.segments(out, p.hachure(points, hatchAngle))
	}
	return out
}

type segment [2]Point

// segments draws lines, each twice whatever the pen does with outlines.
func (p *pen) segments(path Path, lines []segment) Path {
	for _, s := range lines {
		path = p.line(path, s[0], s[1], 1)
		path = p.line(path, s[0], s[1], 0.5)
	}
	return path
}

// hachure returns parallel lines within a polygon, at an angle in degrees.
func (p *pen) hachure(points []Point, angle float64) []segment {
	gap := max(p.HatchGap, 0.1)
	step := 1.0
	// At times the lines begin at the very edge, and lie as far apart as was
	// asked for; mostly each pixel is looked at, and every gap-th has a line.
	if p.Roughness >= 1 && p.random.next() > 0.7 {
		step = gap
	}
	turn := math.Pi / 180 * (angle + 90)
	turned := make([]Point, len(points))
	for i, at := range points {
		turned[i] = rotate(at, turn)
	}
	lines := scan(turned, gap, step, float64(p.MostLines))
	for i, s := range lines {
		lines[i] = segment{rotate(s[0], -turn), rotate(s[1], -turn)}
	}
	return lines
}

func rotate(p Point, angle float64) Point {
	sin, cos := math.Sincos(angle)
	return Point{p.X*cos - p.Y*sin, p.X*sin + p.Y*cos}
}

// edge is a side of a polygon, from its upper end at x downwards.
type edge struct{ top, bottom, x, slope float64 }

// scan returns horizontal lines within a polygon: going down step by step, one
// at each step if these are not pixels, else one at each multiple of gap. A shape
// that folds up so often that there are many more than the most is not hatched to
// its end.
func scan(points []Point, gap, step, most float64) []segment {
	edges := edgesOf(points)
	if len(edges) == 0 {
		return nil
	}
	bottom := edges[0].bottom
	for _, e := range edges {
		bottom = max(bottom, e.bottom)
	}
	height := bottom - edges[0].top
	pixels := step == 1
	least := max(height/most, height*float64(len(edges))/maxLooks)
	if pixels && step >= height*float64(len(edges))/maxLooks {
		if gap < least {
			gap = math.Ceil(least)
		}
	} else if step < least {
		step, pixels = max(gap, least), false
	}

	var lines []segment
	var active []edge
	y := edges[0].top
	for turn := 0; (len(active) > 0 || len(edges) > 0) && float64(len(lines)) <= 4*most; turn++ {
		for len(edges) > 0 && edges[0].top <= y {
			active = append(active, edges[0])
			edges = edges[1:]
		}
		active = slices.DeleteFunc(active, func(e edge) bool { return e.bottom <= y })
		slices.SortStableFunc(active, func(a, b edge) int { return cmp.Compare(a.x, b.x) })
		if !pixels || math.Mod(float64(turn), gap) == 0 {
			for i := 0; i+1 < len(active); i += 2 {
				lines = append(lines, segment{
					{math.Floor(active[i].x + 0.5), y},
					{math.Floor(active[i+1].x + 0.5), y},
				})
			}
		}
		y += step
		for i := range active {
			active[i].x += step * active[i].slope
		}
	}
	return lines
}

// edgesOf returns the sides of a polygon that are not level, from above.
func edgesOf(points []Point) []edge {
	if points[0] != points[len(points)-1] {
		points = append(points, points[0])
	}
	if len(points) < 3 {
		return nil
	}
	var edges []edge
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		if a.Y == b.Y {
			continue
		}
		e := edge{top: b.Y, bottom: a.Y, x: b.X, slope: (b.X - a.X) / (b.Y - a.Y)}
		if a.Y < b.Y {
			e.top, e.bottom, e.x = a.Y, b.Y, a.X
		}
		edges = append(edges, e)
	}
	slices.SortStableFunc(edges, func(a, b edge) int {
		return cmp.Or(cmp.Compare(a.top, b.top), cmp.Compare(a.x, b.x), cmp.Compare(a.bottom, b.bottom))
	})
	return edges
}
