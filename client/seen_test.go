package client

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// Several authors read one log, each as far as it likes, and write to it. What
// an op names, with what that and the author's last op imply, is all that its
// author had seen; and nothing is named that something else implies.
func TestHeadsNameAllAndNoMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		actors := []clock.Actor{"a", "b", "c", "d"}
		authors := make([]struct {
			seen seen
			at   int // how much of the log it has read
			made uint64
		}, len(actors))
		for i := range authors {
			authors[i].seen = seenUpTo(clock.Vector{}, clock.Vector{})
		}
		var log []oplog.Entry
		implied := map[clock.Dot]clock.Vector{} // by an op, itself included
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			i := rapid.IntRange(0, len(actors)-1).Draw(t, "author")
			who := &authors[i]
			own := clock.Dot{Actor: actors[i], Seq: who.made}
			for n := rapid.IntRange(0, 4).Draw(t, "reads"); n > 0 && who.at < len(log); n-- {
				e := &log[who.at]
				who.at++
				if e.Actor == own.Actor {
					continue
				}
				if missing := who.seen.fold(e, own); missing.Len() > 0 {
					t.Fatalf("%s lacks %v before %v", own.Actor, missing, e.Dot)
				}
			}
			if rapid.Bool().Draw(t, "reads only") {
				continue
			}
			names, _ := who.seen.name(own.Actor, 0)
			checkNames(t, names, implied[own], who.seen.have, implied)
			who.seen.named()
			who.made++
			e := oplog.Entry{Op: oplog.Op{Dot: clock.Dot{Actor: own.Actor, Seq: who.made}, Clock: names}}
			who.seen.have.Raise(e.Actor, e.Seq)
			implied[e.Dot] = who.seen.have.Clone()
			log = append(log, e)
		}
	})
}

func checkNames(t *rapid.T, names, last, have clock.Vector, implied map[clock.Dot]clock.Vector) {
	all := last
	for a, seq := range names.All() {
		all = all.Merge(implied[clock.Dot{Actor: a, Seq: seq}])
	}
	if all.Compare(have) != clock.Equal {
		t.Fatalf("naming %v implies %v, but %v was seen", names, all, have)
	}
	for a, seq := range names.All() {
		others := last
		for b, seq := range names.All() {
			if b != a {
				others = others.Merge(implied[clock.Dot{Actor: b, Seq: seq}])
			}
		}
		if others.Get(a) >= seq {
			t.Fatalf("%s:%d is named, but the rest of %v implies it", a, seq, names)
		}
	}
}

func TestSeenAfterASnapshot(t *testing.T) {
	s := seenUpTo(clock.VectorOf(clock.Dot{Actor: "a", Seq: 3}), clock.Vector{})
	s.replace(clock.VectorOf(clock.Dot{Actor: "a", Seq: 2}, clock.Dot{Actor: "b", Seq: 5}))
	if got, want := s.have, clock.VectorOf(clock.Dot{Actor: "a", Seq: 3}, clock.Dot{Actor: "b", Seq: 5}); got.Compare(want) != clock.Equal {
		t.Errorf("have is %v, want %v", got, want)
	}
	if names, clipped := s.name("me", 1); names.Len() != 1 || !clipped {
		t.Errorf("of two heads %v is named, clipped %t", names, clipped)
	}
	s.trim(clock.VectorOf(clock.Dot{Actor: "a", Seq: 1}))
	if names, _ := s.name("me", 0); names.Compare(clock.VectorOf(clock.Dot{Actor: "a", Seq: 1})) != clock.Equal {
		t.Errorf("of a shorter log %v is named", names)
	}
	if missing := s.lacks(clock.VectorOf(clock.Dot{Actor: "me", Seq: 2}, clock.Dot{Actor: "b", Seq: 6}), clock.Dot{Actor: "me", Seq: 2}); missing.Compare(clock.VectorOf(clock.Dot{Actor: "b", Seq: 6})) != clock.Equal {
		t.Errorf("missing is %v", missing)
	}
}
