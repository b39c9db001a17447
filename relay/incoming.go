package relay

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/baton-relay/baton/relay/wire"
)

// message is a frame of a client: what has come of it. Its memory is about what
// came, as it grows by a quarter at a time.
type message struct{ bytes []byte }

// messages holds buffers for frames while they are read and handled: an idle
// session has none.
var messages = sync.Pool{New: func() any { return new(message) }}

// pooledBytes is the largest buffer that messages keeps.
const pooledBytes = 64 << 10

// incoming is what there is to know of a session's frame while it comes. The
// session's reader writes it; watch moves due on while that reader is held up.
type incoming struct {
	held  atomic.Int64 // memory in bytes; 0 where no frame is coming
	began atomic.Int64 // when it began; this and due are a [time.Duration] since conn.made
	due   atomic.Int64 // when the next byte must have come
}

// leastPace is how many bytes of a frame or of a request's body must come in a
// second, beside the patience that each peer is given.
const leastPace = 1 << 10

// readMessage reads one frame.
func (s *session) readMessage() (*message, error) {
	kind, r, err := s.ws.NextReader()
	if err != nil {
		return nil, err
	}
	if kind != websocket.TextMessage {
		return nil, errBinary
	}
	m := messages.Get().(*message)
	m.bytes = m.bytes[:0]
	err = s.fill(m, r)
	s.conn.inMessage = 0
	return m, err
}

// fill reads a message to its end. Meanwhile watch holds the client to the pace,
// and hold bounds the memory of all such messages together.
func (s *session) fill(m *message, r io.Reader) error {
	limit := s.srv.cfg.Limits.FrameBytes
	began := s.conn.heard.Load()
	s.coming.began.Store(began)
	s.coming.due.Store(began + int64(s.conn.patience))
	s.hold(cap(m.bytes))
	defer func() { s.hold(0) }()
	for {
		if len(m.bytes) == cap(m.bytes) {
			m.bytes = slices.Grow(m.bytes, max(512, len(m.bytes)/4))
			s.hold(cap(m.bytes))
		}
		n, err := r.Read(m.bytes[len(m.bytes):cap(m.bytes)])
		m.bytes = m.bytes[:len(m.bytes)+n]
		switch {
		case len(m.bytes) > limit:
			return errTooLarge
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		s.paced(n)
	}
}

// paced moves on the time when more must have come, by n bytes that came. That is
// never further away than the patience, however much came before.
func (s *session) paced(n int) {
	earned := s.coming.due.Load() + int64(time.Duration(n)*time.Second/leastPace)
	s.coming.due.Store(min(earned, s.conn.heard.Load()+int64(s.conn.patience)))
}

// hold counts the memory of the session's frame that is coming.
func (s *session) hold(bytes int) {
	more := int64(bytes) - s.coming.held.Swap(int64(bytes))
	if all := s.srv.incoming.Add(more); more > 0 && all > int64(s.srv.cfg.IncomingBytes) {
		s.srv.relieve()
	}
}

// checkPace closes a session whose frame does not come at the pace. One that is
// not being read has all its time.
func (s *session) checkPace(now time.Time, paused bool) {
	at := now.Sub(s.conn.made)
	switch {
	case s.coming.held.Load() == 0:
	case paused:
		s.coming.due.Store(int64(at + s.conn.patience))
	case at > time.Duration(s.coming.due.Load()):
		s.giveUp(wire.CloseHeartbeat, fmt.Sprintf("a frame must come with at least %d bytes a second", leastPace))
	}
}

// giveUp closes a session and lets go of the frame that is coming at once.
func (s *session) giveUp(code int, reason string) {
	s.close(code, reason)
	s.conn.abandon()
}

// frameOf is the frame that is coming of one session.
type frameOf struct {
	session *session
	who     string // whose memory it counts as: a subject's or, without one, an address's
	held    int64
	began   int64
}

// relieve closes sessions with 1013 until the frames that are coming take no more
// memory than they may together. It begins with who holds the most, and there
// with the frame that began first.
func (s *Server) relieve() {
	if !s.relieving.TryLock() {
		return // another session's reader is here already
	}
	defer s.relieving.Unlock()
	var frames []frameOf
	total, sum := int64(0), map[string]int64{}
	for _, ses := range s.all() {
		held := ses.coming.held.Load()
		if held == 0 || ses.isEnding() {
			continue
		}
		network := areas(ses.addr)
		who := cmp.Or(ses.who().Subject, network[len(network)-1].String())
		frames = append(frames, frameOf{ses, who, held, ses.coming.began.Load() - int64(time.Since(ses.conn.made))})
		sum[who] += held
		total += held
	}
	most := int64(s.cfg.IncomingBytes)
	if total <= most {
		return
	}
	slices.SortFunc(frames, func(a, b frameOf) int {
		return cmp.Or(cmp.Compare(sum[b.who], sum[a.who]), cmp.Compare(a.who, b.who), cmp.Compare(a.began, b.began))
	})
	for _, f := range frames {
		if total <= most*7/8 { // the next frames need some room too
			return
		}
		total -= f.held
		f.session.giveUp(wire.CloseOverloaded, "too many frames are on their way in; connect again and send this one again")
	}
}
