package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/baton-relay/baton/client/admin"
	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/doc"
	"github.com/baton-relay/baton/oplog"
)

type replayCmd struct {
	Doc     docArg `arg:"" help:"The document."`
	To      string `required:"" placeholder:"URL" help:"The relay that its ops are sent to."`
	ToToken string `placeholder:"TOKEN" env:"BATON_TO_TOKEN" help:"Bearer token for that relay."`
	ToDoc   docArg `placeholder:"DOC" help:"Name of the document there; the same if not given."`
	Until   string `placeholder:"MOMENT" help:"As far as this moment; to the end if not given."`
	Speed   string `default:"max" placeholder:"N" help:"max, or how many times as fast as it was written: 1 is as it was. (${default})"`
}

// Help implements [kong.HelpProvider].
func (replayCmd) Help() string {
	return `Ops keep their names and clocks, so a replay that was cut goes on by the same command, and sending twice does nothing. With the right admin at the other relay they keep who wrote them and when, too; without, that relay stamps them anew.

Examples:
  baton-snapshot replay board-plan --to https://other.example --to-token $T
  baton-snapshot replay board-plan --to http://localhost:8081 --to-doc demo --speed 10`
}

// Validate says what is wrong with the flags.
func (c *replayCmd) Validate() error {
	if n, err := strconv.ParseFloat(c.Speed, 64); c.Speed != "max" && (err != nil || !(n > 0)) {
		return fmt.Errorf("--speed must be max or a number above 0, not %q", c.Speed)
	}
	return nil
}

// replayed is the result.
type replayed struct {
	Doc      oplog.DocID `json:"doc"`
	To       string      `json:"to"`
	ToDoc    oplog.DocID `json:"to_doc"`
	Sent     int         `json:"sent"`
	Known    int         `json:"known"` // that the relay had
	Restamps bool        `json:"restamped"`
}

// Run sends the ops.
func (c *replayCmd) Run(t *tool) error {
	at, err := doc.ParseMoment(c.Until, time.Now())
	if err != nil {
		return err
	}
	from, err := t.reading()
	if err != nil {
		return err
	}
	defer from.Close()
	cut, err := doc.CutAt(t.ctx, from, oplog.DocID(c.Doc), at)
	if err != nil {
		return err
	}
	to, err := admin.Open(c.To, admin.Options{Token: c.ToToken})
	if err != nil {
		return err
	}
	defer to.Close()
	s := &sender{tool: t, to: to, doc: oplog.DocID(cmp.Or(c.ToDoc, c.Doc)), format: cut.State.Format}
	rights, err := to.Access(t.ctx, s.doc)
	switch {
	case err != nil:
		return err
	case !slices.Contains(rights, "write"):
		return fmt.Errorf("the token for %s has no right to write in %s", withoutPassword(c.To), s.doc)
	}
	done := &replayed{Doc: cut.Doc, To: withoutPassword(c.To), ToDoc: s.doc, Restamps: !slices.Contains(rights, "admin")}
	if done.Restamps {
		t.remark("Without the right admin in %s, that relay stamps each op anew: its time is now, its author the token's subject.", s.doc)
	}
	if err := s.find(); err != nil {
		return err
	}
	if err := c.sends(t, cut, s); err != nil {
		return fmt.Errorf("after %s: %w", counted(s.sent, "op"), err)
	}
	done.Sent, done.Known = s.sent, s.known
	return t.print(done, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s: %s sent to %s at %s, which had %s already\n", done.Doc, counted(done.Sent, "op"), done.ToDoc, done.To, count(done.Known))
		return err
	})
}

// sends sends all ops of the cut. Those that are pruned are taken from the
// snapshot, where it is one of Automerge.
func (c *replayCmd) sends(t *tool, cut *doc.Cut, s *sender) error {
	s.bar = t.progress(int64(cut.Last), "replaying", unitOps)
	defer func() { _ = s.bar.Clear() }()
	if cut.State.First > 1 && cut.Last > 0 {
		if err := c.pruned(t, cut, s); err != nil {
			return err
		}
	}
	pace := pacer{tool: t}
	if c.Speed != "max" {
		pace.speed, _ = strconv.ParseFloat(c.Speed, 64) // Validate has read it
	}
	var failed error
	err := cut.Held().Ops(t.ctx, func(e *oplog.Entry) bool {
		if pace.early(e.At) {
			failed = cmp.Or(s.flush(), pace.wait(e.At))
		}
		if failed == nil {
			failed = s.add(owned(e))
		}
		return failed == nil
	})
	return cmp.Or(failed, err, s.flush())
}

// pruned sends those ops that the log holds no longer: as the base of the cut has
// them, unless the relay has them all.
func (c *replayCmd) pruned(t *tool, cut *doc.Cut, s *sender) error {
	gone := cut.State.First - 1
	pruned, err := cut.PrunedClock(t.ctx)
	if err != nil || s.have.Covers(pruned) {
		return err
	}
	if cut.State.Format != doc.Automerge {
		return fmt.Errorf("%s: the ops up to offset %d are %w, and only its application knows its snapshot", cut.Doc, gone, oplog.ErrPruned)
	}
	base, err := cut.ReadBase(t.ctx)
	if err != nil {
		return err
	}
	entries, err := t.engine.Split(t.ctx, base, cut.Base.At)
	if err != nil {
		return err
	}
	t.remark("The ops up to offset %d are pruned: they are sent as the snapshot has them, with the times that their authors gave them.", gone)
	for i, wanted := range upTo(cut.Seen, entries) {
		if !wanted || !pruned.Has(entries[i].Dot) {
			continue
		}
		if err := s.add(entries[i]); err != nil {
			return err
		}
	}
	return s.flush()
}

// upTo says of each entry whether a clock has it, or what it names follows from
// it. Without a clock all are wanted.
func upTo(seen *clock.Vector, entries []oplog.Entry) []bool {
	wanted := make([]bool, len(entries))
	for i, e := range slices.Backward(entries) {
		if wanted[i] = seen == nil || seen.Has(e.Dot); wanted[i] && seen != nil {
			all := seen.Merge(e.Clock)
			seen = &all
		}
	}
	return wanted
}

// pacer keeps the times between ops, divided by a speed.
type pacer struct {
	tool  *tool
	speed float64 // 0: none is kept
	began time.Time
	first int64 // Unix ms of the first op
}

// due returns when an op is to be sent.
func (p *pacer) due(at int64) time.Time {
	if p.began.IsZero() {
		p.began, p.first = time.Now(), at
	}
	const longest = float64(100 * 365 * 24 * time.Hour) // more does not fit into a Duration
	after := float64(at-p.first) / p.speed * float64(time.Millisecond)
	return p.began.Add(time.Duration(max(-longest, min(after, longest))))
}

// early reports whether it is too early to send an op.
func (p *pacer) early(at int64) bool { return p.speed > 0 && time.Until(p.due(at)) > 0 }

// wait waits until an op is due.
func (p *pacer) wait(at int64) error {
	timer := time.NewTimer(time.Until(p.due(at)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-p.tool.ctx.Done():
		return errors.New("interrupted; the same command goes on")
	}
}
