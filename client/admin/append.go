package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

// What a body has at most, at first: within what a relay takes unless it is told
// otherwise. One that takes less gets less.
const (
	bodyOps   = 512
	bodyBytes = 768 << 10
)

// appending is a call of Append on its way.
type appending struct {
	oplog.Append
	relay *Relay
	epoch oplog.Epoch // empty until the document exists
	base  oplog.Offset

	maxOps, maxBytes int
	body             []byte
}

// Append is [oplog.Log.Append]. Whether the entries follow from what the log holds
// is asked before anything is sent. From there on they go in several requests: if
// one of them is refused ([*RejectedError]), what came before it stays. By and At
// count with the right admin; without it, or with By empty, an op is its sender's.
// Offset and At are read back. A redacted entry cannot be sent.
//
// After an error, [Relay.State] says how far the log has come.
func (r *Relay) Append(ctx context.Context, a oplog.Append) (oplog.Epoch, error) {
	p := appending{Append: a, relay: r, epoch: a.Epoch, maxOps: bodyOps, maxBytes: bodyBytes}
	err := p.run(ctx)
	if err != nil {
		return "", fmt.Errorf("append to %q: %w", a.Doc, err)
	}
	return p.epoch, nil
}

func (p *appending) run(ctx context.Context) error {
	if err := p.admit(ctx); err != nil {
		return err
	}
	for rest := p.Entries; len(rest) > 0; {
		n, err := p.fill(rest)
		if err == nil {
			err = p.send(ctx, rest[:n])
		}
		f, refused := errors.AsType[*refusal](err)
		switch {
		case err == nil:
			rest = rest[n:]
		case refused && n > 1 && (f.status == http.StatusBadRequest || f.status == http.StatusRequestEntityTooLarge):
			// Too many at once for this relay, or one of them makes no sense: smaller
			// bodies tell.
			p.maxOps, p.maxBytes = n/2, len(p.body)/2
		case refused:
			return p.explain(f, rest[0].Dot, n)
		default:
			return err
		}
		if err == nil && p.epoch == "" {
			s, err := p.relay.State(ctx, p.Doc)
			if err != nil {
				return err
			}
			p.epoch = s.Epoch
		}
	}
	return p.readBack(ctx)
}

// explain says what it means that a body of n ops was refused as a whole.
func (p *appending) explain(f *refusal, first clock.Dot, n int) error {
	switch {
	case f.Code == wire.NotFound && p.epoch != "":
		return fmt.Errorf("%w: the document does not exist", oplog.ErrEpoch)
	case n == 1 && (f.status == http.StatusBadRequest || f.status == http.StatusRequestEntityTooLarge):
		return &RejectedError{Op: first, Code: f.Code, Message: f.Message}
	}
	return f
}

// admit checks what the log would refuse.
func (p *appending) admit(ctx context.Context) error {
	if len(p.Entries) == 0 {
		return errors.New("there are no entries")
	}
	s, err := p.relay.State(ctx, p.Doc)
	switch {
	case errors.Is(err, oplog.ErrNotFound) && p.Epoch == "":
	case errors.Is(err, oplog.ErrNotFound):
		return oplog.ErrEpoch
	case err != nil:
		return err
	case s.Epoch != p.Epoch:
		return oplog.ErrEpoch
	case p.Format != "" && p.Format != s.Format:
		return fmt.Errorf("%w: it is %q", oplog.ErrFormat, s.Format)
	}
	p.base = s.Head
	raised := map[clock.Actor]uint64{}
	seq := func(a clock.Actor) uint64 {
		if n, ok := raised[a]; ok {
			return n
		}
		return s.Heads.Clock.Get(a)
	}
	for i := range p.Entries {
		e := &p.Entries[i]
		if !e.Actor.Valid() {
			return fmt.Errorf("op %v: %w", e.Dot, clock.ErrActor)
		}
		if have := seq(e.Actor); e.Seq != have+1 {
			return fmt.Errorf("op %v: %w: the log has its actor up to %d", e.Dot, oplog.ErrOrder, have)
		}
		for a, n := range e.Clock.All() {
			if have := seq(a); have < n {
				return fmt.Errorf("op %v: %w: its clock names %s:%d and the log has that actor up to %d", e.Dot, oplog.ErrOrder, a, n, have)
			}
		}
		raised[e.Actor] = e.Seq
	}
	return nil
}

// fill makes a body of the first of some entries, and returns how many.
func (p *appending) fill(rest []oplog.Entry) (n int, err error) {
	p.body = append(p.body[:0], '[')
	for n < len(rest) && n < max(p.maxOps, 1) {
		size := len(p.body)
		if n > 0 {
			p.body = append(p.body, ',')
		}
		if p.body, err = wire.AppendImport(p.body, &rest[n]); err != nil {
			return 0, err
		}
		if n > 0 && len(p.body) > p.maxBytes {
			p.body = p.body[:size]
			break
		}
		n++
	}
	p.body = append(p.body, ']')
	return n, nil
}

// send has the relay take the ops of the body, which are those of sent.
func (p *appending) send(ctx context.Context, sent []oplog.Entry) error {
	c := &call{
		right: "write", doc: p.Doc, method: http.MethodPost, path: docPath(p.Doc, "/ops"),
		query: url.Values{}, header: map[string]string{"Content-Type": "application/json"}, body: p.body,
	}
	if p.Format != "" {
		c.query.Set("format", string(p.Format))
	}
	if p.epoch != "" {
		c.query.Set("epoch", string(p.epoch))
	}
	pause := pauses{patience: p.relay.patience}
	for {
		var result struct {
			Acks    []wire.Ack    `json:"acks"`
			Rejects []wire.Reject `json:"rejects"`
		}
		if err := p.relay.get(ctx, c, &result); err != nil {
			return err
		}
		if len(result.Rejects) == 0 {
			return acked(sent, result.Acks)
		}
		// What follows an op that is not taken is not taken for that.
		no := &result.Rejects[0]
		if no.Code == wire.RateLimited && pause.wait(ctx, milliseconds(no.RetryMS)) {
			continue
		}
		return errors.Join(ctx.Err(), &RejectedError{Op: clock.Dot{Actor: no.Actor, Seq: no.Seq}, Code: no.Code, Message: no.Message})
	}
}

// acked checks that every op was acked: the highest of an actor says it for all.
func acked(sent []oplog.Entry, acks []wire.Ack) error {
	var have clock.Vector
	for _, a := range acks {
		if a.Actor.Valid() {
			have.Raise(a.Actor, a.Seq)
		}
	}
	for i := range sent {
		if !have.Has(sent[i].Dot) {
			return fmt.Errorf("the relay neither took nor rejected op %v", sent[i].Dot)
		}
	}
	return nil
}

// readBack sets offsets and times to what the log has.
func (p *appending) readBack(ctx context.Context) error {
	open := make(map[clock.Dot]*oplog.Entry, len(p.Entries))
	for i := range p.Entries {
		open[p.Entries[i].Dot] = &p.Entries[i]
	}
	_, err := p.relay.Read(ctx, p.Doc, p.epoch, p.base, func(e *oplog.Entry) bool {
		if mine := open[e.Dot]; mine != nil {
			mine.Offset, mine.At = e.Offset, e.At
			delete(open, e.Dot)
		}
		return len(open) > 0
	})
	if err == nil && len(open) > 0 {
		err = fmt.Errorf("%d ops that the relay acked are not there", len(open))
	}
	if err != nil {
		return fmt.Errorf("read back what was appended: %w", err)
	}
	return nil
}
