package board

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
)

// TestImagesThatAreNotDrawnAreNamed puts images on a board that only browsers
// draw, or nobody. Each is a grey box with a sign in it, and is named.
func TestImagesThatAreNotDrawnAreNamed(t *testing.T) {
	const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
	whole, err := base64.StdEncoding.DecodeString(png)
	if err != nil {
		t.Fatal(err)
	}
	cut := base64.StdEncoding.EncodeToString(whole[:50])
	tests := []struct{ mime, data, want string }{
		{"image/png", png, ""},
		{"image/svg+xml", base64.StdEncoding.EncodeToString([]byte("<svg/>")), "SVG images are drawn by browsers only"},
		{"image/avif", base64.StdEncoding.EncodeToString([]byte("\x00\x00\x00\x20ftypavif")), "images of this type are drawn by browsers only"},
		{"image/png", cut, "it is damaged: "},
		{"image/png", base64.StdEncoding.EncodeToString(whole[:20]), "it is damaged: "},
		{"", "", "the board does not have its file"},
	}
	elements, files := map[string]any{}, map[string]any{}
	for i, tt := range tests {
		id := fmt.Sprintf("image-%d", i)
		elements[id] = map[string]any{"type": "image", "fileId": id, "x": 100 * i, "y": 0, "width": 80, "height": 80, "opacity": 100, "index": id}
		if tt.mime != "" {
			files[id], files[id+"/0"] = fmt.Sprintf(`{"type":%q,"slices":1}`, tt.mime), tt.data
		}
	}
	doc, err := json.Marshal(map[string]any{"elements": elements, "files": files})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Read(doc)
	if err != nil {
		t.Fatal(err)
	}
	picture, lacks, err := b.picture(Options{}, mostPixels)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Undrawn{}
	for _, u := range lacks.Images {
		got[u.Element] = u
	}
	for i, tt := range tests {
		id := fmt.Sprintf("image-%d", i)
		u, undrawn := got[id]
		if undrawn != (tt.want != "") || !strings.HasPrefix(u.Reason, tt.want) || undrawn && u.Type != tt.mime {
			t.Errorf("%s: got %+v, want %s: %s", id, u, tt.mime, tt.want)
		}
		signs := 0
		for x := range 80 {
			for y := range 80 {
				if c := picture.RGBAAt(10+100*i+x, 10+y); c.R == 0x88 && c.G == 0x88 && c.B == 0x88 {
					signs++
				}
			}
		}
		if (signs > 50) != undrawn {
			t.Errorf("%s: %d pixels of the sign for an image that is not drawn", id, signs)
		}
	}
	// As SVG they are all in it that are there.
	var svg strings.Builder
	if err := b.SVG(&svg, Options{}); err != nil || strings.Count(svg.String(), "<image ") != len(tests)-1 {
		t.Errorf("the SVG has %d images, %v, want %d", strings.Count(svg.String(), "<image "), err, len(tests)-1)
	}
}

func TestCharactersWithoutAFontAreNamed(t *testing.T) {
	b, err := Read([]byte(`{"elements":{"a":{"type":"text","text":"a 漢\n字⇒","originalText":"a 漢\n字⇒","fontSize":20,"fontFamily":5,"lineHeight":1.25,"width":50,"height":50,"opacity":100,"strokeColor":"#000000","index":"a0"}},"files":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	lacks, err := b.PNG(io.Discard, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(lacks.Characters); got != "⇒字漢" {
		t.Errorf("got %q, want ⇒字漢", got)
	}
}
