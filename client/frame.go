package client

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

// frame is what the relay sends: all types in one. Which fields count depends
// on Type; what is not known is ignored.
type frame struct {
	Type    string         `json:"type"`
	ID      jsontext.Value `json:"id"`
	Doc     oplog.DocID    `json:"doc"`
	Code    wire.Code      `json:"code"`
	Message string         `json:"message"`
	RetryMS int64          `json:"retry_ms"`

	// joined, live, ack, compact
	Epoch    oplog.Epoch    `json:"epoch"`
	First    oplog.Offset   `json:"first"`
	From     oplog.Offset   `json:"from"`
	Offset   oplog.Offset   `json:"offset"`
	Clock    *clock.Vector  `json:"clock"`
	Format   oplog.Format   `json:"format"`
	Access   []string       `json:"access"`
	Lost     clock.Vector   `json:"lost"`
	Snapshot *wire.Snapshot `json:"snapshot"`

	// ops, ack, reject
	Ops      []entry      `json:"ops"`
	Actor    clock.Actor  `json:"actor"`
	Seq      uint64       `json:"seq"`
	Expected uint64       `json:"expected"`
	Missing  clock.Vector `json:"missing"`

	// presence, event
	States  map[string]*state `json:"states"`
	Session string            `json:"session"`
	Name    string            `json:"name"`
	Data    jsontext.Value    `json:"data"`

	// auth
	ExpiresMS int64 `json:"expires_ms"`
}

type entry struct {
	Offset   oplog.Offset   `json:"offset"`
	Actor    clock.Actor    `json:"actor"`
	Seq      uint64         `json:"seq"`
	Clock    clock.Vector   `json:"clock"`
	At       int64          `json:"at"`
	By       string         `json:"by"`
	Payload  jsontext.Value `json:"payload"`
	Ext      jsontext.Value `json:"ext"`
	Redacted bool           `json:"redacted"`
}

type state struct {
	User  wire.User      `json:"user"`
	State jsontext.Value `json:"state"`
}

// What is inside payloads is nobody's business here: names may repeat, and
// escapes may be halves of surrogate pairs, which JavaScript makes where it cuts
// a string in an emoji. The bytes themselves must be UTF-8.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true), jsontext.PreserveRawStrings(true))

func decodeFrame(text []byte) (*frame, error) {
	f := &frame{}
	if !utf8.Valid(text) {
		return nil, errors.New("read frame: it is not UTF-8")
	}
	if err := json.Unmarshal(text, f, lenient); err != nil {
		return nil, fmt.Errorf("read frame: %w", err)
	}
	for i := range f.Ops {
		if e := &f.Ops[i]; !e.Actor.Valid() || e.Seq == 0 || e.Seq > clock.MaxSeq || e.Offset == 0 {
			return nil, fmt.Errorf("read frame: no op is called %.80q:%d at %d", e.Actor, e.Seq, e.Offset)
		}
	}
	return f, nil
}

// entries returns the ops of an ops frame.
func (f *frame) entries() []oplog.Entry {
	list := make([]oplog.Entry, len(f.Ops))
	for i := range f.Ops {
		e := &f.Ops[i]
		list[i] = oplog.Entry{
			Op:     oplog.Op{Dot: clock.Dot{Actor: e.Actor, Seq: e.Seq}, Clock: e.Clock, Payload: e.Payload, Ext: e.Ext},
			Offset: e.Offset, At: e.At, By: e.By, Redacted: e.Redacted,
		}
	}
	return list
}

// What a frame of ours was about comes back as its id: a word, and for some a
// number behind a colon.
const (
	idJoin     = "join"
	idOps      = "ops"
	idPresence = "presence"
	idEvent    = "event"
	idLeave    = "leave"
	idAuth     = "auth"
)

// about splits the id of an answer.
func (f *frame) about() (word string, number uint64) {
	id := strings.Trim(string(f.ID), `"`)
	word, digits, _ := strings.Cut(id, ":")
	number, err := clock.ParseSeq([]byte(digits))
	if err != nil {
		number = 0
	}
	return word, number
}

// The frames that are sent.
type (
	joinFrame struct {
		Type     string       `json:"type"`
		ID       string       `json:"id"`
		Doc      oplog.DocID  `json:"doc"`
		Channels []string     `json:"channels,omitzero"`
		Since    *sinceFrame  `json:"since,omitzero"`
		Format   oplog.Format `json:"format,omitzero"`
		Snapshot *bool        `json:"snapshot,omitzero"`
		Replaces string       `json:"replaces,omitzero"`
	}
	sinceFrame struct {
		Epoch  oplog.Epoch  `json:"epoch,omitzero"`
		Offset oplog.Offset `json:"offset,omitzero"`
		Clock  clock.Vector `json:"clock"`
	}
	presenceFrame struct {
		Type  string         `json:"type"`
		ID    string         `json:"id"`
		Doc   oplog.DocID    `json:"doc"`
		State jsontext.Value `json:"state"`
	}
	eventFrame struct {
		Type string         `json:"type"`
		ID   string         `json:"id"`
		Doc  oplog.DocID    `json:"doc"`
		Name string         `json:"name"`
		Data jsontext.Value `json:"data,omitzero"`
	}
	leaveFrame struct {
		Type string      `json:"type"`
		ID   string      `json:"id"`
		Doc  oplog.DocID `json:"doc"`
	}
	authFrame struct {
		Type  string `json:"type"`
		ID    string `json:"id"`
		Token string `json:"token"`
	}
)

func encodeFrame(f any) []byte {
	b, err := json.Marshal(f, lenient)
	if err != nil {
		panic(err) // the types above cannot fail; values in them were checked
	}
	return b
}
