package client_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/baton-relay/baton/client"
	"github.com/baton-relay/baton/relay/wire"
)

// A token, and the password of a proxy, go to the relay's address and nowhere
// else, whatever an answer says.
func TestTokenStaysWithTheRelay(t *testing.T) {
	var mu sync.Mutex
	var told []string // guarded by mu; what came elsewhere
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, r.Header.Get("Baton-Token")+r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	s := startScript(t, nil)
	s.refuse = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v1/ws" {
			return false
		}
		if user, password, _ := r.BasicAuth(); user != "me" || password != "of the proxy" || r.Header.Get("Baton-Token") != "secret" {
			t.Errorf("the relay was asked with %v", r.Header)
		}
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		return true
	}
	opts := quick(t)
	opts.Token = "secret"
	s.url = strings.Replace(s.url, "://", "://me:of%20the%20proxy@", 1)
	d, p := enter(t, s, opts, client.JoinOptions{}, fresh)
	if got := p.header.Get("Baton-Token"); got != "secret" || !strings.HasPrefix(p.header.Get("Authorization"), "Basic ") {
		t.Errorf("the client came with %v", p.header)
	}
	_, err := d.Snapshot(t.Context(), &client.Snapshot{Snapshot: wire.Snapshot{URL: "/v1/docs/d/snapshots/1", Bytes: 10}})
	if err == nil || !strings.Contains(err.Error(), "307") {
		t.Errorf("got %v, want the redirect for an error", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(told) > 0 {
		t.Errorf("another server heard %q", told)
	}
}
