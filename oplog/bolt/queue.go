package bolt

import "sync"

// request is something to write, or to do between two commits.
type request struct {
	// static after construction: exactly one of these
	write func(*batch) error // fails alone, and before its first put
	pause func() error       // runs after the commit of what came before, outside of any transaction

	// last ends the batch: nothing behind it is in the same transaction. Set
	// for what a later request of the same batch could not build on.
	last bool

	mu        sync.Mutex
	abandoned bool // guarded by mu: the caller is gone, and with it what write reads

	done chan struct{}
	err  error // valid once done is closed
}

func newWrite(write func(*batch) error) *request {
	return &request{write: write, done: make(chan struct{})}
}

func newPause(pause func() error) *request {
	return &request{pause: pause, last: true, done: make(chan struct{})}
}

// abandon says that nobody waits any more. When it returns, what the caller
// lent is no longer read.
func (r *request) abandon() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.abandoned = true
}

func (r *request) answer(err error) {
	r.err = err
	close(r.done)
}

// queue holds the requests that wait for the committer. It has no bound of its
// own: each request in it is a caller who waits. (A channel would need one, and
// a way out for callers who wait before a full one while the log closes.)
type queue struct {
	wake chan struct{} // holds a token when there is something to look at

	mu sync.Mutex
	// guarded by mu
	waiting []*request
	closed  bool
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// push reports whether the queue took r; once closed it takes nothing.
func (q *queue) push(r *request) bool {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return false
	}
	q.waiting = append(q.waiting, r)
	q.mu.Unlock()
	q.signal()
	return true
}

// take returns all that waits without waiting itself, and whether more may come.
func (q *queue) take() (waiting []*request, open bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting, q.waiting = q.waiting, nil
	return waiting, !q.closed
}

func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
