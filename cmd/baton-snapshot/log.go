package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/doc"
	"github.com/baton-relay/baton/doc/graph"
	"github.com/baton-relay/baton/oplog"
)

type logCmd struct {
	Doc     docArg   `arg:"" help:"The document."`
	From    string   `placeholder:"MOMENT" help:"Leave out what was there at this moment."`
	To      string   `placeholder:"MOMENT" help:"Leave out what came after this moment."`
	Actor   []string `sep:"none" placeholder:"ACTOR" help:"Ops of this actor only; may be given again. The beginning of its name is enough."`
	By      []string `sep:"none" placeholder:"NAME" help:"Ops that this subject's token wrote; may be given again."`
	Last    int      `short:"n" placeholder:"N" help:"The newest N only."`
	Payload bool     `help:"Print payloads too."`

	Graph  bool   `help:"Draw the causal history: who had seen what, where people wrote at once, and where that came together." group:"Drawing:"`
	As     string `enum:",text,svg,dot" default:"" placeholder:"FORM" help:"text, svg or dot (for Graphviz); what the name of --out ends with if not given, else text." group:"Drawing:"`
	Out    string `short:"o" placeholder:"FILE" help:"Where to write the drawing." group:"Drawing:"`
	Force  bool   `short:"f" help:"Write over a file that is there." group:"Drawing:"`
	Nodes  int    `placeholder:"N" help:"The most nodes to draw; neighbours are drawn as one beyond that. If not given, 1000 as text and 200 as a picture." group:"Drawing:"`
	ASCII  bool   `name:"ascii" help:"Draw without characters outside ASCII." group:"Drawing:"`
	Newest bool   `help:"Newest first." group:"Drawing:"`
}

// Help implements [kong.HelpProvider].
func (logCmd) Help() string {
	return `Examples:
  baton-snapshot log board-plan -n 20
  baton-snapshot log board-plan --from "2h ago" --by alice
  baton-snapshot log board-plan --graph
  baton-snapshot log board-plan --graph -o history.svg
  baton-snapshot log notes --json --payload | jq -c '.[] | [.offset, .payload]'`
}

// Validate says what is wrong with the flags.
func (c *logCmd) Validate() error {
	switch {
	case c.Graph && (c.From != "" || len(c.Actor) > 0 || len(c.By) > 0 || c.Last != 0 || c.Payload):
		return errors.New("--graph draws all ops up to --to: it goes without --from, --actor, --by, --last and --payload")
	case !c.Graph && (c.Out != "" || c.As != ""):
		return errors.New("--out and --as are for drawings: they need --graph")
	case c.Last < 0 || c.Nodes < 0:
		return errors.New("--last and --nodes must not be negative")
	}
	return nil
}

// logged is an op in the list.
type logged struct {
	Offset   oplog.Offset    `json:"offset"`
	At       ms              `json:"at"`
	Actor    clock.Actor     `json:"actor"`
	Seq      uint64          `json:"seq"`
	By       string          `json:"by,omitempty"`
	Clock    clock.Vector    `json:"clock"`
	Bytes    int             `json:"bytes"`
	Redacted bool            `json:"redacted,omitempty"`
	Payload  json.RawMessage `json:"payload,omitempty"`
}

// Run lists or draws the ops.
func (c *logCmd) Run(t *tool) error {
	log, err := t.reading()
	if err != nil {
		return err
	}
	defer log.Close()
	from, err := c.cut(t, log, c.From)
	if errors.Is(err, oplog.ErrPruned) {
		from, err = &doc.Cut{}, nil // nothing of what is held was there
	}
	if err != nil {
		return err
	}
	to, err := c.cut(t, log, c.To)
	if err != nil {
		return err
	}
	if first := to.State.First; first > 1 {
		t.remark("The ops up to offset %d are pruned.", first-1)
	}
	to = to.Held()
	if c.Graph {
		return c.draw(t, to)
	}
	return c.list(t, from, to)
}

// cut returns the document at a moment; none is now, or for from its beginning.
func (c *logCmd) cut(t *tool, log store, text string) (*doc.Cut, error) {
	at, err := doc.ParseMoment(text, time.Now())
	if err != nil {
		return nil, err
	}
	return doc.CutAt(t.ctx, log, oplog.DocID(c.Doc), at)
}

