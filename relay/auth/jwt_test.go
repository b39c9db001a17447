package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const secret = "0123456789abcdef0123456789abcdef"

// Keys of all kinds, made once.
var (
	rsaKey   = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	ecKey    = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	ec384Key = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
	edKey    = sync.OnceValue(func() ed25519.PrivateKey {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return must(key, err)
	})
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func publicPEM(keys ...crypto.PublicKey) string {
	var out strings.Builder
	for _, key := range keys {
		der := must(x509.MarshalPKIXPublicKey(key))
		out.Write(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	}
	return out.String()
}

// fileOf returns the path of a new private file.
func fileOf(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := rewrite(path, content); err != nil {
		t.Fatal(err)
	}
	return path
}

func rewrite(path, content string) error { return os.WriteFile(path, []byte(content), 0o600) }

// takes returns what takes tokens of these settings.
func takes(t testing.TB, cfg JWTConfig) *JWT {
	t.Helper()
	j, err := OpenJWT(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	return j
}

func bySecret(t testing.TB, cfg JWTConfig) *JWT {
	t.Helper()
	cfg.KeyFile = fileOf(t, secret)
	return takes(t, cfg)
}

func byPublic(t testing.TB, cfg JWTConfig, keys ...crypto.PublicKey) *JWT {
	t.Helper()
	cfg.PublicKeyFile = fileOf(t, publicPEM(keys...))
	return takes(t, cfg)
}

type m = map[string]any

// alice is what a good token says; changes come on top, nil takes a claim away.
func alice(changes ...m) jwt.MapClaims {
	c := jwt.MapClaims{
		"sub": "alice", "name": "Alice", "jti": "t1",
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		"docs": m{"board-*": []string{"read", "write"}, "*": []string{"read"}},
	}
	for _, change := range changes {
		maps.Copy(c, change)
		maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	}
	return c
}

// sign signs claims. header comes on top of the usual one.
func sign(method jwt.SigningMethod, key any, c jwt.Claims, header ...m) string {
	t := jwt.NewWithClaims(method, c)
	for _, h := range header {
		maps.Copy(t.Header, h)
		maps.DeleteFunc(t.Header, func(_ string, v any) bool { return v == nil })
	}
	return must(t.SignedString(key))
}

// signText signs claims and a header that no library would write.
func signText(header, claims string) string {
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(header)) + "." + b64([]byte(claims))
	return text + "." + b64(must(jwt.SigningMethodHS256.Sign(text, []byte(secret))))
}

func hs256(c jwt.Claims, header ...m) string {
	return sign(jwt.SigningMethodHS256, []byte(secret), c, header...)
}

func TestJWT(t *testing.T) {
	tests := []struct {
		name  string
		by    *JWT
		token string
	}{
		{"HS256", bySecret(t, JWTConfig{}), hs256(alice())},
		{"RS256", byPublic(t, JWTConfig{}, rsaKey().Public()), sign(jwt.SigningMethodRS256, rsaKey(), alice())},
		{"PS256", byPublic(t, JWTConfig{}, rsaKey().Public()), sign(jwt.SigningMethodPS256, rsaKey(), alice())},
		{"ES256", byPublic(t, JWTConfig{}, ecKey().Public()), sign(jwt.SigningMethodES256, ecKey(), alice())},
		{"ES384", byPublic(t, JWTConfig{}, ec384Key().Public()), sign(jwt.SigningMethodES384, ec384Key(), alice())},
		{"EdDSA", byPublic(t, JWTConfig{}, edKey().Public()), sign(jwt.SigningMethodEdDSA, edKey(), alice())},
		{"the second of two keys", byPublic(t, JWTConfig{}, edKey().Public(), ecKey().Public()), sign(jwt.SigningMethodES256, ecKey(), alice())},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			id, err := tt.by.Authorize(t.Context(), tt.token)
			if err != nil {
				t.Fatal(err, errors.Unwrap(err))
			}
			if id.Subject != "alice" || id.Name != "Alice" || id.TokenID != "t1" || time.Since(id.Issued) > time.Minute ||
				time.Until(id.Expires).Round(time.Minute) != time.Hour || id.Rights("board-1") != Read|Write || id.Rights("x") != Read {
				t.Errorf("got %+v", id)
			}
			var claims m
			if err := json.Unmarshal(id.Claims, &claims); err != nil || claims["sub"] != "alice" {
				t.Errorf("got claims %s, %v", id.Claims, err)
			}
			if again, err := tt.by.Authorize(t.Context(), tt.token); again != id || err != nil {
				t.Errorf("asked again: got another identity, %v", err)
			}
		})
	}
}

