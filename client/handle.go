package client

import (
	"errors"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/relay/wire"
)

// handle takes one frame of the relay. It returns the document that got
// something to receive, if one did.
func (c *Conn) handle(s *socket, f *frame, size int) *Doc {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch f.Type {
	case "draining":
		c.drainingMS = max(0, f.RetryMS)
		c.log.Info("the relay is going", "retry_ms", f.RetryMS)
		return nil
	case "auth":
		if f.ID == nil && c.opts.TokenSource != nil {
			c.ends.Go(c.renewLive) // the token is about to end
		}
		return nil
	}
	d := c.docs[f.Doc]
	if d == nil {
		if f.Type == "error" {
			c.log.Warn("the relay refused a frame", "code", f.Code, "message", f.Message, "id", string(f.ID))
		}
		return nil
	}
	switch f.Type {
	case "joined":
		d.handleJoined(f)
	case "error":
		d.handleError(f)
	}
	if d.stage != inside {
		return nil // of a stay before this one
	}
	return d.handle(s, f, size)
}

// renewLive brings a new token to the live connection.
func (c *Conn) renewLive() {
	if err := c.renewToken(c.ctx); err != nil {
		c.log.Error("renew token", "err", err)
		return
	}
	c.mu.Lock()
	token := c.token
	c.mu.Unlock()
	c.SetToken(token)
}

// handle takes a frame about a document that the session is in.
func (d *Doc) handle(s *socket, f *frame, size int) *Doc {
	switch f.Type {
	case "ops":
		if len(f.Ops) > 0 && !d.opts.NoOps {
			d.inbox.put(item{size: size, ops: f.entries()})
		}
	case "live":
		d.inbox.put(item{live: f.Offset, isLive: true})
	case "ack":
		d.handleAck(f)
	case "reject":
		d.handleReject(f)
	case "presence":
		if !d.opts.NoPresence {
			d.presence.apply(f.States, s.welcome.Session)
			d.inbox.arrived.fire()
		}
		return nil
	case "event":
		if d.inbox.bytes <= d.conn.opts.Buffer { // it may be dropped; the ops behind it may not wait for it
			d.inbox.put(item{size: size, update: Update{Event: &Event{Session: f.Session, Name: f.Name, Data: []byte(f.Data)}}})
		}
	case "snapshot":
		d.inbox.put(item{snapshot: f.Snapshot})
	case "access":
		d.access = f.Access
		d.inbox.put(item{update: Update{Status: &Status{Access: d.access}}})
	case "compact":
		d.inbox.put(item{compact: true})
	case "left":
		if f.Code != wire.Left {
			d.over(&EndError{Code: f.Code, Doc: d.name, Message: f.Message})
		}
	}
	return d
}

// handleJoined enters the document, if this answers the last join.
func (d *Doc) handleJoined(f *frame) {
	if word, n := f.about(); d.stage != joining || word != idJoin || n != d.joinNumber {
		return
	}
	d.stage, d.byClock, d.asked = inside, false, false
	d.access = f.Access
	if d.access == nil {
		d.access = []string{}
	}
	if f.Clock != nil {
		d.compare(f)
	}
	d.epoch = f.Epoch
	d.inbox.put(item{joined: f})
	d.presence.unsent = d.presence.state != nil
	d.entering.fire()
	d.conn.poke()
}

// compare tells the caller if the log is not the one it had.
func (d *Doc) compare(f *frame) {
	if f.Lost.Len() == 0 && (d.epoch == "" || d.epoch == f.Epoch) {
		return
	}
	seen := &d.place.seen
	seen.trim(*f.Clock)
	var refused *Refused
	if lost := f.Lost.Get(d.out.actor); lost > 0 {
		// The log ends before ops of ours that we no longer have: nothing can
		// follow them under this name.
		refused = d.surrender(clock.Dot{Actor: d.out.actor, Seq: lost}, wire.Conflict, "the log lost earlier ops of this actor")
		seen.newActor()
		seen.trim(*f.Clock)
	}
	d.withheld = len(d.out.ops) > 0
	d.conn.log.Error("the document is not the one that was known", "doc", d.name,
		"was", d.epoch, "is", f.Epoch, "lost", string(f.Lost.AppendJSON(nil)))
	d.inbox.put(item{keep: true, update: Update{
		Refused: refused, Diverged: &Divergence{Was: d.epoch, Is: f.Epoch, Lost: f.Lost},
	}})
}

