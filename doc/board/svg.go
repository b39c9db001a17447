package board

import (
	"bufio"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/baton-relay/baton/doc/board/fonts"
	"github.com/baton-relay/baton/doc/board/rough"
)

// SVG writes the board as an SVG that needs nothing else: images are in it, and
// the fonts that its texts use. Only Helvetica is left to the viewer, and so are
// characters that no font of the whiteboard has. The error is what w returned.
func (b *Board) SVG(w io.Writer, o Options) error {
	d := b.draw(o)
	s := &svg{
		Writer: bufio.NewWriter(w), drawing: d,
		faces: map[*fonts.Face]*fonts.Family{}, images: map[string]string{}, frames: map[*element]string{},
	}
	s.printf(`<svg version="1.1" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%s" height="%s">`+"\n",
		decimal(d.width), decimal(d.height), decimal(d.width*d.Scale), decimal(d.height*d.Scale))
	s.definitions()
	if d.paper.a > 0 {
		s.printf(`<rect width="%s" height="%s"%s/>`+"\n", decimal(d.width), decimal(d.height), paint("fill", d.paper, 1))
	}
	for l := range d.layers() {
		s.layer(l)
	}
	s.fonts()
	s.printf("</svg>\n")
	if err := s.Flush(); err != nil {
		return fmt.Errorf("write SVG: %w", err)
	}
	return nil
}

// svg is an SVG that is being written. The writer keeps the first error.
type svg struct {
	*bufio.Writer
	*drawing
	faces  map[*fonts.Face]*fonts.Family // those that texts have used
	images map[string]string             // the ids of images, by those of their files
	frames map[*element]string           // the ids of the insides of frames
	ids    int                           // how many there are
}

func (s *svg) printf(format string, args ...any) { fmt.Fprintf(s.Writer, format, args...) }

// decimal returns a number as short as it is to a hundredth.
func decimal(v float64) string {
	return strconv.FormatFloat(math.Round(v*100)/100+0, 'f', -1, 64)
}

func escape(text string) string {
	var b strings.Builder
	// A builder takes everything.
	_ = xml.EscapeText(&b, []byte(text))
	return b.String()
}

// paint returns the attributes of a colour as a fill or a stroke.
func paint(what string, c colour, alpha float64) string {
	out := fmt.Sprintf(` %s="%s"`, what, c.hex())
	if a := c.a * alpha; a < 1 {
		out += fmt.Sprintf(` %s-opacity="%s"`, what, strconv.FormatFloat(a, 'g', 4, 64))
	}
	return out
}

// definitions writes what others refer to: images, and the insides of frames.
func (s *svg) definitions() {
	s.printf("<defs>\n")
	for _, id := range slices.Sorted(maps.Keys(s.files)) {
		s.images[id] = s.id()
		s.printf(`<image id="%s" width="1" height="1" preserveAspectRatio="none" href="%s"/>`+"\n", s.images[id], s.files[id].dataURL())
	}
	for _, f := range s.elements {
		if !f.isFrame() {
			continue
		}
		s.frames[f] = s.id()
		s.printf(`<clipPath id="%s"><rect x="%s" y="%s" width="%s" height="%s" rx="%d"/></clipPath>`+"\n", s.frames[f],
			decimal(f.x-s.left), decimal(f.y-s.top), decimal(max(f.width, 0)), decimal(max(f.height, 0)), frameRadius)
	}
	s.printf("</defs>\n")
}

// id returns a name that nothing else has.
func (s *svg) id() string {
	s.ids++
	return fmt.Sprintf("part-%d", s.ids)
}

// layer writes a layer as a group, within those for its frame, its hole and its
// link.
func (s *svg) layer(l layer) {
	if len(l.marks) == 0 {
		return
	}
	var ends []string
	open := func(tag, format string, args ...any) {
		s.printf("<"+tag+format+">", args...)
		ends = append(ends, "</"+tag+">")
	}
	if l.link != "" {
		open("a", ` href="%s"`, escape(l.link))
	}
	if l.clip != nil {
		open("g", ` clip-path="url(#%s)"`, s.frames[l.clip])
	}
	if h := l.hole; h != nil {
		id := s.id()
		s.printf(`<mask id="%s" maskUnits="userSpaceOnUse" x="0" y="0" width="%s" height="%s"><rect width="100%%" height="100%%" fill="#fff"/><rect x="%s" y="%s" width="%s" height="%s"/></mask>`,
			id, decimal(s.width), decimal(s.height), decimal(h.left), decimal(h.top),
			decimal(max(h.right-h.left, 0)), decimal(max(h.bottom-h.top, 0)))
		open("g", ` mask="url(#%s)"`, id)
	}
	open("g", ` transform="%s" stroke-linecap="round" stroke-linejoin="round"`, transform(l.at))
	for _, m := range l.marks {
		s.mark(m, l.alpha)
	}
	slices.Reverse(ends)
	s.printf("%s\n", strings.Join(ends, ""))
}

