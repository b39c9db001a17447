package relay

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// opsFrameBytes bounds the ops of one frame, unless a single op is larger.
const opsFrameBytes = 64 << 10

// member is a session in a room: a position in the document's log, not a queue.
// What lies beyond the position is what the session has yet to get.
type member struct {
	// static
	session *session
	room    *room
	doc     oplog.DocID
	ops     bool // gets ops
	watches bool // gets presence and events
	format  oplog.Format
	// snapshots says that a blob may stand in for ops.
	snapshots bool
	once      sync.Once // of release

	// owned by the session's reader
	closed  map[clock.Actor]bool   // actors that had a conflict here
	held    map[clock.Actor]uint64 // the op that met a limit, of actors that had one
	refused bool                   // an op of this frame was, for good

	// below, guarded by room.mu

	gone    bool
	rights  auth.Rights
	granted // see allowed.go
	// pos: all at or before it was sent, or is not to be.
	pos oplog.Offset
	// Until pos reaches liveAt, this is catching up: entries that skip covers are
	// left out, and at the end it is told that it is live.
	live   bool
	liveAt oplog.Offset
	skip   clock.Vector
	// due are acks that wait for their place, by offset; see [member.acked].
	due []due

	frames uint64 // of ops, sent to it

	presenceOf // see presence.go
	compactor  // see compact.go
}

// due is an ack that is sent once the position has reached its op.
type due struct {
	offset oplog.Offset
	dot    clock.Dot
	fresh  bool // this very session brought the op: it is not sent to it
	size   int
}

// wake has the session send what this member has to get.
func (m *member) wake() { m.session.wake() }

// accepted implements [author].
func (m *member) accepted(size int) { m.session.opened(size) }

// acked implements [author]: the ack takes its op's place in the stream.
func (m *member) acked(d clock.Dot, at oplog.Offset, fresh bool, size int) {
	if m.gone {
		m.session.settled(1, size)
		return
	}
	if fresh {
		m.wrote = max(m.wrote, at)
	}
	i := len(m.due)
	for i > 0 && m.due[i-1].offset > at {
		i--
	}
	m.due = slices.Insert(m.due, i, due{at, d, fresh, size})
	m.wake()
}

// rejected implements [author].
func (m *member) rejected(rej wire.Reject, size int) {
	if size >= 0 {
		m.session.settled(1, size)
	} else if rej.Code != wire.Gap && rej.Code != wire.Missing && rej.Code != wire.Unavailable {
		m.refused = true // said by the door, to the reader
	}
	if m.gone {
		return
	}
	m.session.srv.meters.rejected(rej.Code)
	rej.Type, rej.Doc = wire.TypeReject, m.doc
	m.session.say(&rej)
}

// dismiss takes the member out of the room and tells its session why. The
// room's lock is held.
func (m *member) dismiss(r *room, code wire.Code) {
	if !r.leave(m) {
		return
	}
	for _, d := range m.due {
		m.session.settled(1, d.size)
	}
	m.due = nil
	m.session.dismissed(m, code)
	m.release()
}

// next adds to out the ops and acks that are to be sent now, at most about a
// frame of them. It reports whether it came any further.
func (m *member) next(out *output) bool {
	r := m.room
	r.mu.Lock()
	switch {
	case m.gone:
		r.mu.Unlock()
		return false
	case !m.ops:
		before := len(out.frames)
		m.pos = r.state.Head
		m.acks(out, len(m.due))
		r.mu.Unlock()
		return len(out.frames) > before
	case m.pos < r.tail.before:
		head := r.state.Head
		r.mu.Unlock()
		return m.nextPage(out, head)
	}
	defer r.mu.Unlock()
	entries := chunk(r.tail.after(m.pos))
	to := m.pos
	if n := len(entries); n > 0 {
		to = entries[n-1].offset
	}
	if len(entries) > 0 && m.dueBy(to) == 0 && (m.live || m.skip.Len() == 0) {
		out.addOps(r.tail.share(m.doc, m.pos, entries), len(entries), m.since(&entries[0]))
		m.pos = to
		m.arrive(out)
		return true
	}
	return m.send(out, entries, to)
}

// dueBy returns how many acks are due when the position is at to.
func (m *member) dueBy(to oplog.Offset) int {
	n := 0
	for n < len(m.due) && m.due[n].offset <= to {
		n++
	}
	return n
}

// send adds entries and the acks among them, each in its place: the ops of
// others up to the last ack, the acks, the rest.
func (m *member) send(out *output, entries []tailEntry, to oplog.Offset) bool {
	before, from := len(out.frames), m.pos
	if n := m.dueBy(to); n > 0 {
		last := m.due[n-1].offset
		cut := 0
		for cut < len(entries) && entries[cut].offset <= last {
			cut++
		}
		m.sendOps(out, entries[:cut], m.due[:n])
		entries = entries[cut:]
		m.acks(out, n)
	}
	m.sendOps(out, entries, nil)
	m.pos = max(m.pos, to)
	m.arrive(out)
	return len(out.frames) > before || m.pos > from
}

