package client

import (
	"maps"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// seen is what a document's caller has of it: which ops, and which of them the
// next own op must name. A plain structure.
type seen struct {
	// have has every op that was handed to the caller, and own ops that were
	// acked.
	have clock.Vector
	// heads are ops of others that neither the own newest op nor another op
	// implies. Naming them names all.
	heads map[clock.Actor]uint64
	// loose means that ops are gone without a snapshot in their place, so that
	// completeness cannot be proven until the catch-up is over.
	loose bool
}

// seenUpTo returns what somebody has who has all of c, of which only heads need
// to be named (all of c, where that is not known).
func seenUpTo(c, heads clock.Vector) seen {
	if heads.Len() == 0 {
		heads = c
	}
	s := seen{have: c.Clone(), heads: map[clock.Actor]uint64{}}
	maps.Insert(s.heads, heads.All())
	return s
}

func (s *seen) clone() seen { return seen{s.have.Clone(), maps.Clone(s.heads), s.loose} }

// fold takes the next op of the log. It returns what should have come before;
// if that is not empty, nothing changed. own is how far the own actor has made
// ops, which others may have seen before their acks came.
func (s *seen) fold(e *oplog.Entry, own clock.Dot) (missing clock.Vector) {
	if had := s.have.Get(e.Actor); e.Seq > had+1 {
		missing.Raise(e.Actor, e.Seq-1)
	}
	for a, seq := range e.Clock.All() {
		if s.have.Get(a) < seq && (a != own.Actor || seq > own.Seq) {
			missing.Raise(a, seq)
		}
	}
	if missing.Len() > 0 {
		if !s.loose {
			return missing
		}
		for a, seq := range missing.All() {
			s.have.Raise(a, seq)
		}
	}
	s.have.Raise(e.Actor, e.Seq)
	for a, seq := range e.Clock.All() {
		if s.heads[a] <= seq {
			delete(s.heads, a)
		}
	}
	if s.heads == nil {
		s.heads = map[clock.Actor]uint64{}
	}
	s.heads[e.Actor] = e.Seq
	return clock.Vector{}
}

// lacks returns what of c is missing, at the end of a catch-up.
func (s *seen) lacks(c clock.Vector, own clock.Dot) clock.Vector {
	missing := s.have.Missing(c)
	if s.loose {
		s.have, s.loose = s.have.Merge(c), false
		return clock.Vector{}
	}
	if seq := missing.Get(own.Actor); seq == 0 || seq > own.Seq {
		return missing
	}
	var others clock.Vector
	for a, seq := range missing.All() {
		if a != own.Actor {
			others.Raise(a, seq)
		}
	}
	return others
}

// replace takes a state that stands in for the ops of c.
func (s *seen) replace(c clock.Vector) {
	for a, seq := range c.All() {
		if s.have.Get(a) < seq {
			s.have.Raise(a, seq)
			s.heads[a] = seq
		}
	}
}

// newActor makes the next op name everything: the new actor's first op has
// nothing before it that would imply any.
func (s *seen) newActor() {
	clear(s.heads)
	maps.Insert(s.heads, s.have.All())
}

// trim makes sure that no op names what a log with this clock lacks.
func (s *seen) trim(c clock.Vector) {
	for a, seq := range s.heads {
		if held := c.Get(a); held == 0 {
			delete(s.heads, a)
		} else {
			s.heads[a] = min(seq, held)
		}
	}
}

// name returns what the next op of actor must name, at most limit entries (0
// means no limit); clipped says that there were more.
func (s *seen) name(actor clock.Actor, limit int) (c clock.Vector, clipped bool) {
	for a, seq := range s.heads {
		if a == actor {
			continue // the op before implies it
		}
		if limit > 0 && c.Len() == limit {
			clipped = true
			break
		}
		c.Raise(a, seq)
	}
	return c, clipped
}

// named takes an own op as made: it implies all there was.
func (s *seen) named() { clear(s.heads) }
