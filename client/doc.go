package client

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

// JoinOptions say how to enter a document. The zero value hears everything from
// the start, as a new actor.
type JoinOptions struct {
	// Since is how far the caller has the document already.
	Since Place
	// Outbox continues the actor of an earlier run with the ops that it had not
	// saved; the caller has them in the document. No two may use it at once.
	Outbox Outbox
	// Format is what the payloads are; empty takes whatever the document is.
	Format oplog.Format
	// NoOps and NoPresence leave out a channel. A Doc that does not hear ops
	// need not be received from.
	NoOps, NoPresence bool
	// NoSnapshot asks for ops only, however many, and never for a blob.
	NoSnapshot bool
}

// Place is how far somebody has a document. Kept with the document, it lets the
// next Join go on from there.
type Place struct {
	Epoch  oplog.Epoch  `json:"epoch,omitempty"`
	Offset oplog.Offset `json:"offset,omitempty"`
	Clock  clock.Vector `json:"clock"`
	// Heads are the entries of Clock that imply the others. It may be empty:
	// then the next own op names all of Clock.
	Heads clock.Vector `json:"heads"`
}

// stage is how far a stay is on the current connection.
type stage int

const (
	outside stage = iota // a join is to be sent
	joining              // it was sent
	inside               // it was answered
	over                 // for good; Doc.end says why
)

// Doc is one document on a connection. It comes back after cuts with its
// connection. Its methods may be called from many goroutines, but ops are
// received by one at a time. All its fields but the static ones are guarded by
// the lock of the connection.
type Doc struct {
	// static after construction
	conn *Conn
	name oplog.DocID
	opts JoinOptions

	// own ops
	out      outbox
	appended uint64 // ops ever put into the outbox
	settled  uint64 // of them, acked or refused
	waiters  int    // calls that wait for acks: the socket is read for them
	saving   []*saving
	untold   *Refused // the last refusal, until the caller was told
	withheld bool     // nothing is sent until [Doc.Resend]
	settling signal   // fired when settled or end change

	// the stay
	stage      stage
	leaveFirst bool      // before joining again
	joinNumber uint64    // of the join whose answer counts
	notBefore  time.Time // when the join may be sent
	noSnapshot bool
	below      oplog.Offset // only snapshots before it may load; 0: any may
	asked      bool         // the relay asks for a snapshot, and could not be answered yet
	byClock    bool         // the next join does not trust the offset
	epoch      oplog.Epoch  // of the last joined
	access     []string     // nil before the first joined
	status     Status
	end        error
	entering   signal // fired when stage or end change

	inbox    inbox
	presence presence
	place    position
}

// Join enters a document and returns when the relay has said joined. ctx bounds
// that only. A document is entered once on a connection; one that is refused
// (no right, another format) is an [*EndError].
func (c *Conn) Join(ctx context.Context, doc oplog.DocID, opts JoinOptions) (*Doc, error) {
	if _, err := oplog.ParseDocID(string(doc)); err != nil {
		return nil, fmt.Errorf("join document: %w", err)
	}
	out, err := loadOutbox(opts.Outbox)
	if err != nil {
		return nil, fmt.Errorf("join %s: %w", doc, err)
	}
	d := &Doc{
		conn: c, name: doc, opts: opts, out: out, noSnapshot: opts.NoSnapshot, epoch: opts.Since.Epoch,
		appended: uint64(len(out.ops)),
		place:    position{epoch: opts.Since.Epoch, offset: opts.Since.Offset, seen: seenUpTo(opts.Since.Clock, opts.Since.Heads)},
	}
	c.mu.Lock()
	switch {
	case c.err != nil:
		err = c.err
	case c.docs[doc] != nil:
		err = fmt.Errorf("join %s: this connection is in it already", doc)
	default:
		c.docs[doc] = d
		c.order = append(c.order, d)
		c.poke()
	}
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if err := d.awaitJoined(ctx); err != nil {
		d.finish(err)
		return nil, fmt.Errorf("join %s: %w", doc, err)
	}
	return d, nil
}

func (d *Doc) awaitJoined(ctx context.Context) error {
	for {
		d.conn.mu.Lock()
		stage, end, next := d.stage, d.end, d.entering.next()
		d.conn.mu.Unlock()
		switch {
		case end != nil:
			return end
		case stage == inside:
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Name returns the document's name.
func (d *Doc) Name() oplog.DocID { return d.name }

// Place returns how far the caller has received the document, to be kept with
// it and given to a later Join.
func (d *Doc) Place() Place {
	d.conn.mu.Lock()
	defer d.conn.mu.Unlock()
	p := Place{Epoch: d.place.epoch, Offset: d.place.offset, Clock: d.place.seen.have.Clone()}
	for a, seq := range d.place.seen.heads {
		p.Heads.Raise(a, seq)
	}
	return p
}

// Clock returns which ops the caller has: those received, and own ones that
// were acked. The caller owns it.
func (d *Doc) Clock() clock.Vector {
	d.conn.mu.Lock()
	defer d.conn.mu.Unlock()
	return d.place.seen.have.Clone()
}

// Actor returns the actor of the next own op.
func (d *Doc) Actor() clock.Actor {
	d.conn.mu.Lock()
	defer d.conn.mu.Unlock()
	return d.out.actor
}

// Leave leaves the document. Ops that were not acked are not sent any more.
// Updates ends without an error, Next with [ErrClosed].
func (d *Doc) Leave() {
	d.conn.mu.Lock()
	if d.stage == inside || d.stage == joining {
		d.conn.send(&leaveFrame{Type: wire.TypeLeave, ID: idLeave, Doc: d.name})
	}
	d.conn.mu.Unlock()
	d.finish(ErrClosed)
}

// finish ends the stay for good.
func (d *Doc) finish(err error) {
	d.conn.mu.Lock()
	defer d.conn.mu.Unlock()
	d.over(err)
}

// over ends the stay for good. conn.mu is held.
func (d *Doc) over(err error) {
	if d.end != nil {
		return
	}
	d.stage, d.end = over, err
	d.entering.fire()
	d.settling.fire()
	d.inbox.arrived.fire()
	d.inbox.drained.fire()
	if d.conn.docs[d.name] == d {
		delete(d.conn.docs, d.name)
		d.conn.order = slices.DeleteFunc(d.conn.order, func(o *Doc) bool { return o == d })
	}
}
