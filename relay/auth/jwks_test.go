package auth

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

// keyServer serves a key set that a test changes.
type keyServer struct {
	t   testing.TB
	web *httptest.Server

	mu     sync.Mutex
	body   string
	status int
	asked  int
}

func newKeyServer(t testing.TB, keys ...jwkset.JWKMarshal) *keyServer {
	s := &keyServer{t: t, status: http.StatusOK}
	s.set(keys...)
	s.web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked++
		w.WriteHeader(s.status)
		_, _ = w.Write([]byte(s.body))
	}))
	t.Cleanup(s.web.Close)
	return s
}

func (s *keyServer) set(keys ...jwkset.JWKMarshal) {
	body, err := json.Marshal(jwkset.JWKSMarshal{Keys: keys})
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.body = string(body)
}

func (s *keyServer) fail(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

func (s *keyServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// jwk is a key as a set has it.
func jwk(t testing.TB, key any, kid string, meta ...func(*jwkset.JWKMetadataOptions)) jwkset.JWKMarshal {
	t.Helper()
	m := jwkset.JWKMetadataOptions{KID: kid, USE: jwkset.UseSig}
	for _, f := range meta {
		f(&m)
	}
	k, err := jwkset.NewJWKFromKey(key, jwkset.JWKOptions{Metadata: m, Marshal: jwkset.JWKMarshalOptions{Private: true}})
	if err != nil {
		t.Fatal(err)
	}
	return k.Marshal()
}

// byURL takes tokens by a key server's keys, once those have been read.
func byURL(t testing.TB, s *keyServer) *JWT {
	t.Helper()
	j := takes(t, JWTConfig{JWKS: s.web.URL})
	waitFor(t, "the keys", func() bool { _, err := j.keys.current(); return err == nil })
	return j
}

// waitFor waits until something has happened in another goroutine.
func waitFor(t testing.TB, what string, happened func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !happened(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: nothing happened", what)
		}
	}
}

// past makes the last reading of the keys look old enough to read them again.
func (k *jwks) past() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tried = time.Time{}
}

func byKid(kid string, method jwt.SigningMethod, key any) string {
	return sign(method, key, alice(), m{"kid": kid})
}

func reason(err error) string {
	if refused, ok := errors.AsType[*Refusal](err); ok {
		return refused.Reason
	}
	if err == nil {
		return ""
	}
	return "error: " + err.Error()
}

