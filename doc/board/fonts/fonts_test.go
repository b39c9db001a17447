package fonts

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
	s := NewSetter(nil)
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
}

func TestWhatNoFontHasIsABox(t *testing.T) {
	s := NewSetter(nil)
	for _, missing := range []string{"漢", "\U0001F600", "⇒", "\U0001F469\u200D\U0001F467"} {
		line := s.Set(Of(5), missing)
		boxes := 0
		for _, g := range line.Glyphs {
			if len(s.Outline(g.Glyph)) > 0 {
				boxes++
			}
		}
		if want := len([]rune(strings.ReplaceAll(missing, "\u200D", ""))); boxes != want || line.Width < 0.5*float64(want) {
			t.Errorf("%s is %d boxes in %.2f ems, want %d", missing, boxes, line.Width, want)
		}
	}
	s.Set(Of(5), "Words, \t \u200Band what is not seen")
	if got, want := string(s.Missing()), "⇒漢\U0001F467\U0001F469\U0001F600"; got != want {
		t.Errorf("missing: got %q, want %q", got, want)
	}
}

// TestOthersHaveWhatIsMissing adds a font with Arabic letters, which take another
// form where others are beside them.
func TestOthersHaveWhatIsMissing(t *testing.T) {
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/go-text/typesetting").Output()
	if err != nil {
		t.Fatal(err)
	}
	amiri, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "font", "testdata", "Amiri-Regular.ttf"))
	if err != nil {
		t.Fatal(err)
	}
	others := NewOthers(false)
	if err := others.Add(amiri); err != nil {
		t.Fatal(err)
	}
	s := NewSetter(others)
	alone, word := s.Set(Of(5), "ب"), s.Set(Of(5), "ببب")
	if len(alone.Glyphs) != 1 || len(word.Glyphs) != 3 || len(s.Outline(word.Glyphs[0].Glyph)) == 0 || len(s.Missing()) > 0 {
		t.Fatalf("set without a font: %+v, %+v, missing %q", alone, word, string(s.Missing()))
	}
	forms := map[uint32]bool{alone.Glyphs[0].ID: true}
	for _, g := range word.Glyphs {
		forms[g.ID] = true
	}
	if len(forms) != 4 {
		t.Errorf("the letter alone, first, within and last has %d forms, want 4", len(forms))
	}
	s.Set(Of(5), "ب漢")
	if got := string(s.Missing()); got != "漢" {
		t.Errorf("missing: got %q, want 漢", got)
	}
	if err := others.Add([]byte("no font")); err == nil {
		t.Error("what is no font was added")
	}
}

// TestRunsLieAsTheyAreRead looks at where the parts of lines are that go both ways.
func TestRunsLieAsTheyAreRead(t *testing.T) {
	for line, want := range map[string]string{
		"abc":          "abc",
		"אב":           "בא",
		"a אב⇒ב z":     "a ב⇒בא z",
		"אב a⇒ŝ z ב":   "ב a⇒ŝ z בא",
		"(שלום) world": "world (םולש)",
	} {
		s := NewSetter(nil)
		set := s.Set(Of(5), line)
		var got []rune
		for _, g := range set.Glyphs {
			for _, r := range line {
				one := s.Set(Of(5), string(r))
				same := !strings.ContainsRune("() ", r) // others are mirrored, or another font's
				if same && len(one.Glyphs) == 1 && one.Glyphs[0].Glyph == g.Glyph {
					got = append(got, r)
					break
				}
			}
		}
		if bare := strings.NewReplacer("(", "", ")", "", " ", "").Replace(want); string(got) != bare {
			t.Errorf("%s: got %s, want %s", line, string(got), bare)
		}
	}
}

func TestHebrewIsSetLeftwards(t *testing.T) {
	if !Leftwards("(שלום)") || Leftwards("a שלום") || Leftwards("123") {
		t.Error("the direction is not that of the first letter")
	}
	word := NewSetter(nil).Set(Of(9), "אב")
	other := NewSetter(nil).Set(Of(9), "א")
	if len(word.Glyphs) != 2 || word.Glyphs[1].ID != other.Glyphs[0].ID {
		t.Errorf("the first letter is not on the right: %+v", word.Glyphs)
	}
}
