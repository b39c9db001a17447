package relay

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

// refusal is an answer that says why not, as an error.
type refusal struct {
	status  int
	code    wire.Code
	message string
}

func (e *refusal) Error() string { return e.message }

func invalid(format string, args ...any) error {
	return &refusal{http.StatusBadRequest, wire.Invalid, fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return &refusal{http.StatusNotFound, wire.NotFound, fmt.Sprintf(format, args...)}
}

func tooLarge(limit int) error {
	return &refusal{http.StatusRequestEntityTooLarge, wire.TooLarge, fmt.Sprintf("the body may have at most %d bytes", limit)}
}

// later refuses what comes too often, or is too much at a time.
type later struct {
	message string
	wait    time.Duration // before it may be tried again
}

func (e *later) Error() string { return e.message }

// errorBody is the body of every refusal. Access is there where a document was
// asked for that does not exist, the last three where a place in one that is gone.
type errorBody struct {
	wire.Error
	Access   []string       `json:"access,omitempty"`
	Epoch    oplog.Epoch    `json:"epoch,omitempty"`
	First    oplog.Offset   `json:"first,omitempty"`
	Snapshot *wire.Snapshot `json:"snapshot,omitempty"`
}

// answerError ends a call that went wrong. One that said something already can
// only be broken off, so that what came is not taken for all.
func (s *Server) answerError(c *call, err error) {
	status, body := s.explain(c, err)
	if c.w.started || status == clientGone {
		panic(http.ErrAbortHandler)
	}
	switch status {
	case http.StatusServiceUnavailable:
		body.RetryMS = retryUnavailable.Milliseconds()
		c.retryLater()
	case http.StatusTooManyRequests:
		retryAfter(c.w.Header(), time.Duration(body.RetryMS)*time.Millisecond)
	}
	if status == http.StatusUnauthorized {
		c.w.Header().Set("WWW-Authenticate", "Bearer")
	}
	c.w.Header().Del("Content-Disposition")
	answer(c.w, status, body)
}

// retryLater says when to ask again.
func (c *call) retryLater() { retryAfter(c.w.Header(), retryUnavailable) }

// turnAway refuses what comes too often, before it is a call.
func turnAway(w http.ResponseWriter, why *later) {
	retryAfter(w.Header(), why.wait)
	answer(w, http.StatusTooManyRequests, why.wire())
}

func (e *later) wire() wire.Error {
	return wire.Error{Code: wire.RateLimited, Message: e.message, RetryMS: e.wait.Milliseconds()}
}

// retryAfter says when to ask again, in whole seconds (RFC 9110, section 10.2.3).
func retryAfter(h http.Header, wait time.Duration) {
	h.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
}

// clientGone is the status of an answer that nobody waits for.
const clientGone = 0

// explain says what an error means to the client. What nobody expects is logged.
func (s *Server) explain(c *call, err error) (status int, body *errorBody) {
	why, refused := errors.AsType[*refusal](err)
	tooMuch, limited := errors.AsType[*later](err)
	if !refused && !limited && c.r.Context().Err() != nil {
		err = context.Cause(c.r.Context())
	}
	switch {
	case refused:
	case limited:
		return http.StatusTooManyRequests, &errorBody{Error: tooMuch.wire()}
	case errors.Is(err, oplog.ErrEpoch):
		return s.gone(c, wire.Epoch, "the document has another epoch: it was created anew, restored or imported since")
	case errors.Is(err, oplog.ErrPruned):
		return s.gone(c, wire.Pruned, "ops before the first one held are pruned; go on from the snapshot")
	case errors.Is(err, oplog.ErrNotFound):
		why = &refusal{http.StatusNotFound, wire.NotFound, "document " + string(c.doc) + " does not exist"}
	case errors.Is(err, oplog.ErrUnavailable):
		why = &refusal{http.StatusServiceUnavailable, wire.Unavailable, "the log takes no writes at the moment; try again"}
	case errors.Is(err, errGoing):
		why = &refusal{http.StatusServiceUnavailable, wire.Unavailable, err.Error()}
	case errors.Is(err, errRevoked):
		why = &refusal{http.StatusUnauthorized, wire.Unauthorized, err.Error()}
	case errors.Is(err, context.Canceled):
		why = &refusal{clientGone, wire.Invalid, "the client left"}
	default:
		s.slog.Error("answer request", logRequest, c.w.Header().Get(headerRequestID), logMethod, c.r.Method, logPath, c.r.URL.Path, logError, err)
		why = &refusal{http.StatusInternalServerError, wire.Unavailable, "the relay could not do this; its log says why"}
	}
	return why.status, &errorBody{Error: wire.Error{Code: why.code, Message: why.message}}
}

// gone says that a place in the document is no longer there, and where to go on.
func (s *Server) gone(c *call, code wire.Code, message string) (int, *errorBody) {
	ctx := c.r.Context()
	state, err := s.log.State(ctx, c.doc)
	if err != nil {
		return s.explain(c, err)
	}
	body := &errorBody{Error: wire.Error{Code: code, Message: message}, Epoch: state.Epoch, First: state.First}
	blob, err := s.log.Snapshot(ctx, c.doc, 0)
	switch {
	case err == nil:
		body.Snapshot = snapshotFrame(c.doc, &blob)
	case !errors.Is(err, oplog.ErrNotFound):
		return s.explain(c, err)
	}
	return http.StatusGone, body
}
