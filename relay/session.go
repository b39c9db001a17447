package relay

import (
	"encoding/hex"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// session is one connection. A goroutine reads it (read.go); another writes it
// (write.go), but only while there is something to write.
type session struct {
	// static
	srv    *Server
	id     string
	secret [16]byte // by which a later session may end this one
	ws     *websocket.Conn
	conn   *conn
	addr   netip.Addr // where the client is
	seat   seat
	budget budget
	began  time.Time
	// writing is write, bound once: "go s.write()" allocates each time.
	writing func()

	coming incoming     // the frame that has begun to come
	writer atomic.Int32 // idle, writing or woken
	turn   int          // counts the writer's turns; owned by it

	// owned by the reader

	peerDone bool      // the peer has sent its close
	grace    int       // ops behind one that met a limit, which count against none
	came     time.Time // when the newest frame had been read
	got      tally     // what the client sent

	mu sync.Mutex
	// all below is guarded by mu

	room     sync.Cond // signalled when the reader may go on; uses mu
	identity *auth.Identity
	user     []byte // the identity's as JSON text, nil where nobody was asked
	token    string
	warned   bool // that the token is about to end
	// tokenVersion is that of the answer about the token: until it is another one, the
	// token stands for the same.
	tokenVersion auth.Version

	// members are the documents the session is in.
	members []*member
	// said are frames that answer this client and events for it, in order.
	said      [][]byte
	saidBytes int
	// open are the ops that were accepted and not answered yet.
	open      int
	openBytes int

	joined int       // how often a document was
	sent   tally     // what the client was sent
	ticket uint32    // of the parking, 0 while there is a reader
	pinged time.Time // when the last ping was sent
	ending []byte    // the close frame, once the session is to end
	code   int       // of the close, or 1006
	why    string    // of the ending, for the log
	ended  bool      // the close frame was sent, or cannot be
	// The reader and the writer have ended: when both have, the connection does.
	readDone, writeDone bool
}

// maxSaid bounds what waits for a client that asks and does not read: the
// reader stops there, and events are dropped.
const maxSaid = 256 << 10

// maxOpenBytes bounds the payloads of one session that wait for the log.
const maxOpenBytes = 8 << 20

// say queues a frame of package wire for the client.
func (s *session) say(frame any) { s.sayFrame(textFrame(frame)) }

func textFrame(f any) []byte { return frame(opText, wire.Marshal(f)) }

func (s *session) sayFrame(f []byte) {
	s.mu.Lock()
	s.queue(f)
	s.mu.Unlock()
	s.wake()
}

func (s *session) queue(f []byte) {
	if s.ending == nil {
		s.said = append(s.said, f)
		s.saidBytes += len(f)
	}
}

// offer queues a frame that may be dropped.
func (s *session) offer(f []byte) {
	s.mu.Lock()
	full := s.saidBytes > maxSaid
	if !full {
		s.queue(f)
	}
	s.mu.Unlock()
	if full {
		s.srv.meters.eventsDropped.Inc()
		return
	}
	s.wake()
}

// opened counts an op that was accepted and will be answered.
func (s *session) opened(size int) {
	s.mu.Lock()
	s.open++
	s.openBytes += size
	s.mu.Unlock()
}

// settled counts n ops that were answered.
func (s *session) settled(n, size int) {
	s.mu.Lock()
	if s.crowded() {
		s.conn.alive() // see awaitRoom: the reader may not run before the next look at this session
	}
	s.open -= n
	s.openBytes -= size
	s.room.Signal()
	s.mu.Unlock()
}

// awaitRoom blocks the reader while the client has too much open. It reports
// whether the session goes on.
func (s *session) awaitRoom() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.ending == nil && s.crowded() {
		s.room.Wait()
	}
	s.conn.alive() // not having been read is not having been silent
	return s.ending == nil
}

// isEnding reports whether a close frame is on its way, or the connection cut.
func (s *session) isEnding() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ending != nil
}

func (s *session) crowded() bool {
	return s.open > s.srv.cfg.Limits.UnackedOps || s.openBytes > maxOpenBytes || s.saidBytes > maxSaid
}

// close ends the session with a close code, after what is queued for it. The first
// reason counts: close reports whether it was this one.
func (s *session) close(code int, reason string) (first bool) {
	s.mu.Lock()
	first = s.ending == nil
	if first {
		s.ending, s.code, s.why = closeFrame(code, reason), code, reason
		s.room.Signal()
	}
	s.mu.Unlock()
	if first {
		s.srv.meters.closed(code)
		// A peer that does not answer a close is not waited for.
		time.AfterFunc(closeGrace, s.cut)
		s.wake()
	}
	return first
}

// closeGrace is how long a peer has to take the last frames and a close.
const closeGrace = 3 * time.Second

// cut ends the connection at once.
func (s *session) cut() { s.lost("cut by the relay") }

// lost is cut, for a connection that is gone already. Why is for the log.
func (s *session) lost(why string) {
	s.mu.Lock()
	first := s.ending == nil
	if first {
		s.ending, s.code, s.why = []byte{}, websocket.CloseAbnormalClosure, why
	}
	s.ended = true
	s.room.Signal()
	ticket := s.ticket
	s.mu.Unlock()
	if first {
		s.srv.meters.closed(websocket.CloseAbnormalClosure)
	}
	s.conn.Conn.Close()
	if ticket != 0 {
		s.srv.parking.leave(ticket) // the reader ends the session
	}
}

func (s *session) setTicket(t uint32) {
	s.mu.Lock()
	s.ticket = t
	s.mu.Unlock()
}

// member returns the session's place in a document, nil if it is not in it.
func (s *session) member(doc string) *member {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.members {
		if string(m.doc) == doc {
			return m
		}
	}
	return nil
}

func (s *session) addMember(m *member) {
	s.mu.Lock()
	s.members = append(s.members, m)
	s.joined++
	s.mu.Unlock()
}

// dismissed takes a member that left its room off the list and says left.
func (s *session) dismissed(m *member, code wire.Code) {
	s.dropMember(m)
	s.say(&wire.DocFrame{Type: wire.TypeLeft, Doc: m.doc, Code: code})
}

func (s *session) dropMember(m *member) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.members {
		if s.members[i] == m {
			// A new slice: the writer may be walking the old one.
			s.members = append(append([]*member(nil), s.members[:i]...), s.members[i+1:]...)
			return true
		}
	}
	return false
}

// replaceSecret is what a welcome calls "replace".
func (s *session) replaceSecret() string { return s.id + "." + hex.EncodeToString(s.secret[:]) }

func (s *session) who() *auth.Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.identity
}

// userJSON returns the session's user as JSON text, nil where nobody was asked.
func (s *session) userJSON() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.user
}

func userJSON(id *auth.Identity) []byte {
	if u := user(id); u != nil {
		return wire.Marshal(u)
	}
	return nil
}

func user(id *auth.Identity) *wire.User {
	if id.Subject == "" {
		return nil
	}
	return &wire.User{ID: id.Subject, Name: id.Name}
}
