package client_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/baton-relay/baton/client"
	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay"
)

// fill writes ten ops and stores a snapshot of the first eight.
func fill(t *testing.T, url string) (*client.Doc, clock.Vector) {
	t.Helper()
	a := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{})
	for i := range 10 {
		appendOp(t, a, `%d`, i)
	}
	saved(t, a)
	if err := a.PutSnapshot(testContext(t), 8, oplog.SnapshotInfo{Maker: "automerge 3.5.0"}, []byte("state of eight")); err != nil {
		t.Fatal(err)
	}
	return a, clock.VectorOf(clock.Dot{Actor: a.Actor(), Seq: 8})
}

func TestSnapshotStandsInForOps(t *testing.T) {
	noLeaks(t)
	url := startRelay(t, relay.Config{})
	a, want := fill(t, url)
	b := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{})
	var snap *client.Snapshot
	receive(t, b, func(u client.Update) bool {
		if u.Ops != nil {
			t.Errorf("ops came before the snapshot: %v", u.Ops)
		}
		snap = u.Snapshot
		return snap != nil
	})
	if about := string(get(t, url+"/v1/docs/notes/snapshots/8/meta")); !strings.Contains(about, `"maker":"automerge 3.5.0"`) {
		t.Errorf("the snapshot is stored as %s, want its maker", about)
	}
	if snap.Offset != 8 || snap.Clock.Compare(want) != clock.Equal {
		t.Errorf("snapshot is %+v", snap)
	}
	blob, err := b.Snapshot(testContext(t), snap)
	if err != nil || !bytes.Equal(blob, []byte("state of eight")) {
		t.Errorf("the blob is %q, %v", blob, err)
	}
	if got := payloads(receiveOps(t, b, 2)); got != "89" {
		t.Errorf("after the snapshot came %s", got)
	}
	receive(t, b, isLive)
	appendOp(t, b, `"b"`)
	if op := receiveOps(t, a, 1)[0]; op.Clock.Get(a.Actor()) != 10 {
		t.Errorf("the op after a snapshot names %v", op.Clock)
	}
	broken := *snap
	broken.SHA256 = strings.Repeat("0", 64)
	if _, err := b.Snapshot(testContext(t), &broken); err == nil {
		t.Error("a blob of another hash is no error")
	}
	broken.URL = "http://127.0.0.1:1/elsewhere"
	if _, err := b.Snapshot(testContext(t), &broken); err == nil || !strings.Contains(err.Error(), "not a path") {
		t.Errorf("a snapshot elsewhere is %v", err)
	}
}

func TestSnapshotRefused(t *testing.T) {
	noLeaks(t)
	url := startRelay(t, relay.Config{})
	fill(t, url)
	b := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{})
	receive(t, b, func(u client.Update) bool { return u.Snapshot != nil })
	b.RefuseSnapshot()
	var got []byte
	receive(t, b, func(u client.Update) bool {
		if u.Snapshot != nil {
			t.Error("a snapshot was offered again")
		}
		got = append(got, payloads(u.Ops)...)
		return isLive(u)
	})
	if string(got) != "0123456789" {
		t.Errorf("instead of the snapshot came %s", got)
	}
	c := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{NoSnapshot: true})
	if got := payloads(receiveOps(t, c, 10)); got != "0123456789" {
		t.Errorf("without snapshots came %s", got)
	}
}

// A snapshot whose clock cannot be had proves nothing: the ops are asked for.
func TestSnapshotWithoutClock(t *testing.T) {
	noLeaks(t)
	s := startScript(t, nil)
	d, p := enter(t, s, quick(t), client.JoinOptions{},
		`"epoch":"e1","head":1,"first":1,"from":1,"clock":{"x":1},"snapshot":{"offset":1,"url":"/v1/docs/d/snapshots/1","bytes":1,"sha256":""}`)
	again := make(chan frame, 1)
	go func() {
		p.expect("leave")
		again <- p.joined(fresh)
		p.sayOps(op(1, "x", 1, "{}"))
	}()
	receiveOps(t, d, 1)
	if f := <-again; f.Snapshot == nil || *f.Snapshot {
		t.Errorf("the second join is %+v, want one without snapshots", f)
	}
}
