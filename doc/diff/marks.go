package diff

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/aymanbagabas/go-udiff/lcs"
	"github.com/clipperhouse/displaywidth"
)

// text shows which lines of a text changed, each group with a line around.
func (p *printer) text(before, after string) {
	a, b := strings.Split(before, "\n"), strings.Split(after, "\n")
	left := p.Lines
	next := 0 // the first line of b that was not shown
	for _, d := range lcs.DiffLines(a, b) {
		if left <= 0 {
			p.line(plain, "    …")
			return
		}
		from := max(d.ReplStart-1, next)
		if from > next || next == 0 {
			p.line(plain, fmt.Sprintf("    @@ line %d", d.ReplStart+1))
		}
		for _, s := range b[from:d.ReplStart] {
			p.line(plain, "      "+printable(s))
		}
		left -= p.lines(a[d.Start:d.End], b[d.ReplStart:d.ReplEnd], left)
		next = d.ReplEnd
		if next < len(b) {
			p.line(plain, "      "+printable(b[next]))
			next++
		}
	}
}

// lines shows what lines became, in at most so many, and returns how many it took.
func (p *printer) lines(a, b []string, most int) (took int) {
	for len(a) > 0 || len(b) > 0 {
		if took >= most {
			p.line(plain, fmt.Sprintf("    … %d lines more", len(a)+len(b)))
			break
		}
		took++
		if len(a) > 0 && len(b) > 0 {
			if m := marks(a[0], b[0]); alike(m) {
				p.marked("    ~ ", m)
				a, b = a[1:], b[1:]
				continue
			}
		}
		if len(a) > 0 && len(a) >= len(b) {
			p.line(red, "    - "+printable(a[0]))
			a = a[1:]
		} else {
			p.line(green, "    + "+printable(b[0]))
			b = b[1:]
		}
	}
	return took
}

// mark is a piece of a line, and what became of it; changed means as it was.
type mark struct {
	kind kind
	text string
}

// marks compares two lines word by word.
func marks(before, after string) []mark {
	a, b := words(before), words(after)
	var all []mark
	put := func(k kind, words []string) {
		if s := strings.Join(words, ""); s != "" {
			all = append(all, mark{k, s})
		}
	}
	i := 0
	for _, d := range lcs.DiffLines(a, b) {
		put(changed, a[i:d.Start])
		put(removed, a[d.Start:d.End])
		put(added, b[d.ReplStart:d.ReplEnd])
		i = d.End
	}
	put(changed, a[i:])
	return all
}

// spaceless are scripts that set no space between words.
var spaceless = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar}

// words cuts a line where words begin and end; what is no word stands alone.
func words(s string) []string {
	var all []string
	start, inWord := 0, false
	for i, r := range s {
		isWord := (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)) && !unicode.In(r, spaceless...)
		if i > 0 && !(isWord && inWord) {
			all = append(all, s[start:i])
			start = i
		}
		inWord = isWord
	}
	return append(all, s[start:])
}

// alike reports whether at least half of what two lines hold is the same.
func alike(all []mark) bool {
	var same, rest int
	for _, m := range all {
		if m.kind == changed {
			same += 2 * len(m.text)
		} else {
			rest += len(m.text)
		}
	}
	return same >= rest
}

// around is how much of what is the same is shown beside what is not, in columns.
const around = 16

// marked writes one line with its marks, without most of what is the same.
func (p *printer) marked(begin string, all []mark) {
	room := p.Width - displaywidth.String(begin)
	p.paint(yellow, begin)
	for i, m := range all {
		if room <= 0 {
			break
		}
		c, s := plain, printable(m.text)
		switch m.kind {
		case changed:
			s = near(s, i > 0, i < len(all)-1)
		case removed:
			c, s = red, "[-"+cut(s, p.Width/3)+"-]"
		case added:
			c, s = green, "{+"+cut(s, p.Width/3)+"+}"
		}
		s = cut(s, room)
		room -= displaywidth.String(s)
		p.paint(c, s)
	}
	p.WriteByte('\n')
}

// near leaves of a text that is the same what is near to changes before or behind.
func near(s string, before, behind bool) string {
	width := displaywidth.String(s)
	switch {
	case before && behind && width > 2*around+1:
		return cut(s, around+1) + end(s)
	case before && !behind && width > around:
		return cut(s, around+1)
	case behind && !before && width > around:
		return "…" + end(s)
	}
	return s
}

// end returns the last characters of a text.
func end(s string) string {
	r := []rune(s)
	r = r[max(0, len(r)-around):]
	for displaywidth.String(string(r)) > around {
		r = slices.Delete(r, 0, 1)
	}
	return string(r)
}
