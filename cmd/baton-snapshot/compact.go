package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/baton-relay/baton/doc"
	"github.com/baton-relay/baton/oplog"
)

type compactCmd struct {
	Doc         docArg `arg:"" optional:"" help:"The document."`
	All         bool   `help:"All documents of the format automerge."`
	PruneBefore bool   `help:"Let go of the ops that the snapshot stands in for, once it is stored and was read back."`
	Keep        int    `default:"0" placeholder:"N" help:"How many of the newest ops pruning leaves: who was away for less than these goes on from ops. (${default})"`
	DropOlder   bool   `help:"Remove the snapshots before the newest one, which holds what they hold."`
	DryRun      bool   `short:"n" help:"Make and prove the snapshots, say what would be done, and change nothing."`
	SkipBad     bool   `help:"Go on without ops that cannot be applied, and without what follows from them."`
	Prover      prover `embed:""`
}

// Help implements [kong.HelpProvider].
func (compactCmd) Help() string {
	return `A snapshot is stored only after another process has loaded it and found the same heads as the ops make. Ops are pruned only after it was read back from the log, and only if clients of today can open it: baton-prove, a program of the npm package @baton-relay/client, loads it (--prover). Where that is not, ops are pruned only up to the newest snapshot, and only if a current client stored that one. Pruning cannot be taken back: what came before can then be seen by clock (--at alice:17), no longer by offset or time. Try it with --dry-run, and have a backup.

Examples:
  baton-snapshot compact board-plan
  baton-snapshot compact --all --prune-before --keep 1000 --dry-run
  baton-snapshot compact board-plan --prune-before --prover node_modules/.bin/baton-prove
  baton-snapshot compact --all --url http://localhost:8080 --token $T`
}

// Validate says what is wrong with the flags.
func (c *compactCmd) Validate() error {
	switch {
	case (c.Doc == "") == !c.All:
		return errors.New("give one document, or --all")
	case c.Keep != 0 && !c.PruneBefore:
		return errors.New("--keep says what pruning leaves: it needs --prune-before")
	case c.Keep < 0:
		return errors.New("--keep must not be negative")
	}
	return nil
}

// compacted is what became of a document.
type compacted struct {
	Doc      oplog.DocID  `json:"doc"`
	Offset   oplog.Offset `json:"offset,omitempty"`
	Ops      int          `json:"ops,omitempty"`
	OpBytes  int64        `json:"op_bytes,omitempty"`
	Bytes    int64        `json:"bytes,omitempty"`
	Stored   bool         `json:"stored"`
	Pruned   int          `json:"pruned"`
	First    oplog.Offset `json:"first,omitempty"`
	Dropped  int          `json:"dropped,omitempty"` // older snapshots
	Heads    []doc.Hash   `json:"heads,omitempty"`
	Skipped  []string     `json:"skipped,omitempty"`
	By       string       `json:"by,omitempty"`        // who stored the snapshot that was there
	Maker    oplog.Maker  `json:"maker,omitempty"`     // and with what
	Unproven string       `json:"unproven,omitempty"`  // why nothing was let go, or stored
	PassedBy string       `json:"passed_by,omitempty"` // why nothing was done
	Error    string       `json:"error,omitempty"`

	err  error
	head oplog.Offset
}

type compactSum struct {
	Documents []*compacted `json:"documents"`
	DryRun    bool         `json:"dry_run"`
	Stored    int          `json:"stored"`
	OpBytes   int64        `json:"op_bytes"`
	Bytes     int64        `json:"bytes"`
	Pruned    int          `json:"pruned"`
	Failed    int          `json:"failed"`
}

// Run compacts one document or all.
func (c *compactCmd) Run(t *tool) error {
	if err := c.Prover.install(&t.engine); err != nil {
		return err
	}
	if c.PruneBefore || c.DropOlder {
		t.noProver("ops and snapshots go only where a current client stored the newest snapshot")
	}
	open := func() (store, error) { return t.writing(false) }
	if c.DryRun {
		open = t.reading
	}
	log, err := open()
	if err != nil {
		return err
	}
	defer log.Close()
	sum := &compactSum{Documents: []*compacted{}, DryRun: c.DryRun}
	var failure error
	docs, err := documents(t.ctx, log, oplog.DocID(c.Doc))
	if err != nil {
		return err
	}
	op, done := t.docsProgress(log, docs, "compacting")
	err = inOrder(t.ctx, t.atOnce, docs, func(ctx context.Context, id oplog.DocID) *compacted {
		return c.compact(ctx, t, log, id, op)
	}, func(d *compacted) error {
		if d.err != nil && (!c.All || t.ctx.Err() != nil || errors.Is(d.err, doc.ErrUnavailable)) {
			return d.err
		}
		failure = errors.Join(failure, d.err)
		sum.add(d)
		done()
		return nil
	})
	if err != nil {
		return err
	}
	t.clear()
	if err := t.print(sum, func(w io.Writer) error { return c.write(w, sum, t.Quiet) }); err != nil {
		return err
	}
	return failure
}

