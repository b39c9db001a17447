package client

import (
	"cmp"
	"context"
	"errors"
	"iter"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

// position is how far the caller has received a document.
type position struct {
	epoch  oplog.Epoch
	offset oplog.Offset
	seen   seen
	// proof is what the catch-up must add up to; empty if nothing says.
	proof clock.Vector
	gaps  int // since the last time it was live
	// before is the position before the newest snapshot, until the next update.
	before *position
}

// Next returns what happened next in the document. It blocks until something
// did. Once the stay is over it returns why: [ErrClosed], an [*EndError], a
// [*GapError], a [*SnapshotError]. It must be called all the time: what has not been received keeps
// the socket, and so the other documents of the connection, from being read.
func (d *Doc) Next(ctx context.Context) (Update, error) {
	c := d.conn
	for {
		c.mu.Lock()
		d.place.before = nil
		u, offer, ok := d.receive()
		stream, end, next := d.inbox.stream, d.end, d.inbox.arrived.next()
		c.mu.Unlock()
		switch {
		case ok && offer != nil:
			if !d.take(ctx, stream, offer, &u) {
				continue
			}
			return u, nil
		case ok:
			return u, nil
		case end != nil:
			return Update{}, end
		}
		select {
		case <-next:
		case <-ctx.Done():
			return Update{}, ctx.Err()
		}
	}
}

// Updates yields what [Doc.Next] returns, until the stay is over or ctx ends.
// The last pair has the error; after [Doc.Leave] or [Conn.Close] there is none.
func (d *Doc) Updates(ctx context.Context) iter.Seq2[Update, error] {
	return func(yield func(Update, error) bool) {
		for {
			u, err := d.Next(ctx)
			switch {
			case errors.Is(err, ErrClosed):
				return
			case err != nil:
				yield(Update{}, err)
				return
			case !yield(u, nil):
				return
			}
		}
	}
}

// receive works items off until one is an update for the caller. Changes of
// presence come when no item waits, and between items that do. conn.mu is held.
func (d *Doc) receive() (u Update, offer *snapshotOffer, ok bool) {
	if d.presence.due(len(d.inbox.items) == 0) {
		return Update{Presence: d.presence.changes()}, nil, true
	}
	for {
		it, ok := d.inbox.take()
		switch {
		case !ok:
			at := d.compaction()
			d.asked = d.asked && at == 0
			return Update{Compact: at}, nil, at > 0
		case it.ops != nil:
			if ops := d.fold(it.ops); len(ops) > 0 {
				return Update{Ops: ops}, nil, true
			}
		case it.joined != nil:
			u, offer = d.begin(it.joined)
			return u, offer, true
		case it.snapshot != nil:
			return Update{}, &snapshotOffer{Snapshot: *it.snapshot}, true
		case it.compact:
			d.asked = true
		case it.live > 0 || it.isLive:
			d.place.offset = max(d.place.offset, it.live)
			if it.isLive && d.arrive() {
				return Update{Status: d.become(Live, nil)}, nil, true
			}
		default:
			if s := it.update.Status; s != nil {
				s.State = cmp.Or(s.State, d.status.State)
				d.status = *s
			}
			d.told(it.update.Refused)
			return it.update, nil, true
		}
	}
}

// compaction returns where a snapshot is asked for, 0 where none is, or the caller
// does not have exactly what is saved. conn.mu is held, and no item waits.
func (d *Doc) compaction() oplog.Offset {
	if !d.asked || d.status.State != Live || len(d.out.ops) > 0 {
		return 0
	}
	return d.place.offset
}

// begin starts the stream that follows a joined.
func (d *Doc) begin(j *frame) (u Update, from *snapshotOffer) {
	p := &d.place
	p.proof = clock.Vector{}
	if j.Clock != nil {
		p.proof = *j.Clock
		p.offset = 0
	}
	// Ops are gone, and no blob stands in for them.
	gone := j.Snapshot == nil && j.From > p.offset && j.From+1 == j.First && !d.opts.NoOps
	p.seen.loose = gone && d.opts.NoSnapshot // nothing can be proven, as the caller wants it
	p.epoch = j.Epoch
	if j.Snapshot == nil && (!gone || p.seen.loose) {
		p.offset = j.From
	}
	state := CatchingUp
	if d.opts.NoOps {
		state = Live
	}
	switch {
	case j.Snapshot != nil:
		from = &snapshotOffer{Snapshot: *j.Snapshot}
	case gone && !d.opts.NoSnapshot:
		from = d.older(j.First)
	}
	return Update{Status: d.become(state, nil)}, from
}

// arrive ends a catch-up and reports whether nothing is missing.
func (d *Doc) arrive() bool {
	p := &d.place
	missing := p.seen.lacks(p.proof, d.out.newest())
	p.proof = clock.Vector{}
	if missing.Len() > 0 {
		d.gap(&GapError{Doc: d.name, Missing: missing})
		return false
	}
	p.gaps = 0
	return true
}

// fold returns those of the next entries that the caller lacks. Own ops that
// come this way were saved over an earlier connection.
func (d *Doc) fold(entries []oplog.Entry) []oplog.Entry {
	p := &d.place
	kept := entries[:0]
	for i := range entries {
		e := &entries[i]
		if e.Actor == d.out.actor && e.Seq >= d.out.ours && d.mine(e) {
			p.offset = e.Offset
			continue
		}
		if e.Seq > p.seen.have.Get(e.Actor) {
			if missing := p.seen.fold(e, d.out.newest()); missing.Len() > 0 {
				d.gap(&GapError{Doc: d.name, Op: e.Dot, Missing: missing})
				break
			}
			kept = append(kept, *e)
		}
		p.offset = e.Offset
	}
	if d.out.missing.Len() > 0 {
		if d.out.arrived(p.seen.have); d.out.missing.Len() == 0 {
			d.conn.poke()
		}
	}
	return kept
}

// mine takes an own op that the stream brought as saved. It reports false if
// it is not an op that was made here: then somebody else writes as this actor.
func (d *Doc) mine(e *oplog.Entry) bool {
	switch op := d.out.find(e.Seq); {
	case e.Seq < d.out.first():
		return true
	case op != nil && (e.Redacted || op.SameContent(&e.Op)):
		d.acked(e.Seq)
		return true
	}
	d.refuse(e.Dot, wire.Conflict, "the log has another op of this name")
	return false
}

// gap has the document sent again from what the caller has. What comes out
// the same a second time is final.
func (d *Doc) gap(err *GapError) {
	d.conn.log.Error("ops are missing", "doc", d.name, "err", err)
	if d.place.gaps++; d.place.gaps > 1 {
		d.conn.send(&leaveFrame{Type: wire.TypeLeave, ID: idLeave, Doc: d.name})
		d.over(err)
		return
	}
	d.byClock = true
	d.rejoin(err)
}

// become sets and returns the new status.
func (d *Doc) become(state State, err error) *Status {
	d.status = Status{State: state, Access: d.access, Err: err}
	s := d.status
	return &s
}

// Status returns how the stay stood at the last update that was received.
func (d *Doc) Status() Status {
	d.conn.mu.Lock()
	defer d.conn.mu.Unlock()
	return d.status
}
