// Package relay carries ops, presence and events between a document's
// participants. It promises five things:
//
//   - An ack means durable, and so does hearing of an op: nobody, its author
//     included, is told of an op before the log has made it so.
//   - Causal order is checked here, by vector clocks: an op comes only after all
//     that its clock names, and a client can prove from clocks alone that it
//     lacks nothing.
//   - A slow reader is never dropped for being slow, never gets a gap, and costs
//     no memory: a session is a position in the log, not a queue.
//   - Presence never delays an op and never touches the log.
//   - Resuming needs nothing but a clock.
//
// It never looks into a payload. [Server] is an [net/http.Handler]; cmd/baton
// runs it, and any Go program can mount it. One op's way is: session (read.go)
// → room (accept.go) → log (commit.go) → tail (tail.go) → members (member.go) →
// sockets (write.go).
package relay

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// retryUnavailable is what a client is told to wait when the log takes nothing.
const retryUnavailable = time.Second

// Server is a relay. It is an [http.Handler] for the whole protocol.
type Server struct {
	// static
	cfg     Config
	log     oplog.Log
	slog    *slog.Logger
	mux     *http.ServeMux
	started time.Time

	stop    context.CancelFunc // ends watch
	done    context.Context    // ends with the server
	parking *parking
	meters  *meters
	watcher sync.WaitGroup // of watch and parking
	commits sync.WaitGroup // rooms that carry ops to the log
	calls   *calls         // HTTP requests under way
	crowd   *crowd
	open    bool // nobody is asked who they are
	// proxyTold is done once the operator was told of a proxy that is not trusted.
	proxyTold sync.Once
	// incoming is the memory of the frames that are coming, of all sessions.
	incoming  atomic.Int64
	relieving sync.Mutex     // held by relieve
	asks      sync.WaitGroup // of questions to the backend about sessions that are there

	backendTold atomic.Int64 // when the operator heard that it gives no answer: a [time.Duration] since started, or 0
	fullTold    atomic.Int64 // when the operator heard that there are too many sessions, since started
	plainTold   atomic.Bool  // whether the operator heard that upgrades do not come through
	slots       atomic.Int64 // sessions, and handshakes that are about to be some
	leaving     atomic.Bool  // set by Unready

	mu sync.Mutex
	// below guarded by mu
	rooms    map[oplog.DocID]*room
	sessions map[string]*session // by id
	draining bool
	empty    chan struct{} // closed when the last session of a draining server is gone
}

// New returns a relay that serves at once. Close ends it.
func New(cfg Config) *Server {
	cfg.fill()
	s := &Server{
		cfg: cfg, log: cfg.Log, slog: cfg.Logger, started: time.Now(),
		rooms:    map[oplog.DocID]*room{},
		sessions: map[string]*session{},
		empty:    make(chan struct{}),
		calls:    newCalls(),
	}
	_, s.open = cfg.Auth.(auth.Everyone)
	s.crowd = newCrowd(&s.cfg.Limits)
	s.done, s.stop = context.WithCancel(context.Background())
	s.mux = s.routes()
	s.meters = newMeters(s)
	s.parking = newParking(&s.watcher, s.slog)
	s.watcher.Go(s.watch)
	return s
}

// add registers a session; it reports false when the server is going.
func (s *Server) add(ses *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	s.sessions[ses.id] = ses
	return true
}

func (s *Server) forget(ses *session) {
	s.slots.Add(-1)
	ses.seat.leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, ses.id)
	if s.draining && len(s.sessions) == 0 {
		s.closeEmpty()
	}
}

// admitNoMore lets no session and no request in any more.
func (s *Server) admitNoMore() {
	s.mu.Lock()
	s.draining = true
	if len(s.sessions) == 0 {
		s.closeEmpty()
	}
	s.mu.Unlock()
	s.calls.leave()
}

func (s *Server) closeEmpty() {
	select {
	case <-s.empty:
	default:
		close(s.empty)
	}
}

// all returns the sessions there are.
func (s *Server) all() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.sessions))
}

// allRooms returns the rooms that are open.
func (s *Server) allRooms() []*room {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.rooms))
}

// replace ends the session whose secret a new one of the same user brought.
func (s *Server) replace(secret string, by *session) {
	id, _, _ := strings.Cut(secret, ".")
	s.mu.Lock()
	old := s.sessions[id]
	s.mu.Unlock()
	if old == nil || old == by || subtle.ConstantTimeCompare([]byte(secret), []byte(old.replaceSecret())) == 0 ||
		old.who().Subject != by.who().Subject {
		return
	}
	old.mu.Lock()
	members := old.members
	old.mu.Unlock()
	for _, m := range members {
		m.room.mu.Lock()
		m.dismiss(m.room, wire.Replaced)
		m.room.mu.Unlock()
	}
	old.close(wire.CloseNormal, "replaced")
}

// Drain ends every session in an orderly way: no new ones come, those there are
// told, what they sent is made durable and acked, then they are closed with
// 1012. It returns when all are gone, or with the error of ctx, having cut the
// rest. The log may be closed after that.
func (s *Server) Drain(ctx context.Context) error {
	s.admitNoMore()
	// Clients spread their return over this time; nobody waits for them here.
	notice := textFrame(&wire.Draining{Type: wire.TypeDraining, RetryMS: drainRetry.Milliseconds()})
	for _, ses := range s.all() {
		ses.sayFrame(notice)
	}
	settling, cancel := halfway(ctx)
	defer cancel()
	s.settle(settling)
	for _, ses := range s.all() {
		ses.close(wire.CloseRestart, "this node is going; connect again")
	}
	var err error
	select {
	case <-s.empty:
	case <-ctx.Done():
		err = ctx.Err()
		for _, ses := range s.all() {
			ses.cut()
		}
		<-s.empty
	}
	if late := s.calls.wait(ctx); err == nil {
		err = late
	}
	s.Close()
	return err
}

// drainRetry is what clients of a draining relay are told to wait.
const drainRetry = 500 * time.Millisecond

// halfway ends in the middle of the time that ctx has, if that has an end: a
// client that goes on sending, or does not read, must not take from the others
// the time to be closed in an orderly way.
func halfway(ctx context.Context) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok {
		return context.WithTimeout(ctx, time.Until(end)/2)
	}
	return context.WithCancel(ctx)
}

// settle waits until no session has an op open, or ctx ends. What a client had
// sent when it was told is read, made durable and acked.
func (s *Server) settle(ctx context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for quiet := 0; quiet < 5; quiet++ {
		for _, ses := range s.all() {
			ses.mu.Lock()
			if ses.open > 0 {
				quiet = 0
			}
			ses.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Close cuts every session and waits until what was accepted is durable. It
// does not close the log.
func (s *Server) Close() {
	s.admitNoMore()
	s.stop()
	for _, ses := range s.all() {
		ses.cut()
	}
	<-s.empty
	s.calls.wg.Wait()
	s.commits.Wait()
	s.parking.close()
	s.watcher.Wait()
	s.asks.Wait()
}
