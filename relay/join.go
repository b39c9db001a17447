package relay

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// join answers a join frame.
func (s *session) join(f *wire.Frame) {
	s.mu.Lock()
	docs := len(s.members)
	s.mu.Unlock()
	switch {
	case s.member(string(f.Doc)) != nil:
		s.refuse(f, wire.AlreadyJoined, "this session is in "+string(f.Doc)+" already")
		return
	case docs >= s.srv.cfg.Limits.Docs:
		s.refuse(f, wire.TooManyDocs, fmt.Sprintf("one session is in at most %d documents; leave one, or connect again", docs))
		return
	}
	id := s.who()
	answer, err := s.srv.allowed(s.srv.done, id, string(f.Doc))
	rights := answer.Rights
	switch {
	case err != nil:
		s.refuse(f, wire.Unavailable, unanswered)
		return
	case rights == 0:
		s.refuse(f, wire.Forbidden, "no rights in "+string(f.Doc))
		return
	}
	if f.Join.Replaces != "" {
		s.srv.replace(f.Join.Replaces, s)
	}
	ctx := context.Background()
	r, err := s.srv.room(ctx, f.Doc)
	if err != nil {
		s.srv.slog.Error("join", logDocument, f.Doc, logError, err)
		s.refuse(f, wire.Unavailable, "the document cannot be read at the moment")
		return
	}
	m := &member{
		session: s, room: r, doc: f.Doc, rights: rights, format: f.Join.Format,
		ops: f.Join.Ops && rights.Has(auth.Read), watches: f.Join.Presence && mayWatch(rights),
		snapshots: !f.Join.NoSnapshot,
		granted:   granted{answer: answer, about: id},
	}
	if err := m.enter(ctx, f); err != nil {
		m.release()
		refused, ok := errors.AsType[*wire.Error](err)
		if !ok {
			s.srv.slog.Error("join", logDocument, f.Doc, logError, err)
			refused = &wire.Error{Code: wire.Unavailable, Message: "the document cannot be read at the moment"}
		}
		s.refuse(f, refused.Code, refused.Message)
		return
	}
	m.reassess() // the rights may have changed before it was there to be told
}

// past is what the log knows of how far a client has come.
type past struct {
	located oplog.Offset    // how far its clock covers all there is
	blob    *oplog.Snapshot // the newest, where one would do
}

// enter finds the member's position, says joined and puts it into its room.
func (m *member) enter(ctx context.Context, f *wire.Frame) error {
	r := m.room
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		// The log is asked without the room's lock. If the document became another
		// meanwhile, or lost its oldest ops, the answer is worth nothing.
		is := r.state.Span
		r.mu.Unlock()
		p, err := m.ask(ctx, &f.Join.Since)
		r.mu.Lock()
		if err != nil {
			return err
		}
		if r.state.Epoch == is.Epoch && r.state.First == is.First {
			return m.admit(f, &p)
		}
	}
}

// ask asks the log for what the position depends on.
func (m *member) ask(ctx context.Context, since *wire.Since) (p past, err error) {
	log := m.room.srv.log
	if since.Clock.Len() > 0 && m.ops {
		if p.located, err = log.Locate(ctx, m.doc, since.Clock); err != nil && !errors.Is(err, oplog.ErrNotFound) {
			return p, err
		}
	}
	if m.snapshots && m.ops {
		s, err := log.Snapshot(ctx, m.doc, 0)
		if err == nil {
			p.blob = &s
		} else if !errors.Is(err, oplog.ErrNotFound) {
			return p, err
		}
	}
	return p, nil
}

// admit is the second half of enter. The room's lock is held.
func (m *member) admit(f *wire.Frame, p *past) error {
	r := m.room
	st := &r.state
	switch {
	case r.deleting:
		return &wire.Error{Code: wire.Unavailable, Message: string(m.doc) + " is being deleted"}
	case r.crowded():
		return &wire.Error{Code: wire.Unavailable, Message: fmt.Sprintf("%s has %d participants, as many as it may have", m.doc, len(r.members))}
	case st.Epoch != "" && m.format != "" && m.format != st.Format:
		return &wire.Error{Code: wire.Format, Message: fmt.Sprintf("%s holds ops of format %s, not %s", m.doc, st.Format, m.format)}
	}
	j := &wire.Joined{
		Type: wire.TypeJoined, ID: f.ID, Doc: m.doc, Epoch: st.Epoch, Head: st.Head, First: st.First,
		Access: m.rights.Names(),
	}
	if st.Epoch != "" {
		j.Format = st.Format
	}
	m.place(&f.Join.Since, p, j)
	m.session.say(j) // before the writer knows of the member: joined comes first
	m.session.addMember(m)
	r.enter(m)
	m.wake()
	return nil
}

// crowded reports whether a room takes no more members.
func (r *room) crowded() bool {
	most := r.srv.cfg.Limits.Participants
	return most > 0 && len(r.members) >= most
}

// place sets the member's position from how far the client has come, and
// completes joined with it.
func (m *member) place(since *wire.Since, p *past, j *wire.Joined) {
	st, blob := &m.room.state, p.blob
	m.liveAt = st.Head
	byOffset := since.Epoch != "" && since.Epoch == st.Epoch && since.Offset <= st.Head
	lacks := true
	switch {
	case byOffset:
		m.pos = since.Offset
	default:
		full := st.Heads.Clock
		j.Clock = &full
		if lost := full.Missing(since.Clock); lost.Len() > 0 {
			j.Lost = &lost
		}
		if since.Clock.Len() > 0 {
			m.pos, m.skip = min(p.located, st.Head), since.Clock
		}
		lacks = blob != nil && !since.Clock.Covers(blob.Clock)
	}
	if blob != nil && m.ops && lacks && blob.Offset > m.pos && blob.Offset <= st.Head {
		m.pos = blob.Offset
		j.Snapshot = snapshotFrame(m.doc, blob)
	}
	if st.First > 0 {
		m.pos = max(m.pos, st.First-1)
	}
	if !m.ops {
		m.pos = st.Head
	}
	if m.pos >= m.liveAt {
		m.skip = clock.Vector{}
	}
	j.From = m.pos
	if !m.ops {
		m.live = true
	}
}

func snapshotFrame(doc oplog.DocID, s *oplog.Snapshot) *wire.Snapshot {
	return &wire.Snapshot{
		Offset: s.Offset, URL: snapshotURL(doc, s.Offset), Bytes: s.Bytes,
		SHA256: hex.EncodeToString(s.SHA256[:]), Format: s.Format,
	}
}

func snapshotURL(doc oplog.DocID, at oplog.Offset) string {
	return "/v1/docs/" + string(doc) + "/snapshots/" + strconv.FormatUint(uint64(at), 10)
}
