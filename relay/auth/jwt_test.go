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
	"math/big"
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

// What RFC 8725 warns of, and more: each is refused, with a reason.
func TestJWTAttacks(t *testing.T) {
	bySecret := bySecret(t, JWTConfig{})
	byRSA := byPublic(t, JWTConfig{}, rsaKey().Public())
	byEC := byPublic(t, JWTConfig{}, ecKey().Public())
	strict := byPublic(t, JWTConfig{Audience: []string{"baton", "relay"}, Issuer: "https://id.example", Skew: 30 * time.Second}, ecKey().Public())

	rsaPEM := []byte(publicPEM(rsaKey().Public()))
	good, goodEC := hs256(alice()), sign(jwt.SigningMethodES256, ecKey(), alice())
	head, claims, signature := parts(good)
	intended := m{"aud": "baton", "iss": "https://id.example"}
	ec := func(changes ...m) string { return sign(jwt.SigningMethodES256, ecKey(), alice(changes...)) }
	now := time.Now().Unix()
	other := must(rsa.GenerateKey(rand.Reader, 2048))

	tests := []struct {
		name   string
		by     *JWT
		token  string
		reason string
	}{
		{"alg none", bySecret, sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, alice()), "algorithm not accepted"},
		{"alg None", bySecret, signText(`{"alg":"None"}`, `{"sub":"a"}`), "algorithm not accepted"},
		{"alg NONE without signature", bySecret, b64(`{"alg":"NONE"}`) + "." + claims + ".", "algorithm not accepted"},
		{"alg nOnE with public keys", byRSA, b64(`{"alg":"nOnE"}`) + "." + claims + ".", "algorithm not accepted"},
		{"alg empty", bySecret, signText(`{"alg":""}`, `{}`), "not a JSON Web Token that is taken here"},
		{"alg missing", bySecret, signText(`{"typ":"JWT"}`, `{}`), "algorithm not accepted"},
		{"alg no string", bySecret, signText(`{"alg":["HS256"]}`, `{}`), "not a JSON Web Token that is taken here"},
		{"alg in other case", bySecret, signText(`{"alg":"hs256"}`, `{}`), "algorithm not accepted"},
		{"HS256 with the RSA public key as secret", byRSA, sign(jwt.SigningMethodHS256, rsaPEM, alice()), "algorithm not accepted"},
		{"HS384 with the right secret", bySecret, sign(jwt.SigningMethodHS384, []byte(secret), alice()), "algorithm not accepted"},
		{"RS256 against an EC key", byEC, sign(jwt.SigningMethodRS256, rsaKey(), alice()), "algorithm not accepted"},
		{"RS512 is not pinned", byRSA, sign(jwt.SigningMethodRS512, rsaKey(), alice()), "algorithm not accepted"},
		{"another RSA key", byRSA, sign(jwt.SigningMethodRS256, other, alice()), "signature does not fit"},
		{"embedded jwk", byRSA, sign(jwt.SigningMethodRS256, other, alice(), m{"jwk": m{"kty": "RSA", "n": b64(string(other.N.Bytes())), "e": "AQAB"}}), "signature does not fit"},
		{"embedded jku, x5u, x5c", byRSA, sign(jwt.SigningMethodRS256, other, alice(), m{"jku": "https://evil.example/k", "x5u": "https://evil.example/c", "x5c": []string{"MIIB"}}), "signature does not fit"},
		{"kid with a path", bySecret, sign(jwt.SigningMethodHS256, []byte{0}, alice(), m{"kid": "../../../dev/null"}), "signature does not fit"},
		{"kid with SQL", bySecret, sign(jwt.SigningMethodHS256, []byte("x"), alice(), m{"kid": "' UNION SELECT 'x"}), "signature does not fit"},
		{"kid no string", bySecret, hs256(alice(), m{"kid": 1}), "not a JSON Web Token that is taken here"},
		{"crit", bySecret, hs256(alice(), m{"crit": []string{"exp"}}), "not a JSON Web Token that is taken here"},
		{"b64 false", bySecret, hs256(alice(), m{"b64": false}), "not a JSON Web Token that is taken here"},
		{"compressed", bySecret, hs256(alice(), m{"zip": "DEF"}), "not a JSON Web Token that is taken here"},
		{"encrypted", bySecret, "a.b.c.d.e", "not known"},
		{"header with enc", bySecret, hs256(alice(), m{"enc": "A256GCM"}), "not a JSON Web Token that is taken here"},
		{"typ of an ID token for others", bySecret, hs256(alice(), m{"typ": "logout+jwt"}), "not a JSON Web Token that is taken here"},
		{"header names one thing twice", bySecret, signText(`{"alg":"none","alg":"HS256"}`, `{}`), "not a JSON Web Token that is taken here"},
		{"header is null", bySecret, signText(`null`, `{}`), "not a JSON Web Token that is taken here"},

		{"no aud", strict, ec(m{"iss": "https://id.example"}), "lacks a claim that is needed"},
		{"wrong aud", strict, ec(intended, m{"aud": "mail"}), "not for this audience"},
		{"aud as beginning", strict, ec(intended, m{"aud": "bato"}), "not for this audience"},
		{"aud empty", strict, ec(intended, m{"aud": []string{}}), "lacks a claim that is needed"},
		{"aud in another case", strict, ec(intended, m{"aud": "Baton"}), "not for this audience"},
		{"aud *", strict, ec(intended, m{"aud": "*"}), "not for this audience"},
		{"aud for somebody, none here", bySecret, hs256(alice(m{"aud": "mail"})), "not for this audience"},
		{"no iss", strict, ec(m{"aud": "baton"}), "lacks a claim that is needed"},
		{"wrong iss", strict, ec(intended, m{"iss": "https://id.example.evil"}), "not from this issuer"},

		{"no exp", bySecret, hs256(alice(m{"exp": nil})), "lacks a claim that is needed"},
		{"exp null", bySecret, signText(`{"alg":"HS256"}`, `{"sub":"a","exp":null}`), "not a JSON Web Token that is taken here"},
		{"exp as string", bySecret, hs256(alice(m{"exp": "9999999999"})), "not a JSON Web Token that is taken here"},
		{"exp beyond numbers", bySecret, signText(`{"alg":"HS256"}`, `{"sub":"a","exp":1e300}`), "not a JSON Web Token that is taken here"},
		{"exp negative", bySecret, hs256(alice(m{"exp": -1})), "not a JSON Web Token that is taken here"},
		{"expired", bySecret, hs256(alice(m{"exp": now})), "expired"},
		{"expired, at the edge of the skew", strict, ec(intended, m{"exp": now - 30}), "expired"},
		{"nbf to come", bySecret, hs256(alice(m{"nbf": now + 10})), "not valid yet"},
		{"nbf beyond the skew", strict, ec(intended, m{"nbf": now + 60}), "not valid yet"},
		{"iat to come", bySecret, hs256(alice(m{"iat": now + 1000})), "issued in the future"},

		{"sub missing", bySecret, hs256(alice(m{"sub": nil})), "bad claim"},
		{"sub empty", bySecret, hs256(alice(m{"sub": ""})), "bad claim"},
		{"sub a number", bySecret, hs256(alice(m{"sub": 7})), "bad claim"},
		{"sub a list", bySecret, hs256(alice(m{"sub": []string{"alice"}})), "bad claim"},
		{"sub an object", bySecret, hs256(alice(m{"sub": m{"alice": 1}})), "bad claim"},
		{"sub null", bySecret, signText(`{"alg":"HS256"}`, `{"sub":null,"exp":9999999999}`), "bad claim"},
		{"sub too long", bySecret, hs256(alice(m{"sub": strings.Repeat("a", 257)})), "bad claim"},
		{"sub in another case", bySecret, hs256(alice(m{"sub": nil, "Sub": "alice"})), "bad claim"},
		{"name a number", bySecret, hs256(alice(m{"name": 7})), "bad claim"},
		{"jti a number", bySecret, hs256(alice(m{"jti": 7})), "bad claim"},
		{"docs a list", bySecret, hs256(alice(m{"docs": []string{"*"}})), "bad claim"},
		{"docs null", bySecret, signText(`{"alg":"HS256"}`, `{"sub":"a","exp":9999999999,"docs":null}`), "bad claim"},
		{"docs with an unknown right", bySecret, hs256(alice(m{"docs": m{"*": []string{"read", "root"}}})), "bad claim"},
		{"docs with a bad pattern", bySecret, hs256(alice(m{"docs": m{"*-x": []string{"read"}}})), "bad claim"},
		{"docs with a word for a list", bySecret, hs256(alice(m{"docs": m{"*": "read"}})), "bad claim"},
		{"a claim twice", bySecret, signText(`{"alg":"HS256"}`, `{"sub":"eve","exp":9999999999,"sub":"alice"}`), "not a JSON Web Token that is taken here"},
		{"a pattern twice", bySecret, signText(`{"alg":"HS256"}`, `{"sub":"a","exp":9999999999,"docs":{"*":["read"],"*":["admin"]}}`), "not a JSON Web Token that is taken here"},
		{"a claim twice, once escaped", bySecret, signText(`{"alg":"HS256"}`, `{"sub":"eve","exp":9999999999,"s\u0075b":"alice"}`), "not a JSON Web Token that is taken here"},
		{"claims no object", bySecret, signText(`{"alg":"HS256"}`, `["alice"]`), "not a JSON Web Token that is taken here"},
		{"claims null", bySecret, signText(`{"alg":"HS256"}`, `null`), "lacks a claim that is needed"},
		{"claims no UTF-8", bySecret, signText(`{"alg":"HS256"}`, "{\"sub\":\"a\xff\",\"exp\":9999999999}"), "not a JSON Web Token that is taken here"},
		{"something behind the claims", bySecret, signText(`{"alg":"HS256"}`, `{"sub":"a","exp":9999999999}{}`), "not a JSON Web Token that is taken here"},

		{"too long", bySecret, good + strings.Repeat("a", maxToken), "too long"},
		{"padding", bySecret, head + "=." + claims + "." + signature, "not a JSON Web Token that is taken here"},
		{"signature with padding", bySecret, good + "=", "not a JSON Web Token that is taken here"},
		{"signature with bits that say nothing", bySecret, good[:len(good)-1] + flip(good[len(good)-1]), "not a JSON Web Token that is taken here"},
		{"a line end within", bySecret, head + "." + claims + "." + signature[:9] + "\n" + signature[9:], "not known"},
		{"a line end behind", bySecret, good + "\r\n", "not known"},
		{"the other alphabet of base64", bySecret, head + "." + claims + "." + strings.Repeat("+", 43), "not a JSON Web Token that is taken here"},
		{"truncated signature", bySecret, good[:len(good)-3], "signature does not fit"},
		{"empty signature", bySecret, head + "." + claims + ".", "signature does not fit"},
		{"no signature at all", bySecret, head + "." + claims, "not known"},
		{"a part too many", bySecret, good + ".", "not known"},
		{"ES256 with zeros for a signature", byEC, zeroSignature(goodEC), "signature does not fit"},
		{"ES256 with an empty signature", byEC, goodEC[:strings.LastIndexByte(goodEC, '.')+1], "signature does not fit"},
		{"claims of another token", bySecret, head + "." + b64(`{"sub":"root","exp":9999999999}`) + "." + signature, "signature does not fit"},
		{"empty", bySecret, "", "not known"},
		{"dots", bySecret, "..", "not a JSON Web Token that is taken here"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			id, err := tt.by.Authorize(t.Context(), tt.token)
			refused, ok := errors.AsType[*Refusal](err)
			if !ok || id != nil || !errors.Is(err, ErrToken) {
				t.Fatalf("got %+v, %v; want a refusal", id, err)
			}
			if refused.Reason != tt.reason {
				t.Errorf("got reason %q (%v), want %q", refused.Reason, refused.Err, tt.reason)
			}
		})
	}

	// The same, but for what is wrong with each, is taken.
	for name, tt := range map[string]struct {
		by    *JWT
		token string
	}{
		"aud among others":        {strict, ec(intended, m{"aud": []string{"mail", "relay"}})},
		"exp within the skew":     {strict, ec(intended, m{"exp": now - 20})},
		"nbf within the skew":     {strict, ec(intended, m{"nbf": now + 20})},
		"iat within the skew":     {strict, ec(intended, m{"iat": now + 20})},
		"no iat":                  {bySecret, hs256(alice(m{"iat": nil}))},
		"typ left out":            {bySecret, hs256(alice(), m{"typ": nil})},
		"typ of an access token":  {bySecret, hs256(alice(), m{"typ": "application/AT+JWT"})},
		"a kid, which is no file": {bySecret, hs256(alice(), m{"kid": "../../../dev/null"})},
	} {
		if _, err := tt.by.Authorize(t.Context(), tt.token); err != nil {
			t.Errorf("%s: got %v (%v), want it taken", name, err, errors.Unwrap(err))
		}
	}
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func parts(token string) (header, claims, signature string) {
	p := strings.Split(token, ".")
	return p[0], p[1], p[2]
}