// sendOps adds one frame with entries, without those that the session brought
// and those it had when it joined.
func (m *member) sendOps(out *output, entries []tailEntry, own []due) {
	kept := out.entries[:0]
	for _, e := range entries {
		for len(own) > 0 && (own[0].offset < e.offset || own[0].offset == e.offset && !own[0].fresh) {
			own = own[1:]
		}
		mine := len(own) > 0 && own[0].offset == e.offset
		if !mine && !m.had(e.offset, e.dot) {
			kept = append(kept, e)
		}
	}
	if len(kept) > 0 {
		out.addOps(opsFrame(m.doc, kept), len(kept), m.since(&kept[0]))
	}
	clear(kept)
	out.entries = kept[:0]
}

// since returns when an entry became durable, for how long it took to be sent:
// now and then, as each look at the time costs some. What was there before the
// client came says nothing about that.
func (m *member) since(e *tailEntry) time.Time {
	if m.frames++; !m.live || m.frames%fanoutEvery != 0 {
		return time.Time{}
	}
	return e.durable
}

// fanoutEvery is at which of a member's frames of ops the fan-out is measured.
const fanoutEvery = 8

// had reports whether the client had an op when it joined.
func (m *member) had(at oplog.Offset, d clock.Dot) bool {
	return !m.live && at <= m.liveAt && m.skip.Has(d)
}

// acks adds the first n acks that are due: for each actor its last.
func (m *member) acks(out *output, n int) {
	if n == 0 {
		return
	}
	for i, d := range m.due[:n] {
		out.settled++
		out.settledBytes += d.size
		later := func(o due) bool { return o.dot.Actor == d.dot.Actor && o.dot.Seq >= d.dot.Seq }
		if slices.ContainsFunc(m.due[i+1:n], later) {
			continue
		}
		out.add(ackFrame(m.doc, d))
	}
	if m.due = m.due[n:]; len(m.due) == 0 {
		m.due = nil
	}
}

func ackFrame(doc oplog.DocID, d due) []byte {
	b := newFrame(96 + len(doc) + len(d.dot.Actor))
	return sealFrame(opText, wire.AppendAck(b, doc, d.dot, d.offset))
}

// arrive says what follows from where the position is now: live, once the
// catch-up is at its end, and compact.
func (m *member) arrive(out *output) {
	if !m.live && m.pos >= m.liveAt {
		m.live, m.skip = true, clock.Vector{}
		out.say(&wire.Live{Type: wire.TypeLive, Doc: m.doc, Offset: m.pos})
		m.room.askForSnapshot()
	}
	m.sayCompact(out)
}

// nextPage is next for a position older than the tail: it reads on from the
// log. It goes no further than head, which the room has published.
func (m *member) nextPage(out *output, head oplog.Offset) bool {
	r := m.room
	pos := m.pos // only this goroutine moves it
	to := pos
	var arena []byte
	page := out.page[:0]
	size := 0
	span, err := r.srv.log.Read(context.Background(), m.doc, "", pos, func(e *oplog.Entry) bool {
		if e.Offset > head {
			return false
		}
		if m.had(e.Offset, e.Dot) {
			to = e.Offset
			return size < opsFrameBytes
		}
		if n := encodedSize(e); cap(arena)-len(arena) < n {
			arena = make([]byte, 0, max(n, opsFrameBytes+n))
		}
		var t tailEntry
		start := len(arena)
		if arena, t = encode(arena, e); size > 0 && size+len(t.json)+1 > opsFrameBytes {
			arena = arena[:start]
			return false
		}
		size += len(t.json) + 1
		page = append(page, t)
		to = e.Offset
		return true
	})
	defer func() { clear(page); out.page = page[:0] }()
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case m.gone:
		return false
	case errors.Is(err, oplog.ErrPruned):
		return m.pruned(out, span)
	case r.deleting && errors.Is(err, oplog.ErrNotFound):
		return false // remove is about to say that it was deleted
	case err != nil:
		// Deleted meanwhile, or the disk holds something else than was written.
		r.srv.slog.Error("read ops", logDocument, m.doc, logAfter, pos, logError, err)
		m.dismiss(r, wire.Closed)
		return true
	}
	return m.send(out, page, to)
}

// pruned moves a position that fell below the oldest entry: to the newest
// snapshot, or to the oldest entry for a session that wants none.
func (m *member) pruned(out *output, span oplog.Span) bool {
	m.pos = span.First - 1
	if !m.snapshots {
		return true
	}
	s, err := m.room.srv.log.Snapshot(context.Background(), m.doc, 0)
	if err != nil {
		m.room.srv.slog.Error("find snapshot", logDocument, m.doc, logError, err)
		m.dismiss(m.room, wire.Closed)
		return true
	}
	m.pos = max(m.pos, s.Offset)
	out.say(&wire.SnapshotNotice{Type: wire.TypeSnapshot, Doc: m.doc, Snapshot: *snapshotFrame(m.doc, &s)})
	// Acks whose place is now behind the position go out with the next entries.
	return true
}
