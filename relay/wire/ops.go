package wire

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// DecodeOps reads the list of ops of an ops frame, given as validated JSON text.
// An op that has a name but cannot be taken carries a Fault; a list without
// sense in it is refused whole, with an *[Error].
func DecodeOps(list []byte, limits *Limits) ([]Op, error) {
	ops, _, err := decodeOps(list, limits, false)
	return ops, err
}

// MaxBy is the length of the longest subject that an import may name, in bytes.
const MaxBy = 256

// Stamp is what an import says of an op beside the op itself.
type Stamp struct {
	By string
	At int64 // Unix milliseconds, 0 if not said
}

// DecodeImport reads the body of an HTTP append. With stamps, "by" and "at" of
// each op are read too; stamps[i] belongs to ops[i]. Errors as [Decode].
func DecodeImport(body []byte, limits *Limits, stamped bool) (ops []Op, stamps []Stamp, err error) {
	if !valid(body) {
		return nil, nil, fmt.Errorf("%w: not one JSON value in UTF-8", ErrUnreadable)
	}
	return decodeOps(bytes.TrimSpace(body), limits, stamped)
}

func decodeOps(list []byte, limits *Limits, stamped bool) (ops []Op, stamps []Stamp, err error) {
	if list == nil || list[0] != '[' {
		return nil, nil, invalid(`"ops" must be a list of ops`)
	}
	// One allocation keeps the payloads of the whole frame: they are never longer
	// than the list.
	arena := make([]byte, 0, len(list))
	elements(list, func(value []byte) bool {
		if len(ops) == limits.OpsPerFrame {
			err = invalid("a frame takes at most %d ops", limits.OpsPerFrame)
			return false
		}
		var op Op
		var stamp Stamp
		if value[0] != '{' {
			err = invalid("an op must be an object")
			return false
		}
		if arena, err = op.read(value, arena, limits, &stamp, stamped); err != nil {
			return false
		}
		ops = append(ops, op)
		if stamped {
			stamps = append(stamps, stamp)
		}
		return true
	})
	if err == nil && len(ops) == 0 {
		err = invalid(`"ops" is empty`)
	}
	if err != nil {
		return nil, nil, err
	}
	return ops, stamps, nil
}

// rawOp is the fields of an op as JSON text, nil where absent.
type rawOp struct{ actor, seq, clock, payload, ext, by, at []byte }

func (r *rawOp) field(name []byte) *[]byte {
	switch string(name) {
	case "actor":
		return &r.actor
	case "seq":
		return &r.seq
	case "clock":
		return &r.clock
	case "payload":
		return &r.payload
	case "ext":
		return &r.ext
	case "by":
		return &r.by
	case "at":
		return &r.at
	}
	return nil
}

func (op *Op) read(value, arena []byte, limits *Limits, stamp *Stamp, stamped bool) ([]byte, error) {
	var r rawOp
	if err := fields(value, r.field); err != nil {
		return arena, err
	}
	dot, err := r.dot()
	if err != nil {
		return arena, err
	}
	op.Dot = dot
	if op.Fault, err = op.readClock(r.clock, limits); err != nil || op.Fault != nil {
		return arena, err
	}
	if stamped {
		if op.Fault = stamp.read(&r); op.Fault != nil {
			return arena, nil
		}
	}
	switch {
	case r.payload == nil:
		op.Fault = &Fault{Invalid, `an op needs "payload"`}
	case r.ext != nil && r.ext[0] != '{':
		op.Fault = &Fault{Invalid, `"ext" must be an object`}
	default:
		if op.Fault = limits.size(len(r.payload) + len(r.ext) + len(r.clock)); op.Fault != nil {
			return arena, nil
		}
		op.Payload, arena = take(arena, r.payload)
		if r.ext != nil {
			op.Ext, arena = take(arena, r.ext)
		}
	}
	return arena, nil
}

// Check says what a relay with these limits refuses in an entry for its size, so that
// a log gets nothing by other ways that a relay would not take.
func (l *Limits) Check(e *oplog.Entry) *Fault {
	if n := e.Clock.Len(); n > l.ClockEntries {
		return &Fault{Invalid, fmt.Sprintf("the clock has %d entries; at most %d are allowed", n, l.ClockEntries)}
	}
	return l.size(len(e.Payload) + len(e.Ext) + len(e.Clock.AppendJSON(nil)))
}

func (l *Limits) size(n int) *Fault {
	if n > l.OpBytes {
		return &Fault{TooLarge, fmt.Sprintf("the op has %d bytes; at most %d are allowed", n, l.OpBytes)}
	}
	return nil
}

// take compacts a value behind the arena's end.
func take(arena, value []byte) (kept, rest []byte) {
	n := len(arena)
	arena = compact(arena, value)
	return arena[n:len(arena):len(arena)], arena
}

func (op *Op) readClock(value []byte, limits *Limits) (*Fault, error) {
	if value == nil {
		return nil, nil
	}
	v, err := decodeClock(value, limits.ClockEntries)
	if errors.Is(err, ErrUnreadable) {
		return nil, err
	}
	if refused, ok := errors.AsType[*Error](err); ok {
		return &Fault{Invalid, refused.Message}, nil
	}
	if v.Get(op.Actor) >= op.Seq {
		return &Fault{Invalid, fmt.Sprintf("op %v says it has seen itself: its clock names %s:%d", op.Dot, op.Actor, v.Get(op.Actor))}, nil
	}
	op.Clock = v
	return nil, nil
}

func (s *Stamp) read(r *rawOp) *Fault {
	if r.by != nil {
		by, ok := unquote(r.by)
		if !ok || len(by) > MaxBy {
			return &Fault{Invalid, fmt.Sprintf(`"by" must be a string of at most %d bytes`, MaxBy)}
		}
		s.By = by
	}
	if r.at != nil {
		at, err := clock.ParseSeq(r.at)
		if err != nil {
			return &Fault{Invalid, `"at" must be Unix milliseconds`}
		}
		s.At = int64(at)
	}
	return nil
}

// Name returns how an op is called in messages for people.
func (op *Op) Name() string { return op.Dot.String() }

// Entry returns the op as an entry to append.
func (op *Op) Entry(by string) oplog.Entry { return oplog.Entry{Op: op.Op, By: by} }
