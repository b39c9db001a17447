package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/baton-relay/baton/doc"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

type exportCmd struct {
	Doc     docArg  `arg:"" help:"The document."`
	At      string  `placeholder:"MOMENT" help:"As it was at this moment; now if not given."`
	As      string  `enum:",automerge,json,text,excalidraw,svg,png,ops,yjs" default:"" placeholder:"FORM" help:"automerge, json, text, excalidraw, svg, png, ops or yjs. If not given: what the name of --out ends with, else json, text with --field, or yjs for a Yjs document."`
	Out     string  `short:"o" placeholder:"FILE" help:"Where to write it; standard output if not given."`
	Force   bool    `short:"f" help:"Write over a file that is there."`
	Typed   bool    `help:"json: tell the kinds apart that plain JSON has not (dates, bytes, counters, …)."`
	Field   string  `placeholder:"PATH" help:"text: which text, such as body or notes/0/text; if not given, the only one there is."`
	Scale   float64 `default:"1" placeholder:"N" help:"png: pixels for each of the board's. (${default})"`
	Clean   bool    `help:"svg, png: straight lines in place of the hand-drawn look."`
	Dark    bool    `help:"svg, png: on dark ground."`
	SkipBad bool    `help:"Go on without ops that cannot be applied, and without what follows from them."`

	Font        []string `sep:"none" placeholder:"FILE" help:"png: a font for characters that the board's own fonts lack, before those of this machine; may be given again."`
	SystemFonts bool     `default:"true" negatable:"" help:"png: take such characters from the fonts of this machine. Without them (--no-system-fonts) the picture is the same everywhere."`
}

// exported is what was written, with --json where it was written to a file.
type exported struct {
	Doc   oplog.DocID `json:"doc"`
	As    string      `json:"as"`
	Out   string      `json:"out"`
	Bytes int         `json:"bytes"`
	// NoFont are characters that are drawn as boxes, Undrawn images that are grey.
	NoFont  []string       `json:"characters_without_font,omitempty"`
	Undrawn []undrawnImage `json:"images_not_drawn,omitempty"`
	Skipped []string       `json:"skipped,omitempty"`
}

type undrawnImage struct {
	Element string `json:"element"`
	Type    string `json:"type,omitempty"`
	Reason  string `json:"reason"`
}

// Help implements [kong.HelpProvider].
func (exportCmd) Help() string {
	return `  automerge   a file that Automerge.load reads, history included
  json        the content; of a document of the format json, the list of its payloads
  text        one text of the content
  excalidraw  a whiteboard as a file for excalidraw.com; svg, png: as a picture
  ops         the ops themselves, one JSON object a line: works for any document
  yjs         the updates, each behind its length in 4 bytes, big endian

A png has characters that the board's own fonts lack (Chinese, Arabic, emoji) from --font, or from the fonts of this machine; those that no font has are boxes. An image that is itself SVG, AVIF or an icon is a grey box. Standard error says which, and so does the result that --json prints beside --out.

Examples:
  baton-snapshot export board-plan -o plan.svg
  baton-snapshot export board-plan --at "2h ago" -o before.png --scale 2
  baton-snapshot export notes --at alice:17,bob:26 --as json | jq .
  baton-snapshot export notes --as automerge -o notes.automerge`
}

// Run writes the document.
func (c *exportCmd) Run(t *tool) error {
	at, err := doc.ParseMoment(c.At, time.Now())
	if err != nil {
		return err
	}
	log, err := t.reading()
	if err != nil {
		return err
	}
	defer log.Close()
	cut, err := doc.CutAt(t.ctx, log, oplog.DocID(c.Doc), at)
	if err != nil {
		return err
	}
	as := c.form(cut)
	if c.Out == "" && slices.Contains([]string{"automerge", "png", "yjs"}, as) && term.IsTerminal(int(t.out.Fd())) {
		return fmt.Errorf("--as %s is no text for a terminal: give --out FILE", as)
	}
	done := &exported{Doc: cut.Doc, As: as, Out: c.Out}
	content, err := c.content(t, cut, done)
	if err != nil {
		return err
	}
	if err := t.save(c.Out, c.Force, content); err != nil || c.Out == "" || c.Out == "-" {
		return err
	}
	done.Bytes = len(content)
	return t.print(done, func(io.Writer) error { return nil })
}

