package main

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/baton-relay/baton/doc/board"
)

// drawing returns a whiteboard as a file for Excalidraw, or as a picture.
func (c *exportCmd) drawing(t *tool, content []byte, as string) ([]byte, error) {
	b, err := board.Read(content)
	if errors.Is(err, board.ErrNoBoard) {
		return nil, fmt.Errorf("%s is no whiteboard: export it --as json", c.Doc)
	}
	if err != nil {
		return nil, err
	}
	if as == "excalidraw" {
		return b.Excalidraw()
	}
	o := board.Options{Scale: c.Scale, Dark: c.Dark, Clean: c.Clean}
	var picture bytes.Buffer
	if as == "svg" {
		err = b.SVG(&picture, o)
		return picture.Bytes(), err
	}
	err = b.PNG(&picture, o)
	if large, ok := errors.AsType[*board.TooLargeError](err); ok {
		t.remark("The picture would have %.0f × %.0f pixels: it is drawn at a scale of %.3g.", large.Width, large.Height, large.Scale)
		o.Scale = large.Scale
		picture.Reset()
		err = b.PNG(&picture, o)
	}
	return picture.Bytes(), err
}
