package webhook

import (
	"container/list"
	"iter"
	"time"
)

// change is what was not told yet of a document's new ops.
type change struct {
	event Event     // Ops is 0 if all was told
	at    time.Time // when it is due
}

// take returns what is to be told, and notes that it was.
func (c *change) take() Event {
	ev := c.event
	c.event.Ops = 0
	return ev
}

// changes are the documents that changed lately. All are told after the same
// time, so the order in which they came is the order in which they are due.
type changes struct {
	docs  map[string]*list.Element
	order *list.List // of *change
}

func newChanges() changes { return changes{docs: map[string]*list.Element{}, order: list.New()} }

// add notes new ops of a document, due at the given time if none of it were
// noted lately.
func (c *changes) add(ev *Event, due time.Time) *change {
	el := c.docs[ev.Doc]
	if el == nil {
		el = c.order.PushBack(&change{at: due})
		c.docs[ev.Doc] = el
	}
	ch := el.Value.(*change)
	ops := ch.event.Ops
	if ch.event.Epoch != ev.Epoch {
		ops = 0 // those were of a document that is gone
	}
	ch.event = *ev
	ch.event.Ops += ops
	return ch
}

// flush forgets a document. It returns what is to be told, if there is anything.
func (c *changes) flush(doc string) (Event, bool) {
	el := c.docs[doc]
	if el == nil {
		return Event{}, false
	}
	ch := c.order.Remove(el).(*change)
	delete(c.docs, doc)
	return ch.event, ch.event.Ops > 0
}

// due returns when the next is due, zero if none is.
func (c *changes) due() time.Time {
	if el := c.order.Front(); el != nil {
		return el.Value.(*change).at
	}
	return time.Time{}
}

// first returns the document that is due next. There must be one.
func (c *changes) first() string { return c.order.Front().Value.(*change).event.Doc }

// ripe takes what is due now. A document that goes on changing is told of again
// after the same time; one that rests is forgotten.
func (c *changes) ripe(now time.Time, every time.Duration) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for el := c.order.Front(); el != nil && !el.Value.(*change).at.After(now); el = c.order.Front() {
			ch := el.Value.(*change)
			if ch.event.Ops == 0 {
				c.flush(ch.event.Doc)
				continue
			}
			ch.at = now.Add(every)
			c.order.MoveToBack(el)
			if !yield(ch.take()) {
				return
			}
		}
	}
}

// all takes everything.
func (c *changes) all() iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for el := c.order.Front(); el != nil; el = c.order.Front() {
			if ev, ok := c.flush(el.Value.(*change).event.Doc); ok && !yield(ev) {
				return
			}
		}
	}
}

// since returns a time before which nothing happened that was not told of.
func (c *changes) since(now time.Time, every time.Duration) time.Time {
	if due := c.due(); !due.IsZero() && due.Add(-every).Before(now) {
		return due.Add(-every)
	}
	return now
}
