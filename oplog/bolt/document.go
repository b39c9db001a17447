package bolt

import (
	"sync"

	"go.etcd.io/bbolt"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// document is what is durable of one document, kept in memory. It is loaded
// once, by whoever asks first; from then on only the committer changes it, after
// a commit.
type document struct {
	id oplog.DocID

	loaded  sync.Once
	loadErr error // valid after loaded, like what follows

	// owned by the load, or else by the committer that founds the document;
	// static while it exists
	num     uint64
	epoch   oplog.Epoch
	format  oplog.Format
	created int64

	mu sync.RWMutex
	// guarded by mu; the committer, which alone changes them, reads them without
	ready     bool // the load is over and went well
	broken    bool // the load is over and failed
	exists    bool
	first     oplog.Offset
	head      oplog.Offset
	at        int64
	heads     oplog.Heads
	bytes     int64    // content of the entries up to head
	pruned    int64    // and of those before first
	snapshots []stored // by offset
	spacing   spacing

	// guarded by cache.mu
	cost int64
	pins int
	used bool
}

// stored is what is kept in memory of a snapshot.
type stored struct {
	offset oplog.Offset
	blob   uint64
}

// spacing counts what came after the last index block.
type spacing struct {
	entries int
	bytes   int
	block   int  // about how many bytes a block would take now
	old     bool // the last block does not say how many bytes came before
}

const (
	spacingEntries = 256
	spacingFactor  = 16
)

// add counts an entry; fresh says that its actor wrote for the first time.
func (s *spacing) add(e *oplog.Entry, bytes int, fresh bool) {
	s.entries++
	s.bytes += bytes
	if fresh {
		s.block += len(e.Actor) + len(e.By) + 8
	}
}

// due reports whether an index block should be written. Blocks cost at most a
// sixteenth of the entries that they index, however many actors a document has.
// Behind one of version 1 another is due at once, so that bytes are counted once.
func (s *spacing) due() bool {
	return s.old || s.entries >= spacingEntries && s.bytes >= spacingFactor*s.block
}

func (d *document) state() (oplog.State, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if !d.exists {
		return oplog.State{}, oplog.ErrNotFound
	}
	return oplog.State{
		Span:   oplog.Span{Epoch: d.epoch, First: d.first, Head: d.head},
		Format: d.format,
		At:     d.at,
		Heads:  d.heads.Clone(),
		Bytes:  d.bytes - d.pruned,
	}, nil
}

// seen returns those of dots that the log holds or has held.
func (d *document) seen(dots []clock.Dot) (known []clock.Dot) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, dot := range dots {
		if dot.Seq > 0 && d.heads.Clock.Has(dot) {
			known = append(known, dot)
		}
	}
	return known
}

// ensure loads the document unless that was done. The document must be in the
// cache since before the transaction that view runs the load in began.
func (d *document) ensure(view func(load func(*bbolt.Tx) error) error) error {
	d.loaded.Do(func() {
		exists := false
		d.loadErr = view(func(tx *bbolt.Tx) (err error) {
			exists, err = d.load(tx)
			return err
		})
		d.mu.Lock()
		defer d.mu.Unlock()
		d.ready, d.broken = d.loadErr == nil, d.loadErr != nil
		d.exists = d.ready && exists
	})
	return d.loadErr
}

// load reads what is stored of the document. Nobody else looks at it meanwhile,
// and no lock is held: a load waits for bbolt's.
func (d *document) load(tx *bbolt.Tx) (exists bool, err error) {
	body, ok, err := unseal(tx, bucketDocs, []byte(d.id))
	if err != nil || !ok {
		return false, err
	}
	r, err := parseRecord(body)
	if err != nil {
		return false, corruptDocument(tx, d.id, err)
	}
	d.num, d.epoch, d.format, d.created, d.first = r.num, r.epoch, r.format, r.created, r.first
	v := newView(tx, d)
	if d.head, err = v.newest(); err != nil {
		return false, err
	}
	if err := d.fold(v); err != nil {
		return false, err
	}
	d.snapshots, err = v.snapshots()
	return true, err
}

// fold adds up the log: the last block, then the entries behind it.
func (d *document) fold(v *view) error {
	b, at, size, err := v.lastBlock(d.head)
	if err != nil {
		return err
	}
	d.at, d.heads, d.bytes = b.at, b.heads, v.blockBytes(&b, at)
	d.spacing = spacing{block: size, old: b.bytes == uncounted}
	if err := v.entries(at, d.head, func(e *oplog.Entry, size int) bool {
		fresh := d.heads.Clock.Get(e.Actor) == 0
		d.heads.Apply(e)
		d.at = e.At
		d.bytes += e.Bytes()
		d.spacing.add(e, size, fresh)
		return true
	}); err != nil {
		return err
	}
	var ok bool
	if d.pruned, ok = v.pruned(); !ok {
		d.pruned = d.bytes - v.content(d.first-1, d.head)
	}
	return nil
}

// known returns whether the document exists, if that is known.
func (d *document) known() (exists, known bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.exists, d.ready
}

// failed reports whether the document could not be loaded.
func (d *document) failed() bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.broken
}

// footprint is about how many bytes of memory a document takes; keep is false
// if there is none.
func (d *document) footprint() (keep bool, bytes int64) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	const fixed, perActor, perSnapshot = 512, 64, 16
	size := fixed + len(d.id) + 2*d.spacing.block + perActor*d.heads.Clock.Len() + perSnapshot*len(d.snapshots)
	return d.exists, int64(size)
}
