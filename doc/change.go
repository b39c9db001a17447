package doc

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"unicode/utf8"
)

const (
	// MaxOps is the most Automerge ops in one change, and the most that these
	// overwrite. A character is one: pasting 1 MB of text makes a million. The
	// size of a change sets no limit, as its columns are run-length coded: 50
	// bytes can hold a billion.
	MaxOps = 2_000_000
	// MaxInflated is the longest body that a deflated change may have, in bytes.
	MaxInflated = 16 << 20
)

// Hash names a change: the SHA-256 of its content.
type Hash [32]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements [encoding.TextMarshaler]: hex.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// Change is what an Automerge change says of itself, in the bytes that come
// before its ops.
type Change struct {
	Hash Hash
	// Actor is in lower-case hex, as Automerge writes it.
	Actor string
	// Seq says which of its actor's changes this is, from 1.
	Seq uint64
	// StartOp is the counter of its first op, from 1; those of the Ops follow one
	// by one.
	StartOp uint64
	Ops     int
	// Deps are the changes that it was made upon.
	Deps []Hash
	// Time is when it was made by its author's clock, in the author's unit:
	// seconds since 1970 in JavaScript, milliseconds in Go. It may be negative.
	Time    int64
	Message string
}

// Fault is why bytes are no change.
type Fault string

// The faults of a change.
const (
	WrongType Fault = "type"      // something else: a document, a bundle, no Automerge data
	Damaged   Fault = "damaged"   // not what was written: cut, more than one chunk, another checksum
	Malformed Fault = "malformed" // written so, but Automerge does not write so
	TooLarge  Fault = "too_large" // more than MaxOps or MaxInflated
)

// ChangeError says that bytes are not one good change.
type ChangeError struct {
	Fault  Fault
	Reason string
}

func (e *ChangeError) Error() string { return e.Reason }

func faulty(f Fault, format string, args ...any) *ChangeError {
	return &ChangeError{f, fmt.Sprintf(format, args...)}
}

// The types of a chunk. There are others, which are no changes.
const (
	plainChange    = 1
	deflatedChange = 2
	bundle         = 3 // of Automerge 3
)

var magic = []byte{0x85, 0x6f, 0x4a, 0x83}

// ReadChange reads the head of the one change that raw is, counts its ops and
// verifies its checksum. That Automerge can apply it is not said. The layout is
// that of the Automerge binary format (automerge.org/automerge-binary-format-spec):
//
//	chunk = 85 6f 4a 83, checksum (4 bytes), type (1 plain, 2 body deflated), uLEB length, body
//	body  = deps, actor, seq, startOp, time, message, other actors, columns, bytes of later versions
//
// The hash of a change is the SHA-256 of 01, uLEB length and the body, inflated;
// the checksum is its first four bytes. Errors are of the type *[ChangeError].
func ReadChange(raw []byte) (*Change, error) {
	if len(raw) < 9 || !bytes.HasPrefix(raw, magic) {
		return nil, faulty(WrongType, "it is no Automerge data")
	}
	chunk := reader{rest: raw[8:], kind: Damaged}
	kind := chunk.byte()
	if kind > bundle {
		return nil, faulty(WrongType, "it is a chunk of type %d, which a later Automerge writes", kind)
	}
	if kind != plainChange && kind != deflatedChange {
		return nil, faulty(WrongType, "it is a chunk of type %d, not a change (0 is a document, 3 a bundle)", kind)
	}
	body := chunk.take(chunk.uleb())
	switch {
	case chunk.err != nil:
		return nil, chunk.err
	case len(chunk.rest) > 0:
		return nil, faulty(Damaged, "there are %d bytes behind its end", len(chunk.rest))
	}
	if kind == deflatedChange {
		inflated, err := inflate(body, MaxInflated)
		if err != nil {
			return nil, err
		}
		body = inflated
	}
	c := &Change{Hash: hashOf(body)}
	if !bytes.Equal(c.Hash[:4], raw[4:8]) {
		return nil, faulty(Damaged, "its checksum is that of other bytes")
	}
	if err := c.readBody(body); err != nil {
		return nil, err
	}
	return c, nil
}

func hashOf(body []byte) (h Hash) {
	sum := sha256.New()
	sum.Write(binary.AppendUvarint([]byte{plainChange}, uint64(len(body))))
	sum.Write(body)
	sum.Sum(h[:0])
	return h
}

