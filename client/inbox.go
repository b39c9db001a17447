package client

import (
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

// inbox is what was read for a document and not received yet, in order.
// Guarded by the connection's lock.
type inbox struct {
	items []item
	bytes int
	// stream counts how often the items were thrown away to be sent again.
	stream  int
	arrived signal // fired when there is something to receive
	drained signal // fired when there is room, or another reason to read on
}

// item is one step of a document's stream. Exactly one of its fields counts,
// beside size.
type item struct {
	size     int
	ops      []oplog.Entry
	joined   *frame
	live     oplog.Offset // also of an ack: the stream is that far
	isLive   bool
	snapshot *wire.Snapshot
	compact  bool
	update   Update
	keep     bool // survives a cut: the relay would not say it again
}

func (in *inbox) put(it item) {
	in.items = append(in.items, it)
	in.bytes += it.size
	in.arrived.fire()
}

// reach notes an ack's place in the stream. Acks in a row are one item.
func (in *inbox) reach(at oplog.Offset) {
	if n := len(in.items); n > 0 {
		if last := &in.items[n-1]; last.live > 0 && !last.isLive {
			last.live = max(last.live, at)
			return
		}
	}
	in.put(item{live: at})
}

func (in *inbox) take() (item, bool) {
	if len(in.items) == 0 {
		return item{}, false
	}
	it := in.items[0]
	in.items[0] = item{}
	if in.items = in.items[1:]; len(in.items) == 0 {
		in.items = nil
	}
	in.bytes -= it.size
	in.drained.fire()
	return it, true
}

// cut throws away what the relay will send again.
func (in *inbox) cut() {
	kept := in.items[:0]
	for _, it := range in.items {
		if it.keep {
			kept = append(kept, it)
		}
	}
	clear(in.items[len(kept):])
	in.items, in.bytes = kept, 0
	for _, it := range kept {
		in.bytes += it.size
	}
	in.stream++
	in.drained.fire()
}
