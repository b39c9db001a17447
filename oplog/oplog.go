// Package oplog is the promise of a log of ops: what it keeps, in what order,
// and when that is durable.
//
// A document is a sequence of entries. An entry is an op (a name, a clock and a
// payload, see [Op]) with the place the log gave it. The order never puts an op
// before one that its clock names, and each actor's ops follow each other
// without a gap, so the log of a document is causally closed: its [Heads] prove
// that nothing is missing. The payload is never looked into.
//
// [Log] is kept by oplog/bolt on one machine; the suite in oplogtest holds every
// implementation to it. The relay is its caller. Nothing here knows a network.
package oplog

import (
	"errors"
	"fmt"
	"time"

	"github.com/baton-relay/baton/clock"
)

// MaxDocIDLen is the length of the longest document name, in bytes.
const MaxDocIDLen = 128

var (
	// ErrNotFound says that there is no such document, op or snapshot.
	ErrNotFound = errors.New("not found")
	// ErrEpoch says that the document is not the one the caller knew: it was
	// created, deleted, restored or imported since.
	ErrEpoch = errors.New("the document has another epoch")
	// ErrFormat says that the document holds ops of another format.
	ErrFormat = errors.New("the document has another format")
	// ErrPruned says that the ops asked for are no longer held; a snapshot
	// stands in for them.
	ErrPruned = errors.New("ops are pruned")
	// ErrOrder says that an op does not follow from what the log holds.
	ErrOrder = errors.New("op is out of causal order")
	// ErrExists says that another snapshot is stored at this offset.
	ErrExists = errors.New("another snapshot is stored there")
	// ErrNeeded says that something cannot go because the rest could not be
	// read without it.
	ErrNeeded = errors.New("still needed")
	// ErrTooLarge says that a snapshot passes the limit.
	ErrTooLarge = errors.New("too large")
	// ErrUnavailable says that nothing can be written at the moment. What was
	// to be appended may or may not be in the log; sending it again is safe.
	ErrUnavailable = errors.New("the log takes no writes")
	// ErrInUse says that another process holds the log.
	ErrInUse = errors.New("the log is in use by another process")
)

// CorruptionError says which part of a log's storage does not hold what was
// written there.
type CorruptionError struct {
	Place string // where, for a person: file, document, offset
	Err   error  // what is wrong
}

func (e *CorruptionError) Error() string { return fmt.Sprintf("corrupt log at %s: %v", e.Place, e.Err) }

func (e *CorruptionError) Unwrap() error { return e.Err }

// DocID names a document: [A-Za-z0-9][A-Za-z0-9._~:-]{0,127}.
type DocID string

// ParseDocID returns s as a document name, or an error that says what one is.
func ParseDocID(s string) (DocID, error) {
	ok := len(s) > 0 && len(s) <= MaxDocIDLen
	for i := 0; ok && i < len(s); i++ {
		c := s[i]
		ok = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			i > 0 && (c == '.' || c == '_' || c == '~' || c == ':' || c == '-')
	}
	if !ok {
		return "", fmt.Errorf("document name %.140q must match [A-Za-z0-9][A-Za-z0-9._~:-]{0,127}", s)
	}
	return DocID(s), nil
}

// Offset is an entry's place in its document's log: strictly increasing, 1 … 2^53-1,
// not always by one. An offset means nothing without the epoch.
type Offset uint64

// Epoch is the random id of one document's log. It is minted by the first
// entry after creation or deletion, by a restore and by an import.
type Epoch string

// Format names what the payloads of a document are. Nothing here depends on it.
type Format string

// DefaultFormat is the format of a document whose first op came without one.
const DefaultFormat Format = "json"

// ParseFormat returns s as a format name: [a-z0-9][a-z0-9._-]{0,31}.
func ParseFormat(s string) (Format, error) {
	ok := len(s) > 0 && len(s) <= 32
	for i := 0; ok && i < len(s); i++ {
		c := s[i]
		ok = 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || i > 0 && (c == '.' || c == '_' || c == '-')
	}
	if !ok {
		return "", fmt.Errorf("format %.40q must match [a-z0-9][a-z0-9._-]{0,31}", s)
	}
	return Format(s), nil
}

// Maker names the program that made a snapshot, with its version, such as
// "automerge 3.5.0". Nothing here depends on it.
type Maker string

// ParseMaker returns s as a maker: 1 to 64 printable ASCII characters that neither
// begin nor end with a space.
func ParseMaker(s string) (Maker, error) {
	ok := len(s) > 0 && len(s) <= 64 && s[0] != ' ' && s[len(s)-1] != ' '
	for i := 0; ok && i < len(s); i++ {
		ok = ' ' <= s[i] && s[i] <= '~'
	}
	if !ok {
		return "", fmt.Errorf("maker %.80q must be 1 to 64 printable ASCII characters, such as \"automerge 3.5.0\"", s)
	}
	return Maker(s), nil
}

// Op is one operation as its author made it.
type Op struct {
	clock.Dot
	// Clock is what the author had seen of other actors. It may be sparse:
	// naming the heads is enough.
	Clock clock.Vector
	// Payload is the text of one JSON value without white space outside
	// strings, otherwise as it was sent. It is nil where Redacted.
	Payload []byte
	// Ext is nil, or the text of a JSON object, kept like the payload.
	Ext []byte
}

// MaxAhead is how far ahead of the log's clock the time of an entry may be.
const MaxAhead = 24 * time.Hour

// Entry is an op in its place. The log sets Offset and At.
type Entry struct {
	Op
	Offset Offset
	// At is when the entry was appended, in Unix milliseconds, never less than
	// that of the entry before. An append that leaves it 0 gets the time now, and
	// one that is too far ahead gets a time [MaxAhead] of now.
	At int64
	// By is the subject whose token wrote the op, empty if nobody was asked.
	By string
	// Redacted says that the payload was erased; name and clock stay.
	Redacted bool
}

// Bytes returns how many bytes of content an op has, payload and ext together.
func (o *Op) Bytes() int64 { return int64(len(o.Payload) + len(o.Ext)) }

// SameContent reports whether two ops of one name are the same op: payload and
// ext count, the clock does not.
func (o *Op) SameContent(p *Op) bool {
	return string(o.Payload) == string(p.Payload) && string(o.Ext) == string(p.Ext)
}
