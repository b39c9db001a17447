// Package oplogtest holds every implementation of [oplog.Log] to what the
// interface promises.
//
// It is called by the tests of implementations and knows nothing of any: an
// offset is only ever compared, never counted.
package oplogtest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// Run runs the whole suite. open returns a new, empty log and sees to it that it
// is closed when the test ends. A log that is a [Reopener] is also closed and
// opened again in the middle of random walks. skip names the tests of promises that
// a log does not make, such as one behind a network.
func Run(t *testing.T, open func(t *testing.T) oplog.Log, skip ...string) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, l oplog.Log)
	}{
		{"Create", testCreate},
		{"Fields", testFields},
		{"Times", testTimes},
		{"Epochs", testEpochs},
		{"Formats", testFormats},
		{"Order", testOrder},
		{"AllOrNone", testAllOrNone},
		{"Owners", testOwners},
		{"Bytes", testBytes},
		{"StateIsACopy", testStateIsACopy},
		{"ReadPart", testReadPart},
		{"ReadNothing", testReadNothing},
		{"Locate", testLocate},
		{"Lookup", testLookup},
		{"Docs", testDocs},
		{"Delete", testDelete},
		{"Snapshot", testSnapshot},
		{"SnapshotInfo", testSnapshotInfo},
		{"SnapshotRefused", testSnapshotRefused},
		{"SnapshotReaderFails", testSnapshotReaderFails},
		{"SnapshotDeleted", testSnapshotDeleted},
		{"Prune", testPrune},
		{"PruneAll", testPruneAll},
		{"PruneNeedsSnapshot", testPruneNeedsSnapshot},
		{"Concurrent", testConcurrent},
		{"ContextEnded", testContextEnded},
		{"ContextEnds", testContextEnds},
		{"Walk", testWalk},
	} {
		if i := slices.Index(skip, test.name); i >= 0 {
			skip = slices.Delete(slices.Clone(skip), i, i+1)
			continue
		}
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
	if len(skip) > 0 {
		t.Errorf("there are no tests %q to skip", skip)
	}
}

// Reopener is a log that a test can close and open again, as after a restart.
type Reopener interface {
	oplog.Log
	Reopen(t *testing.T)
}

// Op returns an entry to append: the seq-th of actor, which saw what seen names.
func Op(actor clock.Actor, seq uint64, seen ...clock.Dot) oplog.Entry {
	return oplog.Entry{Op: oplog.Op{
		Dot:     clock.Dot{Actor: actor, Seq: seq},
		Clock:   clock.VectorOf(seen...),
		Payload: fmt.Appendf(nil, `{"%s":%d}`, actor, seq),
	}}
}

// Ops returns n entries of one actor, from the first-th on.
func Ops(actor clock.Actor, first uint64, n int) []oplog.Entry {
	ops := make([]oplog.Entry, n)
	for i := range ops {
		ops[i] = Op(actor, first+uint64(i))
	}
	return ops
}

// mustAppend appends and fails the test if that fails.
func mustAppend(t *testing.T, l oplog.Log, doc oplog.DocID, epoch oplog.Epoch, entries ...oplog.Entry) oplog.Epoch {
	t.Helper()
	got, err := l.Append(t.Context(), oplog.Append{Doc: doc, Epoch: epoch, Entries: entries})
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	if epoch != "" && got != epoch {
		t.Fatalf("Append returned epoch %q of a document with %q", got, epoch)
	}
	return got
}

// mustState also holds the bytes of a state against the entries, which no other
// goroutine may add to meanwhile.
func mustState(t *testing.T, l oplog.Log, doc oplog.DocID) oplog.State {
	t.Helper()
	s, err := l.State(t.Context(), doc)
	if err != nil {
		t.Fatalf("State: %v", err)
	}
	if want := contentBytes(readAll(t, l, doc, s.Epoch, s.First-1)); s.Bytes != want {
		t.Errorf("the state of %q says %d bytes, and the entries held have %d", doc, s.Bytes, want)
	}
	return s
}

func contentBytes(entries []oplog.Entry) (n int64) {
	for _, e := range entries {
		n += int64(len(e.Payload) + len(e.Ext))
	}
	return n
}

// readAll returns copies of the entries behind an offset.
func readAll(t *testing.T, l oplog.Log, doc oplog.DocID, epoch oplog.Epoch, after oplog.Offset) []oplog.Entry {
	t.Helper()
	var all []oplog.Entry
	_, err := l.Read(t.Context(), doc, epoch, after, func(e *oplog.Entry) bool {
		all = append(all, keep(e))
		return true
	})
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return all
}

// keep returns a copy of an entry that was lent.
func keep(e *oplog.Entry) oplog.Entry {
	k := *e
	k.Clock = e.Clock.Clone()
	k.Payload, k.Ext = slices.Clone(e.Payload), slices.Clone(e.Ext)
	return k
}

// diff says in what two entries differ; empty if in nothing.
func diff(got, want *oplog.Entry) string {
	switch {
	case got.Dot != want.Dot:
		return fmt.Sprintf("name is %v, want %v", got.Dot, want.Dot)
	case got.Offset != want.Offset:
		return fmt.Sprintf("offset of %v is %d, want %d", got.Dot, got.Offset, want.Offset)
	case got.Clock.Compare(want.Clock) != clock.Equal:
		return fmt.Sprintf("clock of %v is %v, want %v", got.Dot, got.Clock, want.Clock)
	case !got.SameContent(&want.Op) || (got.Ext == nil) != (want.Ext == nil):
		return fmt.Sprintf("content of %v is %q %q, want %q %q", got.Dot, got.Payload, got.Ext, want.Payload, want.Ext)
	case got.At != want.At || got.By != want.By || got.Redacted != want.Redacted:
		return fmt.Sprintf("%v has at, by, redacted = %d, %q, %t; want %d, %q, %t",
			got.Dot, got.At, got.By, got.Redacted, want.At, want.By, want.Redacted)
	}
	return ""
}

func checkEntries(t *testing.T, got, want []oplog.Entry) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d entries, want %d", len(got), len(want))
	}
	for i := range got {
		if d := diff(&got[i], &want[i]); d != "" {
			t.Fatalf("entry %d: %s", i, d)
		}
	}
}

func checkError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want %v", what, err, want)
	}
}
