package main

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/baton-relay/baton/doc"
	"github.com/baton-relay/baton/doc/diff"
	"github.com/baton-relay/baton/oplog"
)

type diffCmd struct {
	Doc     docArg `arg:"" help:"The document."`
	From    string `required:"" placeholder:"MOMENT" help:"The earlier moment."`
	To      string `placeholder:"MOMENT" help:"The later moment; now if not given."`
	SkipBad bool   `help:"Go on without ops that cannot be applied, and without what follows from them."`
}

// Help implements [kong.HelpProvider].
func (diffCmd) Help() string {
	return `For people it prints a line for each change, and texts line by line; with --json a JSON Patch (RFC 6902), which turns the one content into the other.

Examples:
  baton-snapshot diff board-plan --from "2h ago"
  baton-snapshot diff notes --from alice:17 --to alice:17,bob:26 --json`
}

// Run prints what changed.
func (c *diffCmd) Run(t *tool) error {
	log, err := t.reading()
	if err != nil {
		return err
	}
	defer log.Close()
	from, err := c.content(t, log, c.From)
	if err != nil {
		return err
	}
	to, err := c.content(t, log, c.To)
	if err != nil {
		return err
	}
	if t.JSON {
		patch, err := diff.Patch(from, to)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(t.out, "%s\n", bytes.TrimSpace(patch))
		return err
	}
	return diff.WriteText(t.out, from, to, diff.Options{
		Width: t.width(), Colour: term.IsTerminal(int(t.out.Fd())) && os.Getenv("NO_COLOR") == "",
	})
}

// content returns a document at a moment as JSON.
func (c *diffCmd) content(t *tool, log store, text string) ([]byte, error) {
	at, err := doc.ParseMoment(text, time.Now())
	if err != nil {
		return nil, err
	}
	cut, err := doc.CutAt(t.ctx, log, oplog.DocID(c.Doc), at)
	if err != nil {
		return nil, err
	}
	e := exportCmd{Doc: c.Doc, SkipBad: c.SkipBad}
	return e.content(t, cut, &exported{As: "json"})
}
