package wire

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// AppendEntry appends an accepted op as it stands in an ops frame. These are the
// bytes that every reader gets, now or later.
func AppendEntry(dst []byte, e *oplog.Entry) []byte {
	dst = append(dst, `{"offset":`...)
	dst = strconv.AppendUint(dst, uint64(e.Offset), 10)
	dst = append(dst, `,"actor":"`...)
	dst = append(dst, e.Actor...)
	dst = append(dst, `","seq":`...)
	dst = strconv.AppendUint(dst, e.Seq, 10)
	dst = append(dst, `,"clock":`...)
	dst = e.Clock.AppendJSON(dst)
	dst = append(dst, `,"at":`...)
	dst = strconv.AppendInt(dst, e.At, 10)
	if e.By != "" {
		dst = append(dst, `,"by":`...)
		dst = appendString(dst, e.By)
	}
	if e.Redacted {
		dst = append(dst, `,"redacted":true`...)
	} else {
		dst = append(dst, `,"payload":`...)
		dst = append(dst, e.Payload...)
	}
	if e.Ext != nil {
		dst = append(dst, `,"ext":`...)
		dst = append(dst, e.Ext...)
	}
	return append(dst, '}')
}

// AppendImport appends an entry as the body of an HTTP append has it: without
// the offset, which the log sets, and the time where that is 0. Payload and ext
// must be JSON text; what is redacted has no payload to send.
func AppendImport(dst []byte, e *oplog.Entry) ([]byte, error) {
	switch {
	case e.Redacted:
		return dst, fmt.Errorf("%v is redacted: without its payload it cannot be sent", e.Dot)
	case !valid(e.Payload), e.Ext != nil && !valid(e.Ext):
		return dst, fmt.Errorf("payload or ext of %v is not one JSON value in UTF-8", e.Dot)
	}
	dst = append(dst, `{"actor":"`...)
	dst = append(dst, e.Actor...)
	dst = append(dst, `","seq":`...)
	dst = strconv.AppendUint(dst, e.Seq, 10)
	dst = append(dst, `,"clock":`...)
	dst = e.Clock.AppendJSON(dst)
	if e.At != 0 {
		dst = append(dst, `,"at":`...)
		dst = strconv.AppendInt(dst, e.At, 10)
	}
	if e.By != "" {
		dst = append(dst, `,"by":`...)
		dst = appendString(dst, e.By)
	}
	dst = append(dst, `,"payload":`...)
	dst = append(dst, e.Payload...)
	if e.Ext != nil {
		dst = append(dst, `,"ext":`...)
		dst = append(dst, e.Ext...)
	}
	return append(dst, '}'), nil
}

// AppendOps appends the head of an ops frame; entries, separated by commas, and
// [OpsEnd] complete it.
func AppendOps(dst []byte, doc oplog.DocID) []byte {
	dst = append(dst, `{"type":"ops","doc":"`...)
	dst = append(dst, doc...)
	return append(dst, `","ops":[`...)
}

// OpsEnd closes what [AppendOps] began.
const OpsEnd = "]}"

// AppendAck appends an ack frame.
func AppendAck(dst []byte, doc oplog.DocID, d clock.Dot, at oplog.Offset) []byte {
	dst = append(dst, `{"type":"ack","doc":"`...)
	dst = append(dst, doc...)
	dst = append(dst, `","actor":"`...)
	dst = append(dst, d.Actor...)
	dst = append(dst, `","seq":`...)
	dst = strconv.AppendUint(dst, d.Seq, 10)
	dst = append(dst, `,"offset":`...)
	dst = strconv.AppendUint(dst, uint64(at), 10)
	return append(dst, '}')
}

// AppendPresence appends the head of a presence frame; members from
// [AppendState], separated by commas, and [PresenceEnd] complete it.
func AppendPresence(dst []byte, doc oplog.DocID) []byte {
	dst = append(dst, `{"type":"presence","doc":"`...)
	dst = append(dst, doc...)
	return append(dst, `","states":{`...)
}

// PresenceEnd closes what [AppendPresence] began.
const PresenceEnd = "}}"

// AppendGone appends the member of a presence frame for a session that left.
func AppendGone(dst []byte, session string) []byte {
	dst = appendString(dst, session)
	return append(dst, ":null"...)
}

// AppendState appends the member of a presence frame for a session that is
// there; user and state are JSON text, nil if there is none.
func AppendState(dst []byte, session string, user, state []byte) []byte {
	dst = appendString(dst, session)
	dst = append(dst, ":{"...)
	if user != nil {
		dst = append(dst, `"user":`...)
		dst = append(dst, user...)
	}
	if state != nil {
		if user != nil {
			dst = append(dst, ',')
		}
		dst = append(dst, `"state":`...)
		dst = append(dst, state...)
	}
	return append(dst, '}')
}

// AppendEvent appends an event frame; data is JSON text, nil if there is none.
// A session that is empty (an event published over HTTP) is left out.
func AppendEvent(dst []byte, doc oplog.DocID, session, name string, data []byte) []byte {
	dst = append(dst, `{"type":"event","doc":"`...)
	dst = append(dst, doc...)
	if session != "" {
		dst = append(dst, `","session":`...)
		dst = appendString(dst, session)
		dst = append(dst, `,"name":`...)
	} else {
		dst = append(dst, `","name":`...)
	}
	dst = appendString(dst, name)
	if data != nil {
		dst = append(dst, `,"data":`...)
		dst = append(dst, data...)
	}
	return append(dst, '}')
}

func appendString(dst []byte, s string) []byte {
	out, err := jsontext.AppendQuote(dst, s)
	if err != nil {
		// Invalid UTF-8 in a name that came from a token file: keep the frame whole.
		quoted, _ := json.Marshal(s)
		return append(dst, quoted...)
	}
	return out
}

// Binary returns the JSON text of bytes as payloads carry them: standard base64
// with padding in a string.
func Binary(b []byte) []byte {
	out := make([]byte, 0, base64.StdEncoding.EncodedLen(len(b))+2)
	out = append(out, '"')
	out = base64.StdEncoding.AppendEncode(out, b)
	return append(out, '"')
}
