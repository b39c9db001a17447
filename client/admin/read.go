package admin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

// maxLine is the longest op that is read, as JSON text.
const maxLine = 64 << 20

// reading is one call of Read on its way.
type reading struct {
	// static
	relay *Relay
	doc   oplog.DocID
	state oplog.State
	visit func(*oplog.Entry) bool

	span  oplog.Span
	after oplog.Offset           // of the last op that was visited
	seqs  map[clock.Actor]uint64 // the last number of each actor, of what was visited
	line  []byte
}

// Read is [oplog.Log.Read]. It ends at the head that the document had when it
// began. A stream that is cut is resumed behind the last op. Each actor's ops must
// come without a gap, up to the one that the document's clock names.
func (r *Relay) Read(ctx context.Context, doc oplog.DocID, epoch oplog.Epoch, after oplog.Offset, visit func(*oplog.Entry) bool) (oplog.Span, error) {
	s, err := r.State(ctx, doc)
	if err != nil {
		return oplog.Span{}, fmt.Errorf("read %q: %w", doc, err)
	}
	g := reading{relay: r, doc: doc, state: s, visit: visit, span: s.Span, after: after, seqs: map[clock.Actor]uint64{}}
	switch {
	case epoch != "" && epoch != s.Epoch:
		err = oplog.ErrEpoch
	case after < s.First-1:
		err = oplog.ErrPruned
	default:
		err = g.run(ctx)
	}
	if err != nil {
		return g.span, fmt.Errorf("read %q: %w", doc, err)
	}
	return g.span, nil
}

func (g *reading) run(ctx context.Context) error {
	p := pauses{patience: g.relay.patience}
	for g.after < g.state.Head {
		before := g.after
		done, err := g.stream(ctx)
		switch {
		case done || err != nil && !errors.Is(err, errCut):
			return err
		case g.after > before:
			p = pauses{patience: g.relay.patience}
		}
		if !p.wait(ctx, 0) {
			return errors.Join(ctx.Err(), err)
		}
	}
	return nil
}

// stream asks for the ops behind the last one. Unless it is done or says what is
// wrong, it was cut.
func (g *reading) stream(ctx context.Context) (done bool, err error) {
	resp, err := g.relay.do(ctx, &call{
		right: "read", doc: g.doc, path: docPath(g.doc, "/ops"),
		query:  url.Values{"after": {strconv.FormatUint(uint64(g.after), 10)}, "epoch": {string(g.state.Epoch)}},
		header: map[string]string{"Accept": "application/x-ndjson"},
	})
	if f, ok := errors.AsType[*refusal](err); ok && f.Code == wire.Pruned {
		g.span.First = f.First // somebody pruned meanwhile
	}
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Baton-Epoch"); got != string(g.state.Epoch) || resp.StatusCode != http.StatusOK {
		return false, fmt.Errorf("%w: the stream is of %q, not of %q", oplog.ErrEpoch, got, g.state.Epoch)
	}
	lines := bufio.NewReaderSize(resp.Body, 64<<10)
	for {
		if err := g.readLine(lines); err != nil {
			return false, errors.Join(ctx.Err(), err)
		}
		more, err := g.take()
		if err != nil || !more {
			return true, err
		}
	}
}

// readLine reads the next line, which is complete.
func (g *reading) readLine(lines *bufio.Reader) error {
	g.line = g.line[:0]
	for {
		part, err := lines.ReadSlice('\n')
		if len(g.line)+len(part) > maxLine {
			return fmt.Errorf("an op is longer than %d bytes", maxLine)
		}
		g.line = append(g.line, part...)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, bufio.ErrBufferFull):
		default:
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("%w behind offset %d: %w", errCut, g.after, err)
		}
	}
}

// take visits the op in the line; more says whether there are others to come.
func (g *reading) take() (more bool, err error) {
	var e oplog.Entry
	if err := wire.ParseEntry(g.line, &e); err != nil {
		return false, fmt.Errorf("behind offset %d: %w", g.after, err)
	}
	last, seen := g.seqs[e.Actor]
	switch {
	case e.Offset <= g.after:
		return false, fmt.Errorf("offset %d came behind %d", e.Offset, g.after)
	case e.Offset > g.state.Head:
		return false, fmt.Errorf("the op at %d, the head of the document, did not come", g.state.Head)
	case seen && e.Seq != last+1:
		return false, fmt.Errorf("%v came behind %d of its actor: ops are missing", e.Dot, last)
	}
	g.after, g.seqs[e.Actor] = e.Offset, e.Seq
	if !g.visit(&e) {
		return false, nil
	}
	if e.Offset < g.state.Head {
		return true, nil
	}
	for actor, seq := range g.seqs {
		if want := g.state.Heads.Clock.Get(actor); seq != want {
			return false, fmt.Errorf("the document has %s up to %d, and %d came: ops are missing", actor, want, seq)
		}
	}
	return false, nil
}
