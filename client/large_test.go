package client_test

import (
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/baton-relay/baton/client"
	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
	"github.com/baton-relay/baton/relay"
)

// TestOpsOfHigherLimitsAreRead joins a document whose log has an op from when the
// limits were higher: it comes in a frame of its own, longer than the relay's
// server_frame_bytes.
func TestOpsOfHigherLimitsAreRead(t *testing.T) {
	noLeaks(t)
	log, err := bolt.Open(filepath.Join(t.TempDir(), "log.db"), bolt.Options{CommitInterval: -1})
	if err != nil {
		t.Fatal(err)
	}
	large := `"` + strings.Repeat("x", 12<<20) + `"`
	entries := []oplog.Entry{
		{Op: oplog.Op{Dot: clock.Dot{Actor: "a", Seq: 1}, Payload: []byte(large)}},
		{Op: oplog.Op{Dot: clock.Dot{Actor: "a", Seq: 2}, Payload: []byte(`"small"`)}},
	}
	if _, err := log.Append(t.Context(), oplog.Append{Doc: "notes", Entries: entries}); err != nil {
		t.Fatal(err)
	}
	r := relay.New(relay.Config{Log: log})
	srv := httptest.NewServer(r)
	t.Cleanup(func() {
		r.Close()
		srv.Close()
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	d := join(t, dial(t, srv.URL, client.Options{}), "notes", client.JoinOptions{})
	var got []int
	receive(t, d, func(u client.Update) bool {
		for _, e := range u.Ops {
			got = append(got, len(e.Payload))
		}
		return isLive(u)
	})
	if len(got) != 2 || got[0] != len(large) || got[1] != len(`"small"`) {
		t.Errorf("got ops of %v bytes, want %d and %d", got, len(large), len(`"small"`))
	}
}
