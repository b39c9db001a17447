package board

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
)

// valueKind is what a property is in the document.
type valueKind uint8

const (
	number valueKind = iota
	flag
	word
	structure // JSON in a string
	text
	stroke // coordinates, x and y in turn
	series // numbers
	links  // `bound:ID` says what ID is
)

type property struct {
	name string
	kind valueKind
}

func properties(kind valueKind, names ...string) []property {
	var list []property
	for _, n := range names {
		list = append(list, property{n, kind})
	}
	return list
}

var (
	basic = slices.Concat(
		properties(number, "x", "y", "width", "height", "angle"),
		properties(word, "strokeColor", "backgroundColor", "fillStyle"),
		properties(number, "strokeWidth"),
		properties(word, "strokeStyle"),
		properties(structure, "roundness"),
		properties(number, "roughness", "opacity", "seed"),
		properties(word, "index"),
		properties(flag, "isDeleted"),
		properties(structure, "groupIds"),
		properties(word, "frameId"),
		properties(links, "boundElements"),
		properties(word, "link"),
		properties(flag, "locked"),
		properties(structure, "customData"),
	)
	anyFrame = slices.Concat(basic, properties(word, "name"))
	anyLine  = slices.Concat(basic,
		properties(structure, "points", "startBinding", "endBinding"),
		properties(word, "startArrowhead", "endArrowhead"))
)

// schema has the properties of each type of element, as schema.ts has them.
var schema = map[string][]property{
	"rectangle":  basic,
	"diamond":    basic,
	"ellipse":    basic,
	"embeddable": basic,
	"iframe":     basic,
	"frame":      anyFrame,
	"magicframe": anyFrame,
	"line":       slices.Concat(anyLine, properties(flag, "polygon")),
	"arrow": slices.Concat(anyLine, properties(flag, "elbowed"), properties(structure, "fixedSegments"),
		properties(flag, "startIsSpecial", "endIsSpecial")),
	"freedraw": slices.Concat(basic, properties(stroke, "points"), properties(series, "pressures"),
		properties(flag, "simulatePressure")),
	"text": slices.Concat(basic,
		properties(number, "fontSize", "fontFamily"),
		properties(word, "text", "textAlign", "verticalAlign", "containerId"),
		properties(text, "originalText"),
		properties(flag, "autoResize"),
		properties(number, "lineHeight")),
	"image": slices.Concat(basic, properties(word, "fileId"), properties(structure, "scale", "crop")),
}

// defaults is what an element has where the document says nothing, or nonsense.
// What is not here it goes without.
var defaults = map[string]any{
	"x": 0.0, "y": 0.0, "width": 0.0, "height": 0.0, "angle": 0.0,
	"strokeColor": "#1e1e1e", "backgroundColor": "transparent", "fillStyle": "solid",
	"strokeWidth": 2.0, "strokeStyle": "solid", "roundness": nil, "roughness": 1.0,
	"opacity": 100.0, "seed": 1.0, "index": nil, "isDeleted": false,
	"groupIds": []any{}, "frameId": nil, "boundElements": nil, "link": nil, "locked": false,
	"name": nil, "points": []any{}, "startBinding": nil, "endBinding": nil,
	"startArrowhead": nil, "endArrowhead": nil, "elbowed": false,
	"pressures": []any{}, "simulatePressure": true,
	"fontSize": 20.0, "fontFamily": 5.0, "text": "", "textAlign": "left", "verticalAlign": "top",
	"containerId": nil, "originalText": "", "autoResize": true, "lineHeight": 1.25,
	"fileId": nil, "scale": []any{1.0, 1.0}, "crop": nil,
}

// choices are words that stand for one of a few things.
var choices = map[string][]string{
	"fillStyle":     {"hachure", "cross-hatch", "solid", "zigzag"},
	"strokeStyle":   {"solid", "dashed", "dotted"},
	"textAlign":     {"left", "center", "right"},
	"verticalAlign": {"top", "middle", "bottom"},
}

// far is how far from the middle anything may be, and how large, in pixels.
const far = 1e6

// mostPoints is how many points a line may have.
const mostPoints = 100_000

// bounds of numbers that have their own; the others lie within far.
var bounds = map[string][2]float64{
	"opacity":     {0, 100},
	"strokeWidth": {0, 1000},
	"roughness":   {0, 10},
	"fontSize":    {1, 10_000},
	"lineHeight":  {0.5, 10},
	"fontFamily":  {1, 100},
	"seed":        {0, 1 << 32},
}

// shapes says of each structure what it must look like.
var shapes = map[string]func(any) bool{
	"roundness": func(v any) bool { m, _ := v.(map[string]any); _, ok := m["type"].(float64); return ok },
	"groupIds": func(v any) bool {
		return list(v, func(v any) bool { _, ok := v.(string); return ok })
	},
	"customData":    func(v any) bool { _, ok := v.(map[string]any); return ok },
	"points":        func(v any) bool { l, _ := v.([]any); return list(v, isPoint) && len(l) <= mostPoints },
	"startBinding":  func(v any) bool { return bindingOf(v) != nil },
	"endBinding":    func(v any) bool { return bindingOf(v) != nil },
	"fixedSegments": func(v any) bool { return list(v, isSegment) },
	"scale": func(v any) bool {
		l, _ := v.([]any)
		return isPoint(v) && l[0] != 0.0 && l[1] != 0.0
	},
	"crop": isCrop,
}

