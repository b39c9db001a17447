package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/baton-relay/baton/relay/auth"
)

// post makes a request with a token and returns its status.
func (p *process) post(t *testing.T, path, token, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// The process is killed right after it has answered a revoke, and started again:
// the token stays revoked, and so do the subject's.
func TestRevokeSurvivesKill(t *testing.T) {
	dir, key := t.TempDir(), filepath.Join(t.TempDir(), "key")
	if err := auth.NewSecret(key); err != nil {
		t.Fatal(err)
	}
	signer, err := auth.OpenSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(subject, id string) string {
		token, err := signer.Sign(&auth.Grant{
			Subject: subject, TokenID: id, Issued: time.Now(), Expires: time.Now().Add(time.Hour), Docs: auth.Patterns{"*": auth.All},
		})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	root, one, two, other := sign("root", "r"), sign("ann", "a1"), sign("ann", "a2"), sign("bob", "b")
	status := func(p *process, token string) int {
		code, _ := p.get(t, "/v1/docs?access_token="+token)
		return code
	}
	p := start(t, dir, nil, "--jwt-key", key)
	for _, body := range []string{`{"token_id":"a1"}`, `{"subject":"ann"}`} {
		if got := p.post(t, "/v1/admin/revoke", root, body); got != 200 {
			t.Fatalf("revoke %s: got %d", body, got)
		}
		p.kill()
		p = start(t, dir, nil, "--jwt-key", key)
		if got := status(p, one); got != 401 {
			t.Errorf("after %s and a restart: got %d, want 401", body, got)
		}
	}
	if got := status(p, two); got != 401 {
		t.Errorf("another of the subject: got %d, want 401", got)
	}
	if got := status(p, other); got != 200 {
		t.Errorf("somebody else: got %d, want 200", got)
	}
}
