package relay

import (
	"slices"
	"time"

	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// presenceBudget is about how many bytes of presence one reader is sent in a
// second: a room of many moving cursors is flushed less often than a small one.
const presenceBudget = 128 << 10

// presenceSlice is how many sessions of a room a flush wakes at a time. The rest
// follow spread over the interval: a flush to a large room is no burst that
// ops have to wait behind.
const presenceSlice = 16

// passedOver is after how long a session that always has ops waiting gets
// presence all the same.
const passedOver = time.Second

// presence is who is in a room and their newest states. Each change has a
// number; a session is sent what changed since the number it has seen. The
// log knows nothing of this. A plain structure: the room's lock guards it.
type presence struct {
	version uint64     // of the newest change
	gone    []departed // who left and is not forgotten by all yet

	// A round gives each session a turn to be sent what has changed by then.
	target  uint64 // the newest change when the round began
	cursor  int    // the member whose turn is next
	running bool
	timer   *time.Timer
	began   time.Time     // when the last round began
	pause   time.Duration // from there to the next

	frames [4]statesFrame // shared by the sessions that have seen the same
	next   int
	size   int // of the changes sent last, in bytes
}

// presenceOf is a member's part in the presence of its room.
type presenceOf struct {
	listed  bool   // others see it
	state   []byte // JSON text, nil if none was set
	came    uint64 // when others could first hear of it
	changed uint64 // when the state was set last, or the session came

	greeted    bool      // the first frame, with the whole room, was sent
	offered    uint64    // its turn has come for the changes up to this
	seen       uint64    // all changes up to this were sent
	heard      uint64    // none behind this was
	lastStates time.Time // when presence was last sent
}

// departed is a session that was listed in the changes [came, version).
type departed struct {
	session       string
	came, version uint64
}

// statesFrame is the changes in (from, to]. Where they are all of one session,
// only is its id.
type statesFrame struct {
	from, to uint64
	frames   [][]byte
	only     string
}

func (p *presence) enter(m *member) {
	p.version = max(p.version, 1) // 0 is what a session has seen that has seen nothing
	if m.listed = m.watches && m.rights.Has(auth.Presence); m.listed {
		p.version++
		m.came, m.changed = p.version, p.version
		if i := slices.IndexFunc(p.gone, func(d departed) bool { return d.session == m.session.id }); i >= 0 {
			// It was here before: that it is here is all that counts now.
			m.came = p.gone[i].came
			p.gone = slices.Delete(p.gone, i, i+1)
		}
		p.plan(m.room)
	}
}

func (p *presence) leave(r *room, m *member) {
	if len(r.members) == 0 {
		if p.timer != nil {
			p.timer.Stop()
		}
		*p = presence{version: p.version + 1}
		return
	}
	if m.listed {
		p.depart(m)
	}
}

func (p *presence) depart(m *member) {
	p.version++
	p.gone = append(p.gone, departed{m.session.id, m.came, p.version})
	p.plan(m.room)
}

// relist shows or hides a member whose rights changed.
func (p *presence) relist(m *member) {
	switch listed := m.watches && m.rights.Has(auth.Presence); {
	case listed == m.listed:
	case listed:
		p.enter(m)
	default:
		m.listed, m.state = false, nil
		p.depart(m)
	}
}

// setPresence replaces a member's state; nil clears it.
func (r *room) setPresence(m *member, state []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.gone || !m.listed || state == nil && m.state == nil {
		return
	}
	r.presence.version++
	m.state, m.changed = state, r.presence.version
	r.presence.plan(r)
}

// plan has a round begin as soon as the last one is long enough ago.
func (p *presence) plan(r *room) {
	if p.running {
		return
	}
	p.running = true
	p.after(max(0, p.pause-time.Since(p.began)), r)
}

func (p *presence) after(d time.Duration, r *room) {
	if p.timer == nil {
		p.timer = time.AfterFunc(d, r.presenceRound)
	} else {
		p.timer.Reset(d)
	}
}

// presenceRound wakes the next slice of sessions.
func (r *room) presenceRound() {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := &r.presence
	if !p.running {
		return
	}
	if p.cursor == 0 {
		p.forget(r)
		p.target, p.began = p.version, time.Now()
	}
	woken := 0
	for ; p.cursor < len(r.members) && woken < presenceSlice; p.cursor++ {
		if m := r.members[p.cursor]; m.watches && m.seen < p.version {
			p.offer(m)
			woken++
		}
	}
	if p.cursor < len(r.members) {
		p.after(p.pause/time.Duration(len(r.members)/presenceSlice+1), r)
		return
	}
	p.cursor, p.running = 0, false
	p.pause = max(r.srv.cfg.PresenceInterval, time.Duration(p.size)*time.Second/presenceBudget)
	if p.version > p.target {
		p.plan(r)
	}
}

// offer gives a member its turn.
func (p *presence) offer(m *member) {
	m.offered = p.version
	m.wake()
}

// forget drops those who left of whom nobody has to hear that: who has not seen
// it never heard of them. What one reader that takes nothing keeps here is thus
// no more than what it knows, however many come and go meanwhile.
func (p *presence) forget(r *room) {
	if len(p.gone) == 0 {
		return
	}
	last := p.gone[len(p.gone)-1].version
	var late []*member // who has something of all this to hear yet
	for _, m := range r.members {
		if m.watches && m.greeted && m.seen < last {
			late = append(late, m)
		}
	}
	p.gone = slices.DeleteFunc(p.gone, func(d departed) bool {
		return !slices.ContainsFunc(late, func(m *member) bool {
			return m.seen < d.version && d.came <= m.heard
		})
	})
}

// nextStates adds to out the presence that the member has not seen, once its
// turn in a round has come: one that is woken for an op before that sends the
// op alone, and lets the next send theirs. While ops wait it is passed over,
// except once in a while. It reports whether it added anything.
func (m *member) nextStates(out *output, opsWait bool) bool {
	if !m.watches {
		return false
	}
	r := m.room
	r.mu.Lock()
	defer r.mu.Unlock()
	p := &r.presence
	to := m.offered
	if !m.greeted {
		to = p.version
	}
	if m.gone || m.greeted && m.seen >= to {
		return false
	}
	now := time.Now()
	if opsWait && now.Sub(m.lastStates) < passedOver {
		r.srv.meters.presencePassed.Inc()
		return false
	}
	f := p.between(r, m.seen, to)
	mine := m.greeted && f.only == m.session.id
	m.greeted, m.seen, m.heard, m.lastStates = true, to, p.version, now
	if mine {
		return false
	}
	for _, b := range f.frames {
		out.add(b)
	}
	out.presence += len(f.frames)
	return len(f.frames) > 0
}

// between returns the frame with the changes in (from, to].
func (p *presence) between(r *room, from, to uint64) *statesFrame {
	for i := range p.frames {
		if f := &p.frames[i]; f.frames != nil && f.from == from && f.to == to {
			return f
		}
	}
	f := &p.frames[p.next]
	p.next = (p.next + 1) % len(p.frames)
	*f = statesFrame{from: from, to: to}
	b := wire.AppendPresence(newFrame(512), r.doc)
	head, members := len(b), 0
	limit := r.srv.cfg.Limits.ServerFrameBytes
	add := func(session string, then func([]byte) []byte) {
		if members++; members == 1 {
			f.only = session
		} else {
			f.only = ""
		}
		if len(b) > head {
			b = append(b, ',')
		}
		if b = then(b); len(b) > limit/2 {
			f.frames = append(f.frames, sealFrame(opText, append(b, wire.PresenceEnd...)))
			b = wire.AppendPresence(newFrame(512), r.doc)
		}
	}
	if from > 0 {
		for _, d := range p.gone {
			if d.version > from && d.version <= to {
				add(d.session, func(b []byte) []byte { return wire.AppendGone(b, d.session) })
			}
		}
	}
	for _, m := range r.members {
		if m.listed && m.changed > from {
			add(m.session.id, func(b []byte) []byte {
				return wire.AppendState(b, m.session.id, m.session.userJSON(), m.state)
			})
		}
	}
	if len(b) > head || len(f.frames) == 0 {
		f.frames = append(f.frames, sealFrame(opText, append(b, wire.PresenceEnd...)))
	}
	if from > 0 {
		p.size = 0
		for _, b := range f.frames {
			p.size += len(b)
		}
	}
	return f
}

// tell sends an event to everyone who watches, but not to its sender. It may be
// dropped on the way to a session that has too much to read.
func (r *room) tell(from *member, name string, data []byte) {
	session := ""
	if from != nil {
		session = from.session.id
	}
	b := newFrame(96 + len(r.doc) + len(session) + len(name) + len(data))
	f := sealFrame(opText, wire.AppendEvent(b, r.doc, session, name, data))
	r.mu.Lock()
	defer r.mu.Unlock()
	if from != nil && from.gone {
		return
	}
	for _, m := range r.members {
		if m != from && m.watches {
			m.session.offer(f)
		}
	}
}
