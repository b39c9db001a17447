package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gorilla/websocket"

	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// read handles the client's frames, one after the other, until the connection
// ends.
func (s *session) read() {
	for s.awaitRoom() {
		if s.conn.await() && s.srv.parking.park(s) {
			return // parking starts a new reader
		}
		m, err := s.readMessage()
		if err != nil {
			s.readFailed(err)
			break
		}
		if s.isEnding() {
			break // what it asks for could not be answered: nothing follows the close frame
		}
		s.came = time.Now()
		grown := s.handle(m.bytes)
		if cap(m.bytes) <= pooledBytes {
			messages.Put(m)
		}
		if grown {
			// Joining took a deep stack. A fresh goroutine gives it back, so that
			// an idle session stays small.
			go s.read()
			return
		}
	}
	s.end()
}

var errTooLarge = errors.New("frame is too large")

// mostRead is how many bytes of the connection a message may take that has no
// more than limit, with the heads of its fragments.
func mostRead(limit int) int { return 2*limit + 64<<10 }

// errBinary is for messages that are not text.
var errBinary = fmt.Errorf("%w: a binary message", wire.ErrUnreadable)

// readFailed says why nothing more is read, where there is somebody to tell.
func (s *session) readFailed(err error) {
	closed, byPeer := errors.AsType[*websocket.CloseError](err)
	switch {
	case errors.Is(err, errTooLarge), errors.Is(err, websocket.ErrReadLimit): // that is beyond what a length can say
		s.close(wire.CloseTooLarge, fmt.Sprintf("a frame has at most %d bytes", s.srv.cfg.Limits.FrameBytes))
	case errors.Is(err, wire.ErrUnreadable):
		s.close(wire.CloseUnreadable, err.Error())
	case byPeer && closed.Code != websocket.CloseAbnormalClosure:
		s.peerDone = true
		s.close(wire.CloseNormal, "")
	case byPeer || errors.Is(err, io.EOF) || isNetError(err):
		s.lost(err.Error())
	default:
		// What remains is what the library says of bytes that break RFC 6455.
		s.close(wire.CloseProtocol, err.Error())
	}
}

// end follows the last frame: the session leaves every room.
func (s *session) end() {
	s.mu.Lock()
	members := s.members
	s.members = nil
	s.mu.Unlock()
	for _, m := range members {
		m.leave()
	}
	s.close(wire.CloseNormal, "")
	if !s.peerDone {
		// What the peer still sends is let pass until it has the close frame, closes
		// too, or takes too long: to close on bytes that nobody read would reset the
		// connection, and could take the last frames from it.
		_, _ = io.Copy(io.Discard, s.conn)
	}
	s.mu.Lock()
	s.readDone = true
	done := s.writeDone
	s.mu.Unlock()
	if done {
		s.conn.Conn.Close()
	}
	s.logEnd()
	s.srv.forget(s)
}

// handle answers one frame. It reports whether it may have grown the stack for good.
func (s *session) handle(data []byte) (grown bool) {
	f, err := wire.Decode(data, &s.srv.cfg.Limits)
	s.received(f, len(data))
	now := s.came
	if refused, ok := errors.AsType[*wire.Error](err); ok {
		s.srv.meters.refused(refused.Code)
		s.say(refused)
		s.strike(now)
		return false
	}
	if err != nil {
		s.close(wire.CloseUnreadable, err.Error())
		return false
	}
	wait := s.chargeFrame(now, f, len(data))
	if wait > 0 && f.Type != wire.TypeOps {
		s.refuseLater(f, wait)
		return false
	}
	switch f.Type {
	case wire.TypePing:
		s.say(&wire.Pong{Type: wire.TypePong, ID: f.ID})
	case wire.TypeAuth:
		s.authorize(f)
	case wire.TypeJoin:
		s.join(f)
		return true
	default:
		m := s.member(string(f.Doc))
		if m == nil {
			s.refuse(f, wire.NotJoined, "join "+string(f.Doc)+" first")
			return false
		}
		m.handle(f, now, wait)
	}
	return false
}

// handle answers a frame for a document that the session is in. Ops are not
// taken if there is a time to wait.
func (m *member) handle(f *wire.Frame, now time.Time, wait time.Duration) {
	s := m.session
	rights := m.access()
	switch f.Type {
	case wire.TypeOps:
		ops := m.afford(now, f.Ops, wait)
		d := delivery{ops: ops, came: s.came, by: s.who().Subject, write: rights.Has(auth.Write), format: m.format, closed: m.closed}
		m.room.accept(context.Background(), m, &d)
		m.closed = d.closed
		if m.refused {
			m.refused = false
			s.strike(now)
		}
	case wire.TypePresence, wire.TypeEvent:
		if !rights.Has(auth.Presence) {
			s.refuse(f, wire.Forbidden, "no right to be present in "+string(m.doc))
			return
		}
		if f.Type == wire.TypeEvent {
			m.room.tell(m, f.Name, f.Data)
			return
		}
		m.room.setPresence(m, f.State)
	case wire.TypeLeave:
		if m.leave() {
			s.dropMember(m)
			s.say(&wire.DocFrame{Type: wire.TypeLeft, ID: f.ID, Doc: m.doc, Code: wire.Left})
		}
	}
}

// leave takes the member out of its room and lets go of the room. It reports
// whether the member was still there.
func (m *member) leave() bool {
	m.room.mu.Lock()
	there := m.room.leave(m)
	for _, d := range m.due {
		m.session.settled(1, d.size)
	}
	m.due = nil
	m.room.mu.Unlock()
	m.release()
	return there
}

// release gives back the member's hold of its room, once.
func (m *member) release() { m.once.Do(func() { m.session.srv.release(m.room) }) }

// access returns the member's rights now.
func (m *member) access() auth.Rights {
	m.room.mu.Lock()
	defer m.room.mu.Unlock()
	return m.rights
}

// refuse answers a frame with an error.
func (s *session) refuse(f *wire.Frame, code wire.Code, message string) {
	s.srv.meters.refused(code)
	e := &wire.Error{Type: wire.TypeError, ID: f.ID, Code: code, Message: message, Doc: f.Doc}
	if code == wire.Unavailable {
		e.RetryMS = retryUnavailable.Milliseconds()
	}
	s.say(e)
	if code != wire.Unavailable {
		s.strike(time.Now())
	}
}
