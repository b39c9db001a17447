package oplogtest

import (
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// model is what a log should hold, in plain maps and slices.
type model struct {
	docs map[oplog.DocID]*modelDoc
}

type modelDoc struct {
	epoch     oplog.Epoch
	format    oplog.Format
	entries   []oplog.Entry // all that were ever appended
	first     oplog.Offset  // as the log says
	snapshots map[oplog.Offset]modelSnapshot
}

type modelSnapshot struct {
	oplog.SnapshotInfo
	content string
}

// sum returns the clock up to an offset.
func (d *modelDoc) sum(at oplog.Offset) clock.Vector {
	var v clock.Vector
	for _, e := range d.entries {
		if e.Offset <= at {
			v.Raise(e.Actor, e.Seq)
		}
	}
	return v
}

func (d *modelDoc) heads() (h oplog.Heads) {
	for i := range d.entries {
		h.Apply(&d.entries[i])
	}
	return h
}

func (d *modelDoc) head() oplog.Offset { return d.entries[len(d.entries)-1].Offset }

// held returns the entries that are not pruned.
func (d *modelDoc) held() []oplog.Entry {
	i := slices.IndexFunc(d.entries, func(e oplog.Entry) bool { return e.Offset >= d.first })
	if i < 0 {
		return nil
	}
	return d.entries[i:]
}

// newestSnapshot returns the offset of the newest snapshot up to upTo, 0 if
// there is none.
func (d *modelDoc) newestSnapshot(upTo oplog.Offset) (newest oplog.Offset) {
	for at := range d.snapshots {
		if at <= upTo {
			newest = max(newest, at)
		}
	}
	return newest
}

// some returns a document's name: mostly one of a few, so that walks meet.
func (m *model) some(r *rand.Rand) oplog.DocID {
	names := []oplog.DocID{"alpha", "beta", "beta.2", "gamma", "delta"}
	return names[r.IntN(len(names))]
}

// names returns the documents in order.
func (m *model) names() []oplog.DocID { return slices.Sorted(maps.Keys(m.docs)) }

// make returns entries that follow from what d holds (nil for nothing), of a
// few actors that name each other's.
func (d *modelDoc) make(r *rand.Rand, n int) []oplog.Entry {
	var seen clock.Vector
	if d != nil {
		seen = d.sum(d.head())
	}
	entries := make([]oplog.Entry, n)
	for i := range entries {
		actors := []clock.Actor{"ann", "bob", "cy", "dee.1", "dee.2", clock.Actor("guest-" + string(rune('a'+r.IntN(26))))}
		actor := actors[r.IntN(len(actors))]
		e := Op(actor, seen.Get(actor)+1)
		for a, seq := range seen.All() {
			if r.IntN(3) == 0 {
				e.Clock.Raise(a, 1+r.Uint64N(seq))
			}
		}
		e.Payload = randomPayload(r)
		if r.IntN(4) == 0 {
			e.By = "user-" + string(rune('a'+r.IntN(5)))
		}
		if r.IntN(10) == 0 {
			e.Ext = []byte(`{"ext":true}`)
		}
		seen.Raise(actor, e.Seq)
		entries[i] = e
	}
	return entries
}

// randomPayload is mostly short, and now and then larger than a page.
func randomPayload(r *rand.Rand) []byte {
	n := r.IntN(200)
	if r.IntN(50) == 0 {
		n = r.IntN(20_000)
	}
	b := make([]byte, n+2)
	for i := range b {
		b[i] = "0123456789abcdef"[r.IntN(16)]
	}
	b[0], b[n+1] = '"', '"'
	return b
}
