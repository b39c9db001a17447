package relay

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-relay/baton/oplog/bolt"
	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

func TestPrune(t *testing.T) {
	h := start(t, Config{})
	h.write("d", "a", 1, 5, 1)
	p := h.join("", "d")
	h.want(409, "POST /v1/docs/d/prune?before=4", "", `"conflict"`)
	h.put("d", 3, "blob").want(t, "put", 201)
	h.want(409, "POST /v1/docs/d/prune?before=5", "", `"conflict"`)
	if got := h.want(200, "POST /v1/docs/d/prune?before=4", "{}").body; got != `{"first":4}` {
		t.Errorf("got %s", got)
	}
	h.want(200, "POST /v1/docs/d/prune?before=2", "", `{"first":4}`)

	h.want(200, "GET /v1/docs/d", "", `"head":5,"first":4,"clock":{"a":5}`)
	h.want(410, "GET /v1/docs/d/ops", "", `"code":"pruned"`, `"first":4`, `"snapshot":{"offset":3,"url":"/v1/docs/d/snapshots/3"`)
	h.do("GET /v1/docs/d/ops", "", "Accept: text/event-stream").want(t, "events", 410, `"pruned"`)
	h.do("GET /v1/docs/d/ops", "", "Accept: application/x-ndjson").want(t, "lines", 410, `"pruned"`)
	h.want(200, "GET /v1/docs/d/ops?after=3", "", `"first":4,"ops":[{"offset":4`)
	h.want(409, "DELETE /v1/docs/d/snapshots/3", "", `"conflict"`)
	h.put("d", 2, "blob").want(t, "put below first", 410, `"pruned"`, `"first":4`)

	// One that was live stays so, and one that enters is told of the first op.
	h.write("d", "a", 6, 1, 1)
	p.await(`"offset":6`)
	q := h.dial("")
	q.send(`{"type":"join","doc":"d","snapshot":false}`)
	q.expect(`"joined"`, `"first":4,"from":3`)
}

// A session that was left behind by pruning is told of the snapshot, and goes on
// from there.
func TestPruneUnderSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{})
		slow := h.join("", "d")
		h.write("d", "a", 1, 200, 10_000) // more than the room keeps in memory
		h.put("d", 200, "blob").want(t, "put", 201)
		h.want(200, "POST /v1/docs/d/prune?before=201", "", `{"first":201}`)
		h.write("d", "a", 201, 1, 1)
		for {
			frame := slow.expect()
			if strings.Contains(frame, `"offset":201,`) {
				t.Fatalf("got %.200s without a snapshot before", frame)
			}
			if strings.Contains(frame, `"type":"snapshot"`) {
				if !strings.Contains(frame, `"snapshot":{"offset":200,"url":"/v1/docs/d/snapshots/200"`) {
					t.Errorf("got %s", frame)
				}
				break
			}
		}
		slow.expect(`[{"offset":201,"actor":"a","seq":201`)
	})
}

func TestDelete(t *testing.T) {
	h := start(t, Config{})
	p := h.join("", "d")
	h.write("d", "a", 1, 1, 1)
	p.await(`"offset":1`)
	epoch := h.want(200, "GET /v1/docs/d", "").field(t, "epoch")
	h.put("d", 1, "blob").want(t, "put", 201)
	h.want(204, "DELETE /v1/docs/d", "")
	if got, want := p.await(`"left"`), `{"type":"left","doc":"d","code":"deleted"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	h.want(404, "GET /v1/docs/d", "")
	h.want(404, "GET /v1/docs/d/snapshots/latest", "")
	h.want(404, "DELETE /v1/docs/d", "")
	h.want(200, "GET /v1/docs", "", `{"docs":[]}`)
	p.send(`{"type":"ops","doc":"d","ops":[{"actor":"p","seq":1,"payload":1}]}`)
	p.await(`"not_joined"`)

	h.write("d", "b", 1, 1, 1)
	got := h.want(410, "GET /v1/docs/d/ops?epoch="+epoch, "", `"code":"epoch"`, `"first":1`)
	if got.field(t, "epoch") == epoch {
		t.Error("the document came back with its old epoch")
	}
}

// A slow session that finds the document gone while it is being deleted hears
// that it was deleted, like everyone.
func TestDeleteUnderSlowSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &faultyLog{}
		h := startInBubble(t, Config{Log: log})
		slow := h.join("", "d")
		h.write("d", "a", 1, 200, 10_000) // more than the room keeps in memory
		gate := make(chan struct{})
		log.afterDeleted = func() { <-gate }
		deleted := h.later("DELETE /v1/docs/d")
		left := make(chan string)
		go func() { left <- slow.await(`"left"`) }()
		synctest.Wait() // it read on to where nothing is
		close(gate)
		if got, want := <-left, `{"type":"left","doc":"d","code":"deleted"}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		(<-deleted).want(t, "delete", 204)
	})
}