// A token ends while it is remembered, and what its key file holds counts within
// a second.
func TestJWTEndsWhileItIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := fileOf(t, secret)
		j := takes(t, JWTConfig{KeyFile: path, Skew: 30 * time.Second})
		token := hs256(alice())
		first, err := j.Authorize(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if err := rewrite(path, strings.Repeat("another ", 5)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if _, err := j.Authorize(t.Context(), token); !errors.Is(err, ErrToken) {
			t.Errorf("with another key: got %v, want ErrToken", err)
		}
		if err := rewrite(path, secret); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if _, err := j.Authorize(t.Context(), token); err != nil {
			t.Errorf("with the key again: got %v", err)
		}
		if err := rewrite(path, "short"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Until(first.Expires) - time.Second)
		if id, err := j.Authorize(t.Context(), token); err != nil || id.Subject != "alice" {
			t.Errorf("a second before: got %v", err)
		}
		time.Sleep(time.Second)
		if _, err := j.Authorize(t.Context(), token); !errors.Is(err, ErrToken) {
			t.Errorf("at its end: got %v, want ErrToken", err)
		}
		if len(j.known) != 0 || j.bytes != 0 {
			t.Errorf("%d tokens and %d bytes are kept", len(j.known), j.bytes)
		}
	})
}

// FuzzJWT holds that nothing that was not signed here gets in, whatever it is.
func FuzzJWT(f *testing.F) {
	j := bySecret(f, JWTConfig{})
	public := byPublic(f, JWTConfig{}, ecKey().Public(), rsaKey().Public(), edKey().Public())
	head, claims, signature := parts(sign(jwt.SigningMethodHS256, []byte("another key, of thirty-two bytes"), alice()))
	for _, seed := range []string{
		"", ".", "..", "...", head + "." + claims + "." + signature, head + "." + claims + ".",
		b64(`{"alg":"none"}`) + "." + claims + ".", b64(`{"alg":"ES256","kid":""}`) + "." + claims + "." + b64(strings.Repeat("\x00", 64)),
		signText(`{"alg":"HS256"}`, `{"docs":{"*":[null]}}`)[:60],
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		for _, by := range []*JWT{j, public} {
			if id, err := by.Authorize(t.Context(), token); id != nil || !errors.Is(err, ErrToken) {
				t.Errorf("got %+v, %v", id, err)
			}
		}
	})
}

// FuzzClaims holds that claims that are signed are read without harm, and that
// what is taken has what an identity needs.
func FuzzClaims(f *testing.F) {
	j := bySecret(f, JWTConfig{})
	for _, seed := range []string{
		`{}`, `null`, `{"sub":"a","exp":9999999999}`, `{"sub":"a","exp":9999999999.5,"docs":{"a*":["read"]},"aud":[],"iat":0,"jti":"x"}`,
		`{"sub":"a","exp":1e11,"docs":{"":[]}}`, `{"aud":[1]}`, `{"aud":{}}`,
	} {
		f.Add(`{"alg":"HS256"}`, seed)
	}
	f.Fuzz(func(t *testing.T, header, claims string) {
		id, err := j.Authorize(t.Context(), signText(header, claims))
		switch {
		case err != nil && !errors.Is(err, ErrToken):
			t.Errorf("got %v", err)
		case err == nil && (id.Subject == "" || len(id.Subject) > maxClaim || id.Expires.IsZero() || id.Name == ""):
			t.Errorf("got %+v", id)
		}
	})
}

func BenchmarkAuthorize(b *testing.B) {
	for _, bm := range []struct {
		name  string
		by    *JWT
		token string
	}{
		{"HS256", bySecret(b, JWTConfig{}), hs256(alice())},
		{"RS256", byPublic(b, JWTConfig{}, rsaKey().Public()), sign(jwt.SigningMethodRS256, rsaKey(), alice())},
		{"ES256", byPublic(b, JWTConfig{}, ecKey().Public()), sign(jwt.SigningMethodES256, ecKey(), alice())},
		{"ES384", byPublic(b, JWTConfig{}, ec384Key().Public()), sign(jwt.SigningMethodES384, ec384Key(), alice())},
		{"EdDSA", byPublic(b, JWTConfig{}, edKey().Public()), sign(jwt.SigningMethodEdDSA, edKey(), alice())},
	} {
		keys, err := bm.by.keys.current()
		if err != nil {
			b.Fatal(err)
		}
		b.Run(bm.name+"/first", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := bm.by.verify(bm.token, keys); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(bm.name+"/again", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := bm.by.Authorize(b.Context(), bm.token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