// Keys are rotated at the server: the first token by a new one is taken at once,
// and those by one that was withdrawn are not any more.
func TestJWKSRotation(t *testing.T) {
	s := newKeyServer(t, jwk(t, ecKey().Public(), "one"))
	j := byURL(t, s)
	one, two := byKid("one", jwt.SigningMethodES256, ecKey()), byKid("two", jwt.SigningMethodRS256, rsaKey())
	id, err := j.Authorize(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Authorize(t.Context(), two); reason(err) != "signed with a key that is not known" {
		t.Errorf("by a key to come: got %v", err)
	}
	if n := s.count(); n != 1 {
		t.Errorf("the set was read %d times within a moment, want once: anybody can name keys", n)
	}

	s.set(jwk(t, ecKey().Public(), "one"), jwk(t, rsaKey().Public(), "two"))
	j.jwks.past()
	if _, err := j.Authorize(t.Context(), two); err != nil || s.count() != 2 {
		t.Errorf("by a new key: got %v, the set was read %d times", err, s.count())
	}
	if again, err := j.Authorize(t.Context(), one); again != id || err != nil {
		t.Errorf("by the old key: got another identity, %v", err)
	}

	s.set(jwk(t, rsaKey().Public(), "two"))
	j.jwks.past()
	if _, err := j.Authorize(t.Context(), byKid("three", jwt.SigningMethodES256, ecKey())); reason(err) != "signed with a key that is not known" {
		t.Errorf("by a key of nobody: got %v", err)
	}
	if _, err := j.Authorize(t.Context(), one); reason(err) != "signed with a key that is not known" {
		t.Errorf("by a key that was withdrawn: got %v", err)
	}
	if _, err := j.Authorize(t.Context(), two); err != nil {
		t.Errorf("by the other: got %v", err)
	}
}

// Who may not wait gets no answer while the set is read, rather than a wrong one.
func TestJWKSWithoutPatience(t *testing.T) {
	s := newKeyServer(t, jwk(t, ecKey().Public(), "one"))
	j := byURL(t, s)
	s.set(jwk(t, ecKey().Public(), "two"))
	j.jwks.past()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	token := byKid("two", jwt.SigningMethodES256, ecKey())
	if _, err := j.Authorize(over, token); !errors.Is(err, errKeySet) {
		t.Errorf("got %v, want that it cannot be told", err)
	}
	waitFor(t, "the new key", func() bool { _, err := j.Authorize(over, token); return err == nil })
}

// Until the keys were read once, tokens can neither be taken nor refused; after
// that they outlast a server that is away.
func TestJWKSServerIsAway(t *testing.T) {
	s := newKeyServer(t, jwk(t, ecKey().Public(), "one"))
	s.fail(http.StatusInternalServerError)
	var log lockedBuffer
	j := takes(t, JWTConfig{JWKS: s.web.URL, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	token := byKid("one", jwt.SigningMethodES256, ecKey())
	waitFor(t, "a try", func() bool { return s.count() > 0 })
	if _, err := j.Authorize(t.Context(), token); err == nil || errors.Is(err, ErrToken) {
		t.Errorf("before the keys were read: got %v", err)
	}
	s.fail(http.StatusOK)
	waitFor(t, "the keys", func() bool { _, err := j.Authorize(t.Context(), token); return err == nil })
	if !strings.Contains(log.String(), "key set not read") {
		t.Errorf("the log says %q", log.String())
	}
	s.fail(http.StatusBadGateway)
	j.jwks.past()
	if _, err := j.Authorize(t.Context(), byKid("other", jwt.SigningMethodES256, ecKey())); reason(err) != "signed with a key that is not known" {
		t.Errorf("got %v", err)
	}
	if _, err := j.Authorize(t.Context(), token); err != nil {
		t.Errorf("while the server is away: got %v", err)
	}
	j.jwks.mu.Lock()
	j.jwks.read = time.Now().Add(-keysCount - time.Second)
	j.jwks.mu.Unlock()
	if _, err := j.Authorize(t.Context(), token); !errors.Is(err, errKeySet) {
		t.Errorf("after a day: got %v, want that it cannot be told", err)
	}
}

// What a set says of its keys counts, and no key in it can be what it is not.
func TestJWKSAttacks(t *testing.T) {
	alg := func(a string) func(*jwkset.JWKMetadataOptions) {
		return func(m *jwkset.JWKMetadataOptions) { m.ALG = jwkset.ALG(a) }
	}
	use := func(u jwkset.USE, ops ...jwkset.KEYOPS) func(*jwkset.JWKMetadataOptions) {
		return func(m *jwkset.JWKMetadataOptions) { m.USE, m.KEYOPS = u, ops }
	}
	s := newKeyServer(t,
		jwk(t, []byte(secret), "secret"),
		jwk(t, rsaKey().Public(), "rs", alg("RS256")),
		jwk(t, ecKey().Public(), "enc", use(jwkset.UseEnc)),
		jwk(t, ec384Key().Public(), "sign", use("", jwkset.KeyOpsSign)),
		jwk(t, edKey().Public(), "ed", use("")),
	)
	var log lockedBuffer
	j := takes(t, JWTConfig{JWKS: s.web.URL, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	waitFor(t, "the keys", func() bool { _, err := j.keys.current(); return err == nil })
	rsaPEM := []byte(publicPEM(rsaKey().Public()))
	for _, tt := range []struct {
		name, token, reason string
	}{
		{"by alg", byKid("rs", jwt.SigningMethodRS256, rsaKey()), ""},
		{"without use", byKid("ed", jwt.SigningMethodEdDSA, edKey()), ""},
		{"without kid", sign(jwt.SigningMethodRS256, rsaKey(), alice()), ""},
		{"another alg than the key's", byKid("rs", jwt.SigningMethodPS256, rsaKey()), "algorithm not accepted"},
		{"another alg, without kid", sign(jwt.SigningMethodPS256, rsaKey(), alice()), "algorithm not accepted"},
		{"a secret in a public set", byKid("secret", jwt.SigningMethodHS256, []byte(secret)), "signed with a key that is not known"},
		{"a secret, without kid", hs256(alice()), "algorithm not accepted"},
		{"HS256 with a public key", byKid("rs", jwt.SigningMethodHS256, rsaPEM), "algorithm not accepted"},
		{"a key for encryption", byKid("enc", jwt.SigningMethodES256, ecKey()), "signed with a key that is not known"},
		{"a key to sign only", byKid("sign", jwt.SigningMethodES384, ec384Key()), "signed with a key that is not known"},
		{"kid of another key", byKid("ed", jwt.SigningMethodRS256, rsaKey()), "algorithm not accepted"},
		{"none", byKid("rs", jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType), "algorithm not accepted"},
		{"kid empty", byKid("", jwt.SigningMethodRS256, rsaKey()), "not a JSON Web Token that is taken here"},
		{"a set of its own", sign(jwt.SigningMethodES384, ec384Key(), alice(), m{"kid": "evil", "jku": "http://127.0.0.1:1/keys"}), "signed with a key that is not known"},
	} {
		if _, err := j.Authorize(t.Context(), tt.token); reason(err) != tt.reason {
			t.Errorf("%s: got %q (%v), want %q", tt.name, reason(err), err, tt.reason)
		}
	}
	for _, kid := range []string{"secret", "enc", "sign"} {
		if !strings.Contains(log.String(), `kid \"`+kid+`\"`) {
			t.Errorf("the operator was not told that %s is left out:\n%s", kid, log.String())
		}
	}
}

// The address of a key set leads nowhere else, and takes no memory.
func TestJWKSFromOddServers(t *testing.T) {
	good := newKeyServer(t, jwk(t, ecKey().Public(), "one"))
	for name, serve := range map[string]http.HandlerFunc{
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, good.web.URL, http.StatusFound) },
		"endless": func(w http.ResponseWriter, r *http.Request) {
			for _, err := w.Write([]byte(`{"keys":[`)); err == nil && r.Context().Err() == nil; {
				_, err = w.Write([]byte(strings.Repeat(" ", 1<<16)))
			}
		},
		"no JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
	} {
		var asked sync.WaitGroup
		asked.Add(1)
		var once sync.Once
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer once.Do(asked.Done)
			serve(w, r)
		}))
		j := takes(t, JWTConfig{JWKS: web.URL})
		asked.Wait()
		if _, err := j.Authorize(t.Context(), byKid("one", jwt.SigningMethodES256, ecKey())); !errors.Is(err, errKeySet) {
			t.Errorf("%s: got %v, want no keys", name, err)
		}
		j.Close()
		web.Close()
	}
	if good.count() > 0 {
		t.Error("a redirect was followed")
	}
}

// lockedBuffer collects a log while a test reads it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
