package board

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"math"

	"github.com/baton-relay/baton/doc/board/fonts"
)

// white is the background of every board: the document has none of its own.
const white = "#ffffff"

// source says in an Excalidraw file which program wrote it.
const source = "https://github.com/baton-relay/baton"

// Excalidraw returns the board as a .excalidraw file, images included: what the
// page writes when its user exports the board as a file. Versions, which only a
// page has, are such that the same board is always the same bytes.
func (b *Board) Excalidraw() ([]byte, error) {
	type binary struct {
		Mime    string `json:"mimeType"`
		ID      string `json:"id"`
		DataURL string `json:"dataURL"`
		Created int64  `json:"created"`
	}
	elements := make([]map[string]any, 0, len(b.elements))
	// Excalidraw draws the lines that a file has, so they are those of the text.
	d := &drawing{sizer: sizer{Board: b}, setter: fonts.NewSetter(nil)}
	for _, e := range b.elements {
		m := maps.Clone(e.values)
		if e.kind == "text" {
			t := d.fitted(e)
			m["text"], m["x"], m["y"], m["width"], m["height"] = t.text, t.x, t.y, t.width, t.height
		}
		m["id"], m["type"] = e.id, e.kind
		m["version"], m["versionNonce"], m["updated"] = 1, nonce(e.id), 1
		elements = append(elements, m)
	}
	files := make(map[string]binary, len(b.files))
	for id, f := range b.files {
		files[id] = binary{Mime: f.mime, ID: id, DataURL: f.dataURL()}
	}
	out, err := json.MarshalIndent(map[string]any{
		"type":     "excalidraw",
		"version":  2,
		"source":   source,
		"elements": elements,
		"appState": map[string]any{
			"gridSize":            20,
			"gridStep":            5,
			"gridModeEnabled":     false,
			"viewBackgroundColor": white,
		},
		"files": files,
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode board: %w", err)
	}
	return append(out, '\n'), nil
}

// nonce tells versions of one number apart: there is one, so any will do that is
// the same each time.
func nonce(id string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(id))
	return h.Sum32() & math.MaxInt32
}
