package oplogtest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

func putSnapshot(t *testing.T, l oplog.Log, doc oplog.DocID, at oplog.Offset, content string) oplog.Snapshot {
	t.Helper()
	s, stored, err := l.PutSnapshot(t.Context(), doc, at, oplog.SnapshotInfo{Format: oplog.DefaultFormat}, strings.NewReader(content))
	if err != nil || !stored {
		t.Fatalf("PutSnapshot at %d: stored %t, %v", at, stored, err)
	}
	return s
}

// checkSnapshot checks that a snapshot has a content and a clock.
func checkSnapshot(t *testing.T, l oplog.Log, doc oplog.DocID, s oplog.Snapshot, content string, c clock.Vector) {
	t.Helper()
	if s.Bytes != int64(len(content)) || s.SHA256 != sha256.Sum256([]byte(content)) {
		t.Errorf("snapshot at %d has %d bytes, sum %x", s.Offset, s.Bytes, s.SHA256)
	}
	if s.Clock.Compare(c) != clock.Equal {
		t.Errorf("clock of the snapshot at %d is %v, want %v", s.Offset, s.Clock, c)
	}
	r, err := l.SnapshotData(t.Context(), doc, s.Offset)
	if err != nil {
		t.Fatalf("SnapshotData: %v", err)
	}
	got, err := io.ReadAll(io.NewSectionReader(r, 0, 1<<40))
	if err != nil || string(got) != content {
		t.Errorf("snapshot at %d: read %d bytes, %v; want %d", s.Offset, len(got), err, len(content))
	}
}

func testSnapshot(t *testing.T, l oplog.Log) {
	entries := []oplog.Entry{Op("a", 1), Op("b", 1), Op("a", 2), Op("c", 1), Op("a", 3)}
	mustAppend(t, l, "d", "", entries...)
	_, err := l.Snapshot(t.Context(), "d", 0)
	checkError(t, "no snapshot yet", err, oplog.ErrNotFound)

	small, large := "state", strings.Repeat("0123456789", 100_003)
	first := putSnapshot(t, l, "d", entries[1].Offset, small)
	second := putSnapshot(t, l, "d", entries[3].Offset, large)
	at := func(i int) (c clock.Vector) {
		for _, e := range entries[:i+1] {
			c.Raise(e.Actor, e.Seq)
		}
		return c
	}
	checkSnapshot(t, l, "d", first, small, at(1))
	checkSnapshot(t, l, "d", second, large, at(3))
	if first.Format != oplog.DefaultFormat || first.At == 0 {
		t.Errorf("snapshot is %+v", first)
	}
	for i, want := range []oplog.Offset{0, first.Offset, first.Offset, second.Offset, second.Offset} {
		s, err := l.Snapshot(t.Context(), "d", entries[i].Offset)
		if (want == 0) != errors.Is(err, oplog.ErrNotFound) || s.Offset != want {
			t.Errorf("snapshot at or before %d is at %d, %v; want %d", entries[i].Offset, s.Offset, err, want)
		}
	}
	if s, err := l.Snapshot(t.Context(), "d", 0); err != nil || s.Offset != second.Offset {
		t.Errorf("newest snapshot is at %d, %v", s.Offset, err)
	}
	readParts(t, l, second.Offset, large)
}

// testSnapshotInfo checks that a log keeps who stored a snapshot and what made it,
// of the first one to store it.
func testSnapshotInfo(t *testing.T, l oplog.Log) {
	for i, info := range []oplog.SnapshotInfo{
		{By: "Zoë of sales", Maker: "automerge 3.5.0"},
		{Maker: "~ " + oplog.Maker(strings.Repeat("x", 62))},
		{By: strings.Repeat("s", 256)},
		{},
	} {
		doc := oplog.DocID("d" + strconv.Itoa(i))
		mustAppend(t, l, doc, "", Op("a", 1))
		at := mustState(t, l, doc).Head
		check := func(what string, s oplog.Snapshot, err error) {
			t.Helper()
			if err != nil || s.By != info.By || s.Maker != info.Maker {
				t.Errorf("%s is by %q with %q, %v; want %q with %q", what, s.By, s.Maker, err, info.By, info.Maker)
			}
		}
		s, stored, err := l.PutSnapshot(t.Context(), doc, at, info, strings.NewReader("state"))
		if !stored {
			t.Fatalf("snapshot at %d was not stored: %v", at, err)
		}
		check("what was stored", s, err)
		s, err = l.Snapshot(t.Context(), doc, at)
		check("what is kept", s, err)
		s, _, err = l.PutSnapshot(t.Context(), doc, at, oplog.SnapshotInfo{By: "mallory", Maker: "automerge 9"}, strings.NewReader("state"))
		check("what is kept after the same bytes again", s, err)
	}
}

