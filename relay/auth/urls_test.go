package auth

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// An address may hold a secret in its path and its query: neither is in an error
// or in the log.
func TestAddressesAreNamedWithoutTheirSecrets(t *testing.T) {
	const secret = "/hidden-path?code=hidden-word"
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	defer elsewhere.Close()
	answers := map[string]http.HandlerFunc{
		"refused": nil,
		"error":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+secret, http.StatusTemporaryRedirect)
		},
		"slow": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // else nobody sees that the client is gone
			<-r.Context().Done()
		},
		"no JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("no")) },
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			web := httptest.NewServer(answer)
			defer web.Close()
			if answer == nil {
				web.Close()
			}
			want := func(what, text string) {
				t.Helper()
				if strings.Contains(text, "hidden") {
					t.Errorf("%s says %q, which has secrets in it", what, text)
				}
				if !strings.Contains(text, web.URL) {
					t.Errorf("%s says %q, want that it names %s", what, text, web.URL)
				}
			}
			b, err := OpenBackend(AskConfig{URL: web.URL + secret, Timeout: 100 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			if _, err = b.Ask(t.Context(), &Identity{Docs: Patterns{"*": All}}, "d"); err == nil {
				t.Fatal("got an answer")
			}
			want("the authorizer's error", err.Error())

			var log lockedBuffer
			j := takes(t, JWTConfig{JWKS: web.URL + secret, Audience: []string{"*"}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			defer j.Close()
			if name != "slow" { // that takes 5 s
				waitFor(t, "a try", func() bool { return strings.Contains(log.String(), "key set not read") })
				want("the log", log.String())
			}
		})
	}
	for _, address := range []string{"http://elsewhere.example" + secret, "https://\x7f" + secret, "https://" + secret, "https://ann:hidden@app.example/"} {
		if err := checkURL(address); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%q: got %v, want an error without secrets", address, err)
		}
	}
}
