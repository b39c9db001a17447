package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

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
		"key set with a password":     {JWTConfig{JWKS: "https://u:p4ss@id.example/keys"}, "https://id.example must be without"},
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