func (d *Doc) handleAck(f *frame) {
	if f.Actor == d.out.actor {
		d.acked(f.Seq)
	}
	if !d.opts.NoOps {
		d.inbox.reach(f.Offset)
	}
}

// acked takes own ops up to seq as saved.
func (d *Doc) acked(seq uint64) {
	if n := d.out.ack(seq); n > 0 {
		d.settled += uint64(n)
		d.place.seen.have.Raise(d.out.actor, seq)
		d.settling.fire()
		d.conn.poke()
	}
}

// missingWait is how long an op that names missing ones waits for them.
const missingWait = time.Second

// handleReject does what the protocol's table of rejects says.
func (d *Doc) handleReject(f *frame) {
	if f.Actor != d.out.actor || f.Seq < d.out.first() {
		return // of an actor that was given up, or answered already
	}
	now, retry := time.Now(), milliseconds(f.RetryMS)
	switch f.Code {
	case wire.RateLimited, wire.Unavailable:
		d.out.wait(f.Seq, now.Add(max(retry, d.conn.opts.MinBackoff)), clock.Vector{})
	case wire.Missing:
		d.out.wait(f.Seq, now.Add(missingWait), f.Missing)
		d.out.arrived(d.place.seen.have)
	case wire.Gap:
		if !d.out.gap(f.Seq, f.Expected) {
			d.refuse(clock.Dot{Actor: f.Actor, Seq: f.Seq}, f.Code, f.Message)
		}
	default:
		d.refuse(clock.Dot{Actor: f.Actor, Seq: f.Seq}, f.Code, f.Message)
	}
	d.conn.poke()
}

// refuse gives up the actor and tells the caller.
func (d *Doc) refuse(op clock.Dot, code wire.Code, message string) {
	refused := d.surrender(op, code, message)
	d.place.seen.newActor()
	d.inbox.put(item{keep: true, update: Update{Refused: refused}})
}

// surrender takes everything out of the outbox, and a new actor.
func (d *Doc) surrender(op clock.Dot, code wire.Code, message string) *Refused {
	saved := d.settled
	d.settled += uint64(len(d.out.ops))
	r := &Refused{Op: op, Code: code, Message: message, Unsaved: d.out.surrender()}
	r.Actor = d.out.actor
	for _, w := range d.saving {
		if w.until > saved && w.refused == nil {
			w.refused = r
		}
	}
	d.untold = r
	d.settling.fire()
	d.conn.log.Error("own ops were refused", "doc", d.name, "err", r, "unsaved", len(r.Unsaved))
	return r
}

// handleError takes the refusal of a frame.
func (d *Doc) handleError(f *frame) {
	word, n := f.about()
	now, retry := time.Now(), milliseconds(f.RetryMS)
	later := f.Code == wire.RateLimited || f.Code == wire.Unavailable
	switch {
	case word == idJoin && n == d.joinNumber && d.stage == joining && later:
		d.stage = outside
		d.notBefore = now.Add(max(retry, d.conn.opts.MinBackoff) + jitter(d.conn.opts.MinBackoff))
	case word == idJoin && n == d.joinNumber && d.stage == joining:
		d.over(&EndError{Code: f.Code, Doc: d.name, Message: f.Message})
	case word == idOps && d.stage == inside && later:
		d.out.wait(n, now.Add(max(retry, d.conn.opts.MinBackoff)), clock.Vector{})
	case word == idOps && d.stage == inside && f.Code == wire.NotJoined:
		d.rejoin(errors.New("the relay says it was not joined"))
	case word == idOps && d.stage == inside:
		d.refuse(clock.Dot{Actor: d.out.actor, Seq: n}, f.Code, f.Message)
	default:
		d.conn.log.Warn("the relay refused a frame", "doc", d.name, "code", f.Code, "message", f.Message, "id", word)
	}
	d.conn.poke()
}
