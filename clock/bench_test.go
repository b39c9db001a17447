package clock_test

import (
	"testing"

	"github.com/baton-relay/baton/clock"
)

const manyActors = 10_000

func BenchmarkGet(b *testing.B) {
	v := many(manyActors)
	var names []clock.Actor
	for a := range v.All() {
		names = append(names, a)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		v.Get(names[i*7919%manyActors])
		i++
	}
}

func BenchmarkRaise(b *testing.B) {
	v := many(manyActors)
	var names []clock.Actor
	for a := range v.All() {
		names = append(names, a)
	}
	b.ReportAllocs()
	i := uint64(0)
	for b.Loop() {
		v.Raise(names[i*7919%manyActors], i)
		i++
	}
}

func BenchmarkCovers(b *testing.B) {
	v := many(manyActors)
	w := v.Clone()
	b.ReportAllocs()
	for b.Loop() {
		v.Covers(w)
	}
}

func BenchmarkMerge(b *testing.B) {
	v, w := many(manyActors), many(manyActors/2)
	b.ReportAllocs()
	for b.Loop() {
		v.Merge(w)
	}
}

func BenchmarkParseJSON(b *testing.B) {
	text := many(manyActors).AppendJSON(nil)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := clock.ParseJSON(text, manyActors); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	v := many(manyActors)
	var text []byte
	b.ReportAllocs()
	for b.Loop() {
		text = v.AppendJSON(text[:0])
	}
	b.SetBytes(int64(len(text)))
}

func BenchmarkParseBinary(b *testing.B) {
	data := many(manyActors).AppendBinary(nil)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := clock.ParseBinary(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendBinary(b *testing.B) {
	v := many(manyActors)
	var data []byte
	b.ReportAllocs()
	for b.Loop() {
		data = v.AppendBinary(data[:0])
	}
	b.SetBytes(int64(len(data)))
}
