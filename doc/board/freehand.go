package board

import (
	"math"

	"github.com/baton-relay/baton/doc/board/rough"
)

// What Excalidraw has freehand strokes be.
const (
	thinning   = 0.6 // how much thinner a stroke is where the pen is pressed less
	smoothing  = 0.5
	streamline = 0.15 + (1-0.5)*0.85 // how far a stroke follows the pen from point to point
	quickness  = 0.275               // how fast a simulated pressure changes
	round      = math.Pi + 0.0001    // half a turn, and a bit, so that caps do not gap
	sizeOf     = 4.25                // a stroke's width by the element's strokeWidth
)

// freehand returns the outline of a freehand stroke, by the algorithm of
// perfect-freehand.
func freehand(e *element) rough.Path {
	size := e.strokeWidth * sizeOf
	touches := touchesOf(e, size)
	if len(touches) == 0 || size <= 0 {
		return nil
	}
	return smooth(strokeAround(touches, size, e.simulatePressure))
}

// smooth returns the closed path that has its corners rounded at points.
func smooth(points []rough.Point) rough.Path {
	if len(points) == 0 {
		return nil
	}
	var path rough.Path
	path.MoveTo(points[0].X, points[0].Y)
	for i, p := range points {
		next := points[(i+1)%len(points)]
		path.QuadTo(p.X, p.Y, (p.X+next.X)/2, (p.Y+next.Y)/2)
	}
	path.LineTo(points[0].X, points[0].Y)
	return path
}

type vector = rough.Point

func add(a, b vector) vector               { return vector{X: a.X + b.X, Y: a.Y + b.Y} }
func sub(a, b vector) vector               { return vector{X: a.X - b.X, Y: a.Y - b.Y} }
func mul(a vector, n float64) vector       { return vector{X: a.X * n, Y: a.Y * n} }
func side(a vector) vector                 { return vector{X: a.Y, Y: -a.X} }
func dot(a, b vector) float64              { return a.X*b.X + a.Y*b.Y }
func mix(a, b vector, t float64) vector    { return add(a, mul(sub(b, a), t)) }
func unit(a vector) vector                 { return mul(a, 1/math.Hypot(a.X, a.Y)) }
func around(a, c vector, r float64) vector { return turn(r, c).apply(a) }

// touch is a point of a stroke, after it was smoothed.
type touch struct {
	at       vector
	pressure float64
	way      vector  // back to the point before, of length 1
	distance float64 // to the point before
	run      float64 // from the beginning
}

// touchesOf returns the points of a stroke that make a difference.
func touchesOf(e *element, size float64) []touch {
	points := e.points
	pressure := func(i int, otherwise float64) float64 {
		if !e.simulatePressure && i < len(e.pressures) && e.pressures[i] >= 0 {
			return e.pressures[i]
		}
		return otherwise
	}
	switch len(points) {
	case 0:
		if e.simulatePressure {
			return nil
		}
		points = []vector{{}, {X: 1, Y: 1}}
		pressure = func(int, float64) float64 { return 0.5 }
	case 1:
		only := pressure
		points = []vector{points[0], add(points[0], vector{X: 1, Y: 1})}
		pressure = func(_ int, otherwise float64) float64 { return only(0, otherwise) }
	case 2:
		a, b := points[0], points[1]
		points = []vector{a, mix(a, b, 0.25), mix(a, b, 0.5), mix(a, b, 0.75), b}
		first := pressure(0, 0.25)
		pressure = func(i int, otherwise float64) float64 {
			if i == 0 {
				return first
			}
			return otherwise
		}
	}
	out := []touch{{at: points[0], pressure: pressure(0, 0.25), way: vector{X: 1, Y: 1}}}
	var run float64
	last := out[0]
	for i := 1; i < len(points); i++ {
		at := mix(last.at, points[i], streamline)
		if at == last.at {
			continue
		}
		d := distance(at, last.at)
		run += d
		// The first few pixels say nothing of where a stroke goes.
		if i < len(points)-1 && len(out) == 1 && run < size {
			continue
		}
		last = touch{at, pressure(i, 0.5), unit(sub(last.at, at)), d, run}
		out = append(out, last)
	}
	out[0].way = vector{}
	if len(out) > 1 {
		out[0].way = out[1].way
	}
	return out
}

