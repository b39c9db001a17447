package doc

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// Split returns an Automerge file as the ops of a new document: a change each, in
// an order in which each follows from those before it, and named after its change.
// Their times are those that their authors gave them, never before the one before
// and never after now (Unix ms). A file that cannot be loaded is a *[BaseError].
func (e Engine) Split(ctx context.Context, file []byte, now int64) ([]oplog.Entry, error) {
	state, err := e.load(ctx, file, Want{Changes: true})
	if err != nil {
		return nil, err
	}
	return entriesOf(state.Changes, now)
}

// load makes the document of a file.
func (e Engine) load(ctx context.Context, file []byte, want Want) (*State, error) {
	if len(file) == 0 {
		return nil, errors.New("the file is empty") // Automerge takes it for an empty document
	}
	return e.Run(ctx, Job{Base: file, Want: want})
}

// entriesOf returns changes as ops.
func entriesOf(changes [][]byte, now int64) ([]oplog.Entry, error) {
	entries := make([]oplog.Entry, 0, len(changes))
	names := make(map[Hash]clock.Dot, len(changes))
	at := int64(0)
	for i, raw := range changes {
		head, err := ReadChange(raw)
		if err != nil {
			return nil, fmt.Errorf("read change %d: %w", i+1, err)
		}
		actor, err := clock.ParseActor(head.Actor)
		if err != nil {
			return nil, fmt.Errorf("change %d: actor %.140q is no name for a log, which has up to %d characters", i+1, head.Actor, clock.MaxActorLen)
		}
		dot := clock.Dot{Actor: actor, Seq: head.Seq}
		names[head.Hash] = dot
		var seen clock.Vector
		for _, dep := range head.Deps {
			if d := names[dep]; d.Actor != actor && d.Seq > 0 {
				seen.Raise(d.Actor, d.Seq)
			}
		}
		at = max(at, min(unixMilli(head.Time), now))
		payload, _ := json.Marshal(base64.StdEncoding.EncodeToString(raw)) // a string cannot fail
		entries = append(entries, oplog.Entry{Op: oplog.Op{Dot: dot, Clock: seen, Payload: payload}, At: at})
	}
	return entries, nil
}

// unixMilli returns the time that a change gives in Unix ms, 0 where it gives
// none. JavaScript writes seconds, Go milliseconds; 10^11 parts them: in seconds
// that is the year 5138, in milliseconds 1973.
func unixMilli(t int64) int64 {
	switch {
	case t <= 0:
		return 0
	case t < 1e11:
		return t * 1000
	}
	return t
}
