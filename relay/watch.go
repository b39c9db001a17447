package relay

import (
	"context"
	"errors"
	"time"

	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// watch looks after sessions and rooms until the server ends: it pings sessions,
// ends those that are silent, asks again what their tokens are worth, and lets
// idle rooms rest. One goroutine for all: what is idle has no timer of its own.
func (s *Server) watch() {
	tick := time.NewTicker(min(s.cfg.Heartbeat/8, time.Second))
	defer tick.Stop()
	for {
		select {
		case <-s.done.Done():
			return
		case now := <-tick.C:
			version := s.tokenVersion()
			for _, ses := range s.all() {
				ses.checkLife(now)
				ses.checkToken(now, version)
				ses.renew(now)
			}
			for _, r := range s.allRooms() {
				r.rest()
			}
			s.parking.tidy(now)
			s.crowd.forget(now)
		}
	}
}

// checkLife pings a session that is due, and ends one that is silent.
func (s *session) checkLife(now time.Time) {
	beat := s.srv.cfg.Heartbeat
	s.mu.Lock()
	silent := s.conn.silence(now)
	paused, parked := s.crowded(), s.ticket != 0
	ping := now.Sub(s.pinged) >= beat
	if ping {
		s.pinged = now
		s.queue(pingFrame)
	}
	s.mu.Unlock()
	s.checkPace(now, paused)
	switch {
	case silent >= 2*beat && !paused && !s.conn.sending.Load(): // who is being sent to has the write deadline
		s.close(wire.CloseHeartbeat, "no sign of life for two heartbeats")
	case ping:
		s.wake()
	}
	if s.conn.raw != nil && !parked && silent >= idleAfter(beat) {
		s.conn.nudge()
	}
}

// idleAfter is the silence after which a session is parked: long enough that one
// who works is not, well below the time between two pings.
func idleAfter(beat time.Duration) time.Duration { return min(beat/5, 2*time.Second) }

var pingFrame = frame(opPing, nil)

// tokenWarning is how long before its end a client hears that its token ends.
const tokenWarning = time.Minute

// tokenVersion returns the version of all answers about tokens, nil if it is not known.
func (s *Server) tokenVersion() *auth.Version {
	versioned, ok := s.cfg.Auth.(auth.Versioned)
	if !ok {
		return nil
	}
	v := versioned.Version()
	return &v
}

// checkToken asks again whom the session's token stands for, where that may have
// changed since it was asked.
func (s *session) checkToken(now time.Time, version *auth.Version) {
	s.mu.Lock()
	token, old := s.token, s.identity
	same := version != nil && *version == s.tokenVersion && !s.aboutToEnd(now)
	s.mu.Unlock()
	if same && !s.srv.cfg.Revoked.Has(old) {
		return
	}
	id, err := s.srv.authorize(noPatience, token)
	over := errors.Is(err, auth.ErrToken) || err == nil && id.Subject != old.Subject || err != nil && old.Expired(now)
	if err != nil && !over {
		return // cannot be told now: what was true stays true
	}
	s.mu.Lock()
	if s.token != token {
		s.mu.Unlock()
		return // it has brought another since
	}
	warn := false
	if !over {
		s.identify(token, id)
		if version != nil {
			s.tokenVersion = *version
		}
		warn = s.aboutToEnd(now) && !s.warned
		s.warned = s.warned || warn
	}
	s.mu.Unlock()
	if over {
		s.srv.meters.authFailed(authExpired)
		if err != nil {
			s.srv.tokenRefused(logSession, s.id, err)
		}
		s.close(wire.CloseUnauthorized, "the token has expired or is no longer valid")
		return
	}
	if id != old {
		s.reassess()
	}
	if warn {
		s.say(&wire.Auth{Type: wire.TypeAuth, User: user(id), ExpiresMS: id.Expires.Sub(now).Milliseconds()})
	}
}

// aboutToEnd reports whether the session's token ends soon, or has ended; its lock is held.
func (s *session) aboutToEnd(now time.Time) bool {
	return !s.identity.Expires.IsZero() && s.identity.Expires.Sub(now) < tokenWarning
}

// noPatience is the context of questions that all sessions would wait for: they
// are answered by what is known at once.
var noPatience = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// renew has the backend asked again about the documents that the session is in,
// where it is time.
func (s *session) renew(now time.Time) {
	if s.srv.cfg.Backend == nil {
		return
	}
	s.mu.Lock()
	members := s.members
	s.mu.Unlock()
	for _, m := range members {
		m.renew(now)
	}
}

// authorize answers an auth frame: a new token for the same subject.
func (s *session) authorize(f *wire.Frame) {
	id, err := s.srv.authorize(s.srv.done, f.Token)
	switch {
	case errors.Is(err, auth.ErrToken):
		s.srv.meters.authFailed(authFrame)
		s.srv.tokenRefused(logSession, s.id, err)
		s.close(wire.CloseUnauthorized, err.Error())
		return
	case err != nil:
		s.srv.meters.authFailed(authUnavailable)
		s.srv.slog.Error("authorize", logSession, s.id, logError, err)
		s.refuse(f, wire.Unavailable, "tokens cannot be checked at the moment")
		return
	case id.Subject != s.who().Subject:
		s.srv.meters.authFailed(authSubject)
		s.close(wire.CloseForbidden, "the token belongs to somebody else; connect anew with it")
		return
	}
	s.mu.Lock()
	s.identify(f.Token, id)
	s.mu.Unlock()
	s.reassess()
	answer := &wire.Auth{Type: wire.TypeAuth, ID: f.ID, User: user(id)}
	if !id.Expires.IsZero() {
		answer.ExpiresMS = time.Until(id.Expires).Milliseconds()
	}
	s.say(answer)
}

// identify notes whom the session's token stands for; its lock is held. What
// that changes in the documents it is in, [session.reassess] says.
func (s *session) identify(token string, id *auth.Identity) {
	s.warned = s.warned && id.Expires.Equal(s.identity.Expires)
	if id != s.identity {
		s.identity, s.user = id, userJSON(id)
	}
	s.token, s.tokenVersion = token, auth.Version{}
}

// reassess has the rights of the session's identity count in every document
// that it is in.
func (s *session) reassess() {
	s.mu.Lock()
	members := s.members
	s.mu.Unlock()
	for _, m := range members {
		m.reassess()
		m.renew(time.Now())
	}
}

// reassess has the rights count that the session has now, and tells it.
func (m *member) reassess() {
	r := m.room
	r.mu.Lock()
	defer r.mu.Unlock()
	// Asked under the lock: of two who call this, the later one sees the newest.
	rights := m.session.who().Rights(string(m.doc))
	if r.srv.cfg.Backend != nil {
		rights = m.leaves(rights, time.Now())
	}
	if m.gone || m.rights == rights {
		return
	}
	if rights == 0 || m.ops && !rights.Has(auth.Read) || m.watches && !mayWatch(rights) {
		m.dismiss(r, wire.Forbidden)
		return
	}
	m.rights = rights
	m.session.say(&wire.DocFrame{Type: wire.TypeAccess, Doc: m.doc, Access: rights.Names()})
	r.presence.relist(m)
}

// mayWatch reports whether one with these rights may hear who is there.
func mayWatch(rights auth.Rights) bool { return rights&(auth.Read|auth.Presence) != 0 }
