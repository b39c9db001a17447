package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/baton-relay/baton/client"
	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
	"github.com/baton-relay/baton/relay"
)

// startRelay runs a real relay on a real log and returns its URL.
func startRelay(t *testing.T, cfg relay.Config) string {
	t.Helper()
	log, err := bolt.Open(filepath.Join(t.TempDir(), "log.db"), bolt.Options{})
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
	})
	return srv.URL
}

// testContext ends before the test is given up.
func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// testLog writes the client's log to the test's, until the test has ended.
func testLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func dial(t *testing.T, url string, opts client.Options) *client.Conn {
	t.Helper()
	if opts.Logger == nil {
		opts.Logger = testLog(t)
	}
	conn, err := client.Dial(testContext(t), url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

func join(t *testing.T, conn *client.Conn, doc oplog.DocID, opts client.JoinOptions) *client.Doc {
	t.Helper()
	d, err := conn.Join(testContext(t), doc, opts)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func appendOp(t *testing.T, d *client.Doc, format string, args ...any) clock.Dot {
	t.Helper()
	dot, err := d.Append(testContext(t), fmt.Appendf(nil, format, args...))
	if err != nil {
		t.Fatal(err)
	}
	return dot
}

func saved(t *testing.T, d *client.Doc) {
	t.Helper()
	if err := d.Saved(testContext(t)); err != nil {
		t.Fatal(err)
	}
}

// receive takes updates until done says so of one.
func receive(t *testing.T, d *client.Doc, done func(client.Update) bool) {
	t.Helper()
	ctx := testContext(t)
	for {
		u, err := d.Next(ctx)
		if err != nil {
			t.Fatalf("receive from %s: %v", d.Name(), err)
		}
		if done(u) {
			return
		}
	}
}

// receiveOps returns the next n ops.
func receiveOps(t *testing.T, d *client.Doc, n int) (ops []oplog.Entry) {
	t.Helper()
	receive(t, d, func(u client.Update) bool {
		ops = append(ops, u.Ops...)
		return len(ops) >= n
	})
	return ops
}

func isLive(u client.Update) bool { return u.Status != nil && u.Status.State == client.Live }

func payloads(ops []oplog.Entry) string {
	var b strings.Builder
	for _, op := range ops {
		b.Write(op.Payload)
	}
	return b.String()
}

func raw(s string) json.RawMessage { return json.RawMessage(s) }

// noLeaks fails the test if goroutines of the package outlive it.
func noLeaks(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		for deadline := time.Now().Add(5 * time.Second); ; runtime.Gosched() {
			buf := make([]byte, 1<<20)
			stacks := string(buf[:runtime.Stack(buf, true)])
			if !strings.Contains(stacks, "baton/client.(*") {
				return
			}
			if time.Now().After(deadline) {
				t.Errorf("goroutines outlive the test:\n%s", stacks)
				return
			}
		}
	})
}
