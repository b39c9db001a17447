package auth

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

// keysInBubble answers for a key server, without a network.
type keysInBubble struct {
	mu     sync.Mutex
	status int
	body   string
	asked  int
}

// RoundTrip implements [http.RoundTripper].
func (s *keysInBubble) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	return &http.Response{StatusCode: s.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(s.body)), Request: r}, nil
}

func (s *keysInBubble) set(t *testing.T, keys ...jwkset.JWKMarshal) {
	t.Helper()
	body, err := json.Marshal(jwkset.JWKSMarshal{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.body = string(body)
}

func (s *keysInBubble) answer(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

func (s *keysInBubble) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// byBubble takes tokens by the keys of s.
func byBubble(t *testing.T, s *keysInBubble) *JWT {
	t.Helper()
	k, err := openJWKS("https://id.example/keys", &http.Client{Transport: s}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	j := newJWT(JWTConfig{})
	j.keys, j.jwks = k, k
	t.Cleanup(j.Close)
	synctest.Wait()
	return j
}

// A key that was withdrawn no longer counts a minute later, for tokens that are
// asked about each second too, by somebody who cannot wait.
func TestWithdrawnKeyIsFelt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &keysInBubble{status: http.StatusOK}
		s.set(t, jwk(t, ecKey().Public(), "one"), jwk(t, edKey().Public(), "two"))
		j := byBubble(t, s)
		impatient, cancel := context.WithCancel(t.Context())
		cancel()
		one, two := byKid("one", jwt.SigningMethodES256, ecKey()), byKid("two", jwt.SigningMethodEdDSA, edKey())
		for range 59 {
			time.Sleep(time.Second)
			if _, err := j.Authorize(impatient, one); err != nil {
				t.Fatal(err)
			}
			s.set(t, jwk(t, edKey().Public(), "two"))
		}
		time.Sleep(2 * time.Second)
		if _, err := j.Authorize(impatient, one); reason(err) != "signed with a key that is not known" {
			t.Errorf("got %v after a minute", err)
		}
		if _, err := j.Authorize(impatient, two); err != nil || s.count() != 2 {
			t.Errorf("the other key: got %v; the set was read %d times, want twice", err, s.count())
		}
	})
}

// A server that is away is asked again, ever more rarely; the keys that were read
// count for a day.
func TestKeysOutlastTheirServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &keysInBubble{status: http.StatusServiceUnavailable}
		s.set(t, jwk(t, ecKey().Public(), "one"))
		j := byBubble(t, s)
		token := sign(jwt.SigningMethodES256, ecKey(), alice(m{"exp": time.Now().Add(100 * time.Hour).Unix()}), m{"kid": "one"})
		time.Sleep(10*time.Second + time.Millisecond)
		if _, err := j.Authorize(t.Context(), token); !errors.Is(err, errKeySet) || s.count() != 5 { // after 0, 1, 3, 6 and 10 s
			t.Errorf("got %v; the set was asked for %d times, want 5", err, s.count())
		}
		s.answer(http.StatusOK)
		time.Sleep(5 * time.Second)
		if _, err := j.Authorize(t.Context(), token); err != nil {
			t.Errorf("as it is back: got %v", err)
		}
		s.answer(http.StatusServiceUnavailable)
		time.Sleep(keysCount - time.Minute)
		if _, err := j.Authorize(t.Context(), token); err != nil {
			t.Errorf("away for nearly a day: got %v", err)
		}
		time.Sleep(2 * time.Minute)
		if _, err := j.Authorize(t.Context(), token); !errors.Is(err, errKeySet) {
			t.Errorf("away for a day: got %v, want that it cannot be told", err)
		}
		s.answer(http.StatusOK)
		time.Sleep(keysEvery)
		if _, err := j.Authorize(t.Context(), token); err != nil {
			t.Errorf("as it is back again: got %v", err)
		}
	})
}
