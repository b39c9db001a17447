package graph_test

import (
	"io"
	"runtime"
	"testing"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/doc/graph"
	"github.com/baton-relay/baton/oplog"
)

// million calls add with 1,000,000 ops of three actors who take turns of 1,000,
// each turn after all that was before.
func million(add func(*oplog.Entry)) {
	names := []clock.Actor{"alice", "bob", "carol"}
	var all clock.Vector
	var e oplog.Entry
	for i := range 1_000_000 {
		if i%1000 == 0 {
			e.Clock = all.Clone()
		}
		e.Actor = names[i/1000%3]
		e.Seq = all.Get(e.Actor) + 1
		e.Offset, e.At = oplog.Offset(i+1), int64(i)*200
		all.Raise(e.Actor, e.Seq)
		add(&e)
	}
}

func BenchmarkMillion(b *testing.B) {
	b.ReportAllocs()
	var g *graph.Graph
	for b.Loop() {
		g = new(graph.Graph)
		million(func(e *oplog.Entry) {
			if e.Clock.Has(e.Dot) {
				e.Clock = clock.Vector{}
			}
			if err := g.Add(e); err != nil {
				b.Fatal(err)
			}
		})
		if runs := g.Runs(); len(runs) != 1000 {
			b.Fatalf("%d runs", len(runs))
		}
	}
	runtime.GC()
	var held runtime.MemStats
	runtime.ReadMemStats(&held)
	b.ReportMetric(float64(held.HeapAlloc)/1e6, "MB-held")
	runtime.KeepAlive(g)
}

// BenchmarkCrowd has 300 actors who hear everything, each op a run of its own.
func BenchmarkCrowd(b *testing.B) {
	entries := crowd(300, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		g := build(b, entries)
		if err := g.WriteSVG(io.Discard, graph.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
