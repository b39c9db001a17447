package board

import (
	"fmt"
	img "image"
	"image/png"
	"io"
	"math"

	"github.com/baton-relay/baton/doc/board/rough"
)

// How large a PNG may be, in pixels: it takes four bytes each while it is drawn,
// and programs show none that is wider or higher.
const (
	mostPixels = 1 << 26
	longest    = 1<<15 - 1
)

// TooLargeError says that a PNG would have too many pixels.
type TooLargeError struct {
	Width, Height float64 // pixels that it would have
	Scale         float64 // the largest scale at which it has not
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the picture would have %.0f × %.0f pixels, which is too many; at a scale of %.4g it fits", e.Width, e.Height, e.Scale)
}

// Lacks is what a picture of a board does not show.
type Lacks struct {
	// Characters have no font, and are boxes in it; ascending.
	Characters []rune
	// Images are not drawn, and are grey boxes in it.
	Images []Undrawn
}

// Undrawn is an image that is not drawn.
type Undrawn struct {
	Element string // that shows it
	Type    string // MIME, empty where nothing says what it is
	Reason  string
}

// PNG writes a picture of the board, and says what it does not show. An image that
// is itself SVG, AVIF or an icon is not drawn, nor is one that is damaged. The error
// is of type *TooLargeError, or what w returned.
func (b *Board) PNG(w io.Writer, o Options) (*Lacks, error) {
	picture, lacks, err := b.picture(o, mostPixels)
	if err != nil {
		return nil, err
	}
	if err := png.Encode(w, picture); err != nil {
		return nil, fmt.Errorf("write PNG: %w", err)
	}
	return lacks, nil
}

func (b *Board) picture(o Options, most float64) (*img.RGBA, *Lacks, error) {
	d := b.draw(o)
	width, height := math.Floor(d.width*d.Scale), math.Floor(d.height*d.Scale)
	if width*height > most || max(width, height) > longest {
		fit := min(math.Sqrt(most/d.width/d.height), longest/max(d.width, d.height))
		return nil, nil, &TooLargeError{width, height, fit * 0.999}
	}
	c := newCanvas(max(int(width), 1), max(int(height), 1))
	c.paint = solid(d.paper)
	c.raster.polygon(box{0, 0, float64(c.raster.width), float64(c.raster.height)}.corners()...)
	c.fill(false)
	pictures := &pictures{files: b.files, levels: map[string][]*img.RGBA{}, reasons: map[string]string{}}
	for l := range d.layers() {
		c.layer(d, l, pictures)
	}
	return c.picture, &Lacks{d.setter.Missing(), b.undrawn(pictures)}, nil
}

// undrawn lists the images that are not in a picture.
func (b *Board) undrawn(p *pictures) (list []Undrawn) {
	for _, e := range b.elements {
		if e.kind != "image" {
			continue
		}
		f, has := b.files[e.fileID]
		reason := p.reasons[e.fileID]
		if !has {
			reason = "the board does not have its file"
		}
		if reason != "" {
			list = append(list, Undrawn{e.id, f.mime, reason})
		}
	}
	return list
}

// canvas is a picture that is being painted.
type canvas struct {
	picture *img.RGBA
	raster  *raster
	// paint returns the colour of a pixel, multiplied by how opaque it is.
	paint func(x, y int) [4]float32
}

func newCanvas(width, height int) *canvas {
	return &canvas{picture: img.NewRGBA(img.Rect(0, 0, width, height)), raster: newRaster(width, height)}
}

func solid(c colour) func(x, y int) [4]float32 {
	p := [4]float32{float32(c.r * c.a), float32(c.g * c.a), float32(c.b * c.a), float32(c.a)}
	return func(int, int) [4]float32 { return p }
}

// fill paints what was added to the raster.
func (c *canvas) fill(evenOdd bool) {
	c.raster.fill(evenOdd, func(x, y int, cover []float32) {
		row := c.picture.Pix[y*c.picture.Stride+4*x:]
		for i, share := range cover {
			if share <= 1./512 {
				continue
			}
			p := c.paint(x+i, y)
			under := 1 - p[3]*share
			for k := range 4 {
				v := p[k]*share*255 + float32(row[4*i+k])*under
				row[4*i+k] = uint8(v + 0.5)
			}
		}
	})
}

