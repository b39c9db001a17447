// Package board turns a whiteboard document into files that people open
// elsewhere: an Excalidraw file, an SVG, a PNG. It needs no browser.
//
// Read takes the document as JSON, in the layout that the whiteboard page
// writes (webdemo/src/binding/schema.ts), and is as tolerant as that page:
// what is missing or makes no sense gets a default, what is no element is left
// out. No document makes it fail later, or an element take more time or memory
// than its share of the document and the size of the picture account for: what
// would is drawn coarser, such as hatchings of a shape a million pixels wide.
//
// The pictures are those of Excalidraw 0.18: the same strokes from the same
// seeds, in the same fonts. The hand-drawn look is the algorithm of rough.js by
// Preet Shihn (package rough), that of freehand strokes perfect-freehand by
// Steve Ruiz; both are MIT.
//
// It asks no network for anything and reads no file: fonts are embedded (package
// fonts), but for those that [Options] add.
package board

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// ErrNoBoard is what Read returns for JSON that is no whiteboard document.
var ErrNoBoard = errors.New("this document is no whiteboard")

// Board is a whiteboard at one moment. It never changes and may be used by many
// goroutines at once.
type Board struct {
	elements []*element // not deleted, the lowest first
	byID     map[string]*element
	files    map[string]file // those that elements show
}

// Read reads a materialised document: texts and registers are strings, bytes are
// base64. The error is ErrNoBoard, or says what of the JSON cannot be read.
func Read(doc []byte) (*Board, error) {
	var root, stored, files map[string]json.RawMessage
	if !json.Valid(doc) {
		return nil, fmt.Errorf("read board: %w", json.Unmarshal(doc, &root))
	}
	if json.Unmarshal(doc, &root) != nil || json.Unmarshal(root["elements"], &stored) != nil || stored == nil {
		return nil, ErrNoBoard
	}
	if json.Unmarshal(root["files"], &files) != nil {
		files = nil // somebody has put something else in their place
	}
	b := &Board{byID: map[string]*element{}, files: map[string]file{}}
	shown := map[string]bool{"": true}
	for id, raw := range stored {
		e := readElement(id, raw)
		if e == nil || e.deleted {
			continue
		}
		b.elements = append(b.elements, e)
		b.byID[id] = e
		if shown[e.fileID] {
			continue
		}
		shown[e.fileID] = true
		if f, ok := readFile(files, e.fileID); ok {
			b.files[e.fileID] = f
		}
	}
	slices.SortFunc(b.elements, func(x, y *element) int {
		return cmp.Or(cmp.Compare(x.index, y.index), cmp.Compare(x.id, y.id))
	})
	return b, nil
}

// label returns the text that is written in or on an element, if any.
func (b *Board) label(e *element) *element {
	for _, l := range e.links {
		if l.Type == "text" {
			if t := b.byID[l.ID]; t != nil && t.kind == "text" {
				return t
			}
			return nil
		}
	}
	return nil
}

// container returns what a text is written in or on, if anything.
func (b *Board) container(e *element) *element {
	if e.containerID == "" {
		return nil
	}
	return b.byID[e.containerID]
}

// frame returns the frame that an element is in, if any.
func (b *Board) frame(e *element) *element {
	if f := b.byID[e.frameID]; f != nil && f.isFrame() {
		return f
	}
	return nil
}
