package board

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/baton-relay/baton/doc/board/rough"
)

// element is one element of a board. What of it is drawn has fields; values has
// all of it.
type element struct {
	id     string
	kind   string // its type, such as rectangle
	values map[string]any

	x, y, width, height, angle float64

	strokeColor, backgroundColor, fillStyle, strokeStyle string

	strokeWidth, roughness, opacity float64

	seed      uint32
	roundness roundness
	index     string
	deleted   bool
	frameID   string
	links     []link
	link      string

	// Lines, arrows and strokes.
	points                       []rough.Point
	startArrowhead, endArrowhead string // empty: none
	elbowed                      bool
	pressures                    []float64
	simulatePressure             bool

	// Texts.
	fontSize, lineHeight float64
	fontFamily           int
	text, originalText   string
	textAlign            string
	containerID          string
	autoResize           bool

	// Images and frames.
	fileID string
	flip   [2]float64
	crop   *crop
	name   string // of a frame, that of its kind if it has none of its own
}

type link struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

// roundness says how corners are rounded; the zero value is not at all.
type roundness struct {
	kind  int
	value float64 // the radius of adaptive ones, 0 for that of Excalidraw
}

// crop is the part of an image that is shown, in pixels of an image of a size.
type crop struct{ x, y, width, height, naturalWidth, naturalHeight float64 }

func (e *element) isLinear() bool { return e.kind == "line" || e.kind == "arrow" }
func (e *element) isFrame() bool  { return e.kind == "frame" || e.kind == "magicframe" }
func (e *element) isEmbed() bool  { return e.kind == "iframe" || e.kind == "embeddable" }

const linkPrefix = "bound:"

// readElement returns an element of the document; nil if it is none.
func readElement(id string, raw json.RawMessage) *element {
	var stored map[string]any
	if json.Unmarshal(raw, &stored) != nil {
		return nil
	}
	kind, _ := stored["type"].(string)
	known, ok := schema[kind]
	if !ok {
		return nil
	}
	e := &element{id: id, kind: kind, values: make(map[string]any, len(known)+8)}
	for _, p := range known {
		if p.kind == links {
			continue
		}
		v, there := stored[p.name]
		if value, absent := sceneValue(p, v, there); !absent {
			e.values[p.name] = value
		}
	}
	e.readLinks(stored)
	e.readLook()
	e.readRest()
	return e
}

func (e *element) readLinks(stored map[string]any) {
	for key, v := range stored {
		id, ok := strings.CutPrefix(key, linkPrefix)
		if kind, _ := v.(string); ok && (kind == "arrow" || kind == "text") {
			e.links = append(e.links, link{id, kind})
		}
	}
	e.values["boundElements"] = nil
	if e.links != nil {
		slices.SortFunc(e.links, func(a, b link) int { return cmp.Compare(a.ID, b.ID) })
		e.values["boundElements"] = e.links
	}
}

func (e *element) number(name string) float64 { n, _ := e.values[name].(float64); return n }
func (e *element) word(name string) string    { s, _ := e.values[name].(string); return s }
func (e *element) flag(name string) bool      { b, _ := e.values[name].(bool); return b }

func (e *element) readLook() {
	e.x, e.y, e.angle = e.number("x"), e.number("y"), e.number("angle")
	e.width, e.height = e.number("width"), e.number("height")
	e.strokeColor, e.backgroundColor = e.word("strokeColor"), e.word("backgroundColor")
	e.fillStyle, e.strokeStyle = e.word("fillStyle"), e.word("strokeStyle")
	e.strokeWidth, e.roughness, e.opacity = e.number("strokeWidth"), e.number("roughness"), e.number("opacity")
	e.seed = uint32(int64(e.number("seed")))
	e.index, e.deleted = e.word("index"), e.flag("isDeleted")
	e.frameID, e.link = e.word("frameId"), e.word("link")
	if m, ok := e.values["roundness"].(map[string]any); ok {
		kind, _ := m["type"].(float64)
		radius, _ := m["value"].(float64)
		e.roundness = roundness{kind: int(within(kind, "")), value: within(radius, "")}
	}
}

func (e *element) readRest() {
	switch e.kind {
	case "line", "arrow", "freedraw":
		e.readPoints()
	case "text":
		e.fontSize, e.lineHeight = e.number("fontSize"), e.number("lineHeight")
		e.fontFamily = int(e.number("fontFamily"))
		e.text, e.originalText = e.word("text"), e.word("originalText")
		e.textAlign, e.containerID = e.word("textAlign"), e.word("containerId")
		e.autoResize = e.flag("autoResize")
	case "image":
		e.fileID = e.word("fileId")
		s := points([]any{e.values["scale"]})[0]
		e.flip = [2]float64{s.X, s.Y}
		if m, ok := e.values["crop"].(map[string]any); ok {
			n := func(k string) float64 { return m[k].(float64) }
			e.crop = &crop{n("x"), n("y"), n("width"), n("height"), n("naturalWidth"), n("naturalHeight")}
		}
		e.values["status"] = "saved"
	case "frame", "magicframe":
		e.name = "Frame"
		if e.kind == "magicframe" {
			e.name = "AI Frame"
		}
		if n, ok := e.values["name"].(string); ok {
			e.name = n
		}
	}
}

func (e *element) readPoints() {
	e.values["lastCommittedPoint"] = nil
	list, _ := e.values["points"].([]any)
	if e.kind == "freedraw" {
		e.points = points(list)
		e.simulatePressure = e.flag("simulatePressure")
		series, _ := e.values["pressures"].([]any)
		for _, v := range series {
			e.pressures = append(e.pressures, v.(float64))
		}
		box := boxOf(e.points...).with(rough.Point{})
		e.width, e.height = box.right-box.left, box.bottom-box.top
		e.values["width"], e.values["height"] = e.width, e.height
		return
	}
	// One end of a line is no line.
	if len(list) < 2 {
		list = []any{[]any{0.0, 0.0}, []any{e.width, e.height}}
		e.values["points"] = list
	}
	e.points = points(list)
	e.startArrowhead, e.endArrowhead = e.word("startArrowhead"), e.word("endArrowhead")
	e.elbowed = e.flag("elbowed")
}

// points returns a list of points that has been checked.
func points(list []any) []rough.Point {
	out := make([]rough.Point, 0, len(list))
	for _, v := range list {
		p := v.([]any)
		out = append(out, rough.Point{X: p[0].(float64), Y: p[1].(float64)})
	}
	return out
}
