package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

// prune lets go of ops that a snapshot stands in for.
func (s *Server) prune(c *call) error {
	if err := c.isEmptyOr(typeJSON); err != nil {
		return err
	}
	before, err := parseOffset("before", c.query.Get("before"))
	if err != nil {
		return err
	}
	if err := s.epoch(c); err != nil {
		return err
	}
	ctx := context.WithoutCancel(c.r.Context()) // once begun, the room must hear of it
	r, err := s.room(ctx, c.doc)
	if err != nil {
		return err
	}
	defer s.release(r)
	first, err := s.log.Prune(ctx, c.doc, before)
	if errors.Is(err, oplog.ErrNeeded) {
		return &refusal{
			http.StatusConflict, wire.Conflict,
			fmt.Sprintf("no snapshot stands in for the ops before %d: one at %d or behind it is needed", before, before-1),
		}
	}
	if err != nil {
		return err
	}
	state, err := s.log.State(ctx, c.doc)
	if err != nil {
		return err
	}
	r.pruned(&state)
	answer(c.w, http.StatusOK, map[string]oplog.Offset{"first": first})
	return nil
}

// pruned notes the oldest op that is still held. Sessions that are not that far
// find out as they read on.
func (r *room) pruned(now *oplog.State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Epoch != r.state.Epoch {
		return // the document is another by now
	}
	r.state.First = max(r.state.First, now.First)
	r.state.Bytes, r.extent = now.Bytes, nil // less a batch that is being committed
	for _, m := range r.members {
		if m.ops && m.pos < r.state.First-1 {
			m.wake()
		}
	}
}

// deleteDoc deletes a document; who is in it hears of that.
func (s *Server) deleteDoc(c *call) error {
	ctx := context.WithoutCancel(c.r.Context()) // once begun, the room must hear of it
	r, err := s.room(ctx, c.doc)
	if err != nil {
		return err
	}
	defer s.release(r)
	if err := r.remove(ctx, c.id.Subject); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// backup streams a copy of the whole log.
func (s *Server) backup(c *call) error {
	if err := take(s.calls.backups, "backups"); err != nil {
		return err
	}
	defer func() { <-s.calls.backups }()
	h := c.w.Header()
	h.Set("Content-Type", typeOctets)
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="baton-%s.db"`, time.Now().UTC().Format("20060102T150405Z")))
	h.Set("Cache-Control", "no-store")
	if c.isHead() {
		c.w.WriteHeader(http.StatusOK)
		return nil
	}
	return s.log.Backup(c.r.Context(), c.w)
}

// revoke has a token, or all of a subject's, count no longer, and ends what is
// open by them: sessions, and requests.
func (s *Server) revoke(c *call) error {
	if err := c.isOf(typeJSON); err != nil {
		return err
	}
	body, err := c.body(s.cfg.Limits.FrameBytes)
	if err != nil {
		return err
	}
	what := new(revocation)
	if err := json.Unmarshal(body, what); err != nil || !what.valid() {
		return invalid(`the body must be {"subject":…} or {"token_id":…,"expires":…}: strings of 1 to 256 bytes, and Unix seconds, which may be left out`)
	}
	if what.Subject != "" {
		err = s.cfg.Revoked.Subject(what.Subject)
	} else {
		err = s.cfg.Revoked.Token(what.TokenID, s.endOf(what))
	}
	if err != nil {
		s.slog.Error("revoke", logRequest, c.w.Header().Get(headerRequestID), logError, err)
		return &refusal{http.StatusServiceUnavailable, wire.Unavailable, "nothing is revoked: it cannot be kept at the moment; the relay's log says why"}
	}
	closed := s.calls.revoke(s.cfg.Revoked, c)
	for _, ses := range s.all() {
		if s.cfg.Revoked.Has(ses.who()) && ses.close(wire.CloseUnauthorized, errRevoked.Error()) {
			closed++
		}
	}
	s.meters.authFailures.WithLabelValues(authRevoked).Add(float64(closed))
	answer(c.w, http.StatusOK, map[string]int{"closed": closed})
	return nil
}

// revocation is what a revoke asks for.
type revocation struct {
	Subject string `json:"subject"`
	TokenID string `json:"token_id"`
	Expires *int64 `json:"expires"` // Unix seconds
}

func (r *revocation) valid() bool {
	name := r.Subject + r.TokenID
	one := (r.Subject == "") != (r.TokenID == "")
	ends := r.Expires == nil || r.TokenID != "" && *r.Expires > 0 && *r.Expires <= maxUnix
	return one && len(name) <= 256 && ends
}

// maxUnix is the end of the year 9999.
const maxUnix = 253402300799

// endOf returns when a token ends: as the body says, or as a session knows that
// came with it; zero if nobody does.
func (s *Server) endOf(what *revocation) time.Time {
	if what.Expires != nil {
		return time.Unix(*what.Expires, 0)
	}
	for _, ses := range s.all() {
		if id := ses.who(); id.TokenID == what.TokenID {
			return id.Expires
		}
	}
	return time.Time{}
}
