package board

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	img "image"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// browser returns where Chromium is, as the tests of the pages find it.
func browser(t *testing.T) string {
	t.Helper()
	name := os.Getenv("CHROMIUM")
	if name == "" {
		name = "/usr/bin/chromium"
	}
	if _, err := os.Stat(name); err != nil {
		t.Fatalf("an SVG is shown by Chromium, which is not there (make deps brings it): %v", err)
	}
	return name
}

// shown returns a picture of an SVG as Chromium shows it.
func shown(t *testing.T, svg []byte, width, height int) img.Image {
	t.Helper()
	dir := t.TempDir()
	file, out := filepath.Join(dir, "board.svg"), filepath.Join(dir, "board.png")
	if err := os.WriteFile(file, svg, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), browser(t), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
		"--force-color-profile=srgb", "--user-data-dir="+filepath.Join(dir, "profile"), "--virtual-time-budget=5000",
		fmt.Sprintf("--window-size=%d,%d", width, height), "--screenshot="+out, "file://"+file)
	if log, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	return readPicture(t, out)
}

func svgOf(t testing.TB, b *Board, o Options) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := b.SVG(&out, o); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestSVGInABrowserLooksAsExcalidraw(t *testing.T) {
	for _, name := range []string{"clean", "rough"} {
		t.Run(name, func(t *testing.T) {
			b := readBoard(t, name)
			want := readPicture(t, filepath.Join("testdata", name+".webp"))
			size := want.Bounds()
			got := shown(t, svgOf(t, b, Options{}), size.Dx(), size.Dy())
			if s := compare(t, b, got, want); s.percent() >= 2 {
				t.Errorf("got %.2f %% of the pixels other than Excalidraw's, want less than 2 %%", s.percent())
			}
		})
	}
}

// wellFormed fails the test if an SVG is no XML, and returns its text.
func wellFormed(t testing.TB, svg []byte) string {
	t.Helper()
	var text strings.Builder
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return text.String()
		}
		if err != nil {
			t.Fatalf("the SVG is no XML: %v", err)
		}
		if c, ok := token.(xml.CharData); ok {
			text.Write(c)
		}
	}
}

func TestSVGHasTheFontsThatItsTextsUse(t *testing.T) {
	b := boardOf(t, `"t": {"type":"text","text":"Ж a","originalText":"Ж a","fontFamily":5,"width":40,"height":25}`)
	svg := string(svgOf(t, b, Options{}))
	for _, want := range []string{"unicode-range: U+20-7e", "unicode-range: U+400-45f", "format('woff')"} {
		if !strings.Contains(svg, want) {
			t.Errorf("the SVG has no %q", want)
		}
	}
	if got := strings.Count(svg, "@font-face"); got != 2 {
		t.Errorf("got %d fonts, want the 2 that the letters are in", got)
	}
}

func TestSVGLeadsNowhereThatRunsAnything(t *testing.T) {
	b := boardOf(t, `"a": {"type":"rectangle","width":50,"height":50,"link":"javascript:alert(1)"},
		"b": {"type":"rectangle","width":50,"height":50,"link":"https://a.example/?x=\"><script>"},
		"c": {"type":"text","text":"</text><script>","originalText":"</text><script>","width":50,"height":25}`)
	svg := svgOf(t, b, Options{})
	wellFormed(t, svg)
	if strings.Contains(string(svg), "javascript:") || strings.Contains(string(svg), "<script") {
		t.Errorf("the SVG runs a script:\n%s", svg)
	}
	if !strings.Contains(string(svg), `href="https://a.example/`) {
		t.Error("the SVG has lost a good link")
	}
}

// boardOf reads a board with elements as JSON.
func boardOf(t testing.TB, elements string) *Board {
	t.Helper()
	b, err := Read([]byte(`{"elements":{` + elements + `},"files":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOptionsChangeThePicture(t *testing.T) {
	b := boardOf(t, `"r": {"type":"rectangle","width":100,"height":50,"strokeColor":"#1e1e1e"}`)
	tests := map[string]struct {
		options       Options
		width, height int
		corner        [4]uint8
	}{
		"defaults":    {Options{}, 120, 70, [4]uint8{255, 255, 255, 255}},
		"scaled":      {Options{Scale: 2}, 240, 140, [4]uint8{255, 255, 255, 255}},
		"no padding":  {Options{Padding: -1, Background: "#f00"}, 100, 50, [4]uint8{255, 0, 0, 255}},
		"transparent": {Options{Background: "transparent"}, 120, 70, [4]uint8{}},
		"dark":        {Options{Dark: true}, 120, 70, [4]uint8{18, 18, 18, 255}},
		"nonsense":    {Options{Scale: math.NaN(), Padding: -math.MaxFloat64}, 100, 50, [4]uint8{255, 255, 255, 255}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m, _, err := b.picture(test.options, mostPixels)
			if err != nil {
				t.Fatal(err)
			}
			if got := m.Bounds().Size(); got != img.Pt(test.width, test.height) {
				t.Errorf("got %v, want %d × %d", got, test.width, test.height)
			}
			// A corner may lie under the line where nothing is left free.
			at := m.RGBAAt(3, 3)
			if got := [4]uint8{at.R, at.G, at.B, at.A}; got != test.corner && test.options.Padding == 0 {
				t.Errorf("got a corner of %v, want %v", got, test.corner)
			}
		})
	}
	rough, clean := svgOf(t, b, Options{}), svgOf(t, b, Options{Clean: true})
	if bytes.Equal(rough, clean) {
		t.Error("a clean picture is as rough as another")
	}
}
