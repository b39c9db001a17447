package conformance

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

//go:embed dialogues/*.txt
var texts embed.FS

// elsewhereFile lists, as claims without statements, the rules that no dialogue
// can show, each with the test that does.
const elsewhereFile = "elsewhere.txt"

// Dialogue is one scenario: a title and what is said, in order.
type Dialogue struct {
	File  string // its name below dialogues
	Line  int
	Title string
	Needs []string // names of tokens

	// Claims are the rules it shows. Statements before the first one show
	// nothing, but must go well.
	Claims []Claim
	setup  []statement
}

// Claim is a part of a dialogue that shows rules.
type Claim struct {
	Rules []string
	Text  string // in words
	Line  int
	steps []statement
}

// statement is one line of a dialogue.
type statement struct {
	line int
	text string
	step step
}

// step is what a statement does. Its error says what came instead.
type step interface {
	do(ctx context.Context, r *run) error
}

// Load returns all dialogues, and the rules that are shown by other tests with
// their names. An error names the file and line.
func Load() (all []*Dialogue, elsewhere map[string]string, err error) {
	files, err := fs.Glob(texts, "dialogues/*.txt")
	if err != nil {
		return nil, nil, fmt.Errorf("list dialogues: %w", err)
	}
	for _, name := range files {
		text, err := texts.ReadFile(name)
		if err != nil {
			return nil, nil, fmt.Errorf("read dialogue: %w", err)
		}
		ds, err := parse(path.Base(name), string(text))
		if err != nil {
			return nil, nil, fmt.Errorf("parse dialogue: %w", err)
		}
		if path.Base(name) != elsewhereFile {
			all = append(all, ds...)
			continue
		}
		elsewhere = map[string]string{}
		for _, c := range ds[0].Claims {
			for _, rule := range c.Rules {
				elsewhere[rule] = c.Text
			}
		}
	}
	return all, elsewhere, nil
}

var claimLine = regexp.MustCompile(`^(R[0-9]+(?: R[0-9]+)*): *(.*)$`)

// parse reads the dialogues of one file.
func parse(file, text string) ([]*Dialogue, error) {
	var all []*Dialogue
	for _, l := range join(text) {
		var d *Dialogue
		if len(all) > 0 {
			d = all[len(all)-1]
		}
		title, isTitle := strings.CutPrefix(l.text, "== ")
		needs, isNeeds := strings.CutPrefix(l.text, "needs: ")
		claim := claimLine.FindStringSubmatch(l.text)
		switch {
		case isTitle:
			all = append(all, &Dialogue{File: file, Line: l.line, Title: title})
		case d == nil:
			return nil, fmt.Errorf("%s:%d: no title before %q", file, l.line, l.text)
		case isNeeds:
			d.Needs = strings.Fields(needs)
		case claim != nil:
			d.Claims = append(d.Claims, Claim{Rules: strings.Fields(claim[1]), Text: claim[2], Line: l.line})
		default:
			s, err := parseStep(l.text)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", file, l.line, err)
			}
			l.step = s
			if n := len(d.Claims); n > 0 {
				d.Claims[n-1].steps = append(d.Claims[n-1].steps, l)
			} else {
				d.setup = append(d.setup, l)
			}
		}
	}
	return all, nil
}

// join drops comments and empty lines, and joins continued ones.
func join(text string) (out []statement) {
	n := 0
	for raw := range strings.Lines(text) {
		n++
		line := strings.TrimRight(raw, " \t\n")
		switch {
		case line == "" || line[0] == '#':
		case (line[0] == ' ' || line[0] == '\t') && len(out) > 0:
			out[len(out)-1].text += " " + strings.TrimSpace(line)
		default:
			out = append(out, statement{line: n, text: line})
		}
	}
	return out
}

// speak says a dialogue to the target and returns how each claim went.
func (t *target) speak(ctx context.Context, d *Dialogue, doc string) []outcome {
	out := make([]outcome, len(d.Claims))
	status, note := Status(""), ""
	for _, name := range d.Needs {
		if t.cfg.Tokens[name] == "" {
			status, note = Skip, fmt.Sprintf("%s:%d %s: needs the token %q", d.File, d.Line, d.Title, name)
		}
	}
	r := newRun(t, doc)
	defer r.end()
	if status == "" {
		if why := d.say(ctx, r, d.setup); why != "" {
			status, note = Blocked, why
		}
	}
	for i, c := range d.Claims {
		out[i] = outcome{rules: c.Rules, status: status, note: note}
		if status != "" {
			continue
		}
		out[i].status = Pass
		if why := d.say(ctx, r, c.steps); why != "" {
			out[i].status, out[i].note = Fail, fmt.Sprintf("%s\n(%s)", why, c.Text)
			status, note = Blocked, why
		}
	}
	return out
}

// say does statements until one fails; it returns where and why.
func (d *Dialogue) say(ctx context.Context, r *run, steps []statement) string {
	for _, s := range steps {
		if err := s.step.do(ctx, r); err != nil {
			return fmt.Sprintf("%s:%d %s: %s\n%v", d.File, s.line, d.Title, short([]byte(s.text)), err)
		}
	}
	return ""
}