// readParts reads a snapshot at odd places.
func readParts(t *testing.T, l oplog.Log, at oplog.Offset, content string) {
	t.Helper()
	r, err := l.SnapshotData(t.Context(), "d", at)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []struct{ off, n int }{{0, 1}, {1, 300_000}, {262_143, 2}, {262_144, 1}, {len(content) - 5, 5}} {
		got := make([]byte, part.n)
		if n, err := r.ReadAt(got, int64(part.off)); n != part.n || string(got) != content[part.off:part.off+part.n] {
			t.Errorf("%d bytes at %d: got %d, %v", part.n, part.off, n, err)
		}
	}
	for _, off := range []int{len(content) - 3, len(content), len(content) + 10} {
		n, err := r.ReadAt(make([]byte, 10), int64(off))
		if want := max(0, len(content)-off); n != want || err != io.EOF {
			t.Errorf("past the end at %d: %d, %v", off, n, err)
		}
	}
}

func testSnapshotRefused(t *testing.T, l oplog.Log) {
	put := func(doc oplog.DocID, at oplog.Offset, f oplog.Format, content string) (bool, error) {
		_, stored, err := l.PutSnapshot(t.Context(), doc, at, oplog.SnapshotInfo{Format: f}, strings.NewReader(content))
		return stored, err
	}
	_, err := put("d", 1, "json", "x")
	checkError(t, "no such document", err, oplog.ErrNotFound)
	mustAppend(t, l, "d", "", Ops("a", 1, 3)...)
	head := mustState(t, l, "d").Head
	_, err = put("d", head+1, "json", "x")
	checkError(t, "beyond the head", err, oplog.ErrNotFound)
	_, err = put("d", 0, "json", "x")
	checkError(t, "at 0", err, oplog.ErrNotFound)
	_, err = put("d", head, "yjs", "x")
	checkError(t, "another format", err, oplog.ErrFormat)

	putSnapshot(t, l, "d", head, "content")
	_, err = put("d", head, "json", "another")
	checkError(t, "other bytes", err, oplog.ErrExists)
	if stored, err := put("d", head, "json", "content"); stored || err != nil {
		t.Errorf("the same bytes again: stored %t, %v", stored, err)
	}
	_, err = l.SnapshotData(t.Context(), "d", head-1)
	checkError(t, "data of no snapshot", err, oplog.ErrNotFound)
}

func testSnapshotReaderFails(t *testing.T, l oplog.Log) {
	mustAppend(t, l, "d", "", Op("a", 1))
	head := mustState(t, l, "d").Head
	broken := errors.New("connection lost")
	r := io.MultiReader(bytes.NewReader(make([]byte, 600_000)), iotest.ErrReader(broken))
	_, _, err := l.PutSnapshot(t.Context(), "d", head, oplog.SnapshotInfo{Format: "json"}, r)
	checkError(t, "a reader that fails", err, broken)
	_, err = l.Snapshot(t.Context(), "d", 0)
	checkError(t, "Snapshot", err, oplog.ErrNotFound)
	s := putSnapshot(t, l, "d", head, "whole")
	checkSnapshot(t, l, "d", s, "whole", clock.VectorOf(clock.Dot{Actor: "a", Seq: 1}))
	empty := putSnapshotOf(t, l, "e", "")
	checkSnapshot(t, l, "e", empty, "", clock.VectorOf(clock.Dot{Actor: "a", Seq: 1}))
}

// putSnapshotOf stores a snapshot of a new document with one op.
func putSnapshotOf(t *testing.T, l oplog.Log, doc oplog.DocID, content string) oplog.Snapshot {
	t.Helper()
	mustAppend(t, l, doc, "", Op("a", 1))
	return putSnapshot(t, l, doc, mustState(t, l, doc).Head, content)
}

func testSnapshotDeleted(t *testing.T, l oplog.Log) {
	content := strings.Repeat("x", 700_000)
	s := putSnapshotOf(t, l, "d", content)
	r, err := l.SnapshotData(t.Context(), "d", s.Offset)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.DeleteSnapshot(t.Context(), "d", s.Offset); err != nil {
		t.Fatal(err)
	}
	_, err = r.ReadAt(make([]byte, 10), 0)
	checkError(t, "data of a snapshot that was deleted", err, oplog.ErrNotFound)
	_, err = l.Snapshot(t.Context(), "d", 0)
	checkError(t, "Snapshot", err, oplog.ErrNotFound)
	checkError(t, "delete again", l.DeleteSnapshot(t.Context(), "d", s.Offset), oplog.ErrNotFound)
	checkError(t, "no such document", l.DeleteSnapshot(t.Context(), "e", 1), oplog.ErrNotFound)
	putSnapshot(t, l, "d", s.Offset, "other bytes")
}