func (c *Change) readBody(body []byte) error {
	r := reader{rest: body, kind: Malformed}
	c.readHead(&r)
	c.Ops = countOps(&r)
	switch {
	case r.err != nil:
		return r.err
	case !utf8.ValidString(c.Message):
		return faulty(Malformed, "its message is not UTF-8")
	case c.Seq == 0 || c.StartOp == 0:
		return faulty(Malformed, "its numbers start at 0")
	case c.StartOp+uint64(max(c.Ops, 1)) > 1<<32:
		// Automerge keeps counters in 32 bits, and panics.
		return faulty(Malformed, "op counters from %d on are out of range", c.StartOp)
	}
	return nil
}

// readHead reads what comes before the columns.
func (c *Change) readHead(r *reader) {
	for n := r.uleb(); n > 0 && r.err == nil; n-- {
		c.Deps = append(c.Deps, Hash(r.hash()))
	}
	c.Actor = hex.EncodeToString(r.take(r.uleb()))
	c.Seq = r.uleb()
	c.StartOp = r.uleb()
	c.Time = r.sleb()
	c.Message = string(r.take(r.uleb()))
	for n := r.uleb(); n > 0 && r.err == nil; n-- {
		r.take(r.uleb()) // the other actors that its ops name
	}
}

// The columns' specifications: an id, a type (0 is the length of a list in other
// columns, 2 a number) and whether it is deflated, which those of changes are not.
const (
	columnActions     = 0x42
	columnOverwritten = 0x70
	columnDeflated    = 0x08
)

// countOps counts the rows of the column of actions, of which each op has one.
// How many ops each overwrites is bounded too: one that overwrites a billion
// keeps Automerge busy as well.
func countOps(r *reader) int {
	columns := r.columns()
	one := func(uint64) uint64 { return 1 }
	itself := func(n uint64) uint64 { return n }
	r.sumRuns(columns[columnOverwritten], itself)
	return int(r.sumRuns(columns[columnActions], one))
}

// columns returns the columns by their specifications.
func (r *reader) columns() map[uint64][]byte {
	type span struct{ spec, size uint64 }
	var spans []span
	before := -1
	for n := r.uleb(); n > 0 && r.err == nil; n-- {
		spec := r.uleb()
		if int(spec) <= before || spec&columnDeflated != 0 {
			r.fail("it has a column %d after %d", spec, before)
		}
		before = int(spec)
		spans = append(spans, span{spec, r.uleb()})
	}
	columns := map[uint64][]byte{}
	for _, s := range spans {
		columns[s.spec] = r.take(s.size)
	}
	if r.err != nil {
		return nil
	}
	return columns
}

// sumRuns sums what a run-length coded column of numbers has, each weighed, up
// to MaxOps.
func (r *reader) sumRuns(column []byte, weigh func(uint64) uint64) (sum uint64) {
	c := reader{rest: column, kind: Malformed}
	// Each factor is below 2^53: a sum that passes MaxOps is seen before it wraps.
	add := func(count, weight uint64) {
		if weight > 0 && count > MaxOps/weight {
			count, weight = MaxOps+1, 1
		}
		if sum += count * weight; sum > MaxOps && c.err == nil {
			c.err = faulty(TooLarge, "it makes or overwrites more than %d ops", MaxOps)
		}
	}
	c.runs(func(count, n uint64) { add(count, weigh(n)) })
	if r.err == nil {
		r.err = c.err
	}
	return sum
}

// runs visits the runs of a column of numbers: each is a count above 0 and its
// number, or a count below 0 and as many numbers, or 0 and a count of nulls, which
// are visited as 0.
func (r *reader) runs(visit func(count, n uint64)) {
	for len(r.rest) > 0 && r.err == nil {
		switch count := r.sleb(); {
		case count > 0:
			visit(uint64(count), r.uleb())
		case count == 0:
			visit(r.uleb(), 0)
		default:
			for ; count < 0 && r.err == nil; count++ {
				visit(1, r.uleb())
			}
		}
	}
}

// sortHashes returns hashes in their order and each once.
func sortHashes(list []Hash) []Hash {
	slices.SortFunc(list, func(a, b Hash) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(list)
}
