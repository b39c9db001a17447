package relay

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

// author is who brought an op through the door and waits for the answer. Its
// methods are called with the room's lock held and must not take it.
type author interface {
	// accepted says that an op of this author is on its way, or its retry is.
	accepted(size int)
	// acked says that an op is durable at an offset. fresh means that this author
	// brought it first.
	acked(d clock.Dot, at oplog.Offset, fresh bool, size int)
	// rejected says that an op was not taken. Where it was accepted before, size
	// is what accepted was told, else -1.
	rejected(rej wire.Reject, size int)
}

// pending is an op on its way to the log.
type pending struct {
	entry  oplog.Entry
	size   int
	came   time.Time // when its frame or body had been read
	author author
	// retries are those who sent the same op while it was on its way.
	retries []author
}

// delivery is a list of ops as it comes to the door.
type delivery struct {
	ops    []wire.Op
	stamps []wire.Stamp // of ops, for an import; else nil
	came   time.Time    // when the last byte of them had been read
	by     string       // the author's subject
	write  bool         // the author has the right to write
	format oplog.Format // what the author says the document is; may be empty
	// closed are the actors that had a conflict with this author; accept adds to
	// it, and makes it where it is nil.
	closed map[clock.Actor]bool
}

// subject returns who wrote an op: of an imported one, who the import says.
func (d *delivery) subject(i int) string {
	if d.imported(i) {
		return d.stamps[i].By
	}
	return d.by
}

// imported reports whether an op comes with the name of its author.
func (d *delivery) imported(i int) bool { return d.stamps != nil && d.stamps[i].By != "" }

// accept is the room's one door for ops: a participant's frame and an HTTP post
// enter here. Every op is answered by itself, at once or when it is durable.
// It may be called again with the same ops: the clock says which are new.
func (r *room) accept(ctx context.Context, a author, d *delivery) {
	// Old ops sent again are compared with what the tail holds, or the log, which
	// is read outside the lock. What becomes old meanwhile is looked up in another
	// turn.
	old := make([]compared, len(d.ops))
	for epoch := oplog.Epoch(""); ; {
		r.mu.Lock()
		if epoch != r.state.Epoch { // the document was deleted meanwhile, and another was created
			clear(old)
			epoch = r.state.Epoch
		}
		unread := r.compare(d, old)
		if len(unread) == 0 {
			break
		}
		r.mu.Unlock()
		if err := r.lookup(ctx, d, unread, old); err != nil {
			r.srv.slog.Error("compare retries", logDocument, r.doc, logError, err)
			r.mu.Lock()
			for i := range d.ops {
				a.rejected(r.unavailable(d.ops[i].Dot), -1)
			}
			r.mu.Unlock()
			return
		}
	}
	defer r.mu.Unlock()
	gaps := map[clock.Actor]bool{} // actors that were told of a gap in this frame
	for i := range d.ops {
		op := &d.ops[i]
		if rej := r.check(a, d, i, &old[i]); rej != nil {
			if rej.Code == wire.Gap {
				if gaps[op.Actor] {
					continue
				}
				gaps[op.Actor] = true
			}
			if rej.Code == wire.Conflict {
				if d.closed == nil {
					d.closed = map[clock.Actor]bool{}
				}
				d.closed[op.Actor] = true
			}
			a.rejected(*rej, -1)
			continue
		}
		if r.head(op.Actor) < op.Seq {
			r.enqueue(a, d, i)
		}
	}
	r.commitWaiting()
}

