package relay

import (
	"bytes"
	"slices"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

// tailEntry is an accepted op as readers get it.
type tailEntry struct {
	offset oplog.Offset
	dot    clock.Dot
	json   []byte
	// content is the part of json that holds payload and ext, to know a retry by.
	// It is empty where the payload was erased.
	content []byte
	durable time.Time // when it became so; zero of one that was read from the log
}

// encode appends the JSON of an accepted op to arena and returns it as an entry
// that lies there.
func encode(arena []byte, e *oplog.Entry) ([]byte, tailEntry) {
	n := len(arena)
	arena = wire.AppendEntry(arena, e)
	json := arena[n:len(arena):len(arena)]
	size := len(e.Payload)
	if e.Ext != nil {
		size += len(extName) + len(e.Ext)
	}
	end := len(json) - 1
	return arena, tailEntry{offset: e.Offset, dot: e.Dot, json: json, content: json[end-size : end]}
}

// encodedSize is about how long an entry's JSON is, on the safe side.
func encodedSize(e *oplog.Entry) int {
	return 160 + len(e.Payload) + len(e.Ext) + len(e.Actor) + len(e.By) + e.Clock.Len()*(clock.MaxActorLen/2)
}

const extName = `,"ext":`

// holds reports whether the entry is the op, sent again.
func (t *tailEntry) holds(op *oplog.Op) bool {
	if len(t.content) == 0 {
		return true // what is no longer held cannot be compared
	}
	rest, ok := bytes.CutPrefix(t.content, op.Payload)
	if op.Ext == nil {
		return ok && len(rest) == 0
	}
	rest, named := bytes.CutPrefix(rest, []byte(extName))
	return ok && named && bytes.Equal(rest, op.Ext)
}

// tail is the newest entries of a room, encoded once, and the frames made of
// them. It is a plain structure: the room's lock guards it.
//
// It begins behind the offset before, and ends at the room's head. A reader
// whose position is not older reads here, an older one from the log.
type tail struct {
	before  oplog.Offset
	entries []tailEntry
	bytes   int
	// frames are shared by the sessions that stand at the same position; a few
	// are enough, as positions meet again as soon as they have caught up.
	frames [8]sharedFrame
	next   int
}

// sharedFrame holds the ops in (from, to].
type sharedFrame struct {
	from, to oplog.Offset
	frame    []byte
}

// maxTail bounds the tail of one room in bytes: behind it, readers are served
// from the log.
const maxTail = 1 << 20

// restTail is what the tail of a busy room keeps though everyone has it, so that
// retries and brief absences are answered from memory.
const restTail = 4 << 10

// add appends entries that were just made durable.
func (t *tail) add(entries []tailEntry) {
	t.entries = append(t.entries, entries...)
	for i := range entries {
		t.bytes += len(entries[i].json)
	}
}

// trim lets go of entries that everyone is past, but for keep bytes of them, and
// of the oldest when there are too many.
func (t *tail) trim(passed oplog.Offset, keep int) {
	drop := 0
	for _, e := range t.entries {
		if t.bytes <= keep || e.offset > passed && t.bytes <= maxTail {
			break
		}
		t.bytes -= len(e.json)
		t.before = e.offset
		drop++
	}
	clear(t.entries[:drop]) // the next growth of the slice leaves them behind
	if t.entries = t.entries[drop:]; len(t.entries) == 0 {
		t.entries = nil
	}
	if drop > 0 {
		for i := range t.frames {
			if t.frames[i].from < t.before {
				t.frames[i] = sharedFrame{}
			}
		}
	}
}

// after returns the entries behind a position that is not before the tail's.
func (t *tail) after(pos oplog.Offset) []tailEntry {
	i, _ := slices.BinarySearchFunc(t.entries, pos+1, func(e tailEntry, o oplog.Offset) int {
		return int(int64(e.offset) - int64(o))
	})
	return t.entries[i:]
}

// find calls visit with the entries of the given names that the tail holds.
func (t *tail) find(names map[clock.Dot][]int, visit func(*tailEntry)) {
	left := len(names)
	for i := len(t.entries) - 1; i >= 0 && left > 0; i-- {
		e := &t.entries[i]
		if _, ok := names[e.dot]; ok {
			visit(e)
			left--
		}
	}
}

// chunk returns the longest beginning of entries that fits a frame.
func chunk(entries []tailEntry) []tailEntry {
	size := 0
	for i := range entries {
		if size += len(entries[i].json) + 1; size > opsFrameBytes && i > 0 {
			return entries[:i]
		}
	}
	return entries
}

// share returns the frame with the ops of a non-empty chunk that follows from.
func (t *tail) share(doc oplog.DocID, from oplog.Offset, chunk []tailEntry) []byte {
	to := chunk[len(chunk)-1].offset
	for i := range t.frames {
		if f := &t.frames[i]; f.from == from && f.to == to {
			return f.frame
		}
	}
	f := opsFrame(doc, chunk)
	t.frames[t.next] = sharedFrame{from, to, f}
	t.next = (t.next + 1) % len(t.frames)
	return f
}

// opsFrame builds the frame with the given ops.
func opsFrame(doc oplog.DocID, entries []tailEntry) []byte {
	size := 64 + len(doc)
	for i := range entries {
		size += len(entries[i].json) + 1
	}
	b := wire.AppendOps(newFrame(size), doc)
	for i := range entries {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, entries[i].json...)
	}
	return sealFrame(opText, append(b, wire.OpsEnd...))
}
