package bolt

import (
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/baton-relay/baton/oplog"
)

const (
	// maxBatchBytes ends a batch: the bytes that one transaction writes, more or
	// less, are held in memory until it is committed.
	maxBatchBytes = 16 << 20
	// sweepEvery is after how many batches a sweep gets its turn when there
	// is no pause for it.
	sweepEvery = 50
)

// committer is the one goroutine that writes.
type committer struct {
	// static after construction
	path     string
	db       *bbolt.DB
	cache    *cache
	queue    *queue
	health   *health
	interval time.Duration
	commit   func(*bbolt.Tx) error
	stopped  chan struct{}

	// owned by run
	began      time.Time // when the last batch began
	sweeps     []sweep   // what is left to remove, oldest first
	sinceSweep int       // batches since the last slice of a sweep
	arena      []byte    // reused by batches
}

func newCommitter(l *Log, commit func(*bbolt.Tx) error) *committer {
	return &committer{
		path:     l.path,
		db:       l.db,
		cache:    l.cache,
		queue:    l.queue,
		health:   l.health,
		interval: l.opts.CommitInterval,
		commit:   commit,
		stopped:  make(chan struct{}),
		arena:    make([]byte, 0, arenaSize),
	}
}

// run commits what comes until the queue is closed and empty.
func (c *committer) run() {
	defer close(c.stopped)
	for {
		work, open := c.queue.take()
		switch {
		case len(work) > 0:
			c.pace()
			more, _ := c.queue.take()
			c.process(append(work, more...))
		case !open:
			return
		case len(c.sweeps) > 0 && c.health.refusal() == nil:
			c.sweep()
		default:
			<-c.queue.wake
		}
	}
}

// pace waits until the interval since the last batch has passed, while more
// requests gather.
func (c *committer) pace() {
	if wait := c.interval - time.Since(c.began); wait > 0 {
		time.Sleep(wait)
	}
}

func (c *committer) process(work []*request) {
	for len(work) > 0 {
		work = work[c.batch(work):]
		if c.sinceSweep++; c.sinceSweep >= sweepEvery && len(c.sweeps) > 0 && c.health.refusal() == nil {
			c.sweep()
		}
	}
}

// batch commits some of the requests, from the first on, in one transaction and
// answers them. It returns how many.
func (c *committer) batch(work []*request) (n int) {
	c.began = time.Now()
	b, err := c.begin()
	if err != nil {
		n = len(work)
	} else {
		for n < len(work) && !b.full() {
			b.apply(work[n])
			n++
		}
		err = c.finish(b)
	}
	for _, r := range work[:n] {
		switch {
		case r.pause != nil:
			r.answer(r.pause())
		case err != nil:
			r.answer(err)
		default:
			r.answer(r.err)
		}
	}
	return n
}

// begin starts a batch, unless the log takes no writes.
func (c *committer) begin() (*batch, error) {
	if err := c.health.refusal(); err != nil {
		return nil, err
	}
	tx, err := c.db.Begin(true)
	if err != nil {
		return nil, c.health.failFinally(fmt.Errorf("begin transaction: %w", err))
	}
	return newBatch(tx, c), nil
}

// finish makes a batch durable and then, and only then, visible.
func (c *committer) finish(b *batch) error {
	err := b.broken
	if err != nil || b.puts == 0 {
		if rollback := guard(c.path, b.tx.Rollback); rollback != nil {
			// The transaction may still hold its locks and pages.
			return c.health.failFinally(fmt.Errorf("roll back: %w", rollback))
		}
		b.release()
		if err != nil {
			return fmt.Errorf("%w: %w", oplog.ErrUnavailable, err)
		}
		return nil
	}
	id := b.tx.ID()
	err = guard(c.path, func() error { return c.commit(b.tx) })
	if err == nil {
		b.publish()
		b.release()
		if cap(b.arena) <= arenaSize {
			c.arena = b.arena[:0]
		}
		c.health.recovered()
		return nil
	}
	return c.failed(b, id, err)
}

// failed says what a commit that failed means for the log. Its documents stay
// pinned in the cache if what it wrote may be visible.
func (c *committer) failed(b *batch, id int, err error) error {
	if recoverable(err) && !c.visible(id) {
		b.release()
		return c.health.fail(fmt.Errorf("commit: %w", err), time.Since(c.began))
	}
	if corruption := (*oplog.CorruptionError)(nil); errors.As(err, &corruption) {
		_ = guard(c.path, b.tx.Rollback) // a panic left it open, and Close would wait for it
	}
	return c.health.failFinally(fmt.Errorf("commit: %w", err))
}

// visible reports whether read transactions may see the transaction of that id.
func (c *committer) visible(id int) bool {
	tx, err := c.db.Begin(false)
	if err != nil {
		return true
	}
	defer tx.Rollback()
	return tx.ID() >= id
}
