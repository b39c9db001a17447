package clock_test

import (
	"bytes"
	"encoding/binary"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"github.com/baton-relay/baton/clock"
)

func TestBinaryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel.Draw(t, "vector")
		behind := rapid.SliceOf(rapid.Byte()).Draw(t, "behind")
		b := append(m.vector().AppendBinary([]byte("before")), behind...)
		v, rest, err := clock.ParseBinary(b[len("before"):])
		if err != nil || !maps.Equal(toModel(v), m) || !bytes.Equal(rest, behind) {
			t.Errorf("%v came back as %v, %q, %v", m, toModel(v), rest, err)
		}
	})
}

func TestParseBinaryRefuses(t *testing.T) {
	good := clock.VectorOf(clock.Dot{Actor: "a", Seq: 1}, clock.Dot{Actor: "b", Seq: 300}).AppendBinary(nil)
	for n := range good {
		if v, _, err := clock.ParseBinary(good[:n]); err == nil {
			t.Errorf("the first %d bytes of %x are %v", n, good, toModel(v))
		}
	}
	big := binary.AppendUvarint(nil, 1<<62)
	for name, b := range map[string][]byte{
		"out of order":     {2, 1, 'b', 1, 1, 'a', 1},
		"twice":            {2, 1, 'a', 1, 1, 'a', 2},
		"seq 0":            {1, 1, 'a', 0},
		"seq too high":     append([]byte{1, 1, 'a'}, binary.AppendUvarint(nil, clock.MaxSeq+1)...),
		"bad actor":        {1, 1, '-', 1},
		"empty actor":      {1, 0, 1, 1},
		"padded count":     {0x81, 0x00, 1, 'a', 1},
		"padded seq":       {1, 1, 'a', 0x81, 0x00},
		"count of a giant": append(big, 1, 'a', 1),
		"name of a giant":  append([]byte{1}, append(big, 'a', 1)...),
	} {
		if v, _, err := clock.ParseBinary(b); err == nil {
			t.Errorf("%s: %x is %v", name, b, toModel(v))
		}
	}
}

// FuzzParseBinary checks that only what AppendBinary writes is accepted.
func FuzzParseBinary(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{1, 1, 'a', 1})
	f.Add(many(5).AppendBinary(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, rest, err := clock.ParseBinary(b)
		if err != nil {
			return
		}
		if again := append(v.AppendBinary(nil), rest...); !bytes.Equal(again, b) {
			t.Errorf("%x came back as %x", b, again)
		}
	})
}
