package board

import (
	"bytes"
	"errors"
	"fmt"
	img "image"
	_ "image/gif"  // a format that images may have
	_ "image/jpeg" // another
	_ "image/png"  // another
	"math"

	_ "golang.org/x/image/bmp" // another
	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // another

	"github.com/baton-relay/baton/doc/board/rough"
)

// What images may be, in pixels: when they are read, and in memory, one and all.
// What is larger is kept smaller than it is.
const (
	mostDecoded = 1 << 25
	mostKept    = 1 << 23
	mostKeptAll = 1 << 26
)

// pictures are the images of a board, decoded as they are needed.
type pictures struct {
	files  map[string]file
	levels map[string][]*img.RGBA // each half as wide and high as the one before
	kept   int                    // pixels
	// reasons says of images that were asked for why they cannot be drawn.
	reasons map[string]string
}

// get returns an image in its sizes; none if it cannot be drawn.
func (p *pictures) get(id string) []*img.RGBA {
	levels, ok := p.levels[id]
	if ok {
		return levels
	}
	defer func() { p.levels[id] = levels }()
	data := p.files[id].data
	c, _, err := img.DecodeConfig(bytes.NewReader(data))
	switch {
	case errors.Is(err, img.ErrFormat) && p.files[id].mime == "image/svg+xml":
		p.reasons[id] = "SVG images are drawn by browsers only"
		return nil
	case errors.Is(err, img.ErrFormat):
		p.reasons[id] = "images of this type are drawn by browsers only"
		return nil
	case err != nil:
		p.reasons[id] = "it is damaged: " + err.Error()
		return nil
	case c.Width < 1 || c.Height < 1:
		p.reasons[id] = "it has no pixels"
		return nil
	case c.Width > mostDecoded/c.Height:
		p.reasons[id] = fmt.Sprintf("its %d × %d pixels are more than are read", c.Width, c.Height)
		return nil
	}
	m, _, err := img.Decode(bytes.NewReader(data))
	if err != nil {
		p.reasons[id] = "it is damaged: " + err.Error()
		return nil
	}
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	for w*h > min(mostKept, max(mostKeptAll-p.kept, 0)/4+1<<16) {
		w, h = max(w/2, 1), max(h/2, 1)
	}
	for from, at := img.Image(m), m.Bounds(); ; w, h = max(w/2, 1), max(h/2, 1) {
		level := img.NewRGBA(img.Rect(0, 0, w, h))
		draw.BiLinear.Scale(level, level.Rect, from, at, draw.Src, nil)
		levels = append(levels, level)
		p.kept += w * h
		if w == 1 && h == 1 {
			return levels
		}
		from, at = level, level.Rect
	}
}

// paint returns the colours of an image where m puts it.
func (p *pictures) paint(i image, m matrix, d *drawing) func(x, y int) [4]float32 {
	levels := p.get(i.id)
	det := m.a*m.d - m.b*m.c
	if len(levels) == 0 || det == 0 || i.width == 0 || i.height == 0 {
		return solid(d.colour("#e7e7e7"))
	}
	part := box{0, 0, 1, 1} // of the image, as shares of its size
	if c := i.crop; c != nil {
		part = box{c.x / c.naturalWidth, c.y / c.naturalHeight, (c.x + c.width) / c.naturalWidth, (c.y + c.height) / c.naturalHeight}
	}
	// The smallest that is not smaller than it is shown.
	wide := math.Abs(i.width) * math.Hypot(m.a, m.b) / (part.right - part.left)
	level := levels[0]
	for _, l := range levels[1:] {
		if float64(l.Rect.Dx()) < wide {
			break
		}
		level = l
	}
	w, h := float64(level.Rect.Dx()), float64(level.Rect.Dy())
	return func(x, y int) [4]float32 {
		dx, dy := float64(x)+0.5-m.e, float64(y)+0.5-m.f
		at := rough.Point{X: (m.d*dx - m.c*dy) / det / i.width, Y: (m.a*dy - m.b*dx) / det / i.height}
		if i.flip[0] < 0 {
			at.X = 1 - at.X
		}
		if i.flip[1] < 0 {
			at.Y = 1 - at.Y
		}
		at.X = part.left + unitOf(at.X)*(part.right-part.left)
		at.Y = part.top + unitOf(at.Y)*(part.bottom-part.top)
		return sample(level, at.X*w-0.5, at.Y*h-0.5)
	}
}

// sample returns the colour between four pixels.
func sample(m *img.RGBA, x, y float64) [4]float32 {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	x, y = min(max(x, 0), float64(w-1)), min(max(y, 0), float64(h-1))
	x0, y0 := int(x), int(y)
	x1, y1 := min(x0+1, w-1), min(y0+1, h-1)
	fx, fy := float32(x-float64(x0)), float32(y-float64(y0))
	var out [4]float32
	for k := range 4 {
		at := func(x, y int) float32 { return float32(m.Pix[y*m.Stride+4*x+k]) / 255 }
		top := at(x0, y0)*(1-fx) + at(x1, y0)*fx
		bottom := at(x0, y1)*(1-fx) + at(x1, y1)*fx
		out[k] = top*(1-fy) + bottom*fy
	}
	return out
}
