package doc

import (
	"errors"
	"fmt"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// causalOrder checks that ops come in an order in which each follows from those
// before it.
type causalOrder struct {
	have clock.Vector
	last oplog.Offset
	at   int64
	// complete says that have is all there is; false where ops are pruned whose
	// clock is not known.
	complete bool
}

// orderAt begins where the log of a document begins.
func orderAt(c *Cut) *causalOrder {
	o := &causalOrder{last: c.State.First - 1, complete: c.State.First == 1}
	if c.Base != nil && c.Base.Offset == o.last {
		o.have, o.complete = c.Base.Clock.Clone(), true
	}
	return o
}

// take adds an op and says what is wrong with its place.
func (o *causalOrder) take(e *oplog.Entry) (wrong []error) {
	if e.Offset <= o.last {
		wrong = append(wrong, fmt.Errorf("its offset does not follow %d", o.last))
	}
	if e.At < o.at {
		wrong = append(wrong, fmt.Errorf("its time, %d, is before that of the op before it, %d", e.At, o.at))
	}
	if have := o.have.Get(e.Actor); e.Seq != have+1 && (o.complete || have > 0) {
		wrong = append(wrong, fmt.Errorf("the op of its actor before it is %d", have))
	}
	if missing := o.have.Missing(e.Clock); missing.Len() > 0 && o.complete {
		wrong = append(wrong, fmt.Errorf("it comes before %s, which its clock names", missing.AppendJSON(nil)))
	}
	if e.Clock.Get(e.Actor) >= e.Seq {
		wrong = append(wrong, errors.New("its clock names itself"))
	}
	o.last, o.at = e.Offset, e.At
	o.have.Raise(e.Actor, e.Seq)
	return wrong
}

// end compares what the ops add up to with what the log says that they do.
func (o *causalOrder) end(s *oplog.State) error {
	switch {
	case o.last < s.Head:
		return fmt.Errorf("the ops end at offset %d, the log says %d", o.last, s.Head)
	case o.complete && o.have.Compare(s.Heads.Clock) != clock.Equal,
		!s.Heads.Clock.Covers(o.have):
		return fmt.Errorf("the ops add up to the clock %s, the log says %s", o.have.AppendJSON(nil), s.Heads.Clock.AppendJSON(nil))
	}
	return nil
}