func transform(m matrix) string {
	if m.a == 1 && m.b == 0 && m.c == 0 && m.d == 1 {
		return fmt.Sprintf("translate(%s %s)", decimal(m.e), decimal(m.f))
	}
	precise := func(v float64) string { return strconv.FormatFloat(v, 'g', 8, 64) }
	return fmt.Sprintf("matrix(%s %s %s %s %s %s)", precise(m.a), precise(m.b), precise(m.c), precise(m.d), decimal(m.e), decimal(m.f))
}

func (s *svg) mark(m mark, alpha float64) {
	switch m := m.(type) {
	case area:
		if len(m.path) == 0 || m.fill.a == 0 {
			return
		}
		rule := ""
		if m.evenOdd {
			rule = ` fill-rule="evenodd"`
		}
		s.printf(`<path d="`)
		s.path(m.path)
		s.printf(`"%s%s/>`, paint("fill", m.fill, alpha), rule)
	case trace:
		if len(m.path) == 0 || m.ink.a == 0 || m.width == 0 {
			return
		}
		s.printf(`<path d="`)
		s.path(m.path)
		s.printf(`" fill="none"%s stroke-width="%s"`, paint("stroke", m.ink, alpha), decimal(m.width))
		if m.dash != nil {
			s.printf(` stroke-dasharray="%s %s"`, decimal(m.dash[0]), decimal(m.dash[1]))
		}
		s.printf("/>")
	case words:
		s.words(m, alpha)
	case image:
		s.image(m, alpha)
	}
}

// path writes a path as the d of an element.
func (s *svg) path(p rough.Path) {
	buf := s.AvailableBuffer()
	for _, op := range p {
		buf = append(buf, "MLC"[op.Verb])
		n := 2
		if op.Verb == rough.Curve {
			n = 6
		}
		for k := range n {
			if k > 0 {
				buf = append(buf, ' ')
			}
			buf = strconv.AppendFloat(buf, math.Round(op.P[k]*100)/100+0, 'f', -1, 64)
		}
		s.Write(buf)
		buf = s.AvailableBuffer()
	}
}

func (s *svg) words(w words, alpha float64) {
	for _, r := range w.text {
		if f := w.family.FaceOf(r); f != nil && !w.family.Local {
			s.faces[f] = w.family
		}
	}
	direction, anchors := "", map[string]string{"left": "start", "center": "middle", "right": "end"}
	if fonts.Leftwards(w.text) {
		direction = ` direction="rtl"`
		anchors = map[string]string{"left": "end", "center": "middle", "right": "start"}
	}
	s.printf(`<text x="%s" y="%s" font-family="%s" font-size="%s"%s text-anchor="%s"%s style="white-space: pre">%s</text>`,
		decimal(w.x), decimal(w.y), stack(w.family), decimal(w.size), paint("fill", w.ink, alpha), anchors[w.align], direction, escape(w.text))
}

// stack returns the fonts for a family in the order in which they are to be tried.
func stack(f *fonts.Family) string {
	switch {
	case !f.Local:
		return "'" + f.Name + "', sans-serif"
	case f.Name == "Helvetica":
		return "Helvetica, Arial, 'Liberation Sans', sans-serif"
	}
	return f.Name
}

// image writes an image. Those in the definitions have a size of one.
func (s *svg) image(i image, alpha float64) {
	if i.width <= 0 || i.height <= 0 {
		return
	}
	id := s.id()
	s.printf(`<clipPath id="%s"><rect width="%s" height="%s" rx="%s"/></clipPath>`, id, decimal(i.width), decimal(i.height), decimal(i.radius))
	m := scale(i.width, i.height)
	if c := i.crop; c != nil {
		x, y := i.width/c.width, i.height/c.height
		m = translate(-c.x*x, -c.y*y).times(scale(c.naturalWidth*x, c.naturalHeight*y))
	}
	mirror := scale(1, 1)
	if i.flip[0] < 0 {
		mirror = mirror.times(translate(i.width, 0)).times(scale(-1, 1))
	}
	if i.flip[1] < 0 {
		mirror = mirror.times(translate(0, i.height)).times(scale(1, -1))
	}
	s.printf(`<g clip-path="url(#%s)"><use href="#%s" transform="%s" opacity="%s"/></g>`,
		id, s.images[i.id], transform(mirror.times(m)), decimal(alpha))
}

// fonts writes the fonts that texts have used.
func (s *svg) fonts() {
	if len(s.faces) == 0 {
		return
	}
	s.printf("<style>\n")
	// In the order of the family: where two have a character, the later one goes first.
	families := map[int]*fonts.Family{}
	for _, f := range s.faces {
		families[f.ID] = f
	}
	for _, id := range slices.Sorted(maps.Keys(families)) {
		for _, face := range families[id].Faces {
			if s.faces[face] == nil {
				continue
			}
			s.printf("@font-face { font-family: '%s'; font-weight: %d; ", families[id].Name, face.Weight)
			if face.Ranges != "" {
				s.printf("unicode-range: %s; ", face.Ranges)
			}
			s.printf("src: url(data:font/woff;base64,%s) format('woff'); }\n", base64.StdEncoding.EncodeToString(face.Data()))
		}
	}
	s.printf("</style>\n")
}
