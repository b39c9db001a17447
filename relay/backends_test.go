package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/webhook"
)

// startWebhooks opens a queue of notices to an address until the test ends.
func startWebhooks(t *testing.T, url string, o webhook.Options) *webhook.Queue {
	t.Helper()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if o.Secrets, err = webhook.OpenSecrets(secret, nil); err != nil {
		t.Fatal(err)
	}
	o.URLs = []string{url}
	q, err := webhook.Open(filepath.Join(dir, "webhooks.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return q
}

// notices is a backend that takes whatever comes.
type notices chan map[string]any

func (n notices) serve(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		var notice map[string]any
		if err := json.Unmarshal(text, &notice); err != nil {
			t.Errorf("got %s: %v", text, err)
		}
		n <- notice
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// await returns the next notice, which must be of a type.
func (n notices) await(t *testing.T, typ string) map[string]any {
	t.Helper()
	select {
	case got := <-n:
		if got["type"] != typ {
			t.Fatalf("got %v, want %s", got, typ)
		}
		return got
	case <-time.After(patience):
		t.Fatalf("no %s within %v", typ, patience)
	}
	return nil
}

// A document's life as a backend hears of it, in its order, and as docs/webhooks.md
// shows it.
func TestBackendsHearOfADocument(t *testing.T) {
	backend := make(notices, 100)
	q := startWebhooks(t, backend.serve(t), webhook.Options{EveryOps: 2, Every: time.Hour})
	h := start(t, Config{Webhooks: q, Auth: people{"alice": auth.Patterns{"*": auth.All}}})
	docs := examples(t)
	var epoch any
	told := func(typ string, want map[string]any) {
		t.Helper()
		got := backend.await(t, typ)
		data := got["data"].(map[string]any)
		if epoch == nil {
			epoch = data["epoch"]
		}
		want["doc"], want["epoch"] = "notes-1", epoch
		if fmt.Sprint(data) != fmt.Sprint(want) {
			t.Errorf("%s: got %v, want %v", typ, data, want)
		}
		if at, err := time.Parse(time.RFC3339, got["timestamp"].(string)); err != nil || time.Since(at).Abs() > time.Minute {
			t.Errorf("%s: got timestamp %v", typ, got["timestamp"])
		}
		if shape(got) != shape(docs[typ]) {
			t.Errorf("%s is sent as\n%s\nand docs/webhooks.md shows\n%s", typ, shape(got), shape(docs[typ]))
		}
		delete(docs, typ)
	}
	h.wantAs("alice", 200, "POST /v1/docs/notes-1/ops?format=json", `[{"actor":"a","seq":1,"payload":1}]`)
	told(webhook.Created, map[string]any{"format": "json", "by": "alice"})
	one, two := h.join("alice", "notes-1"), h.join("alice", "notes-1")
	told(webhook.Active, map[string]any{"head": 1})
	h.wantAs("alice", 200, "POST /v1/docs/notes-1/ops", `[{"actor":"a","seq":2,"payload":"never told"}]`)
	told(webhook.Changed, map[string]any{"head": 2, "ops": 2})
	put := h.do("PUT /v1/docs/notes-1/snapshots/2", "blob", "Authorization: Bearer alice", "Content-Type: application/octet-stream")
	put.want(t, "put", 201)
	h.do("PUT /v1/docs/notes-1/snapshots/2", "blob", "Authorization: Bearer alice", "Content-Type: application/octet-stream").want(t, "again", 200)
	told(webhook.Stored, map[string]any{"format": "json", "offset": 2, "bytes": 4, "sha256": put.field(t, "sha256"), "by": "alice"})
	for _, p := range []*peer{one, two} {
		_ = p.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""), time.Now().Add(time.Second))
		p.closed()
	}
	told(webhook.Idle, map[string]any{"head": 2})
	h.wantAs("alice", 204, "DELETE /v1/docs/notes-1", "")
	told(webhook.Deleted, map[string]any{"by": "alice"})
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); q.Stats().Delivered < 6 && time.Since(began) < patience; <-tick.C {
	}
	if got := h.do("GET /metrics", "", "Authorization: Bearer alice").body; !strings.Contains(got, "baton_webhook_delivered_total 6\n") || !strings.Contains(got, "baton_webhook_waiting 0\n") {
		t.Errorf("got %s", got)
	}
	delete(docs, webhook.Missed) // is shown by the test of a kill
	if len(docs) > 0 {
		t.Errorf("docs/webhooks.md shows %v, which nobody was told", slices.Collect(maps.Keys(docs)))
	}
}

// A document that nobody wrote to yet has no epoch: who comes is told of all the same.
func TestBackendsHearOfAnEmptyDocument(t *testing.T) {
	backend := make(notices, 10)
	h := start(t, Config{Webhooks: startWebhooks(t, backend.serve(t), webhook.Options{})})
	p := h.join("", "d")
	if got := backend.await(t, webhook.Active)["data"]; fmt.Sprint(got) != "map[doc:d]" {
		t.Errorf("got %v", got)
	}
	p.send(`{"type":"leave","doc":"d"}`)
	backend.await(t, webhook.Idle)
}

// An endpoint that never answers is nothing that writers notice.
func TestSilentBackendDelaysNobody(t *testing.T) {
	asked, silent := make(chan struct{}, 1), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		select {
		case asked <- struct{}{}:
		default:
		}
		<-silent
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(silent) })
	q := startWebhooks(t, server.URL, webhook.Options{EveryOps: 1})
	h := start(t, Config{Webhooks: q})
	p := h.join("", "d")
	<-asked // the request does not end before the test does
	for seq := range 1000 {
		p.send(fmt.Sprintf(`{"type":"ops","doc":"d","ops":[{"actor":"a","seq":%d,"payload":1}]}`, seq+1))
		p.await(`"type":"ack"`)
	}
	if st := q.Stats(); st.Delivered != 0 || st.Waiting != 3 { // active, created, and changed in one
		t.Errorf("got %+v, want three notices to wait", st)
	}
}

// examples returns the notices that docs/webhooks.md shows, by type.
func examples(t *testing.T) map[string]map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", "webhooks.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]any{}
	for _, m := range regexp.MustCompile("(?s)```json notice\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		for line := range strings.Lines(m[1]) {
			var notice map[string]any
			if err := json.Unmarshal([]byte(line), &notice); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			all[notice["type"].(string)] = notice
		}
	}
	return all
}

// shape is an object's keys and the types of their values, for all levels.
func shape(v any) string {
	object, ok := v.(map[string]any)
	if !ok {
		return fmt.Sprintf("%T", v)
	}
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(object)) {
		parts = append(parts, key+" "+shape(object[key]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
