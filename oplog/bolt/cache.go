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

// get returns the document of that name, loaded or not. With pin it stays until
// unpin.
func (c *cache) get(id oplog.DocID, pin bool) *document {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.docs[id]
	if d == nil {
		d = &document{id: id}
		c.docs[id] = d
	}
	d.used = true
	d.pinned = d.pinned || pin
	return d
}

// holds reports whether d is what the cache has under its name: it has neither
// been evicted nor deleted.
func (c *cache) holds(d *document) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.docs[d.id] == d
}

// settle notes what a document costs once it is loaded. One that could not be
// loaded or does not exist goes, unless a batch has it.
func (c *cache) settle(d *document) {
	d.mu.RLock()
	keep, cost := d.exists && d.loadErr == nil, d.footprint()
	d.mu.RUnlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.docs[d.id] != d:
	case keep:
		c.cost += cost - d.cost
		d.cost = cost
		c.evict()
	case !d.pinned:
		c.cost -= d.cost
		delete(c.docs, d.id)
	}
}

// unpin lets a document go that is in no batch any more.
func (c *cache) unpin(d *document) {
	c.mu.Lock()
	d.pinned = false
	c.mu.Unlock()
	c.settle(d)
}

// evict makes room. A document that was asked for since the last time gets a
// second chance; the map's random order does the rest.
func (c *cache) evict() {
	for range 2 {
		for id, d := range c.docs {
			switch {
			case c.cost <= c.budget:
				return
			case d.pinned || d.cost == 0:
			case d.used:
				d.used = false
			default:
				c.cost -= d.cost
				delete(c.docs, id)
			}
		}
	}
}

// footprint is about how many bytes of memory a document takes.
func (d *document) footprint() int64 {
	const fixed, perActor, perSnapshot = 512, 64, 16
	return int64(fixed + len(d.id) + 2*d.spacing.block + perActor*d.heads.Clock.Len() + perSnapshot*len(d.snapshots))
}

// names returns the documents that are known to be there and those that are
// known not to be.
func (c *cache) names() (there []oplog.DocID, gone map[oplog.DocID]bool) {
	c.mu.Lock()
	docs := slices.Collect(maps.Values(c.docs))
	loaded := docs[:0]
	for _, d := range docs {
		if d.pinned || d.cost > 0 {
			loaded = append(loaded, d)
		}
	}
	c.mu.Unlock()
	gone = map[oplog.DocID]bool{}
	for _, d := range loaded {
		if _, ok := d.moment(); ok {
			there = append(there, d.id)
		} else if d.loadErr == nil {
			gone[d.id] = true
		}
	}
	return there, gone
}