// A document that is gone from the log without the room's doing is not held on to.
func TestDeletedBehindTheRoom(t *testing.T) {
	h := start(t, Config{})
	p := h.join("", "d")
	h.write("d", "a", 1, 3, 1)
	s := h.events("/v1/docs/d/ops?after=3")
	if err := h.log.Delete(t.Context(), "d"); err != nil {
		t.Fatal(err)
	}
	op := `[{"actor":"a","seq":4,"payload":1}]`
	h.want(503, "POST /v1/docs/d/ops", op, `"unavailable"`)
	p.await(`"left","doc":"d","code":"closed"`)
	s.ends("deleted")
	h.want(200, "POST /v1/docs/d/ops", op, `"code":"gap","message":"`, `"expected":1`)
	h.write("d", "a", 1, 1, 1)
}

func TestBackup(t *testing.T) {
	h := start(t, Config{})
	h.write("d", "a", 1, 300, 1000)
	epoch := h.want(200, "GET /v1/docs/d", "").field(t, "epoch")
	got := h.want(200, "GET /v1/admin/backup", "")
	if !strings.HasPrefix(got.header.Get("Content-Disposition"), `attachment; filename="baton-`) || got.header.Get("Content-Type") != typeOctets {
		t.Errorf("got header %v", got.header)
	}
	if got := h.do("HEAD /v1/admin/backup", ""); got.status != 200 || got.body != "" {
		t.Errorf("HEAD: got %d", got.status)
	}
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(path, []byte(got.body), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	state, err := log.State(t.Context(), "d")
	if err != nil || state.Head != 300 || string(state.Epoch) == epoch {
		t.Errorf("the copy has %+v, %v", state.Span, err)
	}
}

func TestRevoke(t *testing.T) {
	h := start(t, Config{Auth: people{"root": {"*": auth.All}, "ann": {"*": auth.Read}, "bob": {"*": auth.Read}}})
	ann, other, bob := h.dial("ann"), h.dial("ann"), h.join("bob", "d")
	h.wantAs("root", 200, "POST /v1/admin/revoke", `{"subject":"ann"}`, `{"closed":2}`)
	// They may be on their way out still: another revoke does not count them again.
	h.wantAs("root", 200, "POST /v1/admin/revoke", `{"subject":"ann"}`, `{"closed":0}`)
	for _, p := range []*peer{ann, other} {
		if code := p.closed(); code != wire.CloseUnauthorized {
			t.Errorf("got close code %d, want %d", code, wire.CloseUnauthorized)
		}
	}
	h.wantAs("root", 200, "POST /v1/docs/d/ops", `[{"actor":"a","seq":1,"payload":1}]`)
	bob.await(`"offset":1`)
	h.wantAs("root", 200, "POST /v1/admin/revoke", `{"subject":"stranger"}`, `{"closed":0}`)
}

// A server that goes answers those who wait, lets those finish who are at work,
// and takes nothing new.
func TestDrain(t *testing.T) {
	gated := &gatedLog{arrived: make(chan struct{}, 1), gate: make(chan struct{})}
	h := start(t, Config{Log: gated})
	answers := make(chan reply, 2)
	go func() { answers <- h.do("POST /v1/docs/d/ops", `[{"actor":"a","seq":1,"payload":1}]`) }()
	<-gated.arrived
	stream := h.events("/v1/docs/e/ops")
	drained := make(chan error)
	go func() { drained <- h.srv.Drain(t.Context()) }()
	stream.ends("unavailable")
	h.want(503, "GET /v1/docs/d", "", `"unavailable"`)
	close(gated.gate)
	(<-answers).want(t, "a post under way", 200, `"acks":[{"actor":"a"`)
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

// A server that has waited long enough cuts what is under way.
func TestDrainCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{})
		h.write("d", "a", 1, 100, 10_000)
		body := h.lines("d")
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		err := h.srv.Drain(ctx)
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != 5*time.Second {
			t.Errorf("got %v after %v, want the deadline's after 5s", err, took)
		}
		if _, err := io.ReadAll(body); err == nil {
			t.Error("what was cut looked whole")
		}
	})
}