func (c *logCmd) list(t *tool, from, to *doc.Cut) error {
	ops := []*logged{}
	err := to.Ops(t.ctx, func(e *oplog.Entry) bool {
		if c.From != "" && from.Has(e) || !c.wants(e) {
			return true
		}
		l := &logged{
			Offset: e.Offset, At: ms(e.At), Actor: e.Actor, Seq: e.Seq, By: e.By, Clock: e.Clock.Clone(),
			Bytes: len(e.Payload) + len(e.Ext), Redacted: e.Redacted,
		}
		if c.Payload {
			l.Payload = bytes.Clone(e.Payload)
		}
		if ops = append(ops, l); c.Last > 0 && len(ops) >= 2*c.Last {
			ops = append(ops[:0], ops[len(ops)-c.Last:]...)
		}
		return true
	})
	if err != nil {
		return err
	}
	if c.Last > 0 && len(ops) > c.Last {
		ops = ops[len(ops)-c.Last:]
	}
	if c.Newest {
		slices.Reverse(ops)
	}
	return t.print(ops, func(w io.Writer) error { return c.write(w, ops) })
}

// wants reports whether an op passes the filters.
func (c *logCmd) wants(e *oplog.Entry) bool {
	if len(c.By) > 0 && !slices.Contains(c.By, e.By) {
		return false
	}
	return len(c.Actor) == 0 || slices.ContainsFunc(c.Actor, func(a string) bool {
		return len(a) <= len(e.Actor) && string(e.Actor[:len(a)]) == a
	})
}

func (c *logCmd) write(w io.Writer, ops []*logged) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := "OFFSET\tTIME\tBY\tOP\tHAD SEEN\tBYTES"
	if c.Payload {
		head += "\tPAYLOAD"
	}
	fmt.Fprintln(tw, head)
	for _, l := range ops {
		seen := "–"
		if l.Clock.Len() > 0 {
			seen = ""
			for actor, seq := range l.Clock.All() {
				if seen != "" {
					seen += " "
				}
				seen += fmt.Sprintf("%s:%d", short(actor), seq)
			}
		}
		bytes := fmt.Sprint(l.Bytes)
		if l.Redacted {
			bytes = "erased"
		}
		fmt.Fprintf(tw, "%d\t%v\t%s\t%s:%d\t%s\t%s", l.Offset, l.At, cmp.Or(l.By, "–"), short(l.Actor), l.Seq, seen, bytes)
		if c.Payload {
			fmt.Fprintf(tw, "\t%s", l.Payload)
		}
		fmt.Fprintln(tw)
	}
	return tw.Flush()
}

// short is the name of an actor for a line: random ones are told apart by their
// beginnings.
func short(a clock.Actor) string {
	if len(a) > 16 {
		return string(a[:6]) + "…" + string(a[len(a)-4:])
	}
	return string(a)
}

// draw draws the causal history.
func (c *logCmd) draw(t *tool, to *doc.Cut) error {
	var g graph.Graph
	names := map[clock.Actor]string{}
	var wrong error
	err := to.Ops(t.ctx, func(e *oplog.Entry) bool {
		names[e.Actor] = cmp.Or(names[e.Actor], e.By)
		wrong = g.Add(e)
		return wrong == nil
	})
	if err := cmp.Or(wrong, err); err != nil {
		return err
	}
	o := graph.Options{
		Limit: c.Nodes, Zone: time.Local, Title: string(c.Doc), Width: t.width(), ASCII: c.ASCII, NewestFirst: c.Newest,
		Colour: c.Out == "" && term.IsTerminal(int(t.out.Fd())) && os.Getenv("NO_COLOR") == "",
		Names: func(a clock.Actor) string {
			return cmp.Or(names[a], short(a))
		},
	}
	var b bytes.Buffer
	switch c.form() {
	case "svg":
		err = g.WriteSVG(&b, o)
	case "dot":
		err = g.WriteDOT(&b, o)
	default:
		err = g.WriteText(&b, o)
	}
	if err != nil {
		return err
	}
	return t.save(c.Out, c.Force, b.Bytes())
}

func (c *logCmd) form() string {
	for _, form := range []string{"svg", "dot"} {
		if c.As == form || c.As == "" && len(c.Out) > 4 && c.Out[len(c.Out)-4:] == "."+form {
			return form
		}
	}
	return "text"
}
