// Package fonts has the fonts of the whiteboard, and sets lines of text in them.
// They are those that Excalidraw 0.18 brings along, but for Xiaolai (12 MB of
// Chinese, Japanese and Korean glyphs), as WOFF files: a browser takes these as
// they are, and they need no library but zlib to be read. They were made from
// its WOFF2 files with google/woff2 and fontTools, their glyphs unchanged;
// Liberation Sans is version 2.1.5, which is free under the Open Font License.
//
// Characters that these lack may come from other fonts, of the user's or of the
// machine's (see [Others]).
//
// Licences and copyrights are in the file LICENSES.
package fonts

import (
	"bytes"
	"embed"
	"fmt"
	"sync"

	"github.com/go-text/typesetting/font"
)

//go:embed *.woff LICENSES
var files embed.FS

// Family is a font as users choose it. All are regular; none has other weights.
type Family struct {
	// ID is how documents name it.
	ID int
	// Name is its name in CSS.
	Name string
	// Local says that browsers are to use the font of that name which they have
	// themselves.
	Local bool
	// Ascent and Descent are how far lines reach above and below the baseline by
	// what Excalidraw knows, in ems. The descent is negative.
	Ascent, Descent float64
	// Faces are its files, of which later ones go first where both have a
	// character.
	Faces []*Face
}

// Face is a file that has some or all characters of a family.
type Face struct {
	// Ranges is which characters the file is for, as CSS says it; empty for all.
	Ranges string
	// Weight is the weight in CSS.
	Weight int
	file   string
	spans  [][2]rune
	parsed func() *font.Font
}

// Data returns the WOFF file, which is not to be changed.
func (f *Face) Data() []byte {
	data, err := files.ReadFile(f.file)
	if err != nil {
		panic(err) // the file is embedded
	}
	return data
}

// has says whether the file is for a character.
func (f *Face) has(r rune) bool {
	if f.Ranges == "" {
		return true
	}
	for _, s := range f.spans {
		if s[0] <= r && r <= s[1] {
			return true
		}
	}
	return false
}

func newFace(file, ranges string, weight int) *Face {
	f := &Face{Ranges: ranges, Weight: weight, file: file, spans: spansOf(ranges)}
	f.parsed = sync.OnceValue(func() *font.Font {
		face, err := font.ParseTTF(bytes.NewReader(f.Data()))
		if err != nil {
			panic(fmt.Errorf("read embedded font %s: %w", file, err))
		}
		return face.Font
	})
	return f
}

// spansOf reads what CSS calls a unicode-range.
func spansOf(ranges string) [][2]rune {
	var spans [][2]rune
	for part := range bytes.SplitSeq([]byte(ranges), []byte(",")) {
		var from, to rune
		part = bytes.TrimSpace(part)
		switch n, _ := fmt.Sscanf(string(part), "U+%x-%x", &from, &to); n {
		case 1:
			spans = append(spans, [2]rune{from, from})
		case 2:
			spans = append(spans, [2]rune{from, to})
		}
	}
	return spans
}

// The ids of families that are used without being chosen.
const (
	Helvetica  = 2
	liberation = 9
	virgil     = 1
)

// Of returns a family by its id. What is not known looks like Liberation Sans,
// which stands for any font of the viewer's, and measures like Virgil, as in
// Excalidraw.
func Of(id int) *Family {
	if f, ok := families[id]; ok {
		return f
	}
	unknown := *families[Helvetica]
	unknown.ID, unknown.Name = id, "sans-serif"
	unknown.Ascent, unknown.Descent = families[virgil].Ascent, families[virgil].Descent
	return &unknown
}

// The ranges that Google Fonts cuts families into.
const (
	latin       = "U+0000-00FF, U+0131, U+0152-0153, U+02BB-02BC, U+02C6, U+02DA, U+02DC, U+0304, U+0308, U+0329, U+2000-206F, U+2074, U+20AC, U+2122, U+2191, U+2193, U+2212, U+2215, U+FEFF, U+FFFD"
	latinExt    = "U+0100-02AF, U+0304, U+0308, U+0329, U+1E00-1E9F, U+1EF2-1EFF, U+2020, U+20A0-20AB, U+20AD-20C0, U+2113, U+2C60-2C7F, U+A720-A7FF"
	cyrillicExt = "U+0460-052F, U+1C80-1C88, U+20B4, U+2DE0-2DFF, U+A640-A69F, U+FE2E-FE2F"
	cyrillic    = "U+0301, U+0400-045F, U+0490-0491, U+04B0-04B1, U+2116"
	vietnamese  = "U+0102-0103, U+0110-0111, U+0128-0129, U+0168-0169, U+01A0-01A1, U+01AF-01B0, U+0300-0301, U+0303-0304, U+0308-0309, U+0323, U+0329, U+1EA0-1EF9, U+20AB"
)

