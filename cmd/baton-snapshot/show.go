package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/guptarohit/asciigraph"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/doc"
	"github.com/baton-relay/baton/oplog"
)

type showCmd struct {
	Doc    docArg `arg:"" help:"The document."`
	Actors int    `default:"20" placeholder:"N" help:"How many actors to list, those with the most ops first; 0 for all. (${default})"`
}

// Help implements [kong.HelpProvider].
func (showCmd) Help() string {
	return `An actor's name is the subject whose token wrote its ops, or else what the document itself says under "people", as whiteboards do.

Examples:
  baton-snapshot show board-plan
  baton-snapshot show board-plan --json | jq .clock`
}

// shown is what is known of a document.
type shown struct {
	Doc       oplog.DocID     `json:"doc"`
	Format    oplog.Format    `json:"format"`
	Epoch     oplog.Epoch     `json:"epoch"`
	Head      oplog.Offset    `json:"head"`
	First     oplog.Offset    `json:"first"`
	Ops       int             `json:"ops"`
	Bytes     int64           `json:"bytes"`
	Began     ms              `json:"began"` // the oldest op held
	Active    ms              `json:"active"`
	Clock     clock.Vector    `json:"clock"`
	Actors    []*shownActor   `json:"actors"`
	Snapshots []*listSnapshot `json:"snapshots"`
	Growth    []growthPoint   `json:"growth"`
	Heads     []doc.Hash      `json:"heads,omitempty"` // of an Automerge document

	series []growthPoint
	step   oplog.Offset // of the series
}

type shownActor struct {
	Actor clock.Actor `json:"actor"`
	Name  string      `json:"name,omitempty"`
	Seq   uint64      `json:"seq"`
	Ops   int         `json:"ops"` // held
	Bytes int64       `json:"bytes"`
	First ms          `json:"first,omitempty"`
	Last  ms          `json:"last,omitempty"`
}

// growthPoint says how many bytes of ops there were at a time.
type growthPoint struct {
	At    ms           `json:"at"`
	Head  oplog.Offset `json:"head"`
	Bytes int64        `json:"bytes"`
}

// growthPoints is how many points of growth are told.
const growthPoints = 60

// Run prints the summary.
func (c *showCmd) Run(t *tool) error {
	log, err := t.reading()
	if err != nil {
		return err
	}
	defer log.Close()
	state, err := log.State(t.ctx, oplog.DocID(c.Doc))
	if err != nil {
		return err
	}
	s := &shown{
		Doc: oplog.DocID(c.Doc), Format: state.Format, Epoch: state.Epoch, Head: state.Head, First: state.First,
		Ops: int(state.Head - state.First + 1), Active: ms(state.At), Clock: state.Heads.Clock, Snapshots: []*listSnapshot{},
	}
	if err := s.read(t, log, &state); err != nil {
		return err
	}
	if err := s.findSnapshots(t, log); err != nil {
		return err
	}
	s.open(t, log)
	slices.SortStableFunc(s.Actors, func(a, b *shownActor) int { return cmp.Compare(b.Ops, a.Ops) })
	return t.print(s, func(w io.Writer) error { return c.write(w, t, s) })
}

// read goes through the ops that are held.
func (s *shown) read(t *tool, log store, state *oplog.State) error {
	actors := map[clock.Actor]*shownActor{}
	for actor, seq := range state.Heads.Clock.All() {
		a := &shownActor{Actor: actor, Seq: seq, Name: state.Heads.Owner(actor)}
		actors[actor] = a
		s.Actors = append(s.Actors, a)
	}
	bar := t.progress(int64(s.Ops), "reading", unitOps)
	_, err := log.Read(t.ctx, s.Doc, state.Epoch, state.First-1, func(e *oplog.Entry) bool {
		n := int64(len(e.Payload) + len(e.Ext))
		s.Bytes += n
		s.Began = cmp.Or(s.Began, ms(e.At))
		s.grow(growthPoint{ms(e.At), e.Offset, s.Bytes})
		if a := actors[e.Actor]; a != nil {
			a.Ops++
			a.Bytes += n
			a.First = cmp.Or(a.First, ms(e.At))
			a.Last = ms(e.At)
			a.Name = cmp.Or(a.Name, e.By)
		}
		_ = bar.Add(1)
		return e.Offset < state.Head
	})
	_ = bar.Clear()
	s.Growth = s.evenly(growthPoints)
	return err
}

