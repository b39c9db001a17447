package wire

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// ParseEntry reads an accepted op as [AppendEntry] writes it, such as a line of
// a stream of ops. Fields that it does not know are passed over, those it does
// must be right. Payload and Ext alias text, byte for byte.
func ParseEntry(text []byte, e *oplog.Entry) error {
	if err := parseEntry(text, e); err != nil {
		return fmt.Errorf("read op: %w", err)
	}
	return nil
}

func parseEntry(text []byte, e *oplog.Entry) error {
	if !valid(text) {
		return errors.New("it is not one JSON value in UTF-8")
	}
	if text = bytes.TrimSpace(text); text[0] != '{' {
		return errors.New("it is no object")
	}
	var r rawOp
	var offset, redacted []byte
	err := fields(text, func(name []byte) *[]byte {
		switch string(name) {
		case "offset":
			return &offset
		case "redacted":
			return &redacted
		}
		return r.field(name)
	})
	if err != nil {
		return err
	}
	*e = oplog.Entry{Op: oplog.Op{Payload: r.payload, Ext: r.ext}, Redacted: string(redacted) == "true"}
	at, err := clock.ParseSeq(offset)
	if err != nil {
		return fmt.Errorf("its offset: %w", err)
	}
	e.Offset = oplog.Offset(at)
	if e.Dot, err = r.dot(); err != nil {
		return err
	}
	if e.Clock, err = clock.ParseJSON(r.clock, len(r.clock)); err != nil {
		return fmt.Errorf("clock of %v: %w", e.Dot, err)
	}
	if string(r.at) != "0" {
		ms, err := clock.ParseSeq(r.at)
		if err != nil {
			return fmt.Errorf("time of %v: %w", e.Dot, err)
		}
		e.At = int64(ms)
	}
	if r.by != nil {
		by, ok := unquote(r.by)
		if !ok {
			return fmt.Errorf(`"by" of %v is no string`, e.Dot)
		}
		e.By = by
	}
	switch {
	case redacted != nil && !e.Redacted && string(redacted) != "false":
		return fmt.Errorf(`"redacted" of %v is neither true nor false`, e.Dot)
	case e.Redacted != (r.payload == nil):
		return fmt.Errorf("%v must have a payload, or be redacted", e.Dot)
	case r.ext != nil && r.ext[0] != '{':
		return fmt.Errorf(`"ext" of %v is no object`, e.Dot)
	}
	return nil
}

// dot returns the name of an op.
func (r *rawOp) dot() (clock.Dot, error) {
	name, ok := unquote(r.actor)
	if !ok {
		return clock.Dot{}, invalid(`an op needs "actor", a string`)
	}
	actor, err := clock.ParseActor(name)
	if err != nil {
		return clock.Dot{}, invalid("%v", err)
	}
	seq, err := clock.ParseSeq(r.seq)
	if err != nil {
		return clock.Dot{}, invalid("an op of actor %s has no seq: %v", actor, err)
	}
	return clock.Dot{Actor: actor, Seq: seq}, nil
}
