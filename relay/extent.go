package relay

import (
	"fmt"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

// extent is how large a document has become, the ops on their way included.
type extent struct {
	bytes  int64          // payload and ext of the ops that are held
	actors int            // that ever wrote
	of     map[string]int // how many of them each subject has
}

// measured returns the extent of the document. It is added up once, when the
// first op comes since the state was set.
func (r *room) measured() *extent {
	if r.extent != nil {
		return r.extent
	}
	e := &extent{bytes: r.state.Bytes, actors: r.state.Heads.Clock.Len(), of: map[string]int{}}
	for a := range r.state.Heads.Clock.All() {
		if owner := r.state.Heads.Owner(a); owner != "" {
			e.of[owner]++
		}
	}
	for _, list := range [][]pending{r.inflight, r.waiting} {
		for i := range list {
			e.add(&list[i].entry, list[i].size)
		}
	}
	r.extent = e
	return e
}

// add counts an op that is on its way.
func (e *extent) add(op *oplog.Entry, size int) {
	e.bytes += int64(size)
	if op.Seq == 1 {
		e.actors++
		if op.By != "" {
			e.of[op.By]++
		}
	}
}

// full says why a new op would be more than the document may have, empty if it
// would not. An actor that is known may go on however many there are.
func (r *room) full(op *wire.Op, by string) string {
	l, e := &r.srv.cfg.Limits, r.measured()
	switch size := int64(len(op.Payload) + len(op.Ext)); {
	case l.DocBytes > 0 && e.bytes+size > int64(l.DocBytes):
		return fmt.Sprintf("%s is full: its ops have %d bytes, and may have %d", r.doc, e.bytes, l.DocBytes)
	case op.Seq > 1:
		return ""
	case l.Actors > 0 && e.of[by] >= l.Actors:
		return fmt.Sprintf("you are %d actors in %s, as many as one may be; go on as one of them", e.of[by], r.doc)
	case l.DocActors > 0 && e.actors >= l.DocActors:
		return fmt.Sprintf("%s has %d actors, as many as it may have; go on as one of yours", r.doc, e.actors)
	}
	return ""
}
