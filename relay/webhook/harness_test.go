package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// attempt is a request as a backend got it.
type attempt struct {
	at     time.Time
	header http.Header
	text   []byte
	Type   string    `json:"type"`
	When   time.Time `json:"timestamp"`
	Data   Event     `json:"data"`
}

func (a *attempt) id() string { return a.header.Get("webhook-id") }

// backend is an endpoint. decide answers, 200 if it is nil.
type backend struct {
	t      *testing.T
	decide func(w http.ResponseWriter, a *attempt)

	mu    sync.Mutex
	all   []*attempt // guarded by mu
	taken []*attempt // guarded by mu; those answered with 2xx
	news  chan struct{}
}

func newBackend(t *testing.T, decide func(http.ResponseWriter, *attempt)) *backend {
	return &backend{t: t, decide: decide, news: make(chan struct{}, 1)}
}

// serve runs the backend on a real socket until the test ends.
func (b *backend) serve() string {
	server := httptest.NewServer(b)
	b.t.Cleanup(server.Close)
	return server.URL
}

// ServeHTTP implements [http.Handler].
func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	a := &attempt{at: time.Now(), header: r.Header, text: text}
	if err == nil {
		err = json.Unmarshal(text, a)
	}
	if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
		b.t.Errorf("got %s of %q, %s: %v", r.Method, r.Header.Get("Content-Type"), text, err)
	}
	b.mu.Lock()
	b.all = append(b.all, a)
	b.mu.Unlock()
	said := &status{ResponseWriter: w, code: http.StatusOK}
	if b.decide != nil {
		b.decide(said, a)
	}
	if said.code/100 == 2 {
		b.mu.Lock()
		b.taken = append(b.taken, a)
		b.mu.Unlock()
	}
	select {
	case b.news <- struct{}{}:
	default:
	}
}

// RoundTrip implements [http.RoundTripper]: a network within a bubble.
func (b *backend) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

type status struct {
	http.ResponseWriter
	code int
}

// WriteHeader implements [http.ResponseWriter].
func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// got returns what was taken so far.
func (b *backend) got() []*attempt {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]*attempt{}, b.taken...)
}

// tried returns all attempts so far.
func (b *backend) tried() []*attempt {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]*attempt{}, b.all...)
}

// await waits until n notices are taken, and returns them.
func (b *backend) await(n int) []*attempt {
	b.t.Helper()
	late := time.After(patience)
	for {
		if got := b.got(); len(got) >= n {
			return got
		}
		select {
		case <-b.news:
		case <-late:
			b.t.Fatalf("got %s after %v, want %d notices", summary(b.got()), patience, n)
		}
	}
}

// summary is a list of notices in short: "document.idle a, …".
func summary(list []*attempt) string {
	var parts []string
	for _, a := range list {
		parts = append(parts, strings.TrimSpace(a.Type+" "+a.Data.Doc))
	}
	return strings.Join(parts, ", ")
}

// wantOrder holds notices to types and documents.
func wantOrder(t *testing.T, got []*attempt, want ...string) {
	t.Helper()
	if s := summary(got); s != strings.Join(want, ", ") {
		t.Errorf("got  %s\nwant %s", s, strings.Join(want, ", "))
	}
}

// secretFile writes a file of secrets.
func secretFile(t testing.TB, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secrets")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func openSecrets(t *testing.T, lines ...string) *Secrets {
	t.Helper()
	s, err := OpenSecrets(secretFile(t, lines...), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// start opens a queue until the test ends; o needs no secret. What it logs
// comes back.
func start(t *testing.T, path string, o Options, transport http.RoundTripper) (*Queue, *logged) {
	t.Helper()
	if o.Secrets == nil {
		o.Secrets = openSecrets(t, testSecret)
	}
	said := &logged{}
	o.Logger = slog.New(slog.NewTextHandler(said, nil))
	if transport == nil {
		transport = newTransport()
	}
	q, err := open(path, o, transport)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop(t, q)
		if real, ok := transport.(*http.Transport); ok {
			real.CloseIdleConnections()
		}
	})
	return q, said
}

func stop(t *testing.T, q *Queue) {
	t.Helper()
	if err := q.Close(context.Background()); err != nil {
		t.Errorf("close: %v", err)
	}
}

// file returns the place of a queue that does not exist yet.
func file(t *testing.T) string { return filepath.Join(t.TempDir(), "webhooks.db") }

// awaitStats waits until what the queue counts is so.
func awaitStats(t *testing.T, q *Queue, what string, so func(Stats) bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !so(q.Stats()) {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited %v for %s: %+v", patience, what, q.Stats())
		}
	}
}

// awaitSaved waits until the file holds n notices.
func awaitSaved(t *testing.T, q *Queue, n int) {
	t.Helper()
	awaitStats(t, q, "the file to be written", func(Stats) bool { return stored(t, q) == n })
}

// stored returns how many notices the file holds.
func stored(t *testing.T, q *Queue) (n int) {
	t.Helper()
	err := q.store.db.View(func(tx *bbolt.Tx) error {
		all := tx.Bucket(bucketEndpoints)
		return all.ForEachBucket(func(url []byte) error {
			n += all.Bucket(url).Stats().KeyN
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
