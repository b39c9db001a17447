package relay

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/baton-relay/baton/relay/auth"
)

// R125: /metrics needs the right admin in every document.
func TestMetrics(t *testing.T) {
	tokens := &tokenList{}
	tokens.set("boss", "boss", 0, auth.Patterns{"*": auth.Admin})
	tokens.set("ann", "ann", 0, auth.Patterns{"*": auth.Read | auth.Write, "d": auth.All})
	h := start(t, Config{Auth: tokens})
	got := h.wantAs("boss", 200, "GET /metrics", "", "baton_sessions 0\n", "process_cpu_seconds_total", "go_goroutines")
	if kind := got.header.Get("Content-Type"); !strings.HasPrefix(kind, "text/plain; version=0.0.4; charset=utf-8") {
		t.Errorf("got Content-Type %q", kind)
	}
	h.wantAs("ann", 403, "GET /metrics", "", `"forbidden"`)
	h.want(401, "GET /metrics", "")
	h.wantAs("boss", 405, "POST /metrics", "")

	open := start(t, Config{})
	open.want(200, "GET /metrics", "", "baton_sessions 0\n")
}

// With a listener of their own, metrics are there and only there, and nobody is
// asked for a token.
func TestMetricsApart(t *testing.T) {
	home := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("home")) })
	tokens := &tokenList{}
	tokens.set("boss", "boss", 0, everything)
	h := start(t, Config{MetricsApart: true, Home: home, Auth: tokens})
	h.wantAs("boss", 404, "GET /metrics", "", `"not_found"`)
	h.want(200, "GET /healthz", "")

	apart := httptest.NewServer(h.srv.Operations())
	defer apart.Close()
	h.url = apart.URL
	h.want(200, "GET /metrics", "", "baton_sessions 0\n")
	h.want(200, "GET /healthz", "", `"ok"`)
	h.want(200, "GET /readyz", "", `"ready"`)
	h.want(405, "POST /readyz", "")
	for _, path := range []string{"/", "/v1/docs", "/v1/ws"} {
		h.want(404, "GET "+path, "")
	}
	req := h.request("GET /metrics", "")
	req.Host = "evil.example"
	resp, err := h.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 421 {
		t.Errorf("under another name on loopback: got %d, want 421", resp.StatusCode)
	}
}

// A relay that is about to go says so to whoever spreads the load, and serves on.
func TestUnready(t *testing.T) {
	h := start(t, Config{})
	h.want(200, "GET /readyz", "")
	h.srv.Unready()
	if got := h.want(503, "GET /readyz", ""); !strings.Contains(got.body, "going") {
		t.Errorf("got %s", got.body)
	}
	h.want(200, "GET /healthz", "")
	h.write("d", "a", 1, 1, 1)
}
