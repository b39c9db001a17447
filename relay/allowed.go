package relay

import (
	"context"
	"net/http"
	"time"

	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// allowed tells what somebody may do in a document: the rights of the token, and
// of them what the backend leaves, where one is asked. It may have to wait for it.
func (s *Server) allowed(ctx context.Context, id *auth.Identity, doc string) (auth.Answer, error) {
	if s.cfg.Backend == nil {
		return auth.Answer{Rights: id.Rights(doc)}, nil
	}
	answer, err := s.cfg.Backend.Ask(ctx, id, doc)
	if err != nil && ctx.Err() == nil {
		s.backendFailed(err)
	}
	return answer, err
}

// backendFailed tells the operator, every now and then: who asks may be many.
func (s *Server) backendFailed(err error) {
	now, told := int64(time.Since(s.started)), s.backendTold.Load()
	if (told == 0 || now-told >= int64(backendTellEvery)) && s.backendTold.CompareAndSwap(told, now) {
		s.slog.Error("authorizer gives no answer; nobody enters whom it was not asked about", logError, err)
	}
}

const backendTellEvery = 10 * time.Second

// unanswered is what a client is told then.
const unanswered = "it cannot be told at the moment what you may do here"

var errUnanswered = &refusal{http.StatusServiceUnavailable, wire.Unavailable, unanswered}

// granted is what the backend said of a member; its fields are guarded by room.mu.
type granted struct {
	answer auth.Answer
	about  *auth.Identity // whom it was asked about
	asking bool           // it is being asked again
	retry  time.Time      // when that may be tried again, after it failed
}

// leaves returns which of the rights of a token it leaves.
func (g *granted) leaves(rights auth.Rights, now time.Time) auth.Rights {
	if !now.Before(g.answer.Until) {
		return 0
	}
	return rights & g.answer.Rights
}

// renew has the backend asked again where its answer is no longer fresh, or was
// about another token. It does not wait. An answer that is too old to count is
// as good as none.
func (m *member) renew(now time.Time) {
	s := m.session.srv
	if s.cfg.Backend == nil {
		return
	}
	id := m.session.who()
	m.room.mu.Lock()
	g := &m.granted
	over := !m.gone && !now.Before(g.answer.Until)
	due := !m.gone && !g.asking && !now.Before(g.retry) && (g.about != id || !now.Before(g.answer.Fresh))
	g.asking = g.asking || due
	m.room.mu.Unlock()
	if over {
		m.reassess()
	}
	if due {
		s.asks.Go(func() { m.askAgain(id) })
	}
}

// askAgain asks the backend and has its answer count.
func (m *member) askAgain(id *auth.Identity) {
	s := m.session.srv
	answer, err := s.allowed(s.done, id, string(m.doc))
	m.room.mu.Lock()
	g := &m.granted
	g.asking = false
	if err == nil {
		g.answer, g.about = answer, id
	} else {
		g.retry = time.Now().Add(retryBackend)
	}
	m.room.mu.Unlock()
	m.reassess()
}

// retryBackend is after what time a backend that gave no answer is asked again
// about somebody who is there.
const retryBackend = 5 * time.Second
