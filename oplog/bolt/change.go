package bolt

import (
	"slices"
	"strings"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// change is what a batch does to one document, on top of what is durable.
type change struct {
	doc *document

	exists    bool
	deleted   bool
	first     oplog.Offset
	head      oplog.Offset
	at        int64
	tail      []added
	raised    map[clock.Actor]uint64 // from tail, once that is long
	bytes     int64
	pruned    int64
	snapshots []stored
	spacing   spacing
}

// added is what a document's heads need to know of an entry.
type added struct {
	clock.Dot
	by string
}

func (a *added) apply(h *oplog.Heads) {
	h.Apply(&oplog.Entry{Op: oplog.Op{Dot: a.Dot}, By: a.by})
}

// shortTail is how many entries are gone through for an actor's newest number.
const shortTail = 16

// seq returns the newest number of an actor.
func (c *change) seq(a clock.Actor) uint64 {
	if n, ok := c.raised[a]; ok {
		return n
	}
	if len(c.tail) <= shortTail {
		for _, e := range slices.Backward(c.tail) {
			if e.Actor == a {
				return e.Seq
			}
		}
	}
	return c.doc.heads.Clock.Get(a)
}

// raise notes an entry that is to be added.
func (c *change) raise(e *oplog.Entry) {
	c.tail = append(c.tail, added{e.Dot, e.By})
	switch n := len(c.tail); {
	case n == shortTail+1:
		c.reindex()
	case n > shortTail:
		c.raised[e.Actor] = e.Seq
	}
}

// rewind takes back all that was raised behind the first n entries.
func (c *change) rewind(n int) {
	c.tail = c.tail[:n]
	c.reindex()
}

// reindex makes raised what tail says.
func (c *change) reindex() {
	c.raised = nil
	if len(c.tail) <= shortTail {
		return
	}
	c.raised = make(map[clock.Actor]uint64)
	for _, e := range c.tail {
		c.raised[e.Actor] = e.Seq
	}
}

// heads returns what the log adds up to with the first n entries of this batch.
func (c *change) heads(n int) oplog.Heads {
	h := c.doc.heads.Clone()
	for i := range c.tail[:n] {
		c.tail[i].apply(&h)
	}
	return h
}

// publish makes the change visible. It is durable.
func (c *change) publish() {
	d := c.doc
	d.mu.Lock()
	defer d.mu.Unlock()
	d.exists, d.first, d.head, d.at = c.exists, c.first, c.head, c.at
	d.bytes, d.pruned = c.bytes, c.pruned
	d.snapshots, d.spacing = c.snapshots, c.spacing
	for i := range c.tail {
		e := &c.tail[i]
		if d.heads.Clock.Get(e.Actor) == 0 {
			// The names may be part of something large that a caller lent.
			e.Actor = clock.Actor(strings.Clone(string(e.Actor)))
		}
		if d.heads.Owner(e.Actor) == "" {
			e.by = strings.Clone(e.by)
		}
		e.apply(&d.heads)
	}
}
