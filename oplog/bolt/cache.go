package bolt

import (
	"maps"
	"slices"
	"sync"

	"github.com/baton-relay/baton/oplog"
)

// cache keeps documents in memory. Two things depend on it, beyond speed:
//
//   - A document in a batch stays in the cache until the batch is durable, or
//     until the log is closed if that never happens. So a document that is not
//     in the cache has nothing on disk that is not durable, and may be loaded.
//   - A document is loaded once ([document.loaded]). A batch that wants one that
//     a reader is loading waits for that reader.
type cache struct {
	budget int64

	mu sync.Mutex
	// guarded by mu
	docs map[oplog.DocID]*document
	cost int64
}

func newCache(budget int64) *cache {
	return &cache{budget: budget, docs: map[oplog.DocID]*document{}}
}

// pin returns the document of that name, loaded or not, which stays in the cache
// until unpin.
func (c *cache) pin(id oplog.DocID) *document {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.docs[id]
	if d == nil {
		d = &document{id: id}
		c.docs[id] = d
	}
	d.used = true
	d.pins++
	return d
}

// unpin is the other end of pin. A document that does not exist goes with its last
// pin; others may go when there is no room. One that could not be loaded goes at
// once, whoever has it pinned: the next caller loads it again.
func (c *cache) unpin(d *document) {
	keep, cost := d.footprint()
	failed := d.failed()
	c.mu.Lock()
	defer c.mu.Unlock()
	d.pins--
	switch {
	case c.docs[d.id] != d:
	case keep:
		c.cost += cost - d.cost
		d.cost = cost
		c.evict()
	case d.pins == 0 || failed:
		c.remove(d)
	}
}

// drop removes a document that was deleted, whoever has it pinned: one of its
// name that is created later is another.
func (c *cache) drop(d *document) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.docs[d.id] == d {
		c.remove(d)
	}
}

func (c *cache) remove(d *document) {
	c.cost -= d.cost
	delete(c.docs, d.id)
}

// evict makes room. A document that was asked for since the last time gets a
// second chance; the map's random order does the rest.
func (c *cache) evict() {
	for range 2 {
		for _, d := range c.docs {
			switch {
			case c.cost <= c.budget:
				return
			case d.pins > 0:
			case d.used:
				d.used = false
			default:
				c.remove(d)
			}
		}
	}
}

// names returns the documents that are known to be there and those that are
// known not to be.
func (c *cache) names() (there []oplog.DocID, gone map[oplog.DocID]bool) {
	c.mu.Lock()
	docs := slices.Collect(maps.Values(c.docs))
	c.mu.Unlock()
	gone = map[oplog.DocID]bool{}
	for _, d := range docs {
		switch exists, known := d.known(); {
		case exists:
			there = append(there, d.id)
		case known:
			gone[d.id] = true
		}
	}
	return there, gone
}
