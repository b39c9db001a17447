// Package webhook tells backends over HTTP what happens to documents: notices,
// signed as the Standard Webhooks specification says (standardwebhooks.com),
// tried again until they are taken. docs/webhooks.md is the manual.
//
// A [Queue] promises its caller, the relay, that [Queue.Put] never waits for a
// disk or a network. It promises backends that a notice, once written to the
// queue's file, is delivered at least once, whatever happens to the process; that
// the notices of one document come in order; and that an endpoint which misses
// any is told so, by one more notice.
//
// Everything that waits is in memory, bounded, and delivered from there. The
// file is written behind that: it is read at the start and never again. A disk
// that takes no writes therefore delays nothing.
package webhook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Options says where notices go and how. URLs and Secrets are needed; the rest
// may be left zero.
type Options struct {
	// URLs are the endpoints, each with a queue of its own. See [CheckURL].
	URLs []string
	// Secrets sign what is sent.
	Secrets *Secrets
	// EveryOps and Every say when the changes of a document are due: after so many
	// ops (100) or so long after the first of them (10 s), whichever comes first.
	EveryOps uint64
	Every    time.Duration
	// MaxWaiting is how many notices wait for one endpoint at most (100,000), and
	// MaxAge how long (3 days). The oldest go first, and one notice stands for them.
	MaxWaiting int
	MaxAge     time.Duration
	// Version names this program to endpoints.
	Version string
	// Logger takes what an operator should know; nil discards it. No path and no
	// query of a URL is logged: they may be secret.
	Logger *slog.Logger
}

// timeout is how long an endpoint has for its answer.
const timeout = 10 * time.Second

func (o *Options) fill() {
	o.EveryOps = cmp.Or(o.EveryOps, 100)
	o.Every = cmp.Or(o.Every, 10*time.Second)
	o.MaxWaiting = cmp.Or(o.MaxWaiting, 100_000)
	o.MaxAge = cmp.Or(o.MaxAge, 3*24*time.Hour)
	o.Version = cmp.Or(o.Version, "dev")
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Queue is what waits to be told to endpoints. Its methods may be called from
// many goroutines at once. A nil *Queue takes events and tells nobody.
type Queue struct {
	// static
	opts      Options
	endpoints []*endpoint
	store     *store
	client    *http.Client
	poked     chan struct{}   // tells keep that its next turn is sooner
	stopping  chan struct{}   // closed when Close begins
	done      context.Context // of requests
	cut       context.CancelFunc
	workers   sync.WaitGroup // keep, and one for each endpoint

	mu sync.Mutex
	// below, and all of each endpoint that is not static, guarded by mu; it is
	// never held while anything waits

	closed  bool
	changes changes
	turn    time.Time // when keep looks again; zero: not before it is poked
	saveAt  time.Time // when something has to be written; zero: nothing has
	lines   []line    // to be logged, which may take a while
	lastSeq uint64
}

// Stats is what an operator may want to watch.
type Stats struct {
	Delivered uint64        // notices that an endpoint took
	Failed    uint64        // attempts that failed
	Dropped   uint64        // notices that were given up
	Waiting   int           // notices not delivered yet
	Oldest    time.Duration // age of the oldest of them
	Gone      int           // endpoints that said 410 and get nothing any more
	Unsaved   bool          // what waits is in memory only: its file takes no writes
}

// Open opens the queue in the file at path, makes it if there is none, and
// begins to deliver what it holds. A damaged file is an error that says what to
// do. Close ends it.
func Open(path string, o Options) (*Queue, error) { return open(path, o, newTransport()) }

// open is Open with a way to reach endpoints, which tests replace.
func open(path string, o Options, transport http.RoundTripper) (*Queue, error) {
	o.fill()
	if o.Secrets == nil {
		return nil, errors.New("open webhooks: a secret is needed to sign with")
	}
	q := &Queue{
		opts: o, changes: newChanges(),
		client: &http.Client{Transport: transport, Timeout: timeout, CheckRedirect: noRedirect},
		poked:  make(chan struct{}, 1), stopping: make(chan struct{}),
	}
	q.done, q.cut = context.WithCancel(context.Background())
	for _, url := range o.URLs {
		q.endpoints = append(q.endpoints, newEndpoint(q, url))
	}
	var err error
	if q.store, err = openStore(path, q); err != nil {
		return nil, fmt.Errorf("open webhooks: %w", err)
	}
	q.workers.Go(q.keep)
	for _, e := range q.endpoints {
		q.workers.Go(e.run)
	}
	return q, nil
}

// Put takes an event for all endpoints. It never waits and does no I/O. Time
// and, for changes, the moment to tell are the queue's to choose.
func (q *Queue) Put(ev Event) {
	if q == nil {
		return
	}
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	switch ev.Type {
	case Changed:
		if c := q.changes.add(&ev, now.Add(q.opts.Every)); c.event.Ops >= q.opts.EveryOps {
			q.send(c.take(), now)
		}
		if len(q.changes.docs) > q.opts.MaxWaiting { // tell of one early: memory is bounded
			if ev, ok := q.changes.flush(q.changes.first()); ok {
				q.send(ev, now)
			}
		}
		q.turnBy(q.changes.due())
		return
	case Idle:
		// Who hears that all are gone has heard of all they did.
		if last, ok := q.changes.flush(ev.Doc); ok {
			q.send(last, now)
		}
	case Deleted:
		q.changes.flush(ev.Doc)
	}
	q.send(ev, now)
}

// send puts an event into every endpoint's queue. q.mu is held.
func (q *Queue) send(ev Event, now time.Time) {
	n := newNotice(ev, now)
	for _, e := range q.endpoints {
		if !e.gone {
			e.push(n)
		}
	}
}

// line is what is to be logged.
type line struct {
	level slog.Level
	text  string
	args  []any
}

// say has keep log a line. q.mu is held.
func (q *Queue) say(level slog.Level, text string, args ...any) {
	q.lines = append(q.lines, line{level, text, args})
	q.turnBy(time.Now())
}

// log logs what was said.
func (q *Queue) log() {
	q.mu.Lock()
	lines := q.lines
	q.lines = nil
	q.mu.Unlock()
	for _, l := range lines {
		q.opts.Logger.Log(context.Background(), l.level, l.text, l.args...)
	}
}

// dirty has the file written soon. q.mu is held.
func (q *Queue) dirty() {
	if q.saveAt.IsZero() {
		q.saveAt = time.Now().Add(saveDelay)
	}
	q.turnBy(q.saveAt)
}

// turnBy has keep look at the given time or before; zero is no time. q.mu is held.
func (q *Queue) turnBy(at time.Time) {
	if at.IsZero() || !q.turn.IsZero() && !at.Before(q.turn) {
		return
	}
	q.turn = at
	select {
	case q.poked <- struct{}{}:
	default:
	}
}

// keep tells of changes when they are due, writes the file when it must be, and
// logs, until Close.
func (q *Queue) keep() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		q.mu.Lock()
		wait := time.Hour
		if !q.turn.IsZero() {
			wait = time.Until(q.turn)
		}
		q.mu.Unlock()
		timer.Reset(wait)
		select {
		case <-q.stopping:
			return
		case <-q.poked:
			continue
		case <-timer.C:
		}
		q.log()
		now := time.Now()
		q.mu.Lock()
		for ev := range q.changes.ripe(now, q.opts.Every) {
			q.send(ev, now)
		}
		save := !q.saveAt.IsZero() && !q.saveAt.After(now)
		q.mu.Unlock()
		if save {
			q.save(false)
		}
		q.mu.Lock()
		q.turn = time.Time{}
		q.turnBy(q.saveAt)
		q.turnBy(q.changes.due())
		if len(q.lines) > 0 {
			q.turnBy(time.Now())
		}
		q.mu.Unlock()
	}
}

