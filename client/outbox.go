package client

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

// Outbox is a document's own ops that are not saved yet, in a form to keep.
// Given to the next Join, they are sent in the same bytes again.
type Outbox struct {
	Actor clock.Actor `json:"actor"`
	// Next is the seq of the actor's next op, 1 for a new actor.
	Next uint64 `json:"next"`
	// Ops are the ops before Next that were not acked, each the text that is
	// sent. They are strings because encoders rewrite JSON inside JSON, and not
	// a byte of these may change.
	Ops []string `json:"ops,omitempty"`
}

// outbox is the ops of one actor that were made and not acked. A plain
// structure: it decides what is to be sent, and sends nothing.
type outbox struct {
	actor clock.Actor
	made  uint64     // the newest op's seq, 0 before the first
	ours  uint64     // the first seq that was made here: the caller has these ops
	ops   []outgoing // made-len(ops)+1 … made

	// how far this connection is
	sent    int          // of ops, those that were sent
	probe   uint64       // after a reject, the seq that is sent alone until it is acked; else 0
	notYet  time.Time    // before this nothing is sent
	missing clock.Vector // or before these ops came, if that is earlier
}

type outgoing struct {
	op   oplog.Op
	text []byte // the very bytes to send
}

// loadOutbox continues a kept outbox; of the zero value it makes a new actor.
func loadOutbox(kept Outbox) (outbox, error) {
	if kept.Actor == "" {
		return outbox{actor: newActor(), ours: 1}, nil
	}
	if !kept.Actor.Valid() || kept.Next > clock.MaxSeq {
		return outbox{}, fmt.Errorf("load outbox: actor %.80q with next seq %d", kept.Actor, kept.Next)
	}
	o := outbox{actor: kept.Actor, made: max(kept.Next, 1) - 1}
	if uint64(len(kept.Ops)) > o.made {
		return outbox{}, fmt.Errorf("load outbox: %d ops before seq %d", len(kept.Ops), kept.Next)
	}
	o.ours = o.made - uint64(len(kept.Ops)) + 1
	limits := wire.Limits{FrameBytes: 1 << 30, OpBytes: 1 << 30, ClockEntries: 1 << 30, OpsPerFrame: 1}
	for i, text := range kept.Ops {
		if !utf8.ValidString(text) || !jsontext.Value(text).IsValid(lenient) {
			return outbox{}, fmt.Errorf("load outbox: op %d is not JSON", i)
		}
		ops, err := wire.DecodeOps([]byte("["+text+"]"), &limits)
		switch want := (clock.Dot{Actor: o.actor, Seq: o.ours + uint64(i)}); {
		case err != nil:
			return outbox{}, fmt.Errorf("load outbox: op %d: %w", i, err)
		case ops[0].Dot != want:
			return outbox{}, fmt.Errorf("load outbox: op %d is %v, want %v", i, ops[0].Dot, want)
		case ops[0].Fault != nil:
			return outbox{}, fmt.Errorf("load outbox: op %v: %s", want, ops[0].Fault.Message)
		}
		o.ops = append(o.ops, outgoing{ops[0].Op, []byte(text)})
	}
	return o, nil
}

// newActor returns a name that nobody else has.
func newActor() clock.Actor { return clock.Actor(strings.ToLower(rand.Text())) }

func (o *outbox) keep() Outbox {
	kept := Outbox{Actor: o.actor, Next: o.made + 1}
	for _, out := range o.ops {
		kept.Ops = append(kept.Ops, string(out.text))
	}
	return kept
}

// first returns the oldest seq that is not acked, or the next one to be made.
func (o *outbox) first() uint64 { return o.made + 1 - uint64(len(o.ops)) }

// newest names the newest op that was made.
func (o *outbox) newest() clock.Dot { return clock.Dot{Actor: o.actor, Seq: o.made} }

