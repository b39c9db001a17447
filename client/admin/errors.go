package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

// AccessError says that the token does not open what was asked for.
type AccessError struct {
	Status  int         // 401: there is none, or it is not valid; 403: it lacks the right
	Right   string      // that is needed
	Doc     oplog.DocID // where; empty: in every document
	Message string      // of the relay
}

func (e *AccessError) Error() string {
	where := string(e.Doc)
	if where == "" {
		where = "*"
	}
	if e.Status == http.StatusUnauthorized {
		return fmt.Sprintf("the relay wants a valid token, with the right %s in %s: %s", e.Right, where, e.Message)
	}
	return "the token does not do for this: " + e.Message
}

// RejectedError says that the relay did not take an op. Ops before it in the same
// append may have been taken.
type RejectedError struct {
	Op      clock.Dot
	Code    wire.Code
	Message string
}

func (e *RejectedError) Error() string {
	return fmt.Sprintf("the relay rejected op %v: %s: %s", e.Op, e.Code, e.Message)
}

// Unwrap returns what the log itself would have said, or nil.
func (e *RejectedError) Unwrap() error {
	switch e.Code {
	case wire.Gap, wire.Missing, wire.Conflict:
		return oplog.ErrOrder
	case wire.TooLarge:
		return oplog.ErrTooLarge
	case wire.Unavailable, wire.RateLimited, wire.Closed:
		return oplog.ErrUnavailable
	}
	return nil
}

// refusal is an answer that is no success.
type refusal struct {
	Code    wire.Code    `json:"code"`
	Message string       `json:"message"`
	RetryMS int64        `json:"retry_ms"`
	First   oplog.Offset `json:"first"`
	Access  []string     `json:"access"`

	status   int
	after    time.Duration // when to come back, if that was said
	conflict error         // what 409 means here
}

func newRefusal(resp *http.Response, body []byte, conflict error) *refusal {
	f := &refusal{}
	if json.Unmarshal(body, f) != nil || f.Code == "" {
		// Not all that stands between speaks as a relay does.
		f = &refusal{Message: "that is no answer of a relay; is the URL right?"}
	}
	f.status, f.conflict = resp.StatusCode, conflict
	f.after = milliseconds(f.RetryMS)
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && f.after == 0 {
		f.after = milliseconds(1000 * min(max(int64(s), 0), 3600))
	}
	return f
}

func (f *refusal) Error() string {
	text := fmt.Sprintf("the relay answered %d %s: %.500s", f.status, f.Code, f.Message)
	if is := f.Unwrap(); is != nil {
		return is.Error() + ": " + text
	}
	return text
}

// Unwrap returns what the log itself would have said, or nil.
func (f *refusal) Unwrap() error {
	switch f.Code {
	case wire.NotFound:
		return oplog.ErrNotFound
	case wire.Epoch:
		return oplog.ErrEpoch
	case wire.Pruned:
		return oplog.ErrPruned
	case wire.Format:
		return oplog.ErrFormat
	case wire.TooLarge:
		return oplog.ErrTooLarge
	case wire.Unavailable, wire.RateLimited:
		return oplog.ErrUnavailable
	case wire.Conflict:
		return f.conflict
	}
	return nil
}

// milliseconds returns a time that a relay asked for, within reason.
func milliseconds(n int64) time.Duration {
	return time.Duration(min(max(n, 0), 3_600_000)) * time.Millisecond
}

// passes reports whether the same request may succeed later.
func (f *refusal) passes() bool {
	switch f.status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusGatewayTimeout:
		return true
	}
	return false
}
