package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.etcd.io/bbolt"
)

const webhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// backend is an endpoint of webhooks that verifies what it takes.
type backend struct {
	t   *testing.T
	url string

	mu    sync.Mutex
	up    bool                // guarded by mu; else it answers 503
	ids   map[string]bool     // guarded by mu; of what was taken
	order map[string][]string // guarded by mu; types by document, each id once
	since []time.Time         // guarded by mu; of notices.missed
}

func newBackend(t *testing.T, up bool) *backend {
	b := &backend{t: t, up: up, ids: map[string]bool{}, order: map[string][]string{}}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	b.url = server.URL + "/hooks?key=s3cret"
	return b
}

// ServeHTTP implements [http.Handler].
func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the relay was killed meanwhile
	}
	verifier, err := standardwebhooks.NewWebhook(webhookSecret)
	if err == nil {
		err = verifier.Verify(body, r.Header)
	}
	var notice struct {
		Type string
		Data struct {
			Doc   string
			Since time.Time
		}
	}
	if err == nil {
		err = json.Unmarshal(body, &notice)
	}
	if err != nil {
		b.t.Errorf("got %s: %v", body, err)
	}
	if !b.up {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if id := r.Header.Get("webhook-id"); !b.ids[id] {
		b.ids[id] = true
		b.order[notice.Data.Doc] = append(b.order[notice.Data.Doc], notice.Type)
		if notice.Type == "notices.missed" {
			b.since = append(b.since, notice.Data.Since)
		}
	}
}

func (b *backend) recover() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.up = true
}

// types returns what was told of a document.
func (b *backend) types(doc string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.order[doc], " ")
}

// flags are those of a relay that tells this backend.
func (b *backend) flags() []string {
	secret := filepath.Join(b.t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(webhookSecret+"\n"), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return []string{"--webhook", b.url, "--webhook-secret", secret, "--webhook-every", "100ms"}
}

// appendOp appends the n-th op to a document.
func appendOp(t *testing.T, p *peer, doc string, n int) {
	t.Helper()
	if err := p.send(doc, operation{Actor: "a", Seq: uint64(n), Payload: []byte("1")}); err != nil {
		t.Fatal(err)
	}
	p.await(t, "ack")
}

// A relay is killed while its backend is down. What was written by then is told
// after the next start, each document's notices in order, and so is that some
// may be missing. After a good end nothing is.
func TestWebhooksOverAKill(t *testing.T) {
	b := newBackend(t, false)
	dir := t.TempDir()
	flags := b.flags()
	relay := start(t, dir, nil, flags...)
	const docs = 20
	for i := range docs {
		doc := fmt.Sprint("doc", i)
		appendOp(t, enter(t, relay, doc, nil), doc, 1)
	}
	await(t, "the notices to be written", func() bool { return noticed(t, dir, "document.changed") == docs })
	await(t, "a line on the endpoint", func() bool { return strings.Contains(relay.stderr.String(), "does not take notices") })
	before := time.Now()
	relay.kill()
	if out := relay.stderr.String(); strings.Contains(out, "s3cret") {
		t.Errorf("the endpoint's path is logged:\n%s", out)
	}

	b.recover()
	relay = start(t, dir, nil, flags...)
	for i := range docs {
		doc := fmt.Sprint("doc", i)
		want := "document.active document.created document.changed"
		await(t, "notices of "+doc, func() bool { return b.types(doc) == want })
	}
	await(t, "word of the kill", func() bool { return b.types("") == "notices.missed" })
	if since := b.since[0]; since.After(before) {
		t.Errorf("notices are said to be missing since %v, and the kill was after %v", since, before)
	}

	p := enter(t, relay, "last", nil)
	appendOp(t, p, "last", 1)
	if code := relay.stop(t); code != 0 {
		t.Errorf("got exit code %d, want 0\n%s", code, relay.stderr)
	}
	start(t, dir, nil, flags...)
	want := "document.active document.created document.changed document.idle"
	await(t, "the rest of a document", func() bool { return b.types("last") == want })
	if got := b.types(""); got != "notices.missed" {
		t.Errorf("after a good end: got %s", got)
	}
}

// noticed returns for how many documents the file of notices holds one of a type. The
// relay has the file locked, so a copy of it is read; one that is torn holds none.
func noticed(t *testing.T, dir, typ string) int {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "webhooks.db"))
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "webhooks-copy.db")
	if err := os.WriteFile(copied, data, 0o600); err != nil {
		t.Fatal(err)
	}
	docs := map[string]bool{}
	defer func() {
		if recover() != nil { // bbolt's answer to pages of two moments
			clear(docs)
		}
	}()
	db, err := bbolt.Open(copied, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		return 0
	}
	defer db.Close()
	_ = db.View(func(tx *bbolt.Tx) error {
		all := tx.Bucket([]byte("endpoints"))
		return all.ForEachBucket(func(url []byte) error {
			return all.Bucket(url).ForEach(func(_, record []byte) error {
				var notice struct {
					Type string
					Data struct{ Doc string }
				}
				if err := json.Unmarshal(record[4:], &notice); err == nil && notice.Type == typ { // behind its checksum
					docs[notice.Data.Doc] = true
				}
				return nil
			})
		})
	})
	return len(docs)
}