// encode returns the next op as it will be sent, without taking it.
func (o *outbox) encode(c clock.Vector, payload []byte) outgoing {
	op := oplog.Op{Dot: clock.Dot{Actor: o.actor, Seq: o.made + 1}, Clock: c, Payload: payload}
	text := make([]byte, 0, 64+len(o.actor)+24*c.Len()+len(payload))
	text = append(text, `{"actor":"`...)
	text = append(text, op.Actor...)
	text = append(text, `","seq":`...)
	text = strconv.AppendUint(text, op.Seq, 10)
	text = append(text, `,"clock":`...)
	text = c.AppendJSON(text)
	text = append(text, `,"payload":`...)
	text = append(text, payload...)
	return outgoing{op, append(text, '}')}
}

func (o *outbox) add(out outgoing) {
	o.made++
	o.ops = append(o.ops, out)
}

// reset begins again from the first op: on a new connection nothing was sent.
func (o *outbox) reset() {
	o.sent, o.probe, o.notYet, o.missing = 0, 0, time.Time{}, clock.Vector{}
}

// ack drops the ops up to seq and returns how many those were.
func (o *outbox) ack(seq uint64) int {
	if seq < o.first() || seq > o.made {
		return 0
	}
	n := int(seq - o.first() + 1)
	clear(o.ops[:n])
	o.ops = o.ops[n:]
	o.sent = max(0, o.sent-n)
	if seq >= o.probe {
		o.probe = 0
	}
	return n
}

// rewind sends again from seq, that op's frame first and alone: what follows
// would only meet the same reject.
func (o *outbox) rewind(seq uint64) {
	if seq < o.first() || seq > o.made {
		return
	}
	o.sent = min(o.sent, int(seq-o.first()))
	o.probe = seq
}

// probed reports whether the op that is sent alone has been sent.
func (o *outbox) probed() bool { return o.probe > 0 && o.sent > int(o.probe-o.first()) }

// gap sends again from expected, after the op seq was rejected for that. It
// reports false if this actor's log is not the one that was written here.
func (o *outbox) gap(seq, expected uint64) bool {
	switch {
	case expected > o.made+1 || expected < o.first() && seq == o.first():
		return false
	case expected < o.first():
		// Said before what is acked by now.
	case o.probe == expected && o.probed():
		// Said of a frame that was sent before the rewind.
	default:
		o.rewind(expected)
	}
	return true
}

// wait holds everything back from seq on, until then or until the missing ops
// came.
func (o *outbox) wait(seq uint64, until time.Time, missing clock.Vector) {
	o.rewind(seq)
	o.notYet, o.missing = until, missing
}

// arrived ends a wait for missing ops that have come.
func (o *outbox) arrived(have clock.Vector) {
	if o.missing.Len() > 0 && have.Covers(o.missing) {
		o.notYet, o.missing = time.Time{}, clock.Vector{}
	}
}

// maxOpsFrame bounds a frame of ops, unless a single op is larger: others on
// this connection get their turn.
const maxOpsFrame = 64 << 10

// next returns the ops of the next frame, at most limit of them, and takes them
// as sent. It is empty if nothing is to be sent now.
func (o *outbox) next(now time.Time, limit int) []outgoing {
	if now.Before(o.notYet) || o.probed() {
		return nil
	}
	rest := o.ops[o.sent:]
	n, size := 0, 0
	for n < len(rest) && n < limit {
		if size += len(rest[n].text) + 1; n > 0 && size > maxOpsFrame {
			break
		}
		n++
	}
	o.sent += n
	return rest[:n]
}

// surrender empties the outbox, takes a new actor and returns what was in it.
func (o *outbox) surrender() []oplog.Op {
	unsaved := make([]oplog.Op, len(o.ops))
	for i := range o.ops {
		unsaved[i] = o.ops[i].op
	}
	*o = outbox{actor: newActor(), ours: 1}
	return unsaved
}

// find returns the op with this seq if it is not acked.
func (o *outbox) find(seq uint64) *oplog.Op {
	if seq < o.first() || seq > o.made {
		return nil
	}
	return &o.ops[seq-o.first()].op
}