var families = func() map[int]*Family {
	sans := []*Face{newFace("liberation.woff", "", 400)}
	list := []*Family{
		{ID: virgil, Name: "Virgil", Ascent: 0.886, Descent: -0.374, Faces: []*Face{newFace("virgil.woff", "", 400)}},
		{ID: Helvetica, Name: "Helvetica", Local: true, Ascent: 1577. / 2048, Descent: -471. / 2048, Faces: sans},
		{ID: 3, Name: "Cascadia", Ascent: 1900. / 2048, Descent: -480. / 2048, Faces: []*Face{newFace("cascadia.woff", "", 400)}},
		{ID: 5, Name: "Excalifont", Ascent: 0.886, Descent: -0.374, Faces: []*Face{
			newFace("excalifont-1.woff", "U+20-7e,U+a0-a3,U+a5-a6,U+a8-ab,U+ad-b1,U+b4,U+b6-b8,U+ba-ff,U+131,U+152-153,U+2bc,U+2c6,U+2da,U+2dc,U+304,U+308,U+2013-2014,U+2018-201a,U+201c-201e,U+2020,U+2022,U+2024-2026,U+2030,U+2039-203a,U+20ac,U+2122,U+2212", 400),
			newFace("excalifont-2.woff", "U+100-130,U+132-137,U+139-149,U+14c-151,U+154-17e,U+192,U+1fc-1ff,U+218-21b,U+237,U+1e80-1e85,U+1ef2-1ef3,U+2113", 400),
			newFace("excalifont-3.woff", "U+400-45f,U+490-491,U+2116", 400),
			newFace("excalifont-4.woff", "U+37e,U+384-38a,U+38c,U+38e-393,U+395-3a1,U+3a3-3a8,U+3aa-3cf,U+3d7", 400),
			newFace("excalifont-5.woff", "U+2c7,U+2d8-2d9,U+2db,U+2dd,U+302,U+306-307,U+30a-30c,U+326-328,U+212e,U+2211,U+fb01-fb02", 400),
			newFace("excalifont-6.woff", "U+462-463,U+472-475,U+4d8-4d9,U+4e2-4e3,U+4e6-4e9,U+4ee-4ef", 400),
			newFace("excalifont-7.woff", "U+300-301,U+303", 400),
		}},
		{ID: 6, Name: "Nunito", Ascent: 1.011, Descent: -0.353, Faces: []*Face{
			newFace("nunito-1.woff", cyrillicExt, 500),
			newFace("nunito-2.woff", cyrillic, 500),
			newFace("nunito-3.woff", vietnamese, 500),
			newFace("nunito-4.woff", latinExt, 500),
			newFace("nunito-5.woff", latin, 500),
		}},
		{ID: 7, Name: "Lilita One", Ascent: 0.923, Descent: -0.22, Faces: []*Face{
			newFace("lilita-1.woff", latinExt, 400),
			newFace("lilita-2.woff", latin, 400),
		}},
		{ID: 8, Name: "Comic Shanns", Ascent: 0.75, Descent: -0.25, Faces: []*Face{
			newFace("comicshanns-1.woff", "U+20-7e,U+a1-a6,U+a8,U+ab-ac,U+af-b1,U+b4,U+b8,U+bb-bc,U+bf-cf,U+d1-d7,U+d9-de,U+e0-ef,U+f1-f7,U+f9-ff,U+131,U+152-153,U+2c6,U+2da,U+2dc,U+2013-2014,U+2018-201a,U+201c-201d,U+2020-2022,U+2026,U+2039-203a,U+2044,U+20ac,U+2191,U+2193,U+2212", 400),
			newFace("comicshanns-2.woff", "U+100-10f,U+112-125,U+128-130,U+134-137,U+139-13c,U+141-148,U+14c-151,U+154-161,U+164-165,U+168-17f,U+1bf,U+1f7,U+218-21b,U+237,U+1e80-1e85,U+1ef2-1ef3,U+a75b", 400),
			newFace("comicshanns-3.woff", "U+2c7,U+2d8-2d9,U+2db,U+2dd,U+315,U+2190,U+2192,U+2200,U+2203-2204,U+2264-2265,U+f6c3", 400),
			newFace("comicshanns-4.woff", "U+3bb", 400),
		}},
		{ID: liberation, Name: "Liberation Sans", Ascent: 1854. / 2048, Descent: -434. / 2048, Faces: sans},
	}
	byID := map[int]*Family{}
	for _, f := range list {
		byID[f.ID] = f
	}
	return byID
}()
