package bolt

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// benchEntry is an op of about 250 bytes as it is stored.
func benchEntry(actor clock.Actor, seq uint64) oplog.Entry {
	return oplog.Entry{By: "user-1234", Op: oplog.Op{
		Dot:     clock.Dot{Actor: actor, Seq: seq},
		Clock:   clock.VectorOf(clock.Dot{Actor: actor, Seq: seq - 1}),
		Payload: fmt.Appendf(nil, `"%s"`, bytes.Repeat([]byte("x"), 170)),
	}}
}

func benchLog(b *testing.B) *Log {
	b.Helper()
	l, err := Open(filepath.Join(b.TempDir(), "log.db"), Options{CommitInterval: -1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	return l
}

// writer appends to one document.
type writer struct {
	doc   oplog.DocID
	epoch oplog.Epoch
	seq   uint64
}

// next returns an append of one op. Of what it needs to go on, the epoch must be
// set by whoever waits for it.
func (w *writer) next() *appending {
	w.seq++
	entries := []oplog.Entry{benchEntry("actor-0123456789", w.seq)}
	return &appending{Append: oplog.Append{Doc: w.doc, Epoch: w.epoch, Entries: entries}}
}

// commitTogether has the committer take all appends in one batch.
func commitTogether(b *testing.B, l *Log, all []*appending) {
	b.Helper()
	requests := make([]*request, len(all))
	for i, p := range all {
		requests[i] = newWrite(p.write)
	}
	pushAll(l, requests)
	for _, r := range requests {
		if <-r.done; r.err != nil {
			b.Fatal(r.err)
		}
	}
}

// BenchmarkAppend commits batches of ops of different documents, 500 in all.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{1, 8, 64, 512} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			l := benchLog(b)
			writers := make([]writer, 500)
			var all []*appending
			for i := range writers {
				writers[i].doc = oplog.DocID(fmt.Sprint("document-", i))
				all = append(all, writers[i].next())
			}
			commitTogether(b, l, all)
			for i := range writers {
				writers[i].epoch = all[i].epoch
			}
			r := rand.New(rand.NewPCG(1, 2))
			b.ReportAllocs()
			for b.Loop() {
				all = all[:0]
				for range size {
					all = append(all, writers[r.IntN(len(writers))].next())
				}
				commitTogether(b, l, all)
			}
			b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "ops/s")
		})
	}
}

// BenchmarkBbolt puts the same keys and values into a bare bbolt file: what a
// log could cost at the least.
func BenchmarkBbolt(b *testing.B) {
	for _, size := range []int{1, 8, 64, 512} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			db, err := bbolt.Open(filepath.Join(b.TempDir(), "bare.db"), 0o600, writable())
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			e := benchEntry("actor-0123456789", 7)
			value := oplog.Seal(nil, nil, oplog.AppendEntry(nil, &e))
			heads := make([]oplog.Offset, 500)
			put := func(docs int, next func(i int) int) {
				if err := db.Update(func(tx *bbolt.Tx) error {
					ops, err := tx.CreateBucketIfNotExists(bucketOps)
					for i := 0; err == nil && i < docs; i++ {
						num := next(i)
						heads[num]++
						key := offsetKey(uint64(num), heads[num])
						err = ops.Put(key[:], value)
					}
					return err
				}); err != nil {
					b.Fatal(err)
				}
			}
			put(len(heads), func(i int) int { return i })
			r := rand.New(rand.NewPCG(1, 2))
			b.ReportAllocs()
			for b.Loop() {
				put(size, func(int) int { return r.IntN(len(heads)) })
			}
			b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "ops/s")
		})
	}
}

// fillBench appends n ops of some actors to a document.
func fillBench(b *testing.B, l *Log, doc oplog.DocID, n, actors int) oplog.Epoch {
	b.Helper()
	var epoch oplog.Epoch
	for i := 0; i < n; {
		var entries []oplog.Entry
		for ; i < n && len(entries) < 2000; i++ {
			entries = append(entries, benchEntry(clock.Actor(fmt.Sprintf("actor-%010d", i%actors)), uint64(i/actors+1)))
		}
		var err error
		if epoch, err = l.Append(b.Context(), oplog.Append{Doc: doc, Epoch: epoch, Entries: entries}); err != nil {
			b.Fatal(err)
		}
	}
	return epoch
}

// BenchmarkRead reads a document from its start to its end.
func BenchmarkRead(b *testing.B) {
	const n = 100_000
	l := benchLog(b)
	epoch := fillBench(b, l, "d", n, 50)
	b.ReportAllocs()
	for b.Loop() {
		read := 0
		if _, err := l.Read(b.Context(), "d", epoch, 0, func(*oplog.Entry) bool { read++; return true }); err != nil || read != n {
			b.Fatal(read, err)
		}
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}

// BenchmarkReadPage reads the 50 newest ops of a document.
func BenchmarkReadPage(b *testing.B) {
	l := benchLog(b)
	epoch := fillBench(b, l, "d", 20_000, 50)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Read(b.Context(), "d", epoch, 19_950, func(*oplog.Entry) bool { return true }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLocate(b *testing.B) {
	for _, actors := range []int{50, 10_000} {
		b.Run(fmt.Sprintf("%dActors", actors), func(b *testing.B) {
			const n = 100_000
			l := benchLog(b)
			fillBench(b, l, "d", n, actors)
			var c clock.Vector
			for i := range n / 2 {
				c.Raise(clock.Actor(fmt.Sprintf("actor-%010d", i%actors)), uint64(i/actors+1))
			}
			b.ReportAllocs()
			for b.Loop() {
				if at, err := l.Locate(b.Context(), "d", c); err != nil || at != n/2 {
					b.Fatal(at, err)
				}
			}
		})
	}
}

// BenchmarkLookup looks up 500 ops in a row, as a client's retry does.
func BenchmarkLookup(b *testing.B) {
	l := benchLog(b)
	fillBench(b, l, "d", 100_000, 50)
	dots := make([]clock.Dot, 500)
	for i := range dots {
		dots[i] = clock.Dot{Actor: "actor-0000000007", Seq: uint64(1000 + i)}
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		if err := l.Lookup(b.Context(), "d", dots, func(*oplog.Entry) bool { n++; return true }); err != nil || n != len(dots) {
			b.Fatal(n, err)
		}
	}
}

// BenchmarkState loads a document that is not in memory.
func BenchmarkState(b *testing.B) {
	for _, actors := range []int{50, 10_000} {
		b.Run(fmt.Sprintf("%dActors", actors), func(b *testing.B) {
			l := benchLog(b)
			fillBench(b, l, "d", 50_000, actors)
			b.ReportAllocs()
			for b.Loop() {
				l.cache.drop(l.cache.docs["d"])
				if _, err := l.State(b.Context(), "d"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOpen opens a log of 500 documents with 1,000,000 ops.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "log.db")
	l, err := Open(path, Options{CommitInterval: -1})
	if err != nil {
		b.Fatal(err)
	}
	for i := range 500 {
		fillBench(b, l, oplog.DocID(fmt.Sprint("document-", i)), 2000, 20)
	}
	for b.Loop() {
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
		if l, err = Open(path, Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	if err := l.Check(context.Background(), func(c *oplog.CorruptionError) { b.Error(c) }); err != nil {
		b.Error(err)
	}
	l.Close()
}
