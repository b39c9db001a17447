// Package wire is the relay's protocol, version 1: its frames, codes and their
// JSON. docs/protocol.md is the same in words. It does no I/O.
//
// A connection, from the first byte:
//
//	client                                   relay
//	  GET /v1/ws, subprotocol baton.v1  →
//	                                    ←   welcome
//	  join {doc, since}                 →
//	                                    ←   joined
//	                                    ←   ops …, live     the past, then the present
//	                                    ←   presence        the whole room, then changes
//	  ops [{actor, seq, clock, payload}] →
//	                                         (durable now)
//	                                    ←   ack | reject
//	  presence, event                   →
//	                                    ←   ops, presence, event of others
//	  leave                             →
//	                                    ←   left
//	                                    ←   draining, close 1012   when this node goes
//
// A frame is one JSON object with a "type". [Decode] reads what clients send,
// strictly, and leaves payloads as the bytes they are. The types of this file
// are what the relay sends; frames of which there are many ([AppendOps],
// [AppendAck], [AppendPresence], [AppendEvent]) are put together from bytes.
package wire

import (
	"bytes"
	"encoding/json"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// Subprotocol is the WebSocket subprotocol of version 1. TokenProtocol is what
// a browser, which cannot set headers, puts before its token in a second one.
// TokenHeader is the header for a token where headers can be set.
const (
	Subprotocol   = "baton.v1"
	TokenProtocol = "bearer."
	TokenHeader   = "Baton-Token"
)

// The types of a client's frames, and what they say.
const (
	TypeJoin     = "join"     // enter a document, from where this client has come
	TypeOps      = "ops"      // append these; the relay sends accepted ones under the same type
	TypePresence = "presence" // my newest state; the relay sends changes of everyone's
	TypeEvent    = "event"    // to whoever is there, once; the same both ways
	TypeLeave    = "leave"    // a document
	TypePing     = "ping"     // is the relay alive?
	TypeAuth     = "auth"     // a new token; the relay answers, and warns, under the same type
)

// The types of the relay's frames, where no client's frame shares them.
const (
	TypeWelcome  = "welcome"  // first of all: who you are here, and the limits
	TypeJoined   = "joined"   // you are in; ops follow after "from"
	TypeLive     = "live"     // the past is over
	TypeAck      = "ack"      // durable up to here
	TypeReject   = "reject"   // not taken, and what to do
	TypeSnapshot = "snapshot" // the ops you lack are pruned: go on from this blob
	TypeLeft     = "left"     // you are out, and why
	TypeAccess   = "access"   // your rights are now these
	TypeCompact  = "compact"  // please store a snapshot
	TypePong     = "pong"     // the relay is alive
	TypeError    = "error"    // that frame was refused
	TypeDraining = "draining" // this node is going
)

// Code says why something was refused, in error, reject and left frames and in
// HTTP answers.
type Code string

// The codes of error frames, of rejects, of left frames and of HTTP answers.
const (
	UnknownType   Code = "unknown_type"
	Invalid       Code = "invalid"
	NotJoined     Code = "not_joined"
	AlreadyJoined Code = "already_joined"
	Forbidden     Code = "forbidden"
	NotFound      Code = "not_found"
	Format        Code = "format"
	Pruned        Code = "pruned"
	TooManyDocs   Code = "too_many_docs"
	RateLimited   Code = "rate_limited"
	Unavailable   Code = "unavailable"

	TooLarge Code = "too_large"
	Closed   Code = "closed"
	Conflict Code = "conflict"
	Gap      Code = "gap"
	Missing  Code = "missing"

	Deleted  Code = "deleted"
	Replaced Code = "replaced"
	Left     Code = "left"

	Epoch        Code = "epoch"
	Unauthorized Code = "unauthorized"
)

// Close codes of the WebSocket. They tell a client what to do next: 1000 and
// 1001 nothing; 1008, 1009, 4400 and 4403 do not come back; 1002, 1012, 1013, 4408
// and 4429 come back after a while; 4401 come back with a new token.
const (
	CloseNormal       = 1000
	CloseGoingAway    = 1001
	CloseProtocol     = 1002
	ClosePolicy       = 1008
	CloseTooLarge     = 1009
	CloseRestart      = 1012
	CloseOverloaded   = 1013
	CloseUnreadable   = 4400
	CloseUnauthorized = 4401
	CloseForbidden    = 4403
	CloseHeartbeat    = 4408
	CloseRateLimited  = 4429
)

// Limits are what one relay accepts and sends. Sizes are bytes. Of what counts
// from participants on, 0 means no limit.
type Limits struct {
	FrameBytes       int `json:"frame_bytes"`        // a client's frame
	OpBytes          int `json:"op_bytes"`           // payload, ext and clock of an op, as JSON text
	OpsPerFrame      int `json:"ops_per_frame"`      // a client's ops frame
	ClockEntries     int `json:"clock_entries"`      // an op's clock
	UnackedOps       int `json:"unacked_ops"`        // of one session, before it is not read
	ServerFrameBytes int `json:"server_frame_bytes"` // a frame of the relay
	Docs             int `json:"docs"`               // one session is in
	PresenceBytes    int `json:"presence_bytes"`     // a state, or an event's data
	PresenceHz       int `json:"presence_hz"`        // faster than this, states are passed over

	Participants int `json:"participants"` // sessions in a document
	DocBytes     int `json:"doc_bytes"`    // payload and ext of the ops that a document holds
	Actors       int `json:"actors"`       // of one subject in a document
	DocActors    int `json:"doc_actors"`   // of a document

	// What one session may send in a second, and of all for how many seconds at
	// once, after a pause.
	FramesPerS   int `json:"frames_per_s"`
	BytesPerS    int `json:"bytes_per_s"`
	OpsPerS      int `json:"ops_per_s"`
	PresencePerS int `json:"presence_per_s"`
	EventsPerS   int `json:"events_per_s"`
	JoinsPerS    int `json:"joins_per_s"`
	RefusalsPerS int `json:"refusals_per_s"` // refused frames, before the connection is closed with 4429
	BurstS       int `json:"burst_s"`
	// SubjectFactor is how many times as much all sessions of a subject may send
	// together; those without a subject, all of an address.
	SubjectFactor      int `json:"subject_factor"`
	SubjectConnections int `json:"subject_connections"`
	AddressConnections int `json:"address_connections"`
	HandshakesPerS     int `json:"handshakes_per_s"` // of an address
}

// What a relay takes that is not told otherwise.
const (
	DefaultFrameBytes   = 1 << 20
	DefaultClockEntries = 4096
)

// OpBytes returns how large an op may be where frames may have so many bytes.
func OpBytes(frame int) int { return frame * 3 / 4 }

// User is who a session belongs to.
type User struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// Welcome is the first frame of a connection.
type Welcome struct {
	Type        string `json:"type"` // welcome
	Session     string `json:"session"`
	Replace     string `json:"replace"` // the secret for a later join's "replaces"
	User        *User  `json:"user,omitempty"`
	Server      string `json:"server"`
	HeartbeatMS int64  `json:"heartbeat_ms"`
	Limits      Limits `json:"limits"`
}

// Joined answers a join.
type Joined struct {
	Type     string          `json:"type"` // joined
	ID       json.RawMessage `json:"id,omitempty"`
	Doc      oplog.DocID     `json:"doc"`
	Epoch    oplog.Epoch     `json:"epoch"` // empty before the first op
	Head     oplog.Offset    `json:"head"`
	First    oplog.Offset    `json:"first"` // the oldest op held
	From     oplog.Offset    `json:"from"`  // ops follow after this
	Clock    *clock.Vector   `json:"clock,omitempty"`
	Format   oplog.Format    `json:"format,omitempty"`
	Access   []string        `json:"access"`
	Lost     *clock.Vector   `json:"lost,omitempty"`
	Snapshot *Snapshot       `json:"snapshot,omitempty"`
}

// Snapshot says where a blob is that stands in for the ops up to Offset.
type Snapshot struct {
	Offset oplog.Offset `json:"offset"`
	URL    string       `json:"url"`
	Bytes  int64        `json:"bytes"`
	SHA256 string       `json:"sha256"`
	Format oplog.Format `json:"format,omitempty"`
}

// SnapshotNotice tells a session that fell behind the pruned ops to go on from
// a blob.
type SnapshotNotice struct {
	Type     string      `json:"type"` // snapshot
	Doc      oplog.DocID `json:"doc"`
	Snapshot Snapshot    `json:"snapshot"`
}

// Live says that the catch-up reached Offset.
type Live struct {
	Type   string       `json:"type"` // live
	Doc    oplog.DocID  `json:"doc"`
	Offset oplog.Offset `json:"offset"`
}

// Reject says that an op was not taken, and what to do is in its code.
type Reject struct {
	Type     string        `json:"type,omitempty"` // reject
	Doc      oplog.DocID   `json:"doc,omitempty"`
	Actor    clock.Actor   `json:"actor"`
	Seq      uint64        `json:"seq"`
	Code     Code          `json:"code"`
	Message  string        `json:"message"`
	Expected uint64        `json:"expected,omitempty"` // with gap
	Missing  *clock.Vector `json:"missing,omitempty"`  // with missing
	RetryMS  int64         `json:"retry_ms,omitempty"` // with unavailable and rate_limited
}

// Ack says that every op of Actor up to Seq is durable.
type Ack struct {
	Type   string       `json:"type,omitempty"` // ack
	Doc    oplog.DocID  `json:"doc,omitempty"`
	Actor  clock.Actor  `json:"actor"`
	Seq    uint64       `json:"seq"`
	Offset oplog.Offset `json:"offset"`
}

// DocFrame is every frame that says something about a document in one word:
// left, access, compact.
type DocFrame struct {
	Type   string          `json:"type"`
	ID     json.RawMessage `json:"id,omitempty"`
	Doc    oplog.DocID     `json:"doc"`
	Code   Code            `json:"code,omitempty"`   // left
	Access []string        `json:"access,omitempty"` // access
	Offset oplog.Offset    `json:"offset,omitempty"` // compact
}

// Auth answers an auth frame, and warns before a token ends.
type Auth struct {
	Type      string          `json:"type"` // auth
	ID        json.RawMessage `json:"id,omitempty"`
	User      *User           `json:"user,omitempty"`
	ExpiresMS int64           `json:"expires_ms,omitempty"` // from now
}

// Pong answers ping.
type Pong struct {
	Type string          `json:"type"` // pong
	ID   json.RawMessage `json:"id,omitempty"`
}

// Draining says that this node is going.
type Draining struct {
	Type    string `json:"type"` // draining
	RetryMS int64  `json:"retry_ms"`
}

// Error says that a frame was refused; over HTTP it is the body of every
// refusal. It is also the Go error that [Decode] returns for such a frame.
type Error struct {
	Type    string          `json:"type,omitempty"` // error
	ID      json.RawMessage `json:"id,omitempty"`
	Code    Code            `json:"code"`
	Message string          `json:"message"`
	Doc     oplog.DocID     `json:"doc,omitempty"`
	RetryMS int64           `json:"retry_ms,omitempty"`
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Marshal returns a frame of this file as JSON text. An id in it is the bytes
// that the client sent.
func Marshal(frame any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // would respell ids
	if err := e.Encode(frame); err != nil {
		panic(err) // the types above cannot fail; ids were parsed
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