// flip returns another last character of a signature of 32 bytes: the lowest of
// its bits are not part of any byte.
func flip(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)^1])
}

// zeroSignature is what Java took for years (CVE-2022-21449).
func zeroSignature(token string) string {
	return token[:strings.LastIndexByte(token, '.')+1] + b64(strings.Repeat("\x00", 64))
}

// A key that would not keep anybody out is refused at start.
func TestWeakKeys(t *testing.T) {
	rsa1024 := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 65537}}
	p224 := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
	private := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(ecKey()))}))
	for name, tt := range map[string]struct {
		cfg  JWTConfig
		want string
	}{
		"short secret":                {JWTConfig{KeyFile: fileOf(t, secret[:31])}, "31 bytes"},
		"short secret and a line end": {JWTConfig{KeyFile: fileOf(t, secret[:31]+"\r\n")}, "31 bytes"},
		"empty secret":                {JWTConfig{KeyFile: fileOf(t, "")}, "0 bytes"},
		"public key as secret":        {JWTConfig{KeyFile: fileOf(t, publicPEM(rsaKey().Public()))}, "PEM"},
		"secret as public key":        {JWTConfig{PublicKeyFile: fileOf(t, secret)}, "no public key"},
		"private key as public key":   {JWTConfig{PublicKeyFile: fileOf(t, private)}, "private key"},
		"RSA of 1024 bits":            {JWTConfig{PublicKeyFile: fileOf(t, publicPEM(rsa1024.Public()))}, "1024 bits"},
		"P-224":                       {JWTConfig{PublicKeyFile: fileOf(t, publicPEM(p224.Public()))}, "P-224"},
		"the second key is weak":      {JWTConfig{PublicKeyFile: fileOf(t, publicPEM(ecKey().Public(), rsa1024.Public()))}, "key 2: the RSA key"},
		"no key at all":               {JWTConfig{}, "exactly one"},
		"two sources":                 {JWTConfig{KeyFile: fileOf(t, secret), JWKS: "https://id.example/keys"}, "exactly one"},
		"key set over http":           {JWTConfig{JWKS: "http://id.example/keys"}, "https"},
		"key set without a host":      {JWTConfig{JWKS: "https:///keys"}, "https"},
		"wide skew":                   {JWTConfig{KeyFile: fileOf(t, secret), Skew: 3 * time.Minute}, "from 0 to 2m"},
	} {
		if _, err := OpenJWT(tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
	if j, err := OpenJWT(JWTConfig{KeyFile: fileOf(t, secret+"\n")}); err != nil {
		t.Error(err)
	} else if _, err := j.Authorize(t.Context(), hs256(alice())); err != nil {
		t.Errorf("a line end behind the key counts: %v", err)
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
