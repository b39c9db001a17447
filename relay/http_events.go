package relay

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// events is a stream of ops to one HTTP client, that goes on with those to
// come. Between them it holds nothing but its room.
type events struct {
	// static
	srv  *Server
	call *call
	room *room
	beat time.Duration // how often the client gets a sign of life

	at      place
	checked time.Time // when the token was last asked for
}

// sendEvents streams ops as server-sent events. The stream ends with an event
// "end" that says why, unless the client left.
func (s *Server) sendEvents(c *call, at place) error {
	at, err := resume(c.r.Header.Get("Last-Event-ID"), at)
	if err != nil {
		return err
	}
	r, err := s.room(c.r.Context(), c.doc)
	if err != nil {
		return err
	}
	defer s.release(r)
	e := &events{srv: s, call: c, room: r, beat: s.cfg.Heartbeat / 2, at: at, checked: time.Now()}
	return e.end(e.run())
}

// resume reads where a stream goes on: E.N, or N in the epoch asked for.
func resume(id string, at place) (place, error) {
	if id == "" {
		return at, nil
	}
	if i := strings.LastIndexByte(id, '.'); i >= 0 {
		at.epoch, id = oplog.Epoch(id[:i]), id[i+1:]
	}
	var err error
	at.after, err = parsePosition("Last-Event-ID", id)
	return at, err
}

// run sends until something ends it; nil means the client.
func (e *events) run() error {
	for {
		if err := e.allowed(); err != nil {
			return err
		}
		news, _ := e.room.changed(e.at.after) // before reading: nothing comes between
		p, err := e.read()
		if err != nil && !e.at.mayCome(p, err) {
			return err
		}
		e.at.after = p.next
		if gone := e.write(p.ops); gone || e.call.isHead() {
			return nil
		}
		if p.count > 0 {
			continue
		}
		if err := e.wait(news); err != nil {
			return err
		}
	}
}

// read returns the next ops as events.
func (e *events) read() (*page, error) {
	if e.at.epoch == "" {
		// From the first op on, the stream is one of this epoch: the ids say so.
		state, err := e.srv.log.State(e.call.r.Context(), e.call.doc)
		if err != nil {
			return &page{next: e.at.after}, err
		}
		e.at.epoch = state.Epoch
	}
	return e.srv.readPage(e.call, e.at, -1, opsFrameBytes, e.append)
}

// append adds an event. JSON text has no line breaks, so one data line holds it.
func (e *events) append(dst []byte, op *oplog.Entry) []byte {
	dst = append(dst, "id: "...)
	dst = append(dst, e.at.epoch...)
	dst = append(dst, '.')
	dst = strconv.AppendUint(dst, uint64(op.Offset), 10)
	dst = append(dst, "\ndata: "...)
	return append(wire.AppendEntry(dst, op), "\n\n"...)
}

// write sends events, or the head of the stream if there are none yet. It
// reports whether the client is gone.
func (e *events) write(b []byte) (gone bool) {
	w := e.call.w
	if !w.started {
		h := w.Header()
		h.Set("Content-Type", typeEvents)
		h.Set("Cache-Control", "no-store")
		h.Set("X-Accel-Buffering", "no") // nginx would keep them back
		w.WriteHeader(http.StatusOK)
	} else if len(b) == 0 {
		return false
	}
	if _, err := w.Write(b); err != nil {
		return true
	}
	return w.flush() != nil
}

// wait returns when there may be more, having given the client a sign of life
// if that took long.
func (e *events) wait(news <-chan struct{}) error {
	timer := time.NewTimer(e.beat)
	defer timer.Stop()
	select {
	case <-news:
	case <-e.srv.calls.going: // allowed says so
	case <-e.call.r.Context().Done():
	case <-timer.C:
		if e.write([]byte(":\n\n")) {
			return context.Canceled
		}
	}
	return nil
}

// allowed says why the stream may not go on. A token is asked for again once in
// a while: it may have ended.
func (e *events) allowed() error {
	c := e.call
	select {
	case <-c.r.Context().Done():
		return context.Cause(c.r.Context())
	case <-e.srv.calls.going:
		return errGoing
	default:
	}
	if time.Since(e.checked) < e.beat {
		return nil
	}
	e.checked = time.Now()
	id, err := e.srv.authorize(c.r.Context(), c.token)
	switch {
	case errors.Is(err, auth.ErrToken), err == nil && id.Subject != c.id.Subject, err != nil && c.id.Expired(time.Now()):
		e.srv.meters.authFailed(authExpired)
		return &refusal{http.StatusUnauthorized, wire.Unauthorized, "the token has expired or is no longer valid"}
	case err != nil:
		return nil // where it cannot be told now, what was true stays true
	}
	answer, err := e.srv.allowed(c.r.Context(), id, string(c.doc))
	switch {
	case err != nil && !time.Now().Before(c.until):
		return errUnanswered
	case err != nil:
		return nil // for some time, the last answer counts
	case !answer.Rights.Has(auth.Read):
		return &refusal{http.StatusForbidden, wire.Forbidden, "the right to read is gone"}
	}
	c.until = answer.Until
	return nil
}

// end says why the stream ends: as the answer where nothing was said yet, else
// as its last event.
func (e *events) end(err error) error {
	if err == nil || !e.call.w.started {
		return err
	}
	if errors.Is(err, oplog.ErrNotFound) || errors.Is(err, oplog.ErrEpoch) {
		err = &refusal{http.StatusGone, wire.Deleted, "the document was deleted"}
	}
	_, body := e.srv.explain(e.call, err)
	text, err := json.Marshal(body)
	if err == nil {
		e.write([]byte("event: end\ndata: " + string(text) + "\n\n"))
	}
	return nil
}
