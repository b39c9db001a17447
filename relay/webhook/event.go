package webhook

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// The types of events.
const (
	Created = "document.created" // its first op is durable
	Active  = "document.active"  // the first participant came
	Idle    = "document.idle"    // the last participant left
	Changed = "document.changed" // ops are durable; told after some
	Stored  = "snapshot.stored"  // a snapshot is durable
	Deleted = "document.deleted" // the document is gone

	// Missed says that an endpoint was not told of everything. Queues make it
	// themselves.
	Missed = "notices.missed"
)

// Event is something that happened to a document. Which fields count depends on
// the type; those that are zero are left out. Nothing here comes from a payload.
type Event struct {
	Type   string `json:"-"`
	Doc    string `json:"doc,omitempty"`
	Epoch  string `json:"epoch,omitempty"`
	Format string `json:"format,omitempty"`
	// Head is the offset of the newest op.
	Head uint64 `json:"head,omitempty"`
	// Ops is how many there were since the notice before.
	Ops uint64 `json:"ops,omitempty"`
	// Offset, Bytes and SHA256 (64 hexadecimal digits) are a snapshot's.
	Offset uint64 `json:"offset,omitempty"`
	Bytes  int64  `json:"bytes,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	// By is the subject who did it, empty if nobody was asked.
	By string `json:"by,omitempty"`

	// Since is, of [Missed], from when on something may be missing, and Dropped
	// how many notices are, 0 if that is not known.
	Since   time.Time `json:"since,omitzero"`
	Dropped uint64    `json:"dropped,omitempty"`
}

// notice is an event as it is told. It is never changed: who tells more takes
// another id, since receivers pass over an id that they know.
type notice struct {
	id    string // unique, without a full stop
	at    time.Time
	event Event
}

// body is the JSON of a notice as the specification proposes it.
type body struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      *Event    `json:"data"`
}

func newNotice(ev Event, at time.Time) *notice {
	return &notice{id: "msg_" + uuid.NewString(), at: at.UTC().Truncate(time.Millisecond), event: ev}
}

// body returns what is posted: the same bytes at each attempt.
func (n *notice) body() []byte {
	b, err := json.Marshal(body{n.event.Type, n.at, &n.event})
	if err != nil {
		panic("webhook: a notice has no JSON: " + err.Error()) // only strings, numbers, and times of this era
	}
	return b
}

// about is what a notice of changes is about, or that of what is missing: an
// older one that still waits is made one with a newer.
type about struct{ doc, epoch string }

func (n *notice) about() about { return about{n.event.Doc, n.event.Epoch} }

// sums reports whether the notice is of a kind that can be made one with others.
func (n *notice) sums() bool { return n.event.Type == Changed || n.event.Type == Missed }

// with returns the notice that stands for two about the same, an older and a
// newer.
func (n *notice) with(newer *notice) *notice {
	ev := newer.event
	ev.Ops += n.event.Ops
	ev.Since = n.event.Since
	if ev.Dropped > 0 {
		ev.Dropped += n.event.Dropped
	}
	if n.event.Dropped == 0 {
		ev.Dropped = 0 // nobody knows how many
	}
	return newNotice(ev, newer.at)
}
