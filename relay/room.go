package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/webhook"
	"github.com/baton-relay/baton/relay/wire"
)

// room is what the relay holds in memory of a document that somebody is in: the
// sum of its log, the newest entries, the ops on their way to the log, and who
// is there. It has no goroutine: whoever brings something does the work, and
// only while ops wait for the log does a goroutine carry them there.
//
// accept, changed, commit, fail, presenceRound, remove, rest, setPresence and
// tell take the lock, lookup asks the log without it; all others expect it held and do no I/O.
type room struct {
	// static
	srv *Server
	doc oplog.DocID

	// guarded by Server.mu
	refs int

	// load brings the state from the log, once.
	load    sync.Once
	loadErr error // written inside load

	mu sync.Mutex
	// all below is guarded by mu

	// state is what is durable. An empty epoch means that the document does not
	// exist yet.
	state oplog.State
	// ahead is what the ops on their way add to state.Heads.
	ahead oplog.Heads
	// waiting are ops for the next append, inflight those of the one under way.
	waiting, inflight []pending
	committing        bool
	extent            *extent // nil until it is asked for
	// settled is signalled when committing ends.
	settled sync.Cond
	// deleting says that the document is about to go.
	deleting bool

	tail     tail
	activity activity
	members  []*member
	presence presence
	// news is closed when the log grows; nil if nobody waits for that.
	news      chan struct{}
	snapshots snapshots
}

// room returns the room of a document, loaded; release gives it back.
func (s *Server) room(ctx context.Context, doc oplog.DocID) (*room, error) {
	s.mu.Lock()
	r := s.rooms[doc]
	if r == nil {
		r = &room{srv: s, doc: doc}
		r.settled.L = &r.mu
		s.rooms[doc] = r
	}
	r.refs++
	s.mu.Unlock()

	r.load.Do(func() {
		// One caller loads for all: it must not stop because that one is gone.
		state, err := s.log.State(context.WithoutCancel(ctx), doc)
		if errors.Is(err, oplog.ErrNotFound) {
			state, err = oplog.State{Span: oplog.Span{First: 1}}, nil
		}
		var newest oplog.Offset
		if err == nil {
			newest, err = s.newestSnapshot(context.WithoutCancel(ctx), doc)
		}
		if err != nil {
			r.loadErr = fmt.Errorf("load document %s: %w", doc, err)
			s.discard(r) // whoever comes next loads it again
			return
		}
		r.mu.Lock()
		r.setState(state)
		r.snapshots.newest = newest
		r.mu.Unlock()
	})
	if r.loadErr != nil {
		s.release(r)
		return nil, r.loadErr
	}
	return r, nil
}

func (r *room) setState(state oplog.State) {
	if state.Epoch != r.state.Epoch {
		r.snapshots = snapshots{}
	}
	r.state, r.extent = state, nil
	r.tail = tail{before: state.Head}
}

// discard forgets a room, whoever holds it: the next caller gets another.
func (s *Server) discard(r *room) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rooms[r.doc] == r {
		delete(s.rooms, r.doc)
	}
}

// release gives back a room; one that nobody holds is forgotten.
func (s *Server) release(r *room) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.refs--; r.refs == 0 && s.rooms[r.doc] == r {
		delete(s.rooms, r.doc)
	}
}

// hold keeps a room that the caller holds already for one more user.
func (s *Server) hold(r *room) {
	s.mu.Lock()
	r.refs++
	s.mu.Unlock()
}

// head returns the newest number of an actor, ops on their way included.
func (r *room) head(a clock.Actor) uint64 {
	return max(r.state.Heads.Clock.Get(a), r.ahead.Clock.Get(a))
}

// enter adds a member. It is served from its position on.
func (r *room) enter(m *member) {
	if len(r.members) == 0 {
		r.notify(webhook.Event{Type: webhook.Active, Head: uint64(r.state.Head)})
	}
	r.members = append(r.members, m)
	r.presence.enter(m)
}

// leave takes a member out; it is sent nothing more. It reports whether the
// member was still there.
func (r *room) leave(m *member) bool {
	i := slices.Index(r.members, m)
	if i < 0 {
		return false
	}
	last := len(r.members) - 1
	r.members[i] = r.members[last]
	r.members[last] = nil
	r.members = r.members[:last]
	if i < last {
		r.presence.offer(r.members[i]) // the round may be past this place already
	}
	m.gone = true
	if last == 0 {
		r.notify(webhook.Event{Type: webhook.Idle, Head: uint64(r.state.Head)})
	}
	r.presence.leave(r, m)
	return true
}

// changed returns a channel that is closed once the head is behind after, which
// may be at once, and the head now.
func (r *room) changed(after oplog.Offset) (<-chan struct{}, oplog.Offset) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.Head > after {
		return closedChan, r.state.Head
	}
	if r.news == nil {
		r.news = make(chan struct{})
	}
	return r.news, r.state.Head
}

var closedChan = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// remove deletes the document: ops on their way are settled first, then it goes
// from the log, and everyone there is told. by is the subject who wants it.
func (r *room) remove(ctx context.Context, by string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.deleting {
		return fmt.Errorf("delete document %s: %w", r.doc, oplog.ErrNotFound)
	}
	r.deleting = true
	defer func() { r.deleting = false }()
	for r.committing {
		r.settled.Wait()
	}
	r.mu.Unlock()
	err := r.srv.log.Delete(ctx, r.doc)
	r.mu.Lock()
	if err != nil {
		return err
	}
	for len(r.members) > 0 {
		r.members[0].dismiss(r, wire.Deleted)
	}
	r.notify(webhook.Event{Type: webhook.Deleted, By: by})
	r.setState(oplog.State{Span: oplog.Span{First: 1}})
	r.tellNews()
	return nil
}

func (r *room) tellNews() {
	if r.news != nil {
		close(r.news)
		r.news = nil
	}
}
