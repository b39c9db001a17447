package fonts

import (
	"math"
	"testing"
)

func TestEachFileIsWhole(t *testing.T) {
	for id, family := range families {
		if Of(id) != family {
			t.Errorf("Of(%d) is another family", id)
		}
		for _, face := range family.Faces {
			if face.parsed().Upem() == 0 {
				t.Errorf("%s has no size", face.file)
			}
			if face.Ranges != "" && len(face.spans) == 0 {
				t.Errorf("%s is for no characters: %s", face.file, face.Ranges)
			}
		}
	}
}

// What Chromium measures of these, in ems.
func TestLinesAreAsWideAsInABrowser(t *testing.T) {
	s := NewSetter()
	for id, want := range map[int]float64{
		1: 7.4780,
		3: 8.2031,
		5: 7.4100,
		6: 6.7310,
		7: 6.1830,
		8: 7.7000,
		9: 6.5957,
	} {
		if got := s.Set(Of(id), "AVE fig Grün €").Width; math.Abs(got-want) > 0.001 {
			t.Errorf("%s: got %.4f, want %.4f", Of(id).Name, got, want)
		}
	}
}

func TestLettersComeFromTheFileThatHasThem(t *testing.T) {
	tests := []struct {
		letter rune
		file   string
	}{{'a', "excalifont-1.woff"}, {'ś', "excalifont-2.woff"}, {'Ж', "excalifont-3.woff"}}
	for _, test := range tests {
		if f := Of(5).FaceOf(test.letter); f == nil || f.file != test.file {
			t.Errorf("%c is not from %s", test.letter, test.file)
		}
	}
	if f := Of(5).FaceOf('漢'); f != nil {
		t.Errorf("漢 is from %s", f.file)
	}
	for _, missing := range []string{"漢", "\U0001F600"} {
		line := NewSetter().Set(Of(5), missing)
		if len(line.Glyphs) != 1 || line.Width == 0 {
			t.Errorf("%s is not one box: %+v", missing, line)
		}
	}
}

func TestHebrewIsSetLeftwards(t *testing.T) {
	if !Leftwards("(שלום)") || Leftwards("a שלום") || Leftwards("123") {
		t.Error("the direction is not that of the first letter")
	}
	word := NewSetter().Set(Of(9), "אב")
	other := NewSetter().Set(Of(9), "א")
	if len(word.Glyphs) != 2 || word.Glyphs[1].ID != other.Glyphs[0].ID {
		t.Errorf("the first letter is not on the right: %+v", word.Glyphs)
	}
}
