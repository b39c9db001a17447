package fonts

import (
	"regexp"

	"github.com/go-text/typesetting/di"
	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/math/fixed"

	"github.com/baton-relay/baton/doc/board/rough"
)

// mostRunes is how much of a line is set: what is longer is cut.
const mostRunes = 10_000

// Setter sets text. It keeps what it has worked out, and is for one goroutine.
type Setter struct {
	shaper    shaping.HarfbuzzShaper
	segmenter shaping.Segmenter
	faces     map[*Face]*font.Face
	byFont    map[*font.Face]*Face
	outlines  map[Glyph]rough.Path
}

// NewSetter returns a setter.
func NewSetter() *Setter {
	return &Setter{
		faces:    map[*Face]*font.Face{},
		byFont:   map[*font.Face]*Face{},
		outlines: map[Glyph]rough.Path{},
	}
}

// Glyph is a glyph of a file.
type Glyph struct {
	Face *Face
	ID   uint32
}

// Placed is a glyph with its place on a line, in ems, y downwards.
type Placed struct {
	Glyph
	X, Y float64
}

// Line is a line of text, set.
type Line struct {
	Width  float64 // ems
	Glyphs []Placed
}

// Set sets a line of text: with kerning and ligatures, from right to left where
// it is written so. A character that the family lacks is taken from Liberation
// Sans, and is an empty box if that lacks it too.
func (s *Setter) Set(f *Family, line string) Line {
	runes := []rune(line)
	runes = runes[:min(len(runes), mostRunes)]
	if len(runes) == 0 {
		return Line{}
	}
	in := shaping.Input{
		Text:      runes,
		RunEnd:    len(runes),
		Direction: di.DirectionLTR,
		Size:      fixed.I(unitsPerEm),
		Language:  language.NewLanguage("en"),
	}
	leftwards := Leftwards(line)
	if leftwards {
		in.Direction = di.DirectionRTL
	}
	var out Line
	runs := s.segmenter.Split(in, family{s, f})
	for i := range runs {
		run := runs[i]
		if leftwards {
			run = runs[len(runs)-1-i]
		}
		face := s.byFont[run.Face]
		for _, g := range s.shaper.ShapeNoExtents(run).Glyphs {
			out.Glyphs = append(out.Glyphs, Placed{
				Glyph: Glyph{face, uint32(g.GlyphID)},
				X:     out.Width + ems(g.XOffset),
				Y:     -ems(g.YOffset),
			})
			out.Width += ems(g.Advance)
		}
	}
	return out
}

// unitsPerEm is the size that lines are set in, so large that nothing is rounded.
const unitsPerEm = 2048

func ems(v fixed.Int26_6) float64 { return float64(v) / (64 * unitsPerEm) }

var rtl = regexp.MustCompile(`^[^A-Za-zÀ-ÖØ-öø-ʸ\x{300}-\x{590}\x{800}-\x{1FFF}\x{2C00}-\x{FB1C}\x{FDFE}-\x{FE6F}\x{FEFD}-\x{FFFF}]*[\x{591}-\x{7FF}\x{FB1D}-\x{FDFD}\x{FE70}-\x{FEFC}]`)

// Leftwards says whether a text is written from right to left: whether its first
// letter is.
func Leftwards(text string) bool { return rtl.MatchString(text) }

// face returns a file, ready for setting.
func (s *Setter) face(f *Face) *font.Face {
	if s.faces[f] == nil {
		s.faces[f] = font.NewFace(f.parsed())
		s.byFont[s.faces[f]] = f
	}
	return s.faces[f]
}

// family is a family of which a setter takes the file for each character.
type family struct {
	*Setter
	*Family
}

// ResolveFace returns the file to take a character from.
func (f family) ResolveFace(r rune) *font.Face {
	if face := f.FaceOf(r); face != nil {
		return f.face(face)
	}
	sans := families[liberation].Faces[0]
	if _, ok := f.face(sans).NominalGlyph(r); ok {
		return f.face(sans)
	}
	return f.face(f.Faces[0])
}

// FaceOf returns the file of the family that has a character; nil if none has.
func (f *Family) FaceOf(r rune) *Face {
	for i := len(f.Faces) - 1; i >= 0; i-- {
		if f.Faces[i].has(r) {
			if _, ok := f.Faces[i].parsed().NominalGlyph(r); ok {
				return f.Faces[i]
			}
		}
	}
	return nil
}

// Outline returns the outline of a glyph in ems, y downwards. It is not to be
// changed.
func (s *Setter) Outline(g Glyph) rough.Path {
	if path, ok := s.outlines[g]; ok {
		return path
	}
	face := s.face(g.Face)
	data, _ := face.GlyphData(font.GID(g.ID)).(font.GlyphOutline)
	em := float64(face.Upem())
	var path rough.Path
	for _, seg := range data.Segments {
		var p [6]float64
		for i, a := range seg.Args {
			p[2*i], p[2*i+1] = float64(a.X)/em, -float64(a.Y)/em
		}
		switch seg.Op {
		case opentype.SegmentOpMoveTo:
			path.MoveTo(p[0], p[1])
		case opentype.SegmentOpLineTo:
			path.LineTo(p[0], p[1])
		case opentype.SegmentOpQuadTo:
			path.QuadTo(p[0], p[1], p[2], p[3])
		case opentype.SegmentOpCubeTo:
			path.CurveTo(p[0], p[1], p[2], p[3], p[4], p[5])
		}
	}
	s.outlines[g] = path
	return path
}
