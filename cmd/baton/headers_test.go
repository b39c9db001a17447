package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// Whatever the relay answers, no page of another may frame it, no browser guesses
// what it is, its address goes to nobody, and nothing of it is remembered that a
// browser would bring along by itself.
func TestHeadersOfEveryAnswer(t *testing.T) {
	p := start(t, t.TempDir(), nil)
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, tt := range []struct {
		line   string
		status int
	}{
		{"GET /", 200},
		{"HEAD /", 200},
		{"GET /board/x", 200},
		{"GET /board/x?split", 200},
		{"GET /text/x", 200},
		{"GET /text/x?access_token=word", 200},
		{"GET /status", 200},
		{"GET /board.html", 200},
		{"GET /split.html", 200},
		{"GET /sw.js", 200},
		{"GET /icon.svg", 200},
		{"GET /addresses.json", 200},
		{"GET /nothing", 404},
		{"GET /board/", 404},
		{"GET /board/x/y", 404},
		{"POST /board/x", 405},
		{"GET /board//x", 307},
		{"GET //evil.example/..", 307},
		{"GET /v1", 307},
		{"GET /v1/nothing", 404},
		{"GET /v1/ws", 426},
		{"GET /v1/docs", 200},
		{"GET /v1/docs/d?access_token=word", 404},
		{"GET /v1/docs/d/ops", 404},
		{"GET /v1/docs/%2e%2e", 400},
		{"PUT /v1/docs/d", 405},
		{"OPTIONS /v1/docs/d", 405},
		{"TRACE /v1/docs/d", 405},
		{"GET /v1/admin/status", 200},
		{"GET /healthz", 200},
		{"GET /readyz", 200},
		{"GET /metrics", 200},
	} {
		method, path, _ := strings.Cut(tt.line, " ")
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+p.addr+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Opaque = "http://" + p.addr + path // as it stands
		resp, err := browser.Do(req)
		if err != nil {
			t.Fatalf("%s: %v", tt.line, err)
		}
		body, err := io.ReadAll(resp.Body)
		if resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
		h := resp.Header
		if resp.StatusCode != tt.status {
			t.Errorf("%s: got %s, want %d", tt.line, resp.Status, tt.status)
		}
		ancestors := "frame-ancestors 'none'"
		if strings.HasPrefix(path, "/board") && !strings.Contains(path, "split") && tt.status == 200 {
			ancestors = "frame-ancestors 'self'" // two of them stand in one page
		}
		policy := h.Get("Content-Security-Policy")
		if !strings.Contains(policy, ancestors) || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: got header %v", tt.line, h)
		}
		if isPage := strings.Contains(h.Get("Content-Type"), "html"); isPage && tt.status == 200 &&
			(!strings.HasPrefix(policy, "default-src 'none'; script-src 'self' 'wasm-unsafe-eval';") || !strings.Contains(policy, "form-action 'none'")) {
			t.Errorf("%s: got policy %q", tt.line, policy)
		}
		if h.Get("Set-Cookie") != "" || h.Get("Access-Control-Allow-Origin") != "" || h.Get("Server") != "" {
			t.Errorf("%s: got header %v", tt.line, h)
		}
		if to := h.Get("Location"); to != "" && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//")) {
			t.Errorf("%s: leads to %s", tt.line, to)
		}
		if strings.Contains(string(body), "access_token=word") {
			t.Errorf("%s: the answer repeats the token", tt.line)
		}
	}
}