// grow takes a point into the series, which has at most maxSeries of them, at even
// distances in ops: those between the points are left out, more as more come.
func (s *shown) grow(p growthPoint) {
	if len(s.series) == 0 {
		s.step = 1
	} else if p.Head < s.series[len(s.series)-1].Head+s.step {
		return
	}
	if s.series = append(s.series, p); len(s.series) < maxSeries {
		return
	}
	kept := s.series[:0]
	for i := 0; i < len(s.series); i += 2 {
		kept = append(kept, s.series[i])
	}
	s.series = kept
	s.step *= 2
}

const maxSeries = 4096

// evenly returns n points at even distances in time.
func (s *shown) evenly(n int) []growthPoint {
	out := []growthPoint{}
	if len(s.series) == 0 {
		return out
	}
	from, to := s.series[0].At, s.Active
	next := 0
	var last growthPoint
	for i := range n {
		at := from + ms(int64(to-from)*int64(i+1)/int64(n))
		for next < len(s.series) && s.series[next].At <= at {
			last = s.series[next]
			next++
		}
		if i == n-1 {
			last = growthPoint{to, s.Head, s.Bytes}
		}
		out = append(out, growthPoint{at, last.Head, last.Bytes})
	}
	return out
}

func (s *shown) findSnapshots(t *tool, log store) error {
	for at := oplog.Offset(0); ; {
		found, err := log.Snapshot(t.ctx, s.Doc, at)
		if errors.Is(err, oplog.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		s.Snapshots = append(s.Snapshots, listSnapshotOf(&found))
		if at = found.Offset - 1; at == 0 {
			return nil
		}
	}
}

// open asks the document itself who wrote it. A summary does without, where it
// cannot be opened.
func (s *shown) open(t *tool, log store) {
	if s.Format != doc.Automerge {
		return
	}
	cut, err := doc.CutAt(t.ctx, log, s.Doc, doc.Moment{})
	if err != nil {
		return
	}
	state, err := t.engine.Make(t.ctx, cut, doc.Want{JSON: true}, doc.MakeOptions{SkipBad: true})
	if err != nil {
		t.remark("The document was not opened: %v", err)
		return
	}
	for _, bad := range state.Skipped {
		t.remark("DAMAGED: %v", bad)
	}
	s.Heads = state.Heads
	people := doc.People(state.JSON)
	for _, a := range s.Actors {
		a.Name = cmp.Or(a.Name, people[a.Actor])
	}
}

func (c *showCmd) write(w io.Writer, t *tool, s *shown) error {
	fmt.Fprintf(w, "%s, %s, epoch %s\n\n", s.Doc, s.Format, s.Epoch)
	fmt.Fprintf(w, "  ops       %s", count(s.Ops))
	if s.First > 1 {
		fmt.Fprintf(w, " held, from offset %d on", s.First)
	}
	fmt.Fprintf(w, "; head %d\n", s.Head)
	fmt.Fprintf(w, "  payloads  %s\n", size(s.Bytes))
	fmt.Fprintf(w, "  from      %v\n  until     %v\n", s.Began, s.Active)
	for i, snap := range s.Snapshots {
		label := "          "
		if i == 0 {
			label = "snapshots "
		}
		fmt.Fprintf(w, "  %sat %d, %s, %v%s\n", label, snap.Offset, size(snap.Bytes), snap.At, madeBy(snap.By, snap.Maker))
	}
	if len(s.series) > 1 && s.Active > s.series[0].At {
		s.chart(w, t.width())
	}
	fmt.Fprintln(w)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "ACTOR\tNAME\tSEQ\tOPS\tBYTES\tLAST")
	for i, a := range s.Actors {
		if i == c.Actors && c.Actors > 0 {
			fmt.Fprintf(tw, "… and %d more\n", len(s.Actors)-i)
			break
		}
		fmt.Fprintf(tw, "%s\t%s\t%d\t%s\t%s\t%v\n", a.Actor, cmp.Or(printable(a.Name), "–"), a.Seq, count(a.Ops), size(a.Bytes), a.Last)
	}
	return tw.Flush()
}

// chart draws growth over time.
func (s *shown) chart(w io.Writer, columns int) {
	var points []float64
	for _, p := range s.Growth {
		points = append(points, float64(p.Bytes))
	}
	plot := asciigraph.Plot(points, asciigraph.Height(6), asciigraph.Width(min(columns-16, 72)), asciigraph.LowerBound(0),
		asciigraph.YAxisValueFormatter(func(v float64) string { return fmt.Sprintf("%9s", size(int64(v))) }))
	from, to := time.UnixMilli(int64(s.series[0].At)), time.UnixMilli(int64(s.Active))
	fmt.Fprintf(w, "\n%s\n           %s – %s\n", plot, from.Format("2006-01-02 15:04"), to.Format("2006-01-02 15:04"))
}
