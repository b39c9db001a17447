package admin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/baton-relay/baton/client/admin"
)

// A token goes to the relay's address and nowhere else, whatever an answer says.
func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another server heard %v", r.Header)
	}))
	defer elsewhere.Close()
	relay := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Baton-Token"); got != "secret" {
			t.Errorf("the relay was asked with the token %q", got)
		}
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	}))
	defer relay.Close()
	r, err := admin.Open(relay.URL, admin.Options{Token: "secret", HTTPClient: http.DefaultClient})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Docs(t.Context(), "", 10); err == nil || !strings.Contains(err.Error(), "307") {
		t.Errorf("got %v, want the redirect for an error", err)
	}
}
