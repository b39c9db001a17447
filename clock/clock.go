// Package clock says what happened before what.
//
// An op is named by a [Dot]: the actor that made it and a sequence number that
// counts this actor's ops 1, 2, 3, … What somebody has seen is a [Vector]: for
// each actor the highest number seen (a version vector: Parker et al., 1983;
// its use as a causal clock: Fidge 1988, Mattern 1988). Vectors are compared,
// merged and asked what they lack; nothing here does I/O, knows the time or
// starts a goroutine.
//
// On the wire a vector may be sparse: an op names only the heads its author
// saw, since what they imply is implied. The package keeps sparse and full
// vectors in one type; folding a log with [Vector.Raise] turns the one into
// the other.
package clock

import (
	"errors"
	"fmt"
)

// MaxSeq is the highest sequence number: 2^53-1, the last integer that a
// JavaScript number holds exactly.
const MaxSeq = 1<<53 - 1

// MaxActorLen is the length of the longest actor name, in bytes.
const MaxActorLen = 64

var (
	// ErrActor is wrapped by errors about a name outside the actor grammar.
	ErrActor = errors.New("actor must match [A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
	// ErrSeq is wrapped by errors about a number outside 1 … MaxSeq.
	ErrSeq = errors.New("seq must be an integer from 1 to 2^53-1")
	// ErrTooMany is wrapped when a clock has more entries than the caller allows.
	ErrTooMany = errors.New("clock has too many entries")
	// ErrTwice is wrapped when a clock in JSON names an actor twice.
	ErrTwice = errors.New("actor is named twice")
)

// Actor names one writer. Its ops form one sequence, so a writer that cannot
// keep a single sequence (a second device, a restored backup) takes a new name.
type Actor string

// ParseActor returns s as an actor, or an error that wraps [ErrActor].
func ParseActor[T ~string | ~[]byte](s T) (Actor, error) {
	if !validActor(s) {
		return "", fmt.Errorf("parse actor %.80q: %w", string(s), ErrActor)
	}
	return Actor(s), nil
}

// Valid reports whether a is in the grammar of actor names.
func (a Actor) Valid() bool { return validActor(string(a)) }

func validActor[T ~string | ~[]byte](s T) bool {
	if len(s) == 0 || len(s) > MaxActorLen || !alphanumeric(s[0]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if c := s[i]; !alphanumeric(c) && c != '.' && c != '_' && c != ':' && c != '-' {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// Dot names one op: the Seq-th of its actor. Seq is 1 … [MaxSeq].
type Dot struct {
	Actor Actor
	Seq   uint64
}

func (d Dot) String() string { return fmt.Sprintf("%s:%d", d.Actor, d.Seq) }
