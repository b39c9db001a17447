package client_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-relay/baton/client"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay"
)

// prune has the relay let go of the ops before an offset.
func prune(t *testing.T, url string, before int) {
	t.Helper()
	resp, err := http.Post(fmt.Sprintf("%s/v1/docs/notes/prune?before=%d", url, before), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusOK {
		t.Fatalf("prune: %s", resp.Status)
	}
}

func store(t *testing.T, d *client.Doc, at oplog.Offset) {
	t.Helper()
	if err := d.PutSnapshot(testContext(t), at, oplog.SnapshotInfo{}, fmt.Appendf(nil, "state of %d", at)); err != nil {
		t.Fatal(err)
	}
}

// startPruned starts a relay whose document "notes" is a snapshot of ten ops, and no op.
func startPruned(t *testing.T) (url string) {
	t.Helper()
	url = startRelay(t, relay.Config{})
	a, _ := fill(t, url)
	store(t, a, 10)
	prune(t, url, 11)
	return url
}

// Where the ops are gone, the older snapshots are offered in turn, and the ops that
// follow the one that loads.
func TestOlderSnapshotsAreOffered(t *testing.T) {
	noLeaks(t)
	url := startRelay(t, relay.Config{})
	a, _ := fill(t, url) // ten ops, a snapshot of eight
	store(t, a, 5)
	store(t, a, 6)
	prune(t, url, 6)
	b := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{})
	var offered []oplog.Offset
	var got string
	receive(t, b, func(u client.Update) bool {
		got += payloads(u.Ops)
		if u.Snapshot != nil {
			offered = append(offered, u.Snapshot.Offset)
			if blob, err := b.Snapshot(testContext(t), u.Snapshot); err != nil || string(blob) != fmt.Sprint("state of ", u.Snapshot.Offset) && u.Snapshot.Offset != 8 {
				t.Errorf("the blob at %d is %q, %v", u.Snapshot.Offset, blob, err)
			}
			if u.Snapshot.Offset > 5 {
				b.RefuseSnapshot()
			}
		}
		return isLive(u)
	})
	if want := "[8 6 5]"; fmt.Sprint(offered) != want || got != "56789" {
		t.Errorf("got snapshots at %v and ops %s, want %s and 56789", offered, got, want)
	}
	appendOp(t, b, `"b"`)
	saved(t, b)
}

// A document of which nothing loads is never live: the stay ends with the reason.
func TestDocumentThatCannotBeReceived(t *testing.T) {
	noLeaks(t)
	url := startPruned(t)
	b := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{})
	var err error
	for err == nil {
		var u client.Update
		if u, err = b.Next(testContext(t)); isLive(u) {
			t.Error("it was live")
		}
		if u.Snapshot != nil {
			b.RefuseSnapshot()
		}
	}
	gone, ok := errors.AsType[*client.SnapshotError](err)
	if !ok || gone.First != 11 || gone.Doc != "notes" {
		t.Errorf("got %v, want a SnapshotError of notes from 11", err)
	}

	c := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{NoSnapshot: true})
	receive(t, c, isLive) // as asked for
}

// failing lets a number of requests for the clocks of snapshots fail.
type failing struct{ left atomic.Int64 }

func (f *failing) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/meta") && f.left.Add(-1) >= 0 {
		return nil, errors.New("no network")
	}
	return http.DefaultTransport.RoundTrip(r)
}

// A snapshot whose clock cannot be fetched, with the ops gone, is fetched again.
func TestSnapshotIsFetchedAgain(t *testing.T) {
	noLeaks(t)
	url := startPruned(t)
	bad := &failing{}
	bad.left.Store(3)
	b := join(t, dial(t, url, client.Options{HTTPClient: &http.Client{Transport: bad}, MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond}), "notes", client.JoinOptions{})
	var offered []oplog.Offset
	told := false
	receive(t, b, func(u client.Update) bool {
		if u.Snapshot != nil {
			offered = append(offered, u.Snapshot.Offset)
		}
		told = told || u.Status != nil && u.Status.Err != nil && strings.Contains(u.Status.Err.Error(), "no network")
		return isLive(u)
	})
	if fmt.Sprint(offered) != "[10]" || !told || bad.left.Load() > 0 {
		t.Errorf("got snapshots at %v, told why: %v, %d failures left; want [10], true, 0", offered, told, bad.left.Load())
	}
}

func get(t *testing.T, url string) []byte {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// A relay that asks for a snapshot while ops are on their way is answered when they are
// saved.
func TestAskedWhileOpsAreOnTheirWay(t *testing.T) {
	noLeaks(t)
	s := startScript(t, nil)
	d, p := enter(t, s, quick(t), client.JoinOptions{}, fresh)
	p.say(`{"type":"live","doc":"d","offset":0}`)
	receive(t, d, isLive)
	for n := range uint64(3) {
		appendOp(t, d, "%d", n)
	}
	p.expect("ops")
	p.say(`{"type":"compact","doc":"d","offset":1}`)
	p.say(`{"type":"ack","doc":"d","actor":"me","seq":2,"offset":2}`)
	p.sayOps(op(3, "x", 1, "{}"))
	receive(t, d, func(u client.Update) bool {
		if u.Compact != 0 {
			t.Errorf("it is asked at %d with an op on its way", u.Compact)
		}
		return u.Ops != nil
	})
	p.say(`{"type":"ack","doc":"d","actor":"me","seq":3,"offset":4}`)
	receive(t, d, func(u client.Update) bool {
		if u.Compact != 0 && u.Compact != 4 {
			t.Errorf("it is asked at %d, want 4", u.Compact)
		}
		return u.Compact == 4
	})
}

// Whoever writes alone, with others who only listen, is asked for snapshots when all
// that was written is saved, at the offset of what is there then.
func TestWriterIsAskedOnceAllIsSaved(t *testing.T) {
	noLeaks(t)
	url := startRelay(t, relay.Config{CompactEvery: 20})
	listener := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{})
	go func() {
		for range listener.Updates(t.Context()) {
		}
	}()
	conn := dial(t, url, client.Options{})
	d := join(t, conn, "notes", client.JoinOptions{})
	receive(t, d, isLive)
	for n := range 50 {
		appendOp(t, d, "%d", n)
	}
	var at oplog.Offset
	receive(t, d, func(u client.Update) bool {
		at = u.Compact
		return at > 0
	})
	if place := d.Place(); at != 50 || place.Offset != 50 || len(d.Outbox().Ops) != 0 {
		t.Errorf("asked at %d, with offset %d and %d ops unsaved; want 50, 50 and none", at, place.Offset, len(d.Outbox().Ops))
	}
	store(t, d, at)
	late := join(t, dial(t, url, client.Options{}), "notes", client.JoinOptions{})
	receive(t, late, func(u client.Update) bool { return u.Snapshot != nil && u.Snapshot.Offset == 50 })
}