// form returns what to write the document as.
func (c *exportCmd) form(cut *doc.Cut) string {
	ending := strings.TrimPrefix(filepath.Ext(c.Out), ".")
	switch {
	case c.As != "":
		return c.As
	case c.Field != "":
		return "text"
	case ending == "txt" || ending == "md":
		return "text"
	case ending == "ndjson":
		return "ops"
	case slices.Contains([]string{"automerge", "json", "excalidraw", "svg", "png", "yjs"}, ending):
		return ending
	case cut.State.Format == doc.Yjs:
		return "yjs"
	}
	return "json"
}

// content returns what is written.
func (c *exportCmd) content(t *tool, cut *doc.Cut, done *exported) ([]byte, error) {
	as := done.As
	switch {
	case as == "ops":
		return c.ops(t, cut)
	case as == "yjs":
		return c.updates(t, cut)
	case as == "json" && cut.State.Format == doc.JSON:
		return c.payloads(t, cut)
	}
	want := doc.Want{Save: as == "automerge", Typed: as == "text" || as == "json" && c.Typed}
	want.JSON = !want.Save && !want.Typed
	bar := t.progress(int64(cut.Last), "opening", unitOps)
	state, err := t.engine.Make(t.ctx, cut, want, doc.MakeOptions{SkipBad: c.SkipBad, Progress: func(n int) { _ = bar.Set(n) }})
	_ = bar.Clear()
	if err != nil {
		return nil, err
	}
	for _, bad := range state.Skipped {
		t.remark("WITHOUT %v", bad)
		done.Skipped = append(done.Skipped, bad.Error())
	}
	switch as {
	case "automerge":
		return state.Save, nil
	case "json":
		return append(state.JSON, '\n'), nil
	case "text":
		text, err := doc.Text(state.JSON, c.Field)
		return []byte(text), err
	}
	return c.drawing(t, state.JSON, done)
}

// ops returns the ops as lines of JSON.
func (c *exportCmd) ops(t *tool, cut *doc.Cut) ([]byte, error) {
	if first := cut.State.First; first > 1 {
		t.remark("The ops up to offset %d are pruned; a snapshot stands in for them.", first-1)
	}
	var b []byte
	err := cut.Held().Ops(t.ctx, func(e *oplog.Entry) bool {
		b = append(wire.AppendEntry(b, e), '\n')
		return true
	})
	return b, err
}

// payloads returns the list of payloads.
func (c *exportCmd) payloads(t *tool, cut *doc.Cut) ([]byte, error) {
	if first := cut.State.First; first > 1 {
		return nil, fmt.Errorf("%s: the ops up to offset %d are pruned, and only its application knows its snapshot: export it --as ops", cut.Doc, first-1)
	}
	b := []byte("[")
	err := cut.Ops(t.ctx, func(e *oplog.Entry) bool {
		if len(b) > 1 {
			b = append(b, ",\n"...)
		}
		if e.Redacted {
			b = append(b, "null"...)
		}
		b = append(b, e.Payload...)
		return true
	})
	return append(b, "]\n"...), err
}

// updates returns the updates of a Yjs document, each behind its length.
func (c *exportCmd) updates(t *tool, cut *doc.Cut) ([]byte, error) {
	if cut.State.Format != doc.Yjs {
		return nil, fmt.Errorf("%s is a document of format %s, not yjs", cut.Doc, cut.State.Format)
	}
	var b []byte
	add := func(update []byte) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(update)))
		b = append(b, update...)
	}
	base, err := cut.ReadBase(t.ctx)
	if err != nil {
		return nil, err
	}
	if base != nil {
		add(base)
	}
	var bad error
	err = cut.Ops(t.ctx, func(e *oplog.Entry) bool {
		update, err := doc.Payload(e)
		switch {
		case err == nil:
			add(update)
		case c.SkipBad:
			t.remark("WITHOUT %v", &doc.OpError{Offset: e.Offset, Op: e.Dot, Err: err})
		default:
			bad = &doc.OpError{Offset: e.Offset, Op: e.Dot, Err: err}
			return false
		}
		return true
	})
	return b, errors.Join(bad, err)
}
