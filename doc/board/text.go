package board

import (
	"math"
	"strings"
	"unicode"

	"github.com/baton-relay/baton/doc/board/fonts"
)

// text draws a text, which may be written in or on something.
func (d *drawing) text(e, container *element) layer {
	e = d.fitted(e)
	l := d.base(e)
	place := d.place(e)
	if container != nil && container.kind == "arrow" {
		at := d.labelPlace(container, e)
		place = box{at.X, at.Y, at.X + e.width, at.Y + e.height}
	}
	l.at = translate(-d.left, -d.top).times(turn(e.angle, place.centre())).times(translate(place.left, place.top))
	family := fonts.Of(e.fontFamily)
	height := e.fontSize * e.lineHeight
	baseline := e.fontSize*family.Ascent + (height-e.fontSize*(family.Ascent-family.Descent))/2
	x := 0.0
	switch e.textAlign {
	case "center":
		x = e.width / 2
	case "right":
		x = e.width
	}
	for i, line := range lines(e.text) {
		if line == "" {
			continue
		}
		l.marks = append(l.marks, words{
			text: line, family: family, size: e.fontSize, ink: d.colour(e.strokeColor),
			x: x, y: float64(i)*height + baseline, align: e.textAlign,
		})
	}
	return l
}

// lines returns the lines of a text, however they end.
func lines(text string) []string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	return strings.Split(text, "\n")
}

// measure returns how wide and how high a text is.
func (d *drawing) measure(text string, e *element) (width, height float64) {
	all := lines(text)
	for _, line := range all {
		width = max(width, d.widthOf(line, e))
	}
	return width, float64(len(all)) * e.fontSize * e.lineHeight
}

// fitted returns a text as it is to be shown. Where two people have typed at once
// the document has the letters, but nobody has wrapped and measured them yet.
func (d *drawing) fitted(e *element) *element {
	if !misfit(e) {
		return e
	}
	t := *e
	t.text = strings.ReplaceAll(e.originalText, "\t", "        ")
	container := d.container(e)
	switch {
	case container != nil:
		t.text = d.wrap(t.text, &t, room(container, e))
	case !e.autoResize:
		t.text = d.wrap(t.text, &t, e.width)
	}
	t.width, t.height = d.measure(t.text, &t)
	switch {
	case container != nil:
		t.x += (e.width - t.width) / 2
		t.y += (e.height - t.height) / 2
	case !e.autoResize:
		t.width = e.width
	case e.textAlign == "center":
		t.x += (e.width - t.width) / 2
	case e.textAlign == "right":
		t.x += e.width - t.width
	}
	return &t
}

// misfit says whether a text has to be wrapped and measured before it can be seen
// as it is, as wrap.ts has it.
func misfit(e *element) bool {
	if e.originalText != "" && (e.width == 0 || e.height == 0) {
		return true // nobody has measured it
	}
	if e.containerID == "" && e.autoResize {
		return e.text != e.originalText
	}
	return !wraps(e.text, e.originalText)
}

// wraps says whether lines are those of a text: it has more line breaks, and no
// white space where it has one.
func wraps(lines, text string) bool {
	drawn, written := []rune(lines), []rune(text)
	space := func(at int) bool {
		return at < len(written) && written[at] != '\n' && unicode.IsSpace(written[at])
	}
	at := 0
	for i, r := range drawn {
		if at < len(written) && r == written[at] {
			at++
			continue
		}
		if r != '\n' || i == 0 || drawn[i-1] == '\n' {
			return false
		}
		for space(at) {
			at++
		}
		if at < len(written) && written[at] == '\n' {
			at++
		}
	}
	for space(at) {
		at++
	}
	return at == len(written)
}

// room returns how wide a text in or on something may be.
func room(container, text *element) float64 {
	const padding = 5
	switch container.kind {
	case "arrow":
		return max(0.7*container.width, 11*text.fontSize)
	case "ellipse":
		return math.Round(container.width/2*math.Sqrt2) - 2*padding
	case "diamond":
		return math.Round(container.width/2) - 2*padding
	}
	return container.width - 2*padding
}

// wrap breaks a text into lines that are not wider than a width: between words,
// or within those that are wider by themselves.
func (d *drawing) wrap(text string, e *element, width float64) string {
	var out []string
	for _, paragraph := range lines(text) {
		line, run := "", 0.0
		for word := range strings.SplitAfterSeq(paragraph, " ") {
			bare := strings.TrimRight(word, " ")
			if line != "" && run+d.widthOf(bare, e) > width {
				out = append(out, strings.TrimRight(line, " "))
				line, run = "", 0
			}
			for line == "" {
				n := d.cut(bare, e, width)
				if n == len(bare) {
					break
				}
				out = append(out, bare[:n])
				word, bare = word[n:], bare[n:]
			}
			line += word
			run += d.widthOf(word, e)
		}
		out = append(out, strings.TrimRight(line, " "))
	}
	return strings.Join(out, "\n")
}

// widthOf returns how wide a line of a text is.
func (d *drawing) widthOf(line string, e *element) float64 {
	return d.setter.Set(fonts.Of(e.fontFamily), line).Width * e.fontSize
}

// cut returns how many bytes at the beginning of a line are not wider than a
// width, letter by letter, but at least those of one letter.
func (d *drawing) cut(line string, e *element, width float64) int {
	if len(line) < 1000 && d.widthOf(line, e) <= width {
		return len(line)
	}
	run := 0.0
	for i, r := range line {
		run += d.widthOf(string(r), e)
		if i > 0 && run > width {
			return i
		}
	}
	return len(line)
}

// title returns the text on a frame: its name, cut where the frame ends.
func (d *drawing) title(frame *element) *element {
	ink := "#999999"
	if d.Dark {
		ink = "#7a7a7a"
	}
	t := &element{
		id: frame.id, kind: "text", strokeColor: ink, opacity: 100,
		fontSize: 14, lineHeight: 1.25, fontFamily: fonts.Helvetica, textAlign: "left", autoResize: true,
	}
	t.text = strings.ReplaceAll(frame.name, "\t", "        ")
	t.width, t.height = d.measure(t.text, t)
	t.x, t.y = frame.x, frame.y-3-t.height
	if t.width > frame.width {
		if room := frame.width - d.widthOf("...", t); room > 0 {
			t.text = t.text[:d.cut(t.text, t, room)] + "..."
		}
		t.width = frame.width
	}
	t.originalText = t.text
	return t
}

// caption returns the text on the box that stands for a page in the page.
func (d *drawing) caption(e *element) *element {
	text := e.link
	switch {
	case e.kind == "iframe":
		text = "IFrame element"
	case text == "":
		text = "Empty Web-Embed"
	}
	t := &element{
		id: e.id, kind: "text", strokeColor: e.strokeColor, opacity: 100, frameID: e.frameID, angle: e.angle,
		lineHeight: 1.15, fontFamily: fonts.Helvetica, textAlign: "center", autoResize: true,
	}
	if e.strokeColor == "transparent" {
		t.strokeColor = "black"
	}
	if e.width <= 0 || e.height <= 0 {
		return t
	}
	t.fontSize = max(min(e.width/2, e.width/float64(len([]rune(text)))), e.width/30)
	t.text = d.wrap(text, t, e.width-20)
	t.originalText = t.text
	t.width, t.height = d.measure(t.text, t)
	t.x, t.y = e.x+e.width/2-t.width/2, e.y+e.height/2-t.height/2
	return t
}