func list(v any, each func(any) bool) bool {
	l, ok := v.([]any)
	return ok && !slices.ContainsFunc(l, func(v any) bool { return !each(v) })
}

func sized(v any) bool {
	n, ok := v.(float64)
	return ok && math.Abs(n) <= far
}

func isPoint(v any) bool {
	l, _ := v.([]any)
	return len(l) == 2 && list(v, sized)
}

// bindingOf returns what says where an arrow hangs; nil if it does not. Excalidraw
// of 2026 and later says it by a point of the shape: the arrow then points at its
// middle, as far away as there.
func bindingOf(v any) map[string]any {
	m, _ := v.(map[string]any)
	id, ok := m["elementId"].(string)
	if !ok {
		return nil
	}
	binding := map[string]any{"elementId": id, "focus": 0.0, "gap": 5.0}
	for _, k := range []string{"focus", "gap"} {
		n, there := m[k]
		if there && !sized(n) {
			return nil
		}
		if there {
			binding[k] = n
		}
	}
	if p, there := m["fixedPoint"]; there {
		binding["fixedPoint"] = nil
		if isPoint(p) {
			binding["fixedPoint"] = p
		}
	}
	if mode, ok := m["mode"].(string); ok {
		binding["mode"] = mode
	}
	return binding
}

func isSegment(v any) bool {
	m, _ := v.(map[string]any)
	return isPoint(m["start"]) && isPoint(m["end"]) && sized(m["index"])
}

func isCrop(v any) bool {
	m, _ := v.(map[string]any)
	for _, k := range []string{"x", "y", "width", "height", "naturalWidth", "naturalHeight"} {
		if !sized(m[k]) || k != "x" && k != "y" && m[k].(float64) <= 0 {
			return false
		}
	}
	return true
}

var indexForm = regexp.MustCompile(`^[A-Za-z][0-9A-Za-z]+$`)

// orderKey says whether Excalidraw can work out what comes before and after an
// index: it fails on others.
func orderKey(index string) bool {
	if len(index) > 1000 || !indexForm.MatchString(index) {
		return false
	}
	// The first letter says how long the whole part is, a to z upwards and Z to A downwards.
	whole := 'Z' - int(index[0]) + 2
	if index[0] >= 'a' {
		whole = int(index[0]) - 'a' + 2
	}
	const least = "A00000000000000000000000000"
	return len(index) >= whole && index != least && !(len(index) > whole && index[len(index)-1] == '0')
}

// sceneValue returns what an element has for a property, given what is stored;
// absent means that it goes without.
func sceneValue(p property, stored any, there bool) (value any, absent bool) {
	fallback, known := defaults[p.name]
	value, good := valueOf(p, stored)
	nullable := fallback == nil
	switch {
	case there && stored == nil && nullable && (p.kind == word || p.kind == structure || p.kind == flag):
		return nil, false
	case there && good && (value != nil || nullable):
		return value, false
	}
	return fallback, !known
}

func valueOf(p property, stored any) (value any, good bool) {
	switch p.kind {
	case number:
		n, ok := stored.(float64)
		if !ok {
			return nil, false
		}
		return within(n, p.name), true
	case flag:
		_, ok := stored.(bool)
		return stored, ok
	case text:
		_, ok := stored.(string)
		return stored, ok
	case word:
		w, ok := stored.(string)
		if known := choices[p.name]; !ok || known != nil && !slices.Contains(known, w) {
			return nil, false
		}
		return w, p.name != "index" || orderKey(w)
	case structure:
		s, ok := stored.(string)
		var v any
		if !ok || json.Unmarshal([]byte(s), &v) != nil {
			return nil, false
		}
		if v == nil || !shapes[p.name](v) {
			return nil, v == nil
		}
		if p.name == "startBinding" || p.name == "endBinding" {
			return bindingOf(v), true
		}
		return v, true
	default:
		return numbers(p.kind, stored)
	}
}

func within(n float64, name string) float64 {
	b, ok := bounds[name]
	if !ok {
		b = [2]float64{-far, far}
	}
	return min(max(n, b[0]), b[1])
}

// numbers returns a stroke as a list of points, a series as it is.
func numbers(kind valueKind, stored any) (any, bool) {
	flat, ok := stored.([]any)
	if !ok || !list(stored, func(v any) bool { _, ok := v.(float64); return ok }) {
		return nil, false
	}
	out := make([]any, 0, len(flat))
	if kind == series {
		for _, n := range flat {
			out = append(out, within(n.(float64), ""))
		}
		return out, true
	}
	for i := 0; i+1 < len(flat); i += 2 {
		out = append(out, []any{within(flat[i].(float64), ""), within(flat[i+1].(float64), "")})
	}
	return out, true
}
