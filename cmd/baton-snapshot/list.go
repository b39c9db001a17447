package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/baton-relay/baton/oplog"
)

type listCmd struct {
	Sort    string `default:"name" placeholder:"COLUMN" enum:"name,head,actors,ops,bytes,active" help:"By which column: name, head, actors, ops, bytes or active. Numbers and times come largest first. (${default})"`
	Reverse bool   `short:"r" help:"The other way round."`
	Names   bool   `help:"Print names only, one a line."`
	Quick   bool   `help:"Leave out what takes reading each op: bytes."`
}

// Help implements [kong.HelpProvider].
func (listCmd) Help() string {
	return `Examples:
  baton-snapshot list --log data/oplog.db
  baton-snapshot list --url http://localhost:8080 --sort active
  baton-snapshot list --json | jq -r '.[] | select(.ops > 10000) | .doc'`
}

// listed is a document in a list.
type listed struct {
	Doc      oplog.DocID   `json:"doc"`
	Format   oplog.Format  `json:"format"`
	Head     oplog.Offset  `json:"head"`
	First    oplog.Offset  `json:"first"`
	Actors   int           `json:"actors"`
	Ops      int           `json:"ops"` // held
	Bytes    *int64        `json:"bytes,omitempty"`
	Active   ms            `json:"active"`
	Snapshot *listSnapshot `json:"snapshot,omitempty"`
}

type listSnapshot struct {
	Offset oplog.Offset `json:"offset"`
	Bytes  int64        `json:"bytes"`
	At     ms           `json:"at"`
	By     string       `json:"by,omitempty"`
	Maker  oplog.Maker  `json:"maker,omitempty"`
}

// listSnapshotOf returns what is listed of a snapshot.
func listSnapshotOf(s *oplog.Snapshot) *listSnapshot {
	return &listSnapshot{s.Offset, s.Bytes, ms(s.At), s.By, s.Maker}
}

// madeBy says who stored a snapshot, and what made it.
func madeBy(by string, maker oplog.Maker) string {
	s := ", maker unknown"
	if maker != "" {
		s = ", " + printable(string(maker))
	}
	if by != "" {
		s += " by " + printable(by)
	}
	return s
}

// Run prints the documents.
func (c *listCmd) Run(t *tool) error {
	log, err := t.reading()
	if err != nil {
		return err
	}
	defer log.Close()
	docs := []*listed{}
	names, err := documents(t.ctx, log, "")
	if err != nil {
		return err
	}
	bar := t.progress(int64(len(names)), "reading", unitDocs)
	for _, id := range names {
		d := &listed{Doc: id}
		if !c.Names {
			if d, err = c.describe(t, log, id); err != nil {
				return err
			}
		}
		docs = append(docs, d)
		_ = bar.Add(1)
	}
	_ = bar.Clear()
	slices.SortStableFunc(docs, c.compare)
	if c.Reverse {
		slices.Reverse(docs)
	}
	if len(docs) == 0 {
		t.remark("There are no documents in %s.", t.where())
	}
	return t.print(docs, func(w io.Writer) error { return c.write(w, docs) })
}

func (c *listCmd) describe(t *tool, log store, id oplog.DocID) (*listed, error) {
	state, err := log.State(t.ctx, id)
	if err != nil {
		return nil, err
	}
	d := &listed{
		Doc: id, Format: state.Format, Head: state.Head, First: state.First,
		Actors: state.Heads.Clock.Len(), Ops: int(state.Head - state.First + 1), Active: ms(state.At),
	}
	switch s, err := log.Snapshot(t.ctx, id, 0); {
	case err == nil:
		d.Snapshot = listSnapshotOf(&s)
	case !errors.Is(err, oplog.ErrNotFound):
		return nil, err
	}
	if c.Quick {
		return d, nil
	}
	var bytes int64
	_, err = log.Read(t.ctx, id, state.Epoch, state.First-1, func(e *oplog.Entry) bool {
		bytes += int64(len(e.Payload) + len(e.Ext))
		return e.Offset < state.Head
	})
	d.Bytes = &bytes
	return d, err
}

func (c *listCmd) compare(a, b *listed) int {
	switch c.Sort {
	case "head":
		return cmp.Compare(b.Head, a.Head)
	case "actors":
		return cmp.Compare(b.Actors, a.Actors)
	case "ops":
		return cmp.Compare(b.Ops, a.Ops)
	case "bytes":
		return cmp.Compare(b.bytes(), a.bytes())
	case "active":
		return cmp.Compare(b.Active, a.Active)
	}
	return cmp.Compare(a.Doc, b.Doc)
}

func (d *listed) bytes() int64 {
	if d.Bytes == nil {
		return 0
	}
	return *d.Bytes
}

func (c *listCmd) write(w io.Writer, docs []*listed) error {
	if len(docs) == 0 {
		return nil
	}
	if c.Names {
		for _, d := range docs {
			fmt.Fprintln(w, d.Doc)
		}
		return nil
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "DOCUMENT\tFORMAT\tHEAD\tACTORS\tOPS\tBYTES\tACTIVE\tSNAPSHOT")
	for _, d := range docs {
		bytes, snapshot := "–", "–"
		if d.Bytes != nil {
			bytes = size(*d.Bytes)
		}
		if d.Snapshot != nil {
			snapshot = fmt.Sprintf("at %d, %s%s", d.Snapshot.Offset, size(d.Snapshot.Bytes), madeBy(d.Snapshot.By, d.Snapshot.Maker))
		}
		fmt.Fprintf(tw, "%s\t%s\t%d\t%d\t%s\t%s\t%v\t%s\n", d.Doc, d.Format, d.Head, d.Actors, count(d.Ops), bytes, d.Active, snapshot)
	}
	return tw.Flush()
}
