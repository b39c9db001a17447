package fonts

import (
	"maps"
	"regexp"
	"slices"
	"unicode"

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
	others    *Others
	faces     map[*Face]*font.Face
	byFont    map[*font.Face]*Face
	outlines  map[Glyph]rough.Path
	missing   map[rune]bool
}

// NewSetter returns a setter that takes characters which the fonts of the
// whiteboard lack from others, unless that is nil.
func NewSetter(others *Others) *Setter {
	return &Setter{
		others:   others,
		faces:    map[*Face]*font.Face{},
		byFont:   map[*font.Face]*Face{},
		outlines: map[Glyph]rough.Path{},
		missing:  map[rune]bool{},
	}
}

// Missing returns the characters of all lines that were set for which there was no
// font, ascending.
func (s *Setter) Missing() []rune { return slices.Sorted(maps.Keys(s.missing)) }

// Glyph is a glyph of a file; without one it is the box for a character that no
// font has.
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
// Sans, then from the others, and is an empty box if all lack it.
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
	if Leftwards(line) {
		in.Direction = di.DirectionRTL
	}
	var out Line
	for _, run := range fromTheLeft(s.segmenter.Split(in, family{s, f}), in.Direction) {
		face := s.byFont[run.Face]
		for _, g := range s.shaper.ShapeNoExtents(run).Glyphs {
			if r := runes[g.TextIndex()]; g.GlyphID == 0 && !unicode.IsControl(r) {
				s.miss(run.Face, runes[g.TextIndex():g.TextIndex()+g.RunesCount()])
				box := boxFor(r)
				out.Glyphs = append(out.Glyphs, Placed{Glyph: box, X: out.Width})
				out.Width += boxWidths[box.ID]
				continue
			}
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

// miss notes which of the characters that are drawn as one a face lacks.
func (s *Setter) miss(face *font.Face, runes []rune) {
	for _, r := range runes {
		if _, has := face.NominalGlyph(r); !has && !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Variation_Selector) {
			s.missing[r] = true
		}
	}
}

// fromTheLeft returns the runs of a line as they lie beside each other: those that
// go the other way than the line are reversed once more.
func fromTheLeft(runs []shaping.Input, line di.Direction) []shaping.Input {
	runs = slices.Clone(runs)
	for i := 0; i < len(runs); i++ {
		end := i
		for end < len(runs) && runs[end].Direction != line {
			end++
		}
		slices.Reverse(runs[i:end])
		i = max(i, end-1)
	}
	if line == di.DirectionRTL {
		slices.Reverse(runs)
	}
	return runs
}

// The boxes for characters that no font has: a narrow one, and one that is as wide
// as a Chinese character or an emoji.
var boxWidths = [...]float64{0.6, 1}

func boxFor(r rune) Glyph {
	if r >= 0x2E80 && !(r >= 0xFB00 && r < 0xFF00) {
		return Glyph{ID: 1}
	}
	return Glyph{}
}

// boxOutline returns a box with a thin border.
func boxOutline(width float64) (p rough.Path) {
	const margin, border, height = 0.06, 0.04, 0.72
	rectangle := func(left, top, right, bottom float64) {
		p.MoveTo(left, top)
		p.LineTo(right, top)
		p.LineTo(right, bottom)
		p.LineTo(left, bottom)
		p.LineTo(left, top)
	}
	rectangle(margin, -height, width-margin, 0)
	rectangle(width-margin-border, -height+border, margin+border, -border) // the other way round: a hole
	return p
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
	if face := f.others.face(r); face != nil {
		return f.other(face)
	}
	return f.face(f.Faces[0])
}

// other makes a face that is none of the whiteboard's known to the setter.
func (s *Setter) other(face *font.Face) *font.Face {
	if s.byFont[face] == nil {
		f := &Face{parsed: func() *font.Font { return face.Font }}
		s.faces[f], s.byFont[face] = face, f
	}
	return face
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
	if g.Face == nil {
		return boxOutline(boxWidths[g.ID])
	}
	face := s.face(g.Face)
	em := float64(face.Upem())
	var path rough.Path
	for _, seg := range outlineOf(face, font.GID(g.ID)).Segments {
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
