package fonts

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/fontscan"
)

// Others are fonts for characters that the whiteboard's own lack, such as Chinese
// ones: those that were added, then those of the machine. They are for one
// goroutine. A nil *Others has none.
type Others struct {
	added  []*font.Face
	system bool // whether the machine's are asked
	listed []fontscan.Footprint
	opened map[fontscan.Location]*font.Face // nil: it cannot be read
	byRune map[rune]*font.Face              // nil: none has it
}

// NewOthers returns fonts to which others may be added; system says that the
// machine's count too. They are looked for when they are first needed.
func NewOthers(system bool) *Others {
	return &Others{system: system, opened: map[fontscan.Location]*font.Face{}, byRune: map[rune]*font.Face{}}
}

// Add adds a font file: TrueType or OpenType, alone or a collection, or WOFF.
func (o *Others) Add(data []byte) error {
	faces, err := font.ParseTTC(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("read font: %w", err)
	}
	o.added = append(o.added, faces...)
	return nil
}

// face returns a face that draws a character; nil if none does.
func (o *Others) face(r rune) *font.Face {
	if o == nil {
		return nil
	}
	face, known := o.byRune[r]
	if !known {
		face = o.find(r)
		o.byRune[r] = face
	}
	return face
}

func (o *Others) find(r rune) *font.Face {
	for _, face := range o.added {
		if draws(face, r) {
			return face
		}
	}
	if o.system && o.listed == nil {
		o.listed = systemFonts()
	}
	for i := range o.listed {
		if f := &o.listed[i]; f.Runes.Contains(r) {
			if face := o.open(f.Location); face != nil && draws(face, r) {
				return face
			}
		}
	}
	return nil
}

// draws reports whether a face has an outline of a character. Those of fonts that
// are pictures, as many emoji are, have none.
func draws(face *font.Face, r rune) bool {
	id, has := face.NominalGlyph(r)
	return has && (unicode.IsSpace(r) || len(outlineOf(face, id).Segments) > 0)
}

func outlineOf(face *font.Face, id font.GID) font.GlyphOutline {
	outline, _ := face.GlyphDataOutline(id)
	return outline
}

// open reads a font of the machine.
func (o *Others) open(at fontscan.Location) *font.Face {
	face, known := o.opened[at]
	if known {
		return face
	}
	if data, err := os.ReadFile(at.File); err == nil {
		if faces, err := font.ParseTTC(bytes.NewReader(data)); err == nil && int(at.Index) < len(faces) {
			face = faces[at.Index]
		}
	}
	o.opened[at] = face
	return face
}

// systemFonts lists the fonts of the machine, the most fitting first. An index of
// them is kept in the user's folder for caches; where there is none, it is made
// anew each time.
func systemFonts() []fontscan.Footprint {
	dir, err := os.UserCacheDir()
	if dir = filepath.Join(dir, "baton-snapshot"); err != nil || os.MkdirAll(dir, 0o700) != nil {
		if dir, err = os.MkdirTemp("", "baton-fonts-"); err != nil {
			return []fontscan.Footprint{}
		}
		defer os.RemoveAll(dir)
	}
	list, err := fontscan.SystemFonts(log.New(io.Discard, "", 0), dir)
	if err != nil {
		return []fontscan.Footprint{}
	}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b fontscan.Footprint) int {
		return cmp.Or(
			cmp.Compare(rank(&a), rank(&b)), cmp.Compare(a.Family, b.Family),
			cmp.Compare(a.Location.File, b.Location.File), cmp.Compare(a.Location.Index, b.Location.Index),
		)
	})
	return list
}

// rank says how well a font goes with those of the whiteboard: the lower, the
// better. Family names are in lower case, without spaces.
func rank(f *fontscan.Footprint) int {
	n := 3
	switch {
	case strings.Contains(f.Family, "emoji"):
		n = 0 // it has only emoji, and only those of it that are outlines are taken
	case strings.HasPrefix(f.Family, "notosans") && !strings.Contains(f.Family, "mono"):
		n = 0
	case strings.HasPrefix(f.Family, "dejavusans"):
		n = 1
	case strings.Contains(f.Family, "sans"):
		n = 2
	}
	if f.Aspect.Style != font.StyleNormal || f.Aspect.Weight != font.WeightNormal || f.Aspect.Stretch != font.StretchNormal {
		n += 10
	}
	return n
}
