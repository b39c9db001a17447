package rough

import (
	"math"
	"slices"
	"testing"
	"time"
)

// set is what rough.js makes of a shape: how many ops of what kind, and the
// numbers of the first and of the last.
type set struct {
	kind    Kind
	ops     int
	numbers []float64
}

func summary(d Drawing) []set {
	var out []set
	for _, s := range d {
		one := set{kind: s.Kind, ops: len(s.Path)}
		if len(s.Path) > 0 {
			first, last := s.Path[0], s.Path[len(s.Path)-1]
			one.numbers = append(append(one.numbers, first.P[:2]...), last.P[:]...)
		}
		out = append(out, one)
	}
	return out
}

// What rough.js 4.6.4 gives for the same shapes and options, rounded.
func TestDrawingsAreThoseOfRoughJS(t *testing.T) {
	base := Options{Seed: 7, Roughness: 1, HatchGap: 8}
	with := func(change func(*Options)) Options {
		o := base
		change(&o)
		return o
	}
	bend := []Point{{0, 0}, {50, 40}, {90, -10}, {10, 5}}
	var corner Path
	corner.MoveTo(10, 0)
	corner.LineTo(60, 0)
	corner.CurveTo(70, 0, 70, 10, 70, 20)
	corner.LineTo(70, 60)
	corner.LineTo(0, 60)
	corner.LineTo(10, 0)
	tests := map[string]struct {
		got  Drawing
		want []set
	}{
		"line": {
			NewLine(Point{}, Point{300, 40}, Options{Seed: 7, Roughness: 2}),
			[]set{{Outline, 4, []float64{-2.9142, -1.8263, 103.7267, 17.8122, 210.7939, 31.8086, 299.9087, 38.9354}}},
		},
		"hatched rectangle": {
			NewRectangle(120, 80, with(func(o *Options) { o.Fill = Hachure })),
			[]set{
				{Hatch, 72, []float64{0, 0, 113.0871, 77.8833, 114.7965, 75.1531, 121.0421, 69.426}},
				{Outline, 16, []float64{-1.9992, -1.2528, 0.3245, 51.7133, -0.1332, 24.2783, -0.9148, 0.9162}},
			},
		},
		"zigzag in a polygon": {
			NewPolygon([]Point{{0, 0}, {90, 10}, {70, 80}, {10, 60}}, with(func(o *Options) { o.Fill, o.KeepVertices = Zigzag, true })),
			[]set{
				{Hatch, 104, []float64{-1.5736, 7.9072, 71.4423, 80.7637, 71.3293, 79.1401, 71.2731, 76.5319}},
				{Outline, 16, []float64{0, 0, 7.2209, 44.7993, 5.78, 28.0466, 0, 0}},
			},
		},
		"cross-hatched ellipse": {
			NewEllipse(50, 40, 100, 80, with(func(o *Options) { o.Fill, o.CurveFitting = CrossHatch, 1 })),
			[]set{
				{Hatch, 96, []float64{11.1428, 14.9864, 88.7902, 16.2424, 77.3557, 3.2701, 66.3933, -5.7517}},
				{Outline, 26, []float64{34.6343, 1.8903, 50.1311, -1.5672, 45.6654, 0.0341, 46.0191, 0.8108}},
			},
		},
		"filled curve": {
			NewCurve(bend, with(func(o *Options) { o.Fill, o.Single = Solid, true })),
			[]set{
				{Area, 4, []float64{-1.3235, -0.3618, 85.1651, -16.7216, 23.3349, 0.2799, 9.8467, 3.2123}},
				{Outline, 4, []float64{-0.6977, -1.1995, 83.5328, -16.1175, 23.4062, 1.4759, 9.9333, 4.0669}},
			},
		},
		"hatched curve": {
			NewCurve(bend, with(func(o *Options) { o.Fill, o.Roughness = Hachure, 2 })),
			[]set{
				{Hatch, 36, []float64{0, 0, 63.4572, 25.519, 76.7697, 7.7563, 91.6902, -7.9634}},
				{Outline, 8, []float64{-1.6279, -2.7988, 81.2741, -12.4769, 23.0161, 1.7837, 10.3427, 4.2467}},
			},
		},
		"filled path": {
			NewPath(corner, with(func(o *Options) { o.Fill = Solid })),
			[]set{
				{Area, 6, []float64{12.9569, -1.4626, 2.8741, 41.0715, 7.2939, 23.8887, 9.9469, -0.7558}},
				{Outline, 20, []float64{8.0008, -1.2528, 3.5273, 40.8175, 7.0573, 19.7297, 10.6825, -0.7757}},
			},
		},
	}
	near := func(a, b float64) bool { return math.Abs(a-b) <= 0.0001 }
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := summary(test.got)
			same := slices.EqualFunc(got, test.want, func(a, b set) bool {
				return a.kind == b.kind && a.ops == b.ops && slices.EqualFunc(a.numbers, b.numbers, near)
			})
			if !same {
				t.Errorf("got\n%v, want\n%v", got, test.want)
			}
		})
	}
}

func TestHatchingOfAHugeShapeIsCoarse(t *testing.T) {
	began := time.Now()
	many := make([]Point, 20_000)
	for i := range many {
		many[i] = Point{float64(i%2) * 1e6, float64(i%1000) * 1000}
	}
	for _, o := range []Options{
		{Fill: CrossHatch, HatchGap: 0},
		{Fill: Zigzag, HatchGap: 0.1, Roughness: 10, Seed: 3},
		{Fill: Hachure, HatchGap: 1, Roughness: 1},
	} {
		for seed := range uint32(2) {
			o.Seed = seed
			for _, points := range [][]Point{{{0, 0}, {1e6, 0}, {1e6, 1e6}, {0, 1e6}}, many} {
				for _, s := range NewPolygon(points, o) {
					// A line is two strokes of two ops; cross-hatching and zigzags have two each.
					if most := 4 * 2 * 4 * (20_000 + 50_000); s.Kind == Hatch && len(s.Path) > most {
						t.Errorf("got %d ops for %+v, want at most %d", len(s.Path), o, most)
					}
				}
			}
		}
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
}
