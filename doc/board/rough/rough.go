// Package rough draws lines, curves and shapes as a hand would: each line is
// two, a little beside where it should be, and fills are hatched.
//
// The algorithm is that of rough.js by Preet Shihn (https://roughjs.com, MIT),
// version 4.6, as far as Excalidraw uses it. Given the same shape, options and
// seed, the paths are the same as in a browser: the random numbers are the same
// and are drawn in the same order. What takes a browser for ever, such as
// hatching a huge shape in steps of a tenth of a pixel, is hatched coarser.
package rough

import "math"

// Options say how a shape is drawn. What a caller leaves out is as in rough.js.
type Options struct {
	Seed      uint32  // of the random numbers; 0 counts as 1
	Roughness float64 // 0 is exact
	// Single draws each line once: dashes of two lines would blur each other.
	Single bool
	// Vertices stay where they are, and only what lies between them wavers.
	KeepVertices bool
	// CurveFitting says how near an ellipse comes to its size; 0 is 0.95.
	CurveFitting float64
	NoStroke     bool
	Fill         FillStyle
	// HatchGap lies between two lines of a hatching.
	HatchGap float64
	// MostLines is about how many lines a hatching has at most; with more they lie
	// farther apart. 0 is 20,000.
	MostLines int
}

// FillStyle is how the inside of a shape is filled.
type FillStyle uint8

const (
	NoFill FillStyle = iota
	Solid
	Hachure
	CrossHatch
	Zigzag
)

// Kind says what a path of a drawing is for.
type Kind uint8

const (
	Outline Kind = iota // to be stroked
	Area                // to be filled
	Hatch               // to be stroked in the colour of the fill
)

// Set is a path and what it is for.
type Set struct {
	Kind Kind
	Path Path
}

// Drawing is what a shape is drawn with, first what lies below.
type Drawing []Set

// Outline returns the outline of the drawing; if it has none, its first path.
func (d Drawing) Outline() Path {
	for _, s := range d {
		if s.Kind == Outline {
			return s.Path
		}
	}
	if len(d) > 0 {
		return d[0].Path
	}
	return nil
}

// The constants of rough.js that Excalidraw leaves as they are.
const (
	maxOffset  = 2.0 // how far a line may stray, pixels
	steps      = 9.0 // the least number of points of an ellipse
	fillGain   = 0.8 // by how much rougher a fill is than its outline
	hatchAngle = -41.0
)

// pen is the state of one drawing: options and the random numbers so far.
type pen struct {
	Options
	random *random
}

func newPen(o Options) *pen {
	if o.CurveFitting == 0 {
		o.CurveFitting = 0.95
	}
	if o.MostLines <= 0 {
		o.MostLines = 20_000
	}
	return &pen{o, newRandom(o.Seed)}
}

// again returns the pen for the second stroke of a curve, which has random
// numbers of its own.
func (p *pen) again() *pen {
	return &pen{p.Options, newRandom(p.Seed + 1)}
}

// forArea returns the pen for the area inside a curve, which goes on with the
// random numbers of the outline.
func (p *pen) forArea() *pen {
	area := *p
	area.Single = true
	if area.Roughness != 0 {
		area.Roughness += fillGain
	}
	return &area
}

// between returns a random distance, the larger the rougher.
func (p *pen) between(low, high float64) float64 {
	return p.Roughness * (p.random.next()*(high-low) + low)
}

// off returns a random distance of up to x to either side.
func (p *pen) off(x float64) float64 { return p.between(-x, x) }

// random is the generator of Park and Miller as rough.js has it: it multiplies
// modulo 2^32, and takes the low 31 bits.
type random struct{ state uint32 }

func newRandom(seed uint32) *random {
	if seed == 0 {
		seed = 1
	}
	return &random{seed}
}

// next returns a number from 0 to below 1.
func (r *random) next() float64 {
	r.state *= 48271
	return float64(r.state&math.MaxInt32) / (1 << 31)
}
