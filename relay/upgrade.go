package relay

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"github.com/baton-relay/baton/relay/wire"
)

// serveWS takes a connection over from HTTP. The handler returns at once, so
// that nothing of the request stays in memory; the session reads on in a
// goroutine of its own.
func (s *Server) serveWS(w http.ResponseWriter, r *http.Request) {
	if s.isDraining() {
		w.Header().Set("Retry-After", strconv.Itoa(1))
		refuse(w, http.StatusServiceUnavailable, wire.Unavailable, "this node is going; connect again")
		return
	}
	from := s.sourceOf(r)
	if !s.crowd.knock(from.addr, 1) {
		turnAway(w, errKnocking)
		return
	}
	id, token, ok := s.identify(w, r)
	if !ok {
		return
	}
	offered := websocket.Subprotocols(r)
	if len(offered) > 0 && !slices.Contains(offered, wire.Subprotocol) {
		refuse(w, http.StatusBadRequest, wire.Invalid, "offer the subprotocol "+wire.Subprotocol+", or none")
		return
	}
	place, full := s.crowd.enter(from.addr, id)
	if full != nil {
		turnAway(w, full)
		return
	}
	if !s.takeSlot() {
		place.leave()
		s.answerFull(w)
		return
	}
	if !websocket.IsWebSocketUpgrade(r) {
		s.slots.Add(-1)
		place.leave()
		s.answerPlain(w, r)
		return
	}
	hw := &hijacker{ResponseWriter: w, patience: s.cfg.WriteTimeout, most: mostRead(s.cfg.Limits.FrameBytes)}
	up := websocket.Upgrader{
		HandshakeTimeout: 10 * time.Second,
		WriteBufferSize:  512, // of the handshake
		WriteBufferPool:  &handshakeBuffers,
		Subprotocols:     []string{wire.Subprotocol},
		CheckOrigin:      func(*http.Request) bool { return true }, // asked at the door
		Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
			refuse(w, status, wire.Invalid, reason.Error())
		},
	}
	ws, err := up.Upgrade(hw, r, http.Header{headerRequestID: w.Header().Values(headerRequestID)})
	if err != nil {
		s.slots.Add(-1)
		place.leave()
		return // answered above
	}
	hw.conn.upgraded.Store(true)
	ses := &session{
		srv: s, id: uuid.NewString(), secret: uuid.New(),
		ws: ws, conn: hw.conn, identity: id, user: userJSON(id), token: token,
		addr: from.addr, seat: place,
		began: time.Now(), pinged: time.Now(),
	}
	ses.room.L = &ses.mu
	ses.writing = ses.write
	if place.shared != nil {
		ses.budget = budget{&allowance{paces: s.crowd.paces}, place.shared, place.network}
	}
	// What the library would answer by itself is answered in the stream's order.
	ws.SetPingHandler(func(data string) error {
		if !ses.chargeControl() {
			return nil
		}
		ses.sayFrame(frame(opPong, []byte(data)))
		ses.awaitRoom() // between two messages there may be any number of pings
		return nil
	})
	ws.SetPongHandler(func(string) error {
		ses.chargeControl()
		return nil
	})
	ws.SetCloseHandler(func(int, string) error { return nil })
	if !s.add(ses) {
		s.slots.Add(-1)
		place.leave()
		ses.cut()
		return
	}
	ses.say(&wire.Welcome{
		Type: wire.TypeWelcome, Session: ses.id, Replace: ses.replaceSecret(), User: user(id),
		Server: "baton/" + s.cfg.Version, HeartbeatMS: s.cfg.Heartbeat.Milliseconds(), Limits: s.cfg.Limits,
	})
	if s.cfg.Revoked.Has(id) { // since it was asked: now a revoke would find the session
		ses.close(wire.CloseUnauthorized, errRevoked.Error())
	}
	go ses.read()
}

// takeSlot counts a session that is about to be, unless there are as many as there
// may be. Whoever took a slot takes one from s.slots when the session is over.
func (s *Server) takeSlot() bool {
	if n := s.slots.Add(1); s.cfg.MaxSessions <= 0 || n <= int64(s.cfg.MaxSessions) {
		return true
	}
	s.slots.Add(-1)
	return false
}

// answerFull refuses a handshake for which there is no slot, and tells the
// operator every now and then.
func (s *Server) answerFull(w http.ResponseWriter) {
	s.meters.full.Inc()
	now, told := int64(time.Since(s.started)), s.fullTold.Load()
	if (told == 0 || now-told >= int64(fullTellEvery)) && s.fullTold.CompareAndSwap(told, now) {
		s.slog.Warn("there are as many sessions as there may be; new ones are refused (see --max-sessions)", logSessions, s.cfg.MaxSessions)
	}
	retryAfter(w.Header(), fullFor)
	answer(w, http.StatusServiceUnavailable, &wire.Error{
		Code: wire.Unavailable, RetryMS: fullFor.Milliseconds(),
		Message: fmt.Sprintf("the relay has %d sessions, as many as it may have; come again later", s.cfg.MaxSessions),
	})
}

const fullTellEvery = time.Minute

// answerPlain answers a request that asks for no upgrade (RFC 9110, section 15.5.22).
// A client that is refused its socket asks so for the reason. One that has a key asked
// for an upgrade, and something on the way took that out: the operator is told, once.
func (s *Server) answerPlain(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Sec-WebSocket-Key") != "" && s.plainTold.CompareAndSwap(false, true) {
		s.slog.Warn("a WebSocket handshake came without the headers Upgrade and Connection; the proxy before the relay must pass upgrades (see docs/running.md)")
	}
	w.Header().Set("Connection", "Upgrade")
	w.Header().Set("Upgrade", "websocket")
	refuse(w, http.StatusUpgradeRequired, wire.Invalid, "the relay speaks WebSocket here, and the request does not ask for that; if the client did, a proxy on the way does not pass upgrades")
}

var handshakeBuffers sync.Pool

// hijacker has the upgrade take our socket instead of the bare one.
type hijacker struct {
	http.ResponseWriter
	patience time.Duration
	most     int
	conn     *conn
}

// Hijack implements [http.Hijacker].
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.conn = newConn(c, h.patience, h.most)
	if n := rw.Reader.Buffered(); n > 0 {
		// A client that did not wait for the answer to its handshake.
		early, err := rw.Reader.Peek(n)
		if err != nil {
			return nil, nil, err
		}
		h.conn.early(early)
	}
	return h.conn, bufio.NewReadWriter(h.conn.buffered, rw.Writer), nil
}

func (s *Server) isDraining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}

// isNetError reports whether a read failed because the connection is gone.
func isNetError(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.Is(err, io.ErrClosedPipe) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