// check says what is against an op, nil if nothing is. An op that is known is
// answered here.
func (r *room) check(a author, d *delivery, i int, old *compared) *wire.Reject {
	op, by := &d.ops[i], d.subject(i)
	no := func(code wire.Code, format string, args ...any) *wire.Reject {
		return &wire.Reject{Actor: op.Actor, Seq: op.Seq, Code: code, Message: fmt.Sprintf(format, args...)}
	}
	switch {
	case op.Fault != nil:
		return no(op.Fault.Code, "%s", op.Fault.Message)
	case !d.write:
		return no(wire.Forbidden, "no right to write in %s", r.doc)
	case r.deleting:
		return no(wire.Closed, "%s is being deleted", r.doc)
	case d.closed[op.Actor]:
		return no(wire.Conflict, "actor %s had a conflict before; take a new actor", op.Actor)
	}
	head := r.head(op.Actor)
	if op.Seq <= head {
		if old.is == tooMuch {
			rej := r.unavailable(op.Dot)
			rej.Message = "too much has to be compared with what the log holds; send it again"
			return &rej
		}
		if !r.known(a, op, old) {
			return no(wire.Conflict, "%v is another op already; take a new actor", op.Dot)
		}
		return nil
	}
	if d.format != "" && r.state.Format != "" && d.format != r.state.Format {
		return no(wire.Invalid, "%s holds ops of format %s, not %s", r.doc, r.state.Format, d.format)
	}
	if head > 0 && !r.mayWriteAs(op.Actor, by, d.imported(i)) {
		return no(wire.Forbidden, "actor %s is not yours; take an actor of your own", op.Actor)
	}
	if op.Seq > head+1 {
		rej := no(wire.Gap, "the next op of actor %s is %d", op.Actor, head+1)
		rej.Expected = head + 1
		return rej
	}
	if missing := r.missing(op.Clock); missing.Len() > 0 {
		rej := no(wire.Missing, "the clock of %v names ops that are not here", op.Dot)
		rej.Missing = &missing
		return rej
	}
	if full := r.full(op, by); full != "" {
		return no(wire.Closed, "%s", full)
	}
	return nil
}

// mayWriteAs reports whether a subject may go on as an actor. One that nobody
// with a name began is closed to those who have one. Where nobody is asked for a
// name, nothing belongs to anybody; an import says itself whose an op is.
func (r *room) mayWriteAs(a clock.Actor, by string, imported bool) bool {
	owner := r.owner(a)
	return owner == by || r.srv.open || imported && owner == ""
}

func (r *room) owner(a clock.Actor) string {
	if owner := r.state.Heads.Owner(a); owner != "" {
		return owner
	}
	return r.ahead.Owner(a)
}

// missing returns what a clock names that is neither in the log nor on its way.
func (r *room) missing(c clock.Vector) clock.Vector {
	var m clock.Vector
	for a, seq := range c.All() {
		if r.head(a) < seq {
			m.Raise(a, seq)
		}
	}
	return m
}

// known answers an op that is in the log, or on its way there, and reports
// whether it is the same op.
func (r *room) known(a author, op *wire.Op, old *compared) bool {
	if !r.state.Heads.Clock.Has(op.Dot) {
		p := r.onItsWay(op.Dot)
		if !p.entry.SameContent(&op.Op) {
			return false
		}
		a.accepted(p.size)
		p.retries = append(p.retries, a)
		return true
	}
	if old.is == another {
		return false
	}
	// Without an entry it was pruned: it lies before all that is held.
	at := old.at
	if at == 0 {
		at = max(r.state.First, 2) - 1
	}
	a.accepted(0)
	a.acked(op.Dot, at, false, 0)
	return true
}

func (r *room) onItsWay(d clock.Dot) *pending {
	for _, list := range [][]pending{r.inflight, r.waiting} {
		if i := slices.IndexFunc(list, func(p pending) bool { return p.entry.Dot == d }); i >= 0 {
			return &list[i]
		}
	}
	panic(fmt.Sprintf("room %s: op %v is neither in the log nor on its way", r.doc, d))
}

// enqueue puts a new op behind those that wait for the log.
func (r *room) enqueue(a author, d *delivery, i int) {
	op := &d.ops[i]
	e := op.Entry(d.subject(i))
	if d.stamps != nil {
		e.At = d.stamps[i].At
	}
	if r.state.Format == "" {
		// The first op says what the document is; its epoch comes with its commit.
		r.state.Format = d.format
		if d.format == "" {
			r.state.Format = oplog.DefaultFormat
		}
	}
	size := len(op.Payload) + len(op.Ext)
	r.measured().add(&e, size)
	r.waiting = append(r.waiting, pending{entry: e, size: size, came: d.came, author: a})
	r.ahead.Apply(&e)
	a.accepted(size)
}

func (r *room) unavailable(d clock.Dot) wire.Reject {
	return wire.Reject{
		Actor: d.Actor, Seq: d.Seq, Code: wire.Unavailable, RetryMS: retryUnavailable.Milliseconds(),
		Message: "the log takes no writes at the moment; send it again",
	}
}
