package client

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/websocket"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

var (
	// ErrClosed says that the Conn was closed here, or the Doc left.
	ErrClosed = errors.New("closed")
	// ErrNoAccess says that the session has no right to do this in the document.
	ErrNoAccess = errors.New("no right to do this")
	// ErrTooLarge says that an op, state or event passes a limit of the relay.
	ErrTooLarge = errors.New("larger than the relay takes")
)

// EndError says why the relay ended a connection, or a stay in a document, for
// good.
type EndError struct {
	Status  int         // WebSocket close code or HTTP status; 0 where only a document ended
	Code    wire.Code   // of the error or left frame, empty if there was none
	Doc     oplog.DocID // empty if the connection ended
	Message string
}

func (e *EndError) Error() string {
	what := "the connection"
	if e.Doc != "" {
		what = "the stay in " + string(e.Doc)
	}
	said := string(e.Code)
	if e.Status != 0 {
		said = strconv.Itoa(e.Status) + " " + said
	}
	return fmt.Sprintf("the relay ended %s: %s %s", what, said, e.Message)
}

// GapError says that an op came before others that it follows from: the relay,
// its store or this client is broken.
type GapError struct {
	Doc     oplog.DocID
	Op      clock.Dot    // the op that came; zero where a catch-up ended too early
	Missing clock.Vector // what should have come before it
}

func (e *GapError) Error() string {
	before := "the end of the catch-up"
	if e.Op.Seq > 0 {
		before = e.Op.String()
	}
	return fmt.Sprintf("%s: %s came, but not %s", e.Doc, before, e.Missing.AppendJSON(nil))
}

// SnapshotError says that a document cannot be received: its first ops are gone, and
// no snapshot that stands in for them could be had or loaded. Own ops that are not
// saved are in [Doc.Outbox] as before.
type SnapshotError struct {
	Doc   oplog.DocID
	First oplog.Offset // of the oldest op that is there
	Err   error        // why there is no snapshot
}

func (e *SnapshotError) Error() string {
	return fmt.Sprintf("%s cannot be received: its ops before %d are gone, and no snapshot in their place can be loaded: %v", e.Doc, e.First, e.Err)
}

func (e *SnapshotError) Unwrap() error { return e.Err }

// Refused says that an op will never be taken. The op and all that were made
// after it are no longer in the outbox, and the document has a new actor: what
// is still wanted of Unsaved must be appended again. It is also an error.
type Refused struct {
	Op      clock.Dot // the op, zero where only its actor is refused
	Code    wire.Code // too_large, invalid, forbidden, closed or conflict
	Message string
	Unsaved []oplog.Op  // what left the outbox, in order
	Actor   clock.Actor // whose ops come from now on
}

func (r *Refused) Error() string {
	return fmt.Sprintf("the relay refused %v: %s: %s", r.Op, r.Code, r.Message)
}

// refusedHandshake is an HTTP answer in place of a socket.
type refusedHandshake struct {
	status  int
	retry   time.Duration
	message string
}

func (e *refusedHandshake) Error() string {
	return fmt.Sprintf("handshake refused: %d %s %s", e.status, http.StatusText(e.status), e.message)
}

// verdict is what a lost connection asks for.
type verdict struct {
	final    bool // it is over
	newToken bool // another token is needed
	slow     bool // the relay asks for patience: do not begin again at the shortest wait
	restart  bool // the relay said when to come back
	after    time.Duration
}

// judge says what to do about a connection that ended with err. This is the
// table of close codes of the protocol.
func judge(err error) verdict {
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
		switch closed.Code {
		case wire.CloseNormal, wire.CloseGoingAway, wire.ClosePolicy, wire.CloseTooLarge, wire.CloseUnreadable, wire.CloseForbidden:
			return verdict{final: true}
		case wire.CloseUnauthorized:
			return verdict{newToken: true}
		case wire.CloseRestart:
			return verdict{restart: true}
		case wire.CloseOverloaded, wire.CloseRateLimited:
			return verdict{slow: true}
		}
		return verdict{}
	}
	if refused, ok := errors.AsType[*refusedHandshake](err); ok {
		switch {
		case refused.status == http.StatusUnauthorized:
			return verdict{newToken: true}
		case refused.status >= 500, refused.status == http.StatusTooManyRequests, refused.status == http.StatusRequestTimeout:
			return verdict{slow: true, after: refused.retry}
		}
		return verdict{final: true}
	}
	return verdict{}
}

// endError is what the caller is told of a final end.
func endError(err error) error {
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
		return &EndError{Status: closed.Code, Message: closed.Text}
	}
	if refused, ok := errors.AsType[*refusedHandshake](err); ok {
		return &EndError{Status: refused.status, Message: refused.message}
	}
	return err
}
