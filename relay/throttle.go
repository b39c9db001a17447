package relay

import (
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/relay/wire"
)

// limited reports whether what the session sends is counted.
func (s *session) limited() bool { return s.budget.own != nil && !exempt(s.who()) }

// charge counts n of what a session sent. It says how long to wait where that
// is more than there may be.
func (s *session) charge(now time.Time, k kind, n int) (wait time.Duration) {
	if !s.limited() {
		return 0
	}
	return s.budget.take(now, k, n)
}

// chargeFrame counts a frame; ops in it are counted one by one, see
// [member.afford].
func (s *session) chargeFrame(now time.Time, f *wire.Frame, size int) (wait time.Duration) {
	if f.Type == wire.TypeLeave || !s.limited() || f.Type == wire.TypeOps && s.onlyHeld(f) {
		return 0
	}
	wait = max(s.budget.take(now, countFrames, 1), s.budget.take(now, countBytes, size))
	if wait > 0 {
		return wait
	}
	switch f.Type {
	case wire.TypePresence:
		return s.budget.take(now, countStates, 1)
	case wire.TypeEvent:
		return s.budget.take(now, countEvents, 1)
	case wire.TypeJoin, wire.TypeAuth:
		return s.budget.take(now, countJoins, 1)
	}
	return 0
}

// chargeControl counts a ping or a pong, with the fragments before it: there may
// be any number of those, and no message to count them. It reports whether that
// is no more than there may be.
func (s *session) chargeControl() bool {
	size := s.conn.inMessage
	s.conn.inMessage = 0
	now := time.Now()
	if max(s.charge(now, countFrames, 1), s.charge(now, countBytes, size)) == 0 {
		return true
	}
	s.strike(now)
	return false
}

// onlyHeld reports whether all ops of a frame were on their way when one before
// them met a limit.
func (s *session) onlyHeld(f *wire.Frame) bool {
	m := s.member(string(f.Doc))
	if m == nil || len(m.held) == 0 || s.grace < len(f.Ops) {
		return false
	}
	for i := range f.Ops {
		if !m.behind(&f.Ops[i]) {
			return false
		}
	}
	return true
}

// behind reports whether an op comes behind one of its actor that met a limit.
func (m *member) behind(op *wire.Op) bool {
	seq, held := m.held[op.Actor]
	return held && op.Seq > seq
}

// afford returns the ops that may go to the door. Where they are more than
// there may be, the first of each actor hears when to come again. Those that were
// on their way behind it count against no limit, as far as the protocol lets ops
// be on their way: they meet a gap.
func (m *member) afford(now time.Time, ops []wire.Op, wait time.Duration) []wire.Op {
	s := m.session
	if !s.limited() {
		return ops
	}
	if len(m.held) == 0 && wait == 0 {
		var n int
		n, wait = s.budget.part(now, countOps, len(ops))
		for i := range ops[n:] {
			m.limit(&ops[n+i], wait)
		}
		return ops[:n]
	}
	kept := ops[:0]
	for i := range ops {
		op := &ops[i]
		behind := m.behind(op)
		if behind && s.grace > 0 {
			s.grace--
		} else {
			if wait == 0 {
				wait = s.budget.take(now, countOps, 1)
			}
			if wait > 0 {
				m.limit(op, wait)
				continue
			}
			if !behind {
				delete(m.held, op.Actor)
			}
		}
		kept = append(kept, *op)
	}
	return kept
}

// limit answers an op that is more than there may be.
func (m *member) limit(op *wire.Op, wait time.Duration) {
	if m.behind(op) {
		return // its actor has heard
	}
	if m.held == nil || len(m.held) >= maxHeld {
		m.held = map[clock.Actor]uint64{}
	}
	m.held[op.Actor] = op.Seq
	m.session.grace = m.room.srv.cfg.Limits.UnackedOps
	m.room.mu.Lock()
	defer m.room.mu.Unlock()
	m.rejected(wire.Reject{
		Actor: op.Actor, Seq: op.Seq, Code: wire.RateLimited, RetryMS: wait.Milliseconds(), Message: tooFast,
	}, -1)
}

// maxHeld is of how many actors a session's member knows where they met a
// limit. One that is forgotten costs its client an answer more.
const maxHeld = 1024

const tooFast = "this is more than one may send at a time; wait a moment"

// refuseLater refuses a frame for as long as it is more than there may be.
func (s *session) refuseLater(f *wire.Frame, wait time.Duration) {
	s.srv.meters.refused(wire.RateLimited)
	s.say(&wire.Error{
		Type: wire.TypeError, ID: f.ID, Code: wire.RateLimited, Message: tooFast, Doc: f.Doc, RetryMS: wait.Milliseconds(),
	})
	s.strike(time.Now())
}

// strike counts a frame that was refused. Who goes on sending such frames, and
// does not listen, is sent away.
func (s *session) strike(now time.Time) {
	if s.charge(now, countRefusals, 1) > 0 {
		s.close(wire.CloseRateLimited, "too much of what came had to be refused; slow down")
	}
}
