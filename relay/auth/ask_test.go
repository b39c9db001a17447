package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// backendFor asks a handler.
func backendFor(t testing.TB, cfg AskConfig, serve http.HandlerFunc) *Backend {
	t.Helper()
	web := httptest.NewServer(serve)
	t.Cleanup(web.Close)
	cfg.URL = web.URL
	b, err := OpenBackend(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	}
}

// never gives no answer. The body must be read for it to hear that nobody waits.
func never(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

var asks = &Identity{Subject: "alice", Name: "Alice", Claims: []byte(`{"sub":"alice","team":7}`), Docs: Patterns{"board-*": Read | Write | Presence}}

// What is asked, and by whom.
func TestBackendQuestion(t *testing.T) {
	secretFile := fileOf(t, "s3cret\n")
	var got struct {
		body, header string
	}
	b := backendFor(t, AskConfig{SecretFile: secretFile}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got.body, got.header = string(body), r.Method+" "+r.Header.Get("Authorization")+" "+r.Header.Get("Content-Type")
		says(`{"access":["read","admin"],"more":1}`)(w, r)
	})
	answer, err := b.Ask(t.Context(), asks, "board-1")
	if err != nil || answer.Rights != Read {
		t.Errorf("got %v, %v; want what both give", answer.Rights, err)
	}
	want := `{"doc":"board-1","subject":"alice","name":"Alice","claims":{"sub":"alice","team":7},"access":["read","write","presence"]}`
	if got.body != want {
		t.Errorf("asked\n%s\nwant\n%s", got.body, want)
	}
	if want := "POST Bearer s3cret application/json"; got.header != want {
		t.Errorf("got %q, want %q", got.header, want)
	}
}

// Each is no answer, so that nobody enters by it.
func TestBackendFailsClosed(t *testing.T) {
	elsewhere := httptest.NewServer(says(`{"access":["read"]}`))
	defer elsewhere.Close()
	for name, serve := range map[string]http.HandlerFunc{
		"garbage":          says(`<html>`),
		"empty":            says(``),
		"null":             says(`null`),
		"no access":        says(`{}`),
		"access null":      says(`{"access":null}`),
		"access a word":    says(`{"access":"read"}`),
		"an unknown right": says(`{"access":["read","fly"]}`),
		"something behind": says(`{"access":["read"]}{}`),
		"endless":          says(`{"access":["read"],"x":"` + strings.Repeat("x", maxAnswer) + `"}`),
		"another kind":     func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"access":["read"]}`) },
		"204":              func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"401":              func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) },
		"500":              func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		},
		"broken off":         func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"no answer, in time": never,
	} {
		b := backendFor(t, AskConfig{Timeout: 200 * time.Millisecond}, serve)
		if answer, err := b.Ask(t.Context(), asks, "board-1"); err == nil || answer.Rights != 0 {
			t.Errorf("%s: got %v, %v; want an error", name, answer.Rights, err)
		}
	}
	b := backendFor(t, AskConfig{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) })
	if answer, err := b.Ask(t.Context(), asks, "board-1"); err != nil || answer.Rights != 0 {
		t.Errorf("403: got %v, %v; want no rights", answer.Rights, err)
	}
	for name, cfg := range map[string]AskConfig{
		"http":          {URL: "http://app.example/ask"},
		"no URL":        {},
		"no secret":     {URL: "https://app.example", SecretFile: fileOf(t, "\n")},
		"secret, lines": {URL: "https://app.example", SecretFile: fileOf(t, "a\nb")},
		"secret gone":   {URL: "https://app.example", SecretFile: "/nowhere/at/all"},
	} {
		if _, err := OpenBackend(cfg); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

// An answer counts for its time; who asks the same at the same time shares one
// question.
func TestBackendCache(t *testing.T) {
	var asked atomic.Int32
	gate := make(chan struct{})
	b := backendFor(t, AskConfig{Cache: time.Hour}, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		<-gate
		says(`{"access":["read"]}`)(w, r)
	})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if answer, err := b.Ask(t.Context(), asks, "board-1"); err != nil || answer.Rights != Read {
				t.Errorf("got %v, %v", answer.Rights, err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	waitFor(t, "the question", func() bool { return asked.Load() > 0 })
	if _, err := b.Ask(ctx, asks, "board-1"); err == nil {
		t.Error("who left was answered")
	}
	close(gate)
	all.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
	other := *asks
	other.Claims = []byte(`{"sub":"alice","team":8}`)
	for _, q := range []struct {
		id  *Identity
		doc string
	}{{asks, "board-2"}, {&other, "board-1"}, {asks, "board-1"}, {&other, "board-1"}} {
		if _, err := b.Ask(t.Context(), q.id, q.doc); err != nil {
			t.Error(err)
		}
	}
	if n := asked.Load(); n != 3 {
		t.Errorf("asked %d times, want 3: another document, and another token", n)
	}
	if answer, err := b.Ask(t.Context(), asks, "notes"); err != nil || answer.Rights != 0 || asked.Load() != 3 {
		t.Errorf("where the token gives nothing: got %v, %v, asked %d times", answer.Rights, err, asked.Load())
	}
}

// However many are asked about, what is kept is bounded.
func TestBackendCacheIsBounded(t *testing.T) {
	b := &Backend{cfg: AskConfig{Cache: time.Minute}, answers: map[question]Answer{}, underway: map[question]*asking{}}
	for i := range maxAnswers + 1000 {
		var q question
		copy(q[:], fmt.Sprint(i))
		b.settle(q, &asking{done: make(chan struct{})}, Read, nil)
	}
	if len(b.answers) != maxAnswers {
		t.Errorf("%d answers are kept, want %d", len(b.answers), maxAnswers)
	}
}

// FuzzAnswer holds that no answer gives more than the names of rights in it.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{`{"access":["read"]}`, `{"access":[]}`, `{"access":null}`, `{"Access":["admin"]}`, `[]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		resp := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(text))}
		rights, err := readAnswer(resp)
		if err != nil && rights != 0 {
			t.Errorf("got %v and %v", rights, err)
		}
		if err == nil && !json.Valid([]byte(text)) {
			t.Errorf("took %q", text)
		}
	})
}

func BenchmarkAskAgain(b *testing.B) {
	back := backendFor(b, AskConfig{Cache: time.Hour}, says(`{"access":["read"]}`))
	for b.Loop() {
		if _, err := back.Ask(b.Context(), asks, "board-1"); err != nil {
			b.Fatal(err)
		}
	}
}
