package doc

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
)

// reader reads values from the front of bytes. Once something was not there, or
// not written as Automerge writes it, err says so and everything reads as zero.
type reader struct {
	rest []byte
	kind Fault // of what is wrong
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = faulty(r.kind, format, args...)
	}
	r.rest = nil
}

// take returns the next n bytes, not copied.
func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.fail("it ends %d bytes early", n-uint64(len(r.rest)))
	}
	if r.err != nil {
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) hash() (h Hash) {
	copy(h[:], r.take(uint64(len(h))))
	return h
}

func (r *reader) uleb() uint64 { return uint64(r.leb(0)) }

func (r *reader) sleb() int64 { return r.leb(0x40) }

// leb reads a number in LEB128 in its shortest form, of at most 53 bits: what
// JavaScript cannot hold is refused there too. sign is the bit of the last byte
// that makes a number negative.
func (r *reader) leb(sign byte) (n int64) {
	var before byte
	for shift := 0; shift < 56; shift += 7 {
		b := r.byte()
		if r.err != nil {
			return 0
		}
		if b >= 0x80 {
			n |= int64(b&0x7f) << shift
			before = b
			continue
		}
		padding := byte(0)
		n |= int64(b) << shift
		if b&sign != 0 {
			n -= 0x80 << shift
		}
		if before&sign != 0 {
			padding = 0x7f
		}
		switch {
		case shift > 0 && b == padding:
			r.fail("it has a number with a byte too many")
		case n > maxExact || n < -maxExact:
			r.fail("it has a number of more than 53 bits")
		default:
			return n
		}
		return 0
	}
	r.fail("it has a number of more than 53 bits")
	return 0
}

const maxExact = 1<<53 - 1

// inflate returns what a deflate stream (RFC 1951) holds that ends where data
// ends, up to a limit in bytes.
func inflate(data []byte, limit int64) ([]byte, error) {
	in := bytes.NewReader(data)
	out, err := io.ReadAll(io.LimitReader(flate.NewReader(in), limit+1))
	switch {
	case int64(len(out)) > limit:
		return nil, faulty(TooLarge, "it inflates to more than %d bytes", limit)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, faulty(Damaged, "its deflated body ends early")
	case err != nil:
		return nil, faulty(Damaged, "its body cannot be inflated: %v", err)
	case in.Len() > 0:
		return nil, faulty(Damaged, "there are bytes behind its deflated body")
	}
	return out, nil
}
