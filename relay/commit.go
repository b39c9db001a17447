package relay

import (
	"context"
	"errors"
	"time"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/webhook"
	"github.com/baton-relay/baton/relay/wire"
)

// commitWaiting has the waiting ops carried to the log, if that is not being
// done already.
func (r *room) commitWaiting() {
	if r.committing || len(r.waiting) == 0 {
		return
	}
	r.committing = true
	r.srv.hold(r)
	r.srv.commits.Go(r.commit)
}

// commit carries what waits to the log, batch after batch, until nothing does.
func (r *room) commit() {
	defer r.srv.release(r)
	for {
		r.mu.Lock()
		if len(r.waiting) == 0 {
			r.committing = false
			r.settled.Broadcast()
			r.mu.Unlock()
			return
		}
		batch := r.waiting
		r.inflight, r.waiting = batch, nil
		add := oplog.Append{Doc: r.doc, Epoch: r.state.Epoch, Format: r.state.Format}
		r.mu.Unlock()

		add.Entries = make([]oplog.Entry, len(batch))
		size := 0
		for i := range batch {
			add.Entries[i] = batch[i].entry
			size += encodedSize(&batch[i].entry)
		}
		// Ops that were accepted are finished whoever is gone meanwhile.
		began := time.Now()
		epoch, err := r.srv.log.Append(context.Background(), add)
		if err != nil {
			r.fail(err)
			continue
		}
		durable := time.Now()
		r.srv.meters.appended(batch, began, durable)
		encoded := make([]tailEntry, len(batch))
		arena := make([]byte, 0, size)
		for i := range add.Entries {
			arena, encoded[i] = encode(arena, &add.Entries[i])
			encoded[i].durable = durable
		}
		r.mu.Lock()
		r.publish(epoch, add.Entries, encoded)
		r.mu.Unlock()
	}
}

// publish makes known what has become durable: to the clock, the tail, the
// authors and everyone there. Nobody hears of an op before this.
func (r *room) publish(epoch oplog.Epoch, entries []oplog.Entry, encoded []tailEntry) {
	if r.state.Epoch == "" {
		r.state.Epoch, r.state.First = epoch, entries[0].Offset
		r.notify(webhook.Event{Type: webhook.Created, Format: string(r.state.Format), By: entries[0].By})
	}
	for i := range entries {
		r.state.Heads.Apply(&entries[i])
	}
	last := &entries[len(entries)-1]
	r.state.Head, r.state.At = last.Offset, last.At
	for i := range r.inflight {
		r.state.Bytes += int64(r.inflight[i].size)
	}
	r.notify(webhook.Event{Type: webhook.Changed, Head: uint64(r.state.Head), Ops: uint64(len(entries))})
	before := r.tail.bytes
	r.tail.add(encoded)
	r.activity.note(time.Now(), len(encoded), r.tail.bytes-before)
	for i := range r.inflight {
		p, e := &r.inflight[i], &encoded[i]
		p.author.acked(e.dot, e.offset, true, p.size)
		for _, a := range p.retries {
			a.acked(e.dot, e.offset, false, p.size)
		}
	}
	r.inflight = nil
	if len(r.waiting) == 0 {
		r.ahead = oplog.Heads{}
	}
	r.tail.trim(r.passed(), restTail)
	r.wakeReaders()
	r.tellNews()
	r.askForSnapshot()
}

// wakeReaders has those who get ops read on.
func (r *room) wakeReaders() {
	for _, m := range r.members {
		if m.ops {
			m.wake()
		}
	}
}

// passed returns how far all of those who get ops are.
func (r *room) passed() oplog.Offset {
	passed := r.state.Head
	for _, m := range r.members {
		if m.ops {
			passed = min(passed, m.pos)
		}
	}
	return passed
}

// rest lets go of all ops that everyone has read: an idle room keeps none.
func (r *room) rest() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tail.trim(r.passed(), 0)
}

// fail answers what could not be appended, and what waits behind it, since that
// may name it. All may be sent again: some of it may even be in the log.
func (r *room) fail(err error) {
	if r.srv.log.Health() == nil { // a log that takes no writes says so itself, once
		r.srv.slog.Error("append ops", logDocument, r.doc, logError, err)
	}
	state, stateErr := r.srv.log.State(context.Background(), r.doc)
	if errors.Is(stateErr, oplog.ErrNotFound) { // gone, or not there yet
		state, stateErr = oplog.State{Span: oplog.Span{First: 1}}, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range append(r.inflight, r.waiting...) {
		p.author.rejected(r.unavailable(p.entry.Dot), p.size)
		for _, a := range p.retries {
			a.rejected(r.unavailable(p.entry.Dot), p.size)
		}
	}
	r.inflight, r.waiting, r.ahead, r.extent = nil, nil, oplog.Heads{}, nil
	if r.state.Epoch == "" {
		r.state.Format = ""
	}
	// Something else wrote to this document: go on from what the log says.
	if stateErr == nil && (errors.Is(err, oplog.ErrEpoch) || errors.Is(err, oplog.ErrOrder)) {
		if r.state.Epoch != "" && state.Epoch != r.state.Epoch {
			for len(r.members) > 0 {
				r.members[0].dismiss(r, wire.Closed)
			}
		}
		r.setState(state)
		r.wakeReaders()
		r.tellNews() // who waits for more of the old log finds that it is gone
	}
}
