package board

import (
	"bytes"
	"cmp"
	flags "flag"
	img "image"
	blit "image/draw"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// readBoard reads a document of testdata.
func readBoard(t testing.TB, name string) *Board {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := Read(doc)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readPicture(t testing.TB, name string) img.Image {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := img.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// share counts pixels, and those that differ.
type share struct{ of, differ int }

func (s share) percent() float64 { return 100 * float64(s.differ) / float64(max(s.of, 1)) }

// differs says whether two colours differ by more than an eighth in any channel.
func differs(a, b img.Image, x, y int) bool {
	r, g, bl, al := a.At(x, y).RGBA()
	r2, g2, bl2, al2 := b.At(x, y).RGBA()
	for _, c := range [][2]uint32{{r, r2}, {g, g2}, {bl, bl2}, {al, al2}} {
		if max(c[0], c[1])-min(c[0], c[1]) > 32*257 {
			return true
		}
	}
	return false
}

// compare counts how many pixels of two pictures of a board differ, in all and in
// the places of its elements, by their type.
func compare(t testing.TB, b *Board, got, want img.Image) share {
	t.Helper()
	if got.Bounds() != want.Bounds() {
		t.Fatalf("got a picture of %v, want %v", got.Bounds(), want.Bounds())
	}
	d := b.draw(Options{})
	count := func(r img.Rectangle) (s share) {
		r = r.Intersect(want.Bounds())
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				s.of++
				if differs(got, want, x, y) {
					s.differ++
				}
			}
		}
		return s
	}
	byType := map[string]share{}
	type one struct {
		id string
		share
	}
	var worst []one
	for _, e := range b.elements {
		p := d.extent(e).moved(-d.left, -d.top)
		if p.right-p.left > 200 {
			continue // the box around all
		}
		s := count(img.Rect(int(p.left)-6, int(p.top)-6, int(p.right)+6, int(p.bottom)+6))
		sum := byType[e.kind]
		byType[e.kind] = share{sum.of + s.of, sum.differ + s.differ}
		worst = append(worst, one{e.id + " " + e.kind, s})
	}
	slices.SortFunc(worst, func(a, b one) int { return cmp.Compare(b.percent(), a.percent()) })
	for _, kind := range slices.Sorted(maps.Keys(byType)) {
		t.Logf("%-10s %5.2f %%", kind, byType[kind].percent())
	}
	for _, w := range worst[:min(5, len(worst))] {
		t.Logf("worst: %s %.1f %%", w.id, w.percent())
	}
	all := count(want.Bounds())
	t.Logf("all        %5.2f %%", all.percent())
	return all
}

var sideBySide = flags.Bool("pictures", false, "write docs/pictures/board-rough.png")

func TestPicturesAreThoseOfExcalidraw(t *testing.T) {
	for _, name := range []string{"clean", "rough"} {
		t.Run(name, func(t *testing.T) {
			b := readBoard(t, name)
			got, _, err := b.picture(Options{}, mostPixels)
			if err != nil {
				t.Fatal(err)
			}
			want := readPicture(t, filepath.Join("testdata", name+".webp"))
			if s := compare(t, b, got, want); s.percent() >= 2 {
				t.Errorf("got %.2f %% of the pixels other than Excalidraw's, want less than 2 %%", s.percent())
			}
			if *sideBySide && name == "rough" {
				writeBeside(t, filepath.Join("..", "..", "docs", "pictures", "board-rough.png"), got, want)
			}
		})
	}
}

// writeBeside writes the upper left of two pictures, one beside the other.
func writeBeside(t *testing.T, name string, a, b img.Image) {
	t.Helper()
	part := img.Rect(0, 0, 720, 600)
	both := img.NewRGBA(img.Rect(0, 0, 2*part.Dx()+2, part.Dy()))
	blit.Draw(both, part, a, img.Point{}, blit.Src)
	blit.Draw(both, part.Add(img.Pt(part.Dx()+2, 0)), b, img.Point{}, blit.Src)
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, both); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