func (c *compactCmd) compact(ctx context.Context, t *tool, log store, id oplog.DocID, op func(int)) *compacted {
	d := &compacted{Doc: id}
	r, err := t.engine.Compact(ctx, log, id, doc.CompactOptions{
		Prune: c.PruneBefore, Keep: c.Keep, DropOlder: c.DropOlder, DryRun: c.DryRun, MakeOptions: doc.MakeOptions{SkipBad: c.SkipBad, Progress: op},
	})
	if format, ok := errors.AsType[*doc.FormatError](err); ok && c.All {
		d.PassedBy = fmt.Sprintf("format %s", format.Format)
		return d
	}
	if err != nil {
		d.Error, d.err = err.Error(), err
		if c.All {
			d.err = fmt.Errorf("compact %s: %w", id, err)
		}
		return d
	}
	d.By, d.Maker, d.Unproven, d.head = r.By, r.Maker, r.Unproven, r.Head
	d.Offset, d.Ops, d.OpBytes, d.Bytes = r.Offset, r.Ops, r.OpBytes, r.Bytes
	d.Stored, d.Pruned, d.First, d.Dropped, d.Heads = r.Stored, r.Pruned, r.First, r.Dropped, r.Heads
	for _, bad := range r.Skipped {
		d.Skipped = append(d.Skipped, bad.Error())
	}
	return d
}

func (s *compactSum) add(d *compacted) {
	s.Documents = append(s.Documents, d)
	s.OpBytes += d.OpBytes
	s.Bytes += d.Bytes
	s.Pruned += d.Pruned
	if d.Stored {
		s.Stored++
	}
	if d.Error != "" {
		s.Failed++
	}
}

func (c *compactCmd) write(w io.Writer, s *compactSum, quiet bool) error {
	would := ""
	if c.DryRun {
		would = "would be "
	}
	for _, d := range s.Documents {
		switch {
		case d.Error != "":
			fmt.Fprintf(w, "%s: FAILED: %s\n", d.Doc, d.Error)
		case d.PassedBy != "":
			fmt.Fprintf(w, "%s: passed by, %s\n", d.Doc, d.PassedBy)
		case d.Unproven != "":
			fmt.Fprintf(w, "%s: %s\n", d.Doc, d.left(would))
		case d.Stored:
			fmt.Fprintf(w, "%s: snapshot at %d %sstored: %s for %s of %s%s\n", d.Doc, d.Offset, would, size(d.Bytes), counted(d.Ops, "op"), size(d.OpBytes), d.removed(would))
		default:
			at := "its head,"
			if d.Offset < d.head {
				at = "offset"
			}
			fmt.Fprintf(w, "%s: the log has a snapshot at %s %d (%s%s)%s\n", d.Doc, at, d.Offset, size(d.Bytes), madeBy(d.By, d.Maker), d.removed(would))
		}
		for _, bad := range d.Skipped {
			fmt.Fprintf(w, "  WITHOUT %s\n", bad)
		}
	}
	if len(s.Documents) > 1 && !quiet {
		fmt.Fprintf(w, "%s; %s %sstored; %s of snapshots for %s of ops; %s %spruned; %d failed\n",
			counted(len(s.Documents), "document"), counted(s.Stored, "snapshot"), would, size(s.Bytes), size(s.OpBytes), counted(s.Pruned, "op"), would, s.Failed)
	}
	return nil
}

// left says what was not done where the snapshot is not proven.
func (d *compacted) left(would string) string {
	if d.Stored {
		return fmt.Sprintf("snapshot at %d %sstored: %s for %s of %s; nothing %slet go: %s",
			d.Offset, would, size(d.Bytes), counted(d.Ops, "op"), size(d.OpBytes), would, d.Unproven)
	}
	return fmt.Sprintf("nothing %sdone, the log has a snapshot at %d (%s%s): %s", would, d.Offset, size(d.Bytes), madeBy(d.By, d.Maker), d.Unproven)
}

// removed says what was let go.
func (d *compacted) removed(would string) (s string) {
	if d.Pruned > 0 {
		s = fmt.Sprintf("; %s %spruned, the log begins at %d", counted(d.Pruned, "op"), would, d.First)
	}
	if d.Dropped > 0 {
		s += fmt.Sprintf("; %s removed", counted(d.Dropped, "older snapshot"))
	}
	return s
}
