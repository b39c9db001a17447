package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// ErrUnreadable is wrapped by what [Decode] says about bytes that are no frame:
// the connection is closed with [CloseUnreadable].
var ErrUnreadable = errors.New("unreadable frame")

// Frame is a client's frame. Its type says which of the other fields count.
type Frame struct {
	Type string
	ID   json.RawMessage // nil, or a JSON string or number to answer with
	Doc  oplog.DocID

	Join  Join   // join
	Ops   []Op   // ops; payloads are the frame's own copies
	State []byte // presence: JSON text, nil for null
	Name  string // event
	Data  []byte // event: JSON text, nil if there is none
	Token string // auth
}

// Join is what a join frame asks for.
type Join struct {
	Ops, Presence bool // channels
	Since         Since
	Format        oplog.Format // empty if the client does not say
	NoSnapshot    bool
	Replaces      string
}

// Since is how far a client has come. The zero value is the start.
type Since struct {
	Epoch  oplog.Epoch
	Offset oplog.Offset
	Clock  clock.Vector
}

// Op is an op of an ops frame, or why it cannot be one: then only its name
// counts.
type Op struct {
	oplog.Op
	Fault *Fault
}

// Fault is why an op cannot be taken whatever the log holds.
type Fault struct {
	Code    Code
	Message string
}

// eventNameBytes is the longest name of an event.
const eventNameBytes = 128

// envelope is the fields of a frame as JSON text, nil where absent.
type envelope struct {
	typ, id, doc, channels, since, format, snapshot, replaces, ops, state, name, data, token []byte
}

func (e *envelope) field(name []byte) *[]byte {
	switch string(name) {
	case "type":
		return &e.typ
	case "id":
		return &e.id
	case "doc":
		return &e.doc
	case "channels":
		return &e.channels
	case "since":
		return &e.since
	case "format":
		return &e.format
	case "snapshot":
		return &e.snapshot
	case "replaces":
		return &e.replaces
	case "ops":
		return &e.ops
	case "state":
		return &e.state
	case "name":
		return &e.name
	case "data":
		return &e.data
	case "token":
		return &e.token
	}
	return nil
}

// Decode reads one client frame. An error is an *[Error], to be sent in answer,
// or wraps [ErrUnreadable]. The frame keeps nothing of data.
func Decode(data []byte, limits *Limits) (*Frame, error) {
	if !valid(data) {
		return nil, fmt.Errorf("%w: not one JSON value in UTF-8", ErrUnreadable)
	}
	data = bytes.TrimSpace(data)
	if data[0] != '{' {
		return nil, fmt.Errorf("%w: not a JSON object", ErrUnreadable)
	}
	var e envelope
	if err := fields(data, e.field); err != nil {
		return nil, err
	}
	f := &Frame{}
	err := f.read(&e, limits)
	if err == nil {
		return f, nil
	}
	if refused, ok := errors.AsType[*Error](err); ok {
		refused.Type, refused.ID, refused.Doc = TypeError, f.ID, f.Doc
	}
	return nil, err
}

// fields puts each member of an object where field says, and refuses a name
// that occurs twice.
func fields(obj []byte, field func(name []byte) *[]byte) (err error) {
	var unknown [][]byte
	members(obj, func(name, value []byte) bool {
		p := field(name)
		switch {
		case p != nil && *p == nil:
			*p = value
		case p == nil && !slices.ContainsFunc(unknown, func(u []byte) bool { return bytes.Equal(u, name) }):
			unknown = append(unknown, name)
		default:
			err = fmt.Errorf("%w: %.40q is named twice", ErrUnreadable, name)
		}
		if len(unknown) > 64 {
			err = fmt.Errorf("%w: an object has more than 64 unknown fields", ErrUnreadable)
		}
		return err == nil
	})
	return err
}

func invalid(format string, args ...any) *Error {
	return &Error{Code: Invalid, Message: fmt.Sprintf(format, args...)}
}

func (f *Frame) read(e *envelope, limits *Limits) error {
	if e.id != nil {
		if c := e.id[0]; len(e.id) > 128 || c != '"' && c != '-' && (c < '0' || c > '9') {
			return invalid(`"id" must be a string or number of at most 128 bytes`)
		}
		f.ID = bytes.Clone(e.id)
	}
	var ok bool
	if f.Type, ok = unquote(e.typ); !ok {
		return invalid(`a frame needs a "type", a string`)
	}
	switch f.Type {
	case TypePing:
		return nil
	case TypeAuth:
		if f.Token, ok = unquote(e.token); !ok {
			return invalid(`auth needs "token", a string`)
		}
		return nil
	case TypeJoin, TypeOps, TypePresence, TypeEvent, TypeLeave:
	default:
		return &Error{Code: UnknownType, Message: fmt.Sprintf("frame type %.40q is not known", f.Type)}
	}
	name, ok := unquote(e.doc)
	if !ok {
		return invalid(`%s needs "doc", a string`, f.Type)
	}
	doc, err := oplog.ParseDocID(name)
	if err != nil {
		return invalid("%v", err)
	}
	f.Doc = doc
	switch f.Type {
	case TypeJoin:
		return f.Join.read(e)
	case TypeOps:
		f.Ops, err = DecodeOps(e.ops, limits)
		return err
	case TypePresence:
		f.State, err = object("state", e.state, limits)
		return err
	case TypeEvent:
		return f.readEvent(e, limits)
	}
	return nil
}

