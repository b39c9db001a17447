package clock

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// errBinary is returned for bytes that AppendBinary cannot have written.
var errBinary = errors.New("clock bytes are malformed")

// AppendBinary appends the compact form of v:
//
//	uvarint number of entries
//	  for each, actors ascending: uvarint length, actor, uvarint seq
//
// Equal vectors have equal bytes.
func (v Vector) AppendBinary(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(v.dots)))
	for _, d := range v.dots {
		dst = binary.AppendUvarint(dst, uint64(len(d.Actor)))
		dst = append(dst, d.Actor...)
		dst = binary.AppendUvarint(dst, d.Seq)
	}
	return dst
}

// ParseBinary reads what [Vector.AppendBinary] wrote from the head of b and
// returns what follows it. Bytes in any other form (an actor out of order or
// outside the grammar, a seq outside 1 … [MaxSeq], a padded number) are
// refused, and the number of entries is held against the bytes there are before
// anything is allocated.
func ParseBinary(b []byte) (v Vector, rest []byte, err error) {
	n, b, ok := uvarint(b)
	const shortest = 3 // length, one byte of name, seq
	if !ok || n > uint64(len(b)/shortest) {
		return Vector{}, nil, errBinary
	}
	if n == 0 {
		return Vector{}, b, nil
	}
	v.dots = make([]Dot, 0, n)
	for range n {
		var size, seq uint64
		if size, b, ok = uvarint(b); !ok || size > uint64(len(b)) {
			return Vector{}, nil, errBinary
		}
		a, err := ParseActor(b[:size])
		if err != nil {
			return Vector{}, nil, err
		}
		if k := len(v.dots); k > 0 && v.dots[k-1].Actor >= a {
			return Vector{}, nil, fmt.Errorf("%w: actor %q out of order", errBinary, a)
		}
		if seq, b, ok = uvarint(b[size:]); !ok || seq == 0 || seq > MaxSeq {
			return Vector{}, nil, fmt.Errorf("parse clock entry %q: %w", a, ErrSeq)
		}
		v.dots = append(v.dots, Dot{a, seq})
	}
	return v, b, nil
}

// uvarint reads one number in its shortest form.
func uvarint(b []byte) (n uint64, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || size > 1 && b[size-1] == 0 {
		return 0, nil, false
	}
	return n, b[size:], true
}