// Stats returns the sums over all endpoints; of no queue, nothing.
func (q *Queue) Stats() Stats {
	if q == nil {
		return Stats{}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	s := Stats{Unsaved: q.store.failing}
	for _, e := range q.endpoints {
		s.Delivered += e.delivered
		s.Failed += e.failed
		s.Dropped += e.dropped
		s.Waiting += e.waiting.Len()
		if e.gone {
			s.Gone++
		}
		if front := e.waiting.Front(); front != nil {
			s.Oldest = max(s.Oldest, time.Since(front.Value.(*item).since))
		}
	}
	return s
}

// closeGrace is how long requests under way may go on after Close began.
const closeGrace = 2 * time.Second

// Close takes no more events, lets requests under way end for a moment, writes
// what waits to the file and closes it. It does not wait for deliveries: those
// go on with the next Open. It returns the error of ctx if the disk takes
// longer than that.
func (q *Queue) Close(ctx context.Context) error {
	if q == nil {
		return nil
	}
	now := time.Now()
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return nil
	}
	for ev := range q.changes.all() {
		q.send(ev, now)
	}
	q.closed = true
	q.mu.Unlock()
	close(q.stopping)
	hurry := time.AfterFunc(closeGrace, q.cut)
	done := make(chan error, 1)
	go func() {
		q.workers.Wait()
		hurry.Stop()
		q.cut()
		q.client.CloseIdleConnections()
		q.save(true)
		q.log()
		done <- q.store.close()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("close webhooks: the disk takes too long: %w", ctx.Err())
	}
}

// The keys of what is logged.
const (
	logEndpoint = "endpoint"
	logError    = "error"
	logNotices  = "notices"
	logPath     = "path"
	logSecrets  = "secrets"
	logStatus   = "status"
	logTries    = "tries"
	logType     = "type"
	logWaiting  = "waiting"
)