// The receivers of docs/webhooks.md, as they stand there, take what the relay sends.
func TestReceiversOfTheManual(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "webhooks.md"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(block(t, string(text), "go")), 0o600); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), "receiver")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, file).CombinedOutput(); err != nil {
		t.Fatalf("build the receiver in Go: %v\n%s", err, out)
	}
	node := exec.CommandContext(t.Context(), "node", "--input-type=module", "-")
	node.Dir = filepath.Join("testdata", "editing")
	node.Stdin = strings.NewReader(block(t, string(text), "js"))
	var flags []string
	heard := map[string]*lockedBuffer{}
	for name, cmd := range map[string]*exec.Cmd{"node": node, "Go": exec.CommandContext(t.Context(), bin)} {
		port := freePort(t)
		said := &lockedBuffer{}
		heard[name] = said
		cmd.Env = append(os.Environ(), "PORT="+port, "WEBHOOK_SECRET="+webhookSecret)
		cmd.Stdout, cmd.Stderr = said, said
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		await(t, name+" to listen", func() bool {
			conn, err := net.Dial("tcp", "127.0.0.1:"+port)
			if err == nil {
				conn.Close()
			}
			return err == nil
		})
		resp, err := http.Post("http://127.0.0.1:"+port+"/", "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body.Close(); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s answers what has no signature with %s, want 401", name, resp.Status)
		}
		flags = append(flags, "--webhook", "http://127.0.0.1:"+port+"/")
	}
	flags = append(flags, newBackend(t, true).flags()[2:]...)
	relay := start(t, t.TempDir(), nil, flags...)
	appendOp(t, enter(t, relay, "notes-1", nil), "notes-1", 1)
	for name, said := range heard {
		await(t, name+" to verify notices", func() bool {
			return strings.Contains(said.String(), "document.active notes-1\ndocument.created notes-1\ndocument.changed notes-1\n")
		})
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// Flags that make no sense, and a damaged file, are refused with what to do.
func TestWebhookFlags(t *testing.T) {
	good := newBackend(t, true).flags()
	damaged := t.TempDir()
	if err := os.WriteFile(filepath.Join(damaged, "webhooks.db"), bytes.Repeat([]byte("x"), 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		flags []string
		want  string
	}{
		"http":      {[]string{"--webhook", "http://app.example.com/s3cret", "--webhook-secret", good[3]}, "take https"},
		"twice":     {append(good, good[0], good[1]), "given twice"},
		"no secret": {good[:2], "openssl rand"},
		"no file":   {[]string{good[0], good[1], "--webhook-secret", "/nowhere"}, "no such file"},
		"often":     {append(good[:4:4], "--webhook-every", "1ms"), "at least 100ms"},
		"damaged":   {append(good, "--data", damaged), "delete it to go on"},
	} {
		args := append([]string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir()}, tt.flags...)
		code, stderr, _ := run(t, args...)
		if code == 0 || !strings.Contains(stderr, tt.want) || strings.Contains(stderr, "s3cret") {
			t.Errorf("%s: got exit code %d and\n%s\nwant %q and no path", name, code, stderr, tt.want)
		}
	}
}
