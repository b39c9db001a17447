package webhook

import (
	"container/list"
	"log/slog"
	"time"
)

// endpoint is one URL with what waits for it. One request is under way at a
// time, and an endpoint that fails holds up no other.
//
// A notice that fails is tried again after a while of its own, and those of its
// document wait for it. The endpoint rests for a while too, before anything else
// is tried, the longer the more attempts failed in a row. So one notice that an
// endpoint cannot digest does not keep the other documents' from it, and an
// endpoint that is down is not asked again and again.
type endpoint struct {
	// static
	q    *Queue
	url  string
	name string        // for logs
	news chan struct{} // tells run that something came

	// below guarded by Queue.mu

	waiting *list.List // of *item, in the order of seq
	// latest are the waiting items into which a newer one of their kind is folded.
	latest map[about]*item
	// unsaved is what the file has yet to hold, by seq: nil is what it must forget.
	unsaved map[uint64]*item
	resting time.Time // nothing is tried before
	fails   int       // attempts in a row that failed
	gone    bool      // it said 410
	warned  time.Time // when it was logged that notices are dropped

	delivered, failed, dropped uint64
}

// item is a notice in its place.
type item struct {
	seq    uint64
	notice *notice
	since  time.Time // how long it has waited
	el     *list.Element
	saved  bool      // the file may hold it
	tries  int       // that failed
	after  time.Time // not tried before
	flying bool      // a request is under way
}

func newEndpoint(q *Queue, url string) *endpoint {
	return &endpoint{
		q: q, url: url, name: nameOf(url), news: make(chan struct{}, 1),
		waiting: list.New(), latest: map[about]*item{}, unsaved: map[uint64]*item{},
	}
}

// push puts a notice behind the others. One of changes stands for one that
// waits already, in its place: a busy document has one place in the queue.
func (e *endpoint) push(n *notice) {
	if it := e.latest[n.about()]; it != nil && n.sums() {
		e.replace(it, it.notice.with(n))
		return
	}
	e.q.lastSeq++
	e.note(e.q.lastSeq, e.restore(e.q.lastSeq, n, n.at))
	if it := e.oldest(); e.waiting.Len() > e.q.opts.MaxWaiting && it != nil {
		e.drop(it, "too many wait")
	}
	select {
	case e.news <- struct{}{}:
	default:
	}
}

// restore puts a notice behind the others as the file has it.
func (e *endpoint) restore(seq uint64, n *notice, since time.Time) *item {
	it := &item{seq: seq, notice: n, since: since}
	it.el = e.waiting.PushBack(it)
	e.replaceable(it)
	return it
}

// replaceable notes that a newer notice may be folded into this one.
func (e *endpoint) replaceable(it *item) {
	if it.notice.sums() {
		e.latest[it.notice.about()] = it
	}
}

// fixed is the opposite.
func (e *endpoint) fixed(it *item) {
	if key := it.notice.about(); e.latest[key] == it {
		delete(e.latest, key)
	}
}

// replace puts another notice in the place of one.
func (e *endpoint) replace(it *item, n *notice) {
	it.notice = n
	e.note(it.seq, it)
}

// note has the file hold an item, or forget the one that it holds.
func (e *endpoint) note(seq uint64, it *item) {
	e.unsaved[seq] = it
	e.q.dirty()
}

// remove takes an item out.
func (e *endpoint) remove(it *item) {
	e.waiting.Remove(it.el)
	e.fixed(it)
	if it.saved {
		e.note(it.seq, nil)
	} else {
		delete(e.unsaved, it.seq)
	}
}

// oldest returns the first item that can be dropped.
func (e *endpoint) oldest() *item {
	for el := e.waiting.Front(); el != nil; el = el.Next() {
		if it := el.Value.(*item); it.notice.event.Type != Missed && !it.flying {
			return it
		}
	}
	return nil
}

// drop gives a notice up. In the place of the first one stands a notice which
// says how many are missing, and since when.
func (e *endpoint) drop(it *item, why string) {
	e.dropped++
	if time.Since(e.warned) > time.Minute {
		e.warned = time.Now()
		e.q.say(slog.LevelWarn, "notices are dropped, the oldest first; the endpoint will be told that it missed some",
			"endpoint", e.name, "why", why, "waiting", e.waiting.Len())
	}
	lost := newNotice(Event{Type: Missed, Since: it.notice.at, Dropped: 1}, time.Now())
	if m := e.latest[lost.about()]; m != nil {
		e.remove(it)
		e.replace(m, m.notice.with(lost))
		return
	}
	e.fixed(it)
	it.tries, it.after = 0, time.Time{}
	e.replace(it, lost)
	e.replaceable(it)
}

// lookahead is how many items are looked at for one that may be tried.
const lookahead = 1000

// next returns what is to be tried now, or how long to wait if nothing is; 0 is
// until something comes. After a failure it is what failed least often: then it
// shows whether the notice was at fault, or the endpoint.
func (e *endpoint) next(now time.Time) (best *item, wait time.Duration) {
	for it := e.oldest(); it != nil && now.Sub(it.since) > e.q.opts.MaxAge; it = e.oldest() {
		e.drop(it, "they are too old")
	}
	if now.Before(e.resting) {
		return nil, e.resting.Sub(now)
	}
	seen := map[string]bool{} // documents whose first notice was looked at
	n := 0
	for el := e.waiting.Front(); el != nil && n < lookahead; el = el.Next() {
		it := el.Value.(*item)
		n++
		switch doc, left := it.notice.event.Doc, it.after.Sub(now); {
		case seen[doc]:
		case left > 0:
			if seen[doc] = true; wait == 0 || left < wait {
				wait = left
			}
		case e.fails == 0 || it.tries == 0:
			return it, 0
		case best == nil || it.tries < best.tries:
			seen[doc], best = true, it
		default:
			seen[doc] = true
		}
	}
	return best, wait
}