func (f *Frame) readEvent(e *envelope, limits *Limits) (err error) {
	f.Name, f.Data, err = readEvent(e, limits)
	return err
}

func readEvent(e *envelope, limits *Limits) (name string, data []byte, err error) {
	name, ok := unquote(e.name)
	if !ok || name == "" || len(name) > eventNameBytes {
		return "", nil, invalid(`an event needs "name", a string of 1 to %d bytes`, eventNameBytes)
	}
	if len(e.data) > limits.PresenceBytes {
		return "", nil, invalid(`"data" has %d bytes; at most %d are allowed`, len(e.data), limits.PresenceBytes)
	}
	if e.data != nil {
		data = compact(make([]byte, 0, len(e.data)), e.data)
	}
	return name, data, nil
}

// DecodeEvent reads the body of an event that is published over HTTP. Its
// errors are those of [Decode].
func DecodeEvent(body []byte, limits *Limits) (name string, data []byte, err error) {
	var e envelope
	if !valid(body) || bytes.TrimSpace(body)[0] != '{' {
		return "", nil, fmt.Errorf("%w: not one JSON object in UTF-8", ErrUnreadable)
	}
	if err := fields(bytes.TrimSpace(body), e.field); err != nil {
		return "", nil, err
	}
	return readEvent(&e, limits)
}

// object returns a copy of an object, or nil for null.
func object(name string, value []byte, limits *Limits) ([]byte, error) {
	switch {
	case string(value) == "null":
		return nil, nil
	case value == nil || value[0] != '{':
		return nil, invalid("%q must be an object or null", name)
	case len(value) > limits.PresenceBytes:
		return nil, invalid("%q has %d bytes; at most %d are allowed", name, len(value), limits.PresenceBytes)
	}
	return compact(make([]byte, 0, len(value)), value), nil
}

func (j *Join) read(e *envelope) error {
	if err := j.readChannels(e.channels); err != nil {
		return err
	}
	if e.format != nil {
		s, ok := unquote(e.format)
		if !ok {
			return invalid(`"format" must be a string`)
		}
		format, err := oplog.ParseFormat(s)
		if err != nil {
			return invalid("%v", err)
		}
		j.Format = format
	}
	switch string(e.snapshot) {
	case "", "true":
	case "false":
		j.NoSnapshot = true
	default:
		return invalid(`"snapshot" must be true or false`)
	}
	if e.replaces != nil {
		var ok bool
		if j.Replaces, ok = unquote(e.replaces); !ok {
			return invalid(`"replaces" must be a string`)
		}
	}
	if e.since == nil || string(e.since) == "null" {
		return nil
	}
	if e.since[0] != '{' {
		return invalid(`"since" must be an object`)
	}
	return j.Since.read(e.since)
}

func (j *Join) readChannels(value []byte) error {
	if value == nil {
		j.Ops, j.Presence = true, true
		return nil
	}
	bad := value[0] != '['
	if !bad {
		elements(value, func(v []byte) bool {
			switch s, _ := unquote(v); s {
			case "ops":
				j.Ops = true
			case "presence":
				j.Presence = true
			default:
				bad = true
			}
			return !bad
		})
	}
	if bad {
		return invalid(`"channels" must be a list of "ops" and "presence"`)
	}
	return nil
}

func (s *Since) read(obj []byte) error {
	var epoch, offset, vector []byte
	err := fields(obj, func(name []byte) *[]byte {
		switch string(name) {
		case "epoch":
			return &epoch
		case "offset":
			return &offset
		case "clock":
			return &vector
		}
		return nil
	})
	if err != nil {
		return err
	}
	if epoch != nil {
		text, ok := unquote(epoch)
		if !ok {
			return invalid(`"since.epoch" must be a string`)
		}
		s.Epoch = oplog.Epoch(text)
	}
	if offset != nil && string(offset) != "0" {
		n, err := clock.ParseSeq(offset)
		if err != nil {
			return invalid(`"since.offset" must be an integer from 0 to 2^53-1`)
		}
		s.Offset = oplog.Offset(n)
	}
	if vector != nil {
		s.Clock, err = decodeClock(vector, len(vector))
	}
	return err
}

// decodeClock reads a clock. A name that occurs twice makes the frame
// unreadable; all else that is wrong is the sender's invalid field.
func decodeClock(value []byte, limit int) (clock.Vector, error) {
	v, err := clock.ParseJSON(value, limit)
	switch {
	case err == nil:
		return v, nil
	case errors.Is(err, clock.ErrTwice):
		return v, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return v, invalid("%v", err)
}
