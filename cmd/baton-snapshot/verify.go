package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/doc"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
)

type verifyCmd struct {
	Doc     docArg `arg:"" optional:"" help:"The document; all if not given."`
	Shallow bool   `help:"Do not open documents: leave out applying changes and loading snapshots."`
	Prover  prover `embed:""`
}

// Help implements [kong.HelpProvider].
func (verifyCmd) Help() string {
	return `What is looked at: pages, checksums and indexes of the file (with --log and no document); offsets and times that rise; actors without a gap; causal order; that each payload is what its op is named after, and follows from what its clock names; that Automerge takes it and saves what can be loaded again; that snapshots have the clock and the heads that the ops make; that clients of today can open all this, where baton-prove is there (--prover), a program of the npm package @baton-relay/client.

It prints one line for each thing that is wrong, and ends with exit code 2 if there is any.

Examples:
  baton-snapshot verify --log backup.db
  baton-snapshot verify board-plan --url http://localhost:8080
  baton-snapshot verify --json | jq '.findings'`
}

// verified is the report.
type verified struct {
	Documents []*verifiedDoc  `json:"documents"`
	Findings  []verifyFinding `json:"findings"`
	Ops       int             `json:"ops"`
	Opened    int             `json:"opened"`
	Proven    int             `json:"proven"`
}

type verifiedDoc struct {
	Doc       oplog.DocID  `json:"doc"`
	Format    oplog.Format `json:"format"`
	Ops       int          `json:"ops"`
	Pruned    int          `json:"pruned,omitempty"`
	Redacted  int          `json:"redacted,omitempty"`
	Snapshots int          `json:"snapshots"`
	Opened    bool         `json:"opened"`
	Proven    bool         `json:"proven"` // clients of today can open it
	Heads     []doc.Hash   `json:"heads,omitempty"`

	findings []verifyFinding
	err      error
}

type verifyFinding struct {
	Doc    oplog.DocID  `json:"doc,omitempty"`
	Offset oplog.Offset `json:"offset,omitempty"`
	Actor  clock.Actor  `json:"actor,omitempty"`
	Seq    uint64       `json:"seq,omitempty"`
	Place  string       `json:"place,omitempty"` // in the file
	What   string       `json:"what"`
}

// Run verifies one document or all.
func (c *verifyCmd) Run(t *tool) error {
	if err := c.Prover.install(&t.engine); err != nil {
		return err
	}
	r := &verified{Documents: []*verifiedDoc{}, Findings: []verifyFinding{}}
	if t.URL == "" && c.Doc == "" {
		if sound, err := c.file(t, r); err != nil || !sound {
			return c.report(t, r, err)
		}
	}
	log, err := t.reading()
	if err != nil {
		return err
	}
	defer log.Close()
	docs, err := documents(t.ctx, log, oplog.DocID(c.Doc))
	if err != nil {
		return err
	}
	op, done := t.docsProgress(log, docs, "verifying")
	err = inOrder(t.ctx, t.atOnce, docs, func(ctx context.Context, id oplog.DocID) *verifiedDoc {
		return c.document(ctx, t, log, id, op)
	}, func(d *verifiedDoc) error {
		if errors.Is(d.err, doc.ErrUnavailable) {
			d.err = fmt.Errorf("%w; --shallow does without", d.err)
		}
		if d.err != nil {
			return fmt.Errorf("verify %s: %w", d.Doc, d.err)
		}
		r.add(d)
		done()
		return nil
	})
	if err != nil {
		return err
	}
	t.clear()
	return c.report(t, r, nil)
}

// file checks what belongs to no document. One that is not sound is not opened.
func (c *verifyCmd) file(t *tool, r *verified) (sound bool, err error) {
	err = bolt.CheckFile(t.ctx, t.path(), func(e *oplog.CorruptionError) {
		r.Findings = append(r.Findings, verifyFinding{Place: filepath.ToSlash(e.Place), What: e.Err.Error()})
	})
	if err != nil {
		return false, t.explain(err)
	}
	return len(r.Findings) == 0, nil
}

// document verifies one document.
func (c *verifyCmd) document(ctx context.Context, t *tool, log store, id oplog.DocID, op func(int)) *verifiedDoc {
	d := &verifiedDoc{Doc: id}
	v, err := t.engine.Verify(ctx, log, id, doc.VerifyOptions{Shallow: c.Shallow, Progress: op}, func(f *doc.Finding) {
		d.findings = append(d.findings, verifyFinding{
			Doc: f.Doc, Offset: f.Offset, Actor: f.Op.Actor, Seq: f.Op.Seq, What: f.Err.Error(),
		})
	})
	if d.err = err; err == nil {
		d.Format, d.Ops, d.Pruned, d.Redacted = v.Format, v.Ops, v.Pruned, v.Redacted
		d.Snapshots, d.Opened, d.Proven, d.Heads = v.Snapshots, v.Opened, v.Proven, v.Heads
	}
	return d
}

func (r *verified) add(d *verifiedDoc) {
	r.Documents = append(r.Documents, d)
	r.Findings = append(r.Findings, d.findings...)
	r.Ops += d.Ops
	if d.Opened {
		r.Opened++
	}
	if d.Proven {
		r.Proven++
	}
}

// unproven returns the opened documents whose ops are pruned in favour of a snapshot of
// which it is not known that clients of today can open it.
func (r *verified) unproven() (docs []string) {
	for _, d := range r.Documents {
		if d.Opened && d.Pruned > 0 && !d.Proven {
			docs = append(docs, string(d.Doc))
		}
	}
	return docs
}

func (c *verifyCmd) report(t *tool, r *verified, err error) error {
	if err != nil {
		return err
	}
	if err := t.print(r, func(w io.Writer) error { return r.write(w, t.Quiet) }); err != nil {
		return err
	}
	if docs := r.unproven(); len(docs) > 0 {
		t.noProver(fmt.Sprintf("it is not known that clients can open what stands in for pruned ops of %s: no current client stored it", strings.Join(docs, ", ")))
	}
	if len(r.Findings) > 0 {
		return errFound
	}
	return nil
}

func (r *verified) write(w io.Writer, quiet bool) error {
	for _, f := range r.Findings {
		switch {
		case f.Place != "":
			fmt.Fprintf(w, "%s: %s\n", f.Place, f.What)
		case f.Seq > 0:
			fmt.Fprintf(w, "%s, offset %d, op %s:%d: %s\n", f.Doc, f.Offset, f.Actor, f.Seq, f.What)
		case f.Offset > 0:
			fmt.Fprintf(w, "%s, offset %d: %s\n", f.Doc, f.Offset, f.What)
		default:
			fmt.Fprintf(w, "%s: %s\n", f.Doc, f.What)
		}
	}
	if quiet {
		return nil
	}
	verdict := "All is as it must be"
	if n := len(r.Findings); n > 0 {
		verdict = "WRONG in " + counted(n, "place")
		if r.Findings[0].Place != "" {
			_, err := fmt.Fprintf(w, "%s of the file. Its documents were not looked into.\n", verdict)
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%s: %s in %s, %s opened.\n", verdict, counted(r.Ops, "op"), counted(len(r.Documents), "document"), count(r.Opened))
	return err
}
