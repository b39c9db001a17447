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
	loadErr error // valid after loaded

	// owned by the load, then by the committer; static while the document exists
	num     uint64
	epoch   oplog.Epoch
	format  oplog.Format
	created int64

	mu sync.RWMutex
	// guarded by mu for the committer, which alone changes them and reads them without
	exists    bool
	first     oplog.Offset
	head      oplog.Offset
	at        int64
	heads     oplog.Heads
	snapshots []stored // by offset
	spacing   spacing

	// guarded by cache.mu
	cost   int64 // 0 until loaded
	pinned bool
	used   bool
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
	block   int // about how many bytes a block would take now
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
func (s *spacing) due() bool {
	return s.entries >= spacingEntries && s.bytes >= spacingFactor*s.block
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

// ensure loads the document unless that was done. It must be in the cache since
// before tx began.
func (d *document) ensure(tx *bbolt.Tx) error {
	d.loaded.Do(func() {
		d.loadErr = guard(tx.DB().Path(), func() error { return d.load(tx) })
	})
	return d.loadErr
}

// load reads what is stored of the document.
func (d *document) load(tx *bbolt.Tx) error {
	body, ok, err := unseal(tx, bucketDocs, []byte(d.id))
	if err != nil || !ok {
		return err
	}
	r, err := parseRecord(body)
	if err != nil {
		return corruptDocument(tx, d.id, err)
	}
	d.num, d.epoch, d.format, d.created, d.first = r.num, r.epoch, r.format, r.created, r.first
	v := newView(tx, d)
	if d.head, err = v.newest(); err != nil {
		return err
	}
	if err := d.fold(v); err != nil {
		return err
	}
	if d.snapshots, err = v.snapshots(); err != nil {
		return err
	}
	d.exists = true
	return nil
}

// fold adds up the log: the last block, then the entries behind it.
func (d *document) fold(v *view) error {
	b, at, size, err := v.lastBlock(d.head)
	if err != nil {
		return err
	}
	d.at, d.heads = b.at, b.heads
	d.spacing = spacing{block: size}
	return v.entries(at, d.head, func(e *oplog.Entry, size int) bool {
		fresh := d.heads.Clock.Get(e.Actor) == 0
		d.heads.Apply(e)
		d.at = e.At
		d.spacing.add(e, size, fresh)
		return true
	})
}
