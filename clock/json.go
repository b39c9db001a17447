package clock

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// AppendJSON appends v as a JSON object, {"actor":seq,…} in the order of the
// names, without white space.
func (v Vector) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	for i, d := range v.dots {
		if i > 0 {
			dst = append(dst, ',')
		}
		// The actor grammar has nothing that JSON escapes.
		dst = append(dst, '"')
		dst = append(dst, d.Actor...)
		dst = append(dst, '"', ':')
		dst = strconv.AppendUint(dst, d.Seq, 10)
	}
	return append(dst, '}')
}

// MarshalJSON implements [json.Marshaler].
func (v Vector) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }

// UnmarshalJSON implements [json.Unmarshaler]: [ParseJSON] without a limit of
// entries. As is the custom, null leaves v as it is.
func (v *Vector) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	w, err := ParseJSON(b, len(b))
	if err == nil {
		*v = w
	}
	return err
}

// errSyntax is what every malformed clock says: which byte does not matter to
// a person, the shape does.
var errSyntax = errors.New(`clock must be a JSON object of the form {"actor":seq}`)

// ParseJSON reads a JSON object of at most limit entries. Each name must be an
// actor and occur once, each value a plain integer from 1 to [MaxSeq]: no sign,
// fraction or exponent. Errors wrap [ErrActor], [ErrSeq], [ErrTooMany] or
// [ErrTwice] where one of those is the reason.
func ParseJSON(b []byte, limit int) (Vector, error) {
	p := parser{rest: b}
	var v Vector
	if !p.take('{') {
		return v, errSyntax
	}
	for first := true; !p.take('}'); first = false {
		if !first && !p.take(',') {
			return Vector{}, errSyntax
		}
		if v.Len() >= limit {
			return Vector{}, fmt.Errorf("parse clock: %w: more than %d", ErrTooMany, limit)
		}
		d, err := p.entry()
		if err != nil {
			return Vector{}, err
		}
		v.dots = append(v.dots, d)
	}
	if p.space(); len(p.rest) > 0 {
		return Vector{}, errSyntax
	}
	// Sorting once at the end keeps a hostile order of names at n log n.
	slices.SortFunc(v.dots, compareActors)
	for i := 1; i < len(v.dots); i++ {
		if a := v.dots[i].Actor; v.dots[i-1].Actor == a {
			return Vector{}, fmt.Errorf("parse clock entry %q: %w", a, ErrTwice)
		}
	}
	return v, nil
}

// parser reads the one shape of JSON that a clock has.
type parser struct{ rest []byte }

func (p *parser) space() {
	for len(p.rest) > 0 {
		switch p.rest[0] {
		case ' ', '\t', '\n', '\r':
			p.rest = p.rest[1:]
		default:
			return
		}
	}
}

func (p *parser) take(c byte) bool {
	p.space()
	if len(p.rest) == 0 || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *parser) entry() (Dot, error) {
	a, err := p.actor()
	if err != nil {
		return Dot{}, err
	}
	if !p.take(':') {
		return Dot{}, errSyntax
	}
	p.space()
	n := 0
	for n < len(p.rest) && '0' <= p.rest[n] && p.rest[n] <= '9' {
		n++
	}
	seq, err := ParseSeq(p.rest[:n])
	if err != nil {
		return Dot{}, fmt.Errorf("parse clock entry %q: %w", a, err)
	}
	p.rest = p.rest[n:]
	if len(p.rest) > 0 && (p.rest[0] == '.' || p.rest[0]|0x20 == 'e') {
		return Dot{}, fmt.Errorf("parse clock entry %q: %w", a, ErrSeq)
	}
	return Dot{a, seq}, nil
}

func (p *parser) actor() (Actor, error) {
	if !p.take('"') {
		return "", errSyntax
	}
	escaped := false
	for i := 0; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '\\':
			escaped = true
			i++ // whatever is escaped does not end the string
		case c == '"' && !escaped:
			a, err := ParseActor(p.rest[:i])
			p.rest = p.rest[i+1:]
			return a, err
		case c == '"':
			quoted := append([]byte{'"'}, p.rest[:i+1]...)
			p.rest = p.rest[i+1:]
			var s string
			if json.Unmarshal(quoted, &s) != nil {
				return "", errSyntax
			}
			return ParseActor(s)
		}
	}
	return "", errSyntax
}

// ParseSeq reads the JSON text of a sequence number or offset: digits only, 1
// to [MaxSeq], no leading zero. Its errors wrap [ErrSeq].
func ParseSeq(b []byte) (uint64, error) {
	if len(b) == 0 || len(b) > 16 || b[0] == '0' {
		return 0, fmt.Errorf("parse number %.20q: %w", b, ErrSeq)
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("parse number %.20q: %w", b, ErrSeq)
		}
		n = n*10 + uint64(c-'0')
	}
	if n > MaxSeq {
		return 0, fmt.Errorf("parse number %.20q: %w", b, ErrSeq)
	}
	return n, nil
}