// strokeAround returns the outline of a stroke: up on its left, around its end,
// down on its right, around its beginning.
func strokeAround(touches []touch, size float64, simulate bool) []vector {
	if len(touches) == 1 {
		return dotAround(touches[0].at, radius(size, touches[0].pressure))
	}
	left, right, r := sides(touches, size, simulate)
	first, last := touches[0].at, touches[len(touches)-1]
	out := left
	begin := add(last.at, mul(side(mul(last.way, -1)), r))
	for t := 1.0 / 29; t < 1; t += 1.0 / 29 {
		out = append(out, around(begin, last.at, round*3*t))
	}
	for i := len(right) - 1; i >= 0; i-- {
		out = append(out, right[i])
	}
	for t := 1.0 / 13; t <= 1; t += 1.0 / 13 {
		out = append(out, around(right[0], first, round*t))
	}
	return out
}

func radius(size, pressure float64) float64 {
	return max(0.01, size*math.Sin((0.5-thinning*(0.5-pressure))*math.Pi/2))
}

// dotAround returns the outline of a stroke that has no length.
func dotAround(at vector, r float64) []vector {
	var out []vector
	begin := add(at, mul(unit(side(sub(at, add(at, vector{X: 1, Y: 1})))), -r))
	for t := 1.0 / 13; t <= 1; t += 1.0 / 13 {
		out = append(out, around(begin, at, round*2*t))
	}
	return out
}

// sides returns the outline of a stroke on both its sides, and half its width at
// its end.
func sides(touches []touch, size float64, simulate bool) (left, right []vector, r float64) {
	total := touches[len(touches)-1].run
	least := size * smoothing * size * smoothing
	press := func(before float64, t touch) float64 {
		if !simulate {
			return t.pressure
		}
		quick := min(1, t.distance/size) // the quicker, the lighter
		return min(1, before+(min(1, 1-quick)-before)*quick*quickness)
	}
	pressed := touches[0].pressure
	for _, t := range touches[:min(10, len(touches))] {
		pressed = (pressed + press(pressed, t)) / 2
	}
	way := touches[0].way
	lastLeft, lastRight := touches[0].at, touches[0].at
	sharp := false // whether the point before was the tip of a sharp corner
	for i, t := range touches {
		final := i == len(touches)-1
		if !final && total-t.run < 3 {
			continue
		}
		pressure := press(pressed, t)
		r = radius(size, pressure)
		next, straight := t.way, 1.0
		if !final {
			next = touches[i+1].way
			straight = dot(t.way, next)
		}
		if straight < 0 || dot(t.way, way) < 0 && !sharp {
			off := mul(side(way), r)
			for k := 0.0; k <= 1; k += 1.0 / 13 {
				lastLeft = around(sub(t.at, off), t.at, round*k)
				lastRight = around(add(t.at, off), t.at, -round*k)
				left, right = append(left, lastLeft), append(right, lastRight)
			}
			sharp = sharp || straight < 0
			continue
		}
		sharp = false
		if final {
			off := mul(side(t.way), r)
			return append(left, sub(t.at, off)), append(right, add(t.at, off)), r
		}
		off := mul(side(mix(next, t.way, straight)), r)
		if at := sub(t.at, off); i <= 1 || distanceSq(lastLeft, at) > least {
			left, lastLeft = append(left, at), at
		}
		if at := add(t.at, off); i <= 1 || distanceSq(lastRight, at) > least {
			right, lastRight = append(right, at), at
		}
		pressed, way = pressure, t.way
	}
	return left, right, r
}

func distanceSq(a, b vector) float64 { d := sub(a, b); return dot(d, d) }
