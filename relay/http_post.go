package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// post is the [author] of ops that came in one HTTP request. It waits until
// each of them is answered.
type post struct {
	// static
	settled chan struct{} // closed when nothing is open any more
	release func()        // called then; must not block
	meters  *meters

	mu sync.Mutex
	// below guarded by mu, until settled
	open    int // ops that are to be answered, and one for the handing over itself
	acks    []wire.Ack
	rejects []wire.Reject
}

// postResult is the answer to a post. Where the log could not take all of it,
// the whole may be sent again: then it is a refusal too.
type postResult struct {
	*wire.Error
	Acks    []wire.Ack    `json:"acks"`
	Rejects []wire.Reject `json:"rejects"`
}

// accepted implements [author].
func (p *post) accepted(int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open++
}

// acked implements [author]. For each actor the highest op says it all.
func (p *post) acked(d clock.Dot, at oplog.Offset, _ bool, _ int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.acks, func(a wire.Ack) bool { return a.Actor == d.Actor })
	switch {
	case i < 0:
		p.acks = append(p.acks, wire.Ack{Actor: d.Actor, Seq: d.Seq, Offset: at})
	case p.acks[i].Seq < d.Seq:
		p.acks[i].Seq, p.acks[i].Offset = d.Seq, at
	}
	p.settle()
}

// rejected implements [author].
func (p *post) rejected(rej wire.Reject, size int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.meters.rejected(rej.Code)
	p.rejects = append(p.rejects, rej)
	if size >= 0 {
		p.settle()
	}
}

// handedOver says that no more ops come.
func (p *post) handedOver() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle()
}

func (p *post) settle() {
	if p.open--; p.open == 0 {
		close(p.settled)
		p.release()
	}
}

// postOps appends the ops of the body and answers when all of them are.
func (s *Server) postOps(c *call) error {
	if err := c.isOf(typeJSON); err != nil {
		return err
	}
	f, err := parseFormat(c.query.Get("format"))
	if err != nil {
		return err
	}
	if err := s.epoch(c); err != nil {
		return err
	}
	// The slot is taken before the body is read, as that takes memory. It is given
	// back when the log has answered, even if the client left long before.
	release, err := s.calls.takePost(c)
	if err != nil {
		return err
	}
	d, err := s.readPost(c)
	if err != nil {
		release()
		return err
	}
	d.format = f
	p := &post{
		settled: make(chan struct{}), release: release, meters: s.meters,
		open: 1, acks: []wire.Ack{}, rejects: []wire.Reject{},
	}
	err = s.handOver(c, p, d)
	p.handedOver()
	if err != nil {
		return err
	}
	select {
	case <-p.settled:
	case <-c.r.Context().Done():
		return context.Cause(c.r.Context())
	}
	slices.SortFunc(p.acks, func(a, b wire.Ack) int { return cmp.Compare(a.Offset, b.Offset) })
	result := &postResult{Acks: p.acks, Rejects: p.rejects}
	i := slices.IndexFunc(p.rejects, func(rej wire.Reject) bool { return rej.Code == wire.Unavailable })
	if i < 0 {
		answer(c.w, http.StatusOK, result)
		return nil
	}
	result.Error = &wire.Error{Code: wire.Unavailable, Message: p.rejects[i].Message, RetryMS: p.rejects[i].RetryMS}
	c.retryLater()
	answer(c.w, http.StatusServiceUnavailable, result)
	return nil
}

// readPost reads the ops of a post's body.
func (s *Server) readPost(c *call) (*delivery, error) {
	body, err := c.body(s.cfg.Limits.FrameBytes)
	if err != nil {
		return nil, err
	}
	came := time.Now()
	ops, stamps, err := wire.DecodeImport(body, &s.cfg.Limits, c.rights.Has(auth.Admin))
	if err != nil {
		return nil, unreadable(err)
	}
	if err := errors.Join(c.charge(countBytes, len(body)), c.charge(countOps, len(ops))); err != nil {
		return nil, err
	}
	return &delivery{
		ops: ops, stamps: stamps, came: came, by: c.id.Subject, write: true, closed: map[clock.Actor]bool{},
	}, nil
}

// handOver brings ops to the room's door.
func (s *Server) handOver(c *call, p *post, d *delivery) error {
	// Accepted ops are finished whether or not the client waits for that.
	ctx := context.WithoutCancel(c.r.Context())
	r, err := s.room(ctx, c.doc)
	if err != nil {
		return err
	}
	defer s.release(r)
	r.mu.Lock()
	is := r.state.Format
	r.mu.Unlock()
	if d.format != "" && is != "" && d.format != is {
		return &refusal{http.StatusConflict, wire.Format, fmt.Sprintf("%s holds ops of format %s, not %s", c.doc, is, d.format)}
	}
	r.accept(ctx, p, d)
	return nil
}

// unreadable returns what is said of a body that makes no sense.
func unreadable(err error) error {
	if e, ok := errors.AsType[*wire.Error](err); ok {
		return &refusal{http.StatusBadRequest, e.Code, e.Message}
	}
	return invalid("%v", err)
}

// postEvent tells an event to whoever is in the document.
func (s *Server) postEvent(c *call) error {
	if err := c.isOf(typeJSON); err != nil {
		return err
	}
	body, err := c.body(s.cfg.Limits.FrameBytes)
	if err != nil {
		return err
	}
	name, data, err := wire.DecodeEvent(body, &s.cfg.Limits)
	if err != nil {
		return unreadable(err)
	}
	if err := errors.Join(c.charge(countBytes, len(body)), c.charge(countEvents, 1)); err != nil {
		return err
	}
	r, err := s.room(c.r.Context(), c.doc)
	if err != nil {
		return err
	}
	defer s.release(r)
	r.tell(nil, name, data)
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
