package client_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-relay/baton/client"
	"github.com/baton-relay/baton/oplog/bolt"
	"github.com/baton-relay/baton/relay"
)

// Clients write on while their relay goes and another takes over its log.
func TestRelayRestarts(t *testing.T) {
	noLeaks(t)
	log, err := bolt.Open(filepath.Join(t.TempDir(), "log.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var current atomic.Pointer[relay.Server]
	current.Store(relay.New(relay.Config{Log: log}))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { current.Load().ServeHTTP(w, r) }))
	t.Cleanup(func() {
		current.Load().Close()
		srv.Close()
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	opts := quick(t)
	opts.MaxBackoff = 20 * time.Millisecond
	a := join(t, dial(t, srv.URL, opts), "notes", client.JoinOptions{})
	b := join(t, dial(t, srv.URL, opts), "notes", client.JoinOptions{})
	const n = 300
	go func() {
		for i := range n {
			if _, err := a.Append(context.Background(), raw(`"x"`)); err != nil {
				t.Errorf("append %d: %v", i, err)
				return
			}
		}
	}()
	receiveOps(t, b, 1)
	old := current.Load()
	current.Store(relay.New(relay.Config{Log: log}))
	if err := old.Drain(testContext(t)); err != nil {
		t.Fatal(err)
	}
	receiveOps(t, b, n-int(b.Clock().Get(a.Actor())))
	saved(t, a)
	if got := b.Clock().Get(a.Actor()); got != n {
		t.Errorf("b has %d ops, want %d", got, n)
	}
	if err := a.SetPresence(raw(`{"here":true}`)); err != nil {
		t.Fatal(err)
	}
	receive(t, b, func(u client.Update) bool {
		for _, who := range u.Presence {
			if who != nil && string(who.State) == `{"here":true}` {
				return true
			}
		}
		return false
	})
}
