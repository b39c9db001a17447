package relay

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-relay/baton/relay/auth"
)

// application is a backend whose answers a test changes.
type application struct {
	mu     sync.Mutex
	status int
	body   string
	asked  atomic.Int32
	docs   sync.Map // that were asked for
}

func (a *application) says(status int, access ...string) {
	body, err := json.Marshal(map[string][]string{"access": access})
	if err != nil {
		panic(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status, a.body = status, string(body)
}

// ServeHTTP implements [http.Handler].
func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	question, _ := io.ReadAll(r.Body)
	var q struct{ Doc string }
	_ = json.Unmarshal(question, &q)
	a.docs.Store(q.Doc, true)
	a.asked.Add(1)
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

// startWith runs a relay that asks an application, whose answers count for cache.
func startWith(t *testing.T, cache time.Duration) (*harness, *application) {
	t.Helper()
	app := new(application)
	web := httptest.NewServer(app)
	backend, err := auth.OpenBackend(auth.AskConfig{URL: web.URL, Cache: cache, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(web.Close) // last of all
	t.Cleanup(backend.Close)
	h := start(t, Config{
		Auth:    people{"ann": {"*": auth.Read | auth.Write | auth.Presence}, "root": {"*": auth.All}},
		Backend: backend, Heartbeat: 4 * time.Second,
	})
	return h, app
}

// It takes rights away, never gives any, and is asked for sockets and requests.
func TestBackendNarrows(t *testing.T) {
	h, app := startWith(t, time.Hour)
	app.says(200, "read", "compact")
	p := h.dial("ann")
	p.send(`{"type":"join","doc":"d"}`)
	p.expect(`"joined"`, `"access":["read"]`)
	p.await(`"live"`)
	p.send(`{"type":"ops","doc":"d","ops":[{"actor":"a","seq":1,"payload":1}]}`)
	p.await(`"forbidden"`)
	h.wantAs("ann", 403, "POST /v1/docs/d/ops", `[{"actor":"a","seq":1,"payload":1}]`)
	h.wantAs("ann", 404, "GET /v1/docs/d", "", `"access":["read"]`)
	if n := app.asked.Load(); n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
	app.says(403)
	p.send(`{"type":"join","doc":"e"}`)
	p.await(`"forbidden"`)
	h.wantAs("ann", 403, "GET /v1/docs/e", "", `"forbidden"`)
	h.wantAs("root", 200, "GET /v1/docs", "") // of no document: the token alone says
	if _, asked := app.docs.Load("*"); asked {
		t.Error("it was asked about *")
	}
}

// Without an answer nobody enters, and is told to come again.
func TestBackendIsAway(t *testing.T) {
	h, app := startWith(t, time.Hour)
	app.says(500)
	p := h.dial("ann")
	p.send(`{"type":"join","doc":"d","id":7}`)
	p.expect(`"error"`, `"id":7`, `"unavailable"`, `"retry_ms":1000`)
	got := h.wantAs("ann", 503, "GET /v1/docs/d", "", `"unavailable"`, `"retry_ms":1000`)
	if got.header.Get("Retry-After") != "1" {
		t.Errorf("got header %v", got.header)
	}
	app.says(200, "read", "write")
	p.send(`{"type":"join","doc":"d"}`)
	p.expect(`"joined"`, `"access":["read","write"]`)
}

// Who is there hears within its time that it may do less, or more.
func TestBackendNarrowsMidSession(t *testing.T) {
	h, app := startWith(t, 200*time.Millisecond)
	app.says(200, "read", "write")
	p, gone := h.join("ann", "d"), h.join("ann", "e")
	app.says(200, "read")
	p.await(`{"type":"access","doc":"d","access":["read"]}`)
	p.send(`{"type":"ops","doc":"d","ops":[{"actor":"a","seq":1,"payload":1}]}`)
	p.await(`"forbidden"`)
	app.says(200, "read", "write", "presence", "admin")
	p.await(`{"type":"access","doc":"d","access":["read","write","presence"]}`)
	app.says(403)
	p.await(`"left","doc":"d","code":"forbidden"`)
	gone.await(`"left","doc":"e","code":"forbidden"`)
	p.send(`{"type":"ping"}`)
	p.await(`"pong"`) // the connection lives on
}

// When it does not answer any more, the last answer counts for five times its
// time, and then nothing does.
func TestBackendGoesAway(t *testing.T) {
	h, app := startWith(t, 500*time.Millisecond)
	app.says(200, "read", "write")
	began := time.Now()
	p := h.join("ann", "d")
	app.says(http.StatusBadGateway)
	p.await(`"left","doc":"d","code":"forbidden"`)
	if took := time.Since(began); took < 2400*time.Millisecond || took > patience {
		t.Errorf("it went after %v, want somewhat more than 2.5s", took)
	}
	h.wantAs("ann", 503, "GET /v1/docs/d", "", `"unavailable"`)
}

// An event stream ends when the right to read is taken away.
func TestBackendEndsStreams(t *testing.T) {
	h, app := startWith(t, 200*time.Millisecond)
	app.says(200, "read", "write")
	h.wantAs("ann", 200, "POST /v1/docs/d/ops", `[{"actor":"a","seq":1,"payload":1}]`)
	resp, err := h.client.Do(h.request("GET /v1/docs/d/ops", "", "Accept: text/event-stream", "Authorization: Bearer ann"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	app.says(200, "write")
	b, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(b), "event: end") || !strings.Contains(string(b), `"forbidden"`) {
		t.Errorf("got %s, %v", b, err)
	}
}

// A new token is asked about anew, at once.
func TestBackendIsAskedAboutNewTokens(t *testing.T) {
	h, app := startWith(t, time.Hour)
	tokens := &tokenList{}
	tokens.set("one", "ann", 0, auth.Patterns{"*": auth.Read})
	tokens.set("two", "ann", 0, auth.Patterns{"*": auth.Read | auth.Write})
	h.srv.cfg.Auth = tokens // before anybody connects
	app.says(200, "read", "write")
	p := h.join("one", "d")
	p.send(`{"type":"auth","token":"two"}`)
	p.await(`{"type":"access","doc":"d","access":["read","write"]}`)
	if n := app.asked.Load(); n != 2 {
		t.Errorf("asked %d times, want 2", n)
	}
	p.send(`{"type":"auth","token":"one"}`)
	p.await(`{"type":"access","doc":"d","access":["read"]}`)
}
