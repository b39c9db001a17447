package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/baton-relay/baton/doc/board"
	"github.com/baton-relay/baton/doc/board/fonts"
)

// drawing returns a whiteboard as a file for Excalidraw, or as a picture. What a
// picture does not show is said, and noted in done.
func (c *exportCmd) drawing(t *tool, content []byte, done *exported) ([]byte, error) {
	b, err := board.Read(content)
	if errors.Is(err, board.ErrNoBoard) {
		return nil, fmt.Errorf("%s is no whiteboard: export it --as json", c.Doc)
	}
	if err != nil {
		return nil, err
	}
	o := board.Options{Scale: c.Scale, Dark: c.Dark, Clean: c.Clean}
	var picture bytes.Buffer
	switch done.As {
	case "excalidraw":
		return b.Excalidraw()
	case "svg":
		err = b.SVG(&picture, o)
		return picture.Bytes(), err
	}
	if o.Fonts, err = c.fonts(); err != nil {
		return nil, err
	}
	lacks, err := b.PNG(&picture, o)
	if large, ok := errors.AsType[*board.TooLargeError](err); ok {
		t.remark("The picture would have %.0f × %.0f pixels: it is drawn at a scale of %.3g.", large.Width, large.Height, large.Scale)
		o.Scale = large.Scale
		picture.Reset()
		lacks, err = b.PNG(&picture, o)
	}
	if err != nil {
		return nil, err
	}
	done.lacks(t, lacks)
	return picture.Bytes(), nil
}

// fonts returns those that stand in where the board's own have no glyph.
func (c *exportCmd) fonts() (*fonts.Others, error) {
	others := fonts.NewOthers(c.SystemFonts)
	for _, name := range c.Font {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if err := others.Add(data); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return others, nil
}

// mostListed is how many characters or images a remark names; the result has all.
const mostListed = 20

// lacks says what a picture does not show.
func (e *exported) lacks(t *tool, l *board.Lacks) {
	for _, r := range l.Characters {
		e.NoFont = append(e.NoFont, string(r))
	}
	if n := len(e.NoFont); n > 0 {
		some := strings.Join(e.NoFont[:min(n, mostListed)], " ")
		if n > mostListed {
			some += " …"
		}
		t.remark("NO FONT for %s, drawn as boxes: %s\nGive a font that has them by --font FILE, or export the board as .svg, which a browser draws with its own fonts.", counted(n, "character"), some)
	}
	for _, i := range l.Images {
		e.Undrawn = append(e.Undrawn, undrawnImage{i.Element, i.Type, i.Reason})
		if len(e.Undrawn) <= mostListed {
			t.remark("NOT DRAWN: image %s%s: %s", i.Element, withType(i.Type), i.Reason)
		}
	}
	if n := len(e.Undrawn); n > mostListed {
		t.remark("NOT DRAWN: %s more", counted(n-mostListed, "image"))
	}
	if slices.ContainsFunc(l.Images, func(i board.Undrawn) bool { return i.Type != "" }) {
		t.remark("Exported as .svg, the board has them, for a browser to draw.")
	}
}

func withType(mime string) string {
	if mime == "" {
		return ""
	}
	return " (" + mime + ")"
}
