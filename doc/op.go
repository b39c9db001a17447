package doc

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// OpError says which op cannot be part of its document, and why.
type OpError struct {
	Offset oplog.Offset
	Op     clock.Dot
	Err    error
}

func (e *OpError) Error() string {
	return fmt.Sprintf("op %v at offset %d: %v", e.Op, e.Offset, e.Err)
}

func (e *OpError) Unwrap() error { return e.Err }

var errRedacted = errors.New("its payload was erased")

// Payload returns the bytes that an op of a binary format carries: those behind
// base64, with padding, in a JSON string.
func Payload(e *oplog.Entry) ([]byte, error) {
	if e.Redacted {
		return nil, errRedacted
	}
	if len(e.Payload) < 2 || e.Payload[0] != '"' {
		return nil, errors.New("its payload is no string with base64")
	}
	text := e.Payload[1 : len(e.Payload)-1]
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(raw, text)
	if err != nil {
		var s string // "\/" is "/" as well
		if json.Unmarshal(e.Payload, &s) == nil {
			n, err = base64.StdEncoding.Strict().Decode(raw, []byte(s))
		}
	}
	if err != nil {
		return nil, errors.New("its payload is no string with base64")
	}
	return raw[:n], nil
}

// ReadOp returns the change that an op of the format [Automerge] carries, as
// bytes and as what it says of itself. It must be the change that the op is
// named after: the same actor, the same seq.
func ReadOp(e *oplog.Entry) ([]byte, *Change, error) {
	raw, err := Payload(e)
	if err != nil {
		return nil, nil, err
	}
	c, err := ReadChange(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("read change: %w", err)
	}
	if c.Actor != string(e.Actor) || c.Seq != e.Seq {
		return nil, nil, fmt.Errorf("it carries change %d of actor %s", c.Seq, c.Actor)
	}
	return raw, c, nil
}
