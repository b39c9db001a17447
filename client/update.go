package client

import (
	"encoding/json"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

// Update is what happened next in a document. What is not part of it is zero;
// where several fields are set, they are meant in this order.
type Update struct {
	// Status is the new state of the stay.
	Status *Status
	// Refused is about own ops that will never be taken.
	Refused *Refused
	// Diverged says that the document's log is not the one that was known.
	Diverged *Divergence
	// Snapshot is a state to load before the ops that follow.
	Snapshot *Snapshot
	// Ops are ops of others, and earlier ones of the own actor, in an order in
	// which each follows from those before it. The caller owns them.
	Ops []oplog.Entry
	// Presence are the participants that changed, by session; nil means gone.
	Presence map[string]*Participant
	// Event is something that a participant published.
	Event *Event
	// Compact, unless 0, asks for a snapshot at that offset, of exactly what the caller
	// has: it comes when nothing is unsaved. The caller makes it before its next own op
	// and before it receives the next update, and stores it with [Doc.PutSnapshot].
	Compact oplog.Offset
}

// Status is how a stay in a document stands.
type Status struct {
	State  State
	Access []string // the session's rights in the document
	// Err is why it is not live, where there is a reason: a lost connection, a
	// *[GapError].
	Err error
}

// State is how far a stay is.
type State string

// The states of a stay. A document goes from Offline to CatchingUp to Live,
// and back to Offline when the connection is lost.
const (
	Offline    State = "offline"
	CatchingUp State = "catching up"
	Live       State = "live"
)

// Participant is who else is in the document.
type Participant struct {
	User  wire.User
	State json.RawMessage // nil until it is set
}

// Event is something that was published to whoever is there.
type Event struct {
	Session string // of the sender, empty if it came over HTTP
	Name    string
	Data    json.RawMessage // nil if there is none
}

// Divergence says that a document was deleted, restored from a backup, or
// imported, while this client had it. Nothing of the outbox is sent until the
// caller says so with [Doc.Resend].
type Divergence struct {
	Was, Is oplog.Epoch
	// Lost is what the caller has and the log has not, by the highest seq. Others
	// may bring theirs again. Own ops in it that were saved before are not kept
	// here: the caller appends them again, if it still has them.
	Lost clock.Vector
}

// Snapshot is a stored state that stands in for ops. [Doc.Snapshot] fetches it.
// A caller that cannot load it calls [Doc.RefuseSnapshot] before it receives on.
type Snapshot struct {
	wire.Snapshot
	Clock clock.Vector // what its ops add up to
}
