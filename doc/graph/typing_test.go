package graph_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/doc/graph"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
)

// typist is somebody at a keyboard: what was typed waits until the relay can be
// reached, and what comes back takes its time.
type typist struct {
	name    clock.Actor
	seen    clock.Vector // of others
	waiting []oplog.Entry
	seq     uint64
	read    int // entries of the log that have come here
}

func (p *typist) key() {
	p.seq++
	p.waiting = append(p.waiting, oplog.Entry{Op: oplog.Op{Dot: clock.Dot{Actor: p.name, Seq: p.seq}, Clock: p.seen.Clone()}})
}

// hear takes in what the log has had since before.
func (p *typist) hear(log []oplog.Entry, before int64) {
	for p.read < len(log) && log[p.read].At < before {
		if d := log[p.read].Dot; d.Actor != p.name {
			p.seen.Raise(d.Actor, d.Seq)
		}
		p.read++
	}
}

// typing is an hour of alice and bob in one text. Each writes for a while and
// pauses for a while; from minute 20 to 35 alice is on a train without a network, and
// types on.
func typing(seed uint64) []oplog.Entry {
	rng := rand.New(rand.NewPCG(seed, 0))
	people := []*typist{{name: "alice"}, {name: "bob"}}
	start := time.Date(2026, 3, 9, 14, 0, 0, 0, time.UTC).UnixMilli()
	const minute, latency = 60_000, 120
	var log []oplog.Entry
	busy := []int64{0, 0} // until when one writes, or pauses where negative
	for now := int64(0); now < 60*minute; now += 100 {
		for i, p := range people {
			onTrain := i == 0 && now >= 20*minute && now < 35*minute
			if now >= max(busy[i], -busy[i]) {
				next := now + 5000 + rng.Int64N(40_000)
				busy[i] = cmp.Or(map[bool]int64{true: -next, false: next}[busy[i] > 0], next)
			}
			if busy[i] > 0 && rng.IntN(4) == 0 {
				p.key()
			}
			if onTrain {
				continue
			}
			p.hear(log, start+now-latency)
			for _, e := range p.waiting {
				e.Offset, e.At = oplog.Offset(len(log)+1), start+now
				log = append(log, e)
			}
			p.waiting = nil
		}
	}
	return log
}

// TestTwoPeopleTyping draws an hour of two people in a few lines: what alice wrote
// on the train must be there as one run, with what she had seen before.
func TestTwoPeopleTyping(t *testing.T) {
	entries := typing(1)
	g := build(t, entries)
	runs := g.Runs()
	train := slices.MaxFunc(runs, func(r, s graph.Run) int {
		return cmp.Compare(float64(r.Ops())/float64(r.Until-r.From+1), float64(s.Ops())/float64(s.Until-s.From+1))
	})
	if train.Actor != "alice" || train.Ops() < 500 {
		t.Fatalf("no long run of alice came at once, but %+v", train)
	}
	var text strings.Builder
	o := graph.Options{Limit: 30, Width: 120, Title: "two people typing"}
	draw(t, g.WriteText(&text, o))
	golden(t, "testdata/typing.drawn", text.String())
	want := fmt.Sprintf("alice %d–%d, %d ops", train.First, train.Last, train.Ops())
	if !strings.Contains(text.String(), want) {
		t.Errorf("no line says %q", want)
	}
	if lines := strings.Count(text.String(), "●") + strings.Count(text.String(), "◎"); lines < 20 || len(runs) < 500 {
		t.Errorf("%d nodes stand for %d runs", lines, len(runs))
	}
}

// TestLogOnDisk draws what was appended to a log, as read from it, and what is left
// of it when half is pruned.
func TestLogOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "oplog.db")
	log, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		damage := func(c *oplog.CorruptionError) { t.Error(c) }
		if err := errors.Join(log.Close(), bolt.CheckFile(context.Background(), path, damage)); err != nil {
			t.Error(err)
		}
	})
	const doc = "notes"
	entries := typing(2)[:3000]
	want := shape(build(t, entries))
	for i := range entries {
		entries[i].Offset, entries[i].Payload = 0, []byte("1")
	}
	if _, err := log.Append(t.Context(), oplog.Append{Doc: doc, Entries: entries}); err != nil {
		t.Fatal(err)
	}
	if got := shape(read(t, log, doc, 0)); !slices.Equal(got, want) {
		t.Errorf("got %d runs, want %d", len(got), len(want))
	}
	if _, _, err := log.PutSnapshot(t.Context(), doc, 1500, oplog.SnapshotInfo{Format: oplog.DefaultFormat}, strings.NewReader("{}")); err != nil {
		t.Fatal(err)
	}
	first, err := log.Prune(t.Context(), doc, 1501)
	if err != nil {
		t.Fatal(err)
	}
	left := read(t, log, doc, first-1)
	if runs := left.Runs(); left.Ops() != 1500 || !runs[0].Pruned() || runs[1].Start != 1501 {
		t.Errorf("%d ops are left, which begin with %+v", left.Ops(), runs[:2])
	}
}

func read(t *testing.T, log oplog.Log, doc oplog.DocID, after oplog.Offset) *graph.Graph {
	t.Helper()
	g := new(graph.Graph)
	var refused error
	_, err := log.Read(t.Context(), doc, "", after, func(e *oplog.Entry) bool {
		refused = g.Add(e)
		return refused == nil
	})
	if err := errors.Join(err, refused); err != nil {
		t.Fatal(err)
	}
	return g
}
