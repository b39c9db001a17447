package oplog

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"github.com/baton-relay/baton/clock"
)

// Heads is the sum of a document's log: for each actor its newest op, and to
// whom the actor belongs. The zero value is that of an empty document. Not
// safe for concurrent change.
type Heads struct {
	Clock clock.Vector
	// owners has the actors that belong to somebody: to the first named subject
	// that wrote as this actor.
	owners map[clock.Actor]string
}

// Owner returns the subject to whom an actor belongs, empty if to nobody.
func (h *Heads) Owner(a clock.Actor) string { return h.owners[a] }

// Apply adds an entry that follows from what h holds.
func (h *Heads) Apply(e *Entry) {
	h.Clock.Raise(e.Actor, e.Seq)
	h.own(e.Actor, e.By)
}

func (h *Heads) own(a clock.Actor, by string) {
	if by == "" || h.owners[a] != "" {
		return
	}
	if h.owners == nil {
		h.owners = map[clock.Actor]string{}
	}
	h.owners[a] = by
}

// Clone returns a copy that shares nothing with h.
func (h *Heads) Clone() Heads { return Heads{h.Clock.Clone(), maps.Clone(h.owners)} }

// Equal reports whether h and g hold the same.
func (h *Heads) Equal(g *Heads) bool {
	return h.Clock.Compare(g.Clock) == clock.Equal && maps.Equal(h.owners, g.owners)
}

var errHeads = errors.New("heads bytes are malformed")

// AppendBinary appends the compact form of h:
//
//	clock (clock.Vector.AppendBinary)
//	uvarint number of owners
//	  for each, names ascending: uvarint length, name
//	for each entry of the clock: uvarint 0 (nobody's) or 1 + index of its owner
//
// An owner's name is stored once however many actors it has. Equal heads have
// equal bytes.
func (h *Heads) AppendBinary(dst []byte) []byte {
	dst = h.Clock.AppendBinary(dst)
	names := slices.Compact(slices.Sorted(maps.Values(h.owners)))
	dst = binary.AppendUvarint(dst, uint64(len(names)))
	for _, name := range names {
		dst = binary.AppendUvarint(dst, uint64(len(name)))
		dst = append(dst, name...)
	}
	for a := range h.Clock.All() {
		i, found := slices.BinarySearch(names, h.owners[a])
		if !found {
			i = -1
		}
		dst = binary.AppendUvarint(dst, uint64(i+1))
	}
	return dst
}

// ParseHeads reads what [Heads.AppendBinary] wrote and returns the bytes behind it.
func ParseHeads(b []byte) (h Heads, rest []byte, err error) {
	c, b, err := clock.ParseBinary(b)
	if err != nil {
		return Heads{}, nil, err
	}
	h.Clock = c
	n, b, ok := uvarint(b)
	if !ok || n > uint64(len(b)/2) {
		return Heads{}, nil, errHeads
	}
	names := make([]string, n)
	for i := range names {
		var name []byte
		if name, b, ok = lengthPrefixed(b); !ok || len(name) == 0 || i > 0 && names[i-1] >= string(name) {
			return Heads{}, nil, errHeads
		}
		names[i] = string(name)
	}
	owning := map[uint64]bool{}
	for a := range c.All() {
		var i uint64
		if i, b, ok = uvarint(b); !ok || i > n {
			return Heads{}, nil, errHeads
		}
		if i > 0 {
			owning[i] = true
			h.own(a, names[i-1])
		}
	}
	if uint64(len(owning)) < n {
		return Heads{}, nil, errHeads
	}
	return h, b, nil
}

func uvarint(b []byte) (n uint64, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || size > 1 && b[size-1] == 0 {
		return 0, nil, false
	}
	return n, b[size:], true
}

func lengthPrefixed(b []byte) (s, rest []byte, ok bool) {
	n, b, ok := uvarint(b)
	if !ok || n > uint64(len(b)) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}