// layer paints the marks of a layer.
func (c *canvas) layer(d *drawing, l layer, pictures *pictures) {
	m := scale(d.Scale, d.Scale).times(l.at)
	size := math.Sqrt(math.Abs(m.a*m.d - m.b*m.c))
	for _, mark := range l.marks {
		switch mark := mark.(type) {
		case area:
			c.raster.path(m.path(mark.path))
			c.paint = solid(mark.fill)
			c.masked(d, l, mark.evenOdd)
		case trace:
			c.trace(d, l, mark, m, size)
		case words:
			c.raster.path(levelled(m, mark.y).path(d.outline(mark)))
			c.paint = solid(mark.ink)
			c.masked(d, l, false)
		case image:
			if len(pictures.get(mark.id)) == 0 {
				c.layer(d, l.with(d.missing(mark.width, mark.height)), pictures)
				continue
			}
			c.raster.path(m.path(roundedBox(mark.width, mark.height, mark.radius)))
			c.paint = pictures.paint(mark, m, d)
			c.masked(d, l, false)
		}
	}
}

// levelled moves a line of text that is not turned to where its baseline is the
// edge of a row of pixels, as browsers do: letters are sharper there.
func levelled(m matrix, y float64) matrix {
	if m.b == 0 && m.c == 0 {
		at := m.d*y + m.f
		m.f += math.Round(at) - at
	}
	return m
}

// mostHairlines is how many parts of a path are laid one over the other.
const mostHairlines = 2000

// trace strokes a path. Browsers lay the parts of a hairline, of a pixel or less,
// one over the other, so that they are darker where both strokes of a line are.
func (c *canvas) trace(d *drawing, l layer, t trace, m matrix, size float64) {
	var parts [][]rough.Point
	for _, part := range flatten(m.path(t.path)) {
		parts = append(parts, dashes(part, scaled(t.dash, size))...)
	}
	width := t.width * size
	if !(width > 0) {
		return
	}
	for _, part := range parts {
		c.raster.stroke(part, width/2)
		if width <= 1 && len(parts) <= mostHairlines {
			c.paint = solid(t.ink)
			c.masked(d, l, false)
		}
	}
	c.paint = solid(t.ink)
	c.masked(d, l, false)
}

func scaled(lengths []float64, by float64) []float64 {
	var out []float64
	for _, l := range lengths {
		out = append(out, l*by)
	}
	return out
}

// masked paints what was added to the raster, as opaque as a layer is, within its
// frame and around its hole.
func (c *canvas) masked(d *drawing, l layer, evenOdd bool) {
	paint := c.paint
	c.paint = func(x, y int) [4]float32 {
		share := float32(l.alpha)
		at := box{float64(x), float64(y), float64(x + 1), float64(y + 1)}
		if l.hole != nil {
			share *= float32(1 - shared(at, l.hole.scaled(d.Scale)))
		}
		if f := l.clip; f != nil {
			b := box{f.x, f.y, f.x + f.width, f.y + f.height}.moved(-d.left, -d.top)
			share *= float32(inRounded(at, b.scaled(d.Scale), frameRadius*d.Scale))
		}
		if share == 0 {
			return [4]float32{}
		}
		p := paint(x, y)
		for k := range p {
			p[k] *= share
		}
		return p
	}
	c.fill(evenOdd)
}

func (b box) scaled(by float64) box { return box{b.left * by, b.top * by, b.right * by, b.bottom * by} }

// shared returns how much of a pixel lies in a box.
func shared(pixel, b box) float64 {
	w := min(pixel.right, b.right) - max(pixel.left, b.left)
	h := min(pixel.bottom, b.bottom) - max(pixel.top, b.top)
	return max(w, 0) * max(h, 0)
}

// inRounded returns how much of a pixel lies in a box with round corners, about.
func inRounded(pixel, b box, radius float64) float64 {
	p := pixel.centre()
	in := box{b.left + radius, b.top + radius, b.right - radius, b.bottom - radius}
	dx, dy := max(in.left-p.X, p.X-in.right), max(in.top-p.Y, p.Y-in.bottom)
	if dx <= 0 || dy <= 0 {
		return shared(pixel, b)
	}
	return unitOf(radius - math.Hypot(dx, dy) + 0.5)
}

// outline returns the outline of a line of text.
func (d *drawing) outline(w words) rough.Path {
	line := d.setter.Set(w.family, w.text)
	x := w.x
	switch w.align {
	case "center":
		x -= line.Width * w.size / 2
	case "right":
		x -= line.Width * w.size
	}
	var p rough.Path
	for _, g := range line.Glyphs {
		at := translate(x+g.X*w.size, w.y+g.Y*w.size).times(scale(w.size, w.size))
		p = append(p, at.path(d.setter.Outline(g.Glyph))...)
	}
	return p
}
