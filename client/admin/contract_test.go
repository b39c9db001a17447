package admin_test

import (
	"bytes"
	"context"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/baton-relay/baton/client/admin"
	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
	"github.com/baton-relay/baton/oplog/oplogtest"
	"github.com/baton-relay/baton/relay"
)

// startRelay runs a real relay on a real log, which is checked at the end.
func startRelay(t *testing.T, cfg relay.Config) (url string, log *bolt.Log) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log.db")
	log, err := bolt.Open(path, bolt.Options{CommitInterval: -1})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Log = log
	r := relay.New(cfg)
	srv := httptest.NewServer(r)
	t.Cleanup(func() {
		r.Close()
		srv.Close()
		if err := log.Close(); err != nil {
			t.Error(err)
		}
		if err := bolt.CheckFile(context.Background(), path, func(c *oplog.CorruptionError) { t.Error(c) }); err != nil {
			t.Error(err)
		}
	})
	return srv.URL, log
}

func open(t *testing.T, url string, o admin.Options) *admin.Relay {
	t.Helper()
	if o.Patience == 0 {
		o.Patience = 10 * time.Second
	}
	r, err := admin.Open(url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// overHTTP is the log of a relay, but for what tools do not ask a relay for.
type overHTTP struct {
	*admin.Relay
	log *bolt.Log
}

func (l *overHTTP) Locate(ctx context.Context, doc oplog.DocID, c clock.Vector) (oplog.Offset, error) {
	return l.log.Locate(ctx, doc, c)
}

func (l *overHTTP) Lookup(ctx context.Context, doc oplog.DocID, dots []clock.Dot, visit func(*oplog.Entry) bool) error {
	return l.log.Lookup(ctx, doc, dots, visit)
}

func (l *overHTTP) Health() error { return l.log.Health() }

// TestContract holds a relay to the promises of the log that it has. Those it
// does not make over HTTP: no redacted op can be sent (Fields), nobody is told whom
// actors belong to (Owners), one actor's ops are of one subject (Walk), and a request
// that its sender left may come after the next one (ContextEnds).
func TestContract(t *testing.T) {
	oplogtest.Run(t, func(t *testing.T) oplog.Log {
		url, log := startRelay(t, relay.Config{})
		return &overHTTP{open(t, url, admin.Options{}), log}
	}, "Fields", "Owners", "ContextEnds", "Walk")
}

func TestBackup(t *testing.T) {
	url, log := startRelay(t, relay.Config{})
	r := open(t, url, admin.Options{})
	if _, err := log.Append(t.Context(), oplog.Append{Doc: "d", Entries: oplogtest.Ops("a", 1, 1000)}); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "backup.db")
	if err := bolt.ReceiveBackup(t.Context(), r.Backup, to, bolt.BackupOptions{}); err != nil {
		t.Fatal(err)
	}
	copied, err := bolt.OpenReadOnly(to, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	if s, err := copied.State(t.Context(), "d"); err != nil || s.Head != 1000 {
		t.Errorf("the backup has %+v, %v", s.Span, err)
	}
	if err := r.Backup(t.Context(), &bytes.Buffer{}); err != nil {
		t.Errorf("a second one: %v", err)
	}
}
