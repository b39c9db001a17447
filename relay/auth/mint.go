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
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"github.com/baton-relay/baton/durable"
)

// Signer mints tokens, for development and scripts.
type Signer struct {
	method jwt.SigningMethod
	key    any
}

// OpenSigner reads the key to sign with: a secret for HS256, or a private key in
// PEM for ES256, ES384, EdDSA or RS256. Nobody but its owner may be able to read
// the file.
func OpenSigner(path string) (*Signer, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	s, err := parseSigner(data, stat)
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", path, err)
	}
	return s, nil
}

func parseSigner(data []byte, stat os.FileInfo) (*Signer, error) {
	if err := private(stat); err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		secret, err := secretOf(data, stat)
		return &Signer{jwt.SigningMethodHS256, secret}, err
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("%s is no private key, and only one can sign", block.Type)
	}
	if err != nil {
		return nil, err
	}
	private, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T cannot sign", key)
	}
	if _, err := algorithms(private.Public()); err != nil {
		return nil, err
	}
	s := &Signer{key: key}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		s.method = jwt.SigningMethodRS256
	case *ecdsa.PrivateKey:
		s.method = jwt.SigningMethodES256
		if key.Curve == elliptic.P384() {
			s.method = jwt.SigningMethodES384
		}
	case ed25519.PrivateKey:
		s.method = jwt.SigningMethodEdDSA
	}
	return s, nil
}

// Grant is what a minted token says. Docs, Subject and Expires are needed.
type Grant struct {
	Subject, Name, TokenID string
	Audience               []string
	Issuer                 string
	Issued, Expires        time.Time
	Docs                   Patterns
}

// NewID returns a random name for a token, or for somebody who has none.
func NewID() string { return strings.ToLower(rand.Text()[:16]) }

// Sign mints a token. It refuses what [JWT] would not take.
func (s *Signer) Sign(g *Grant) (string, error) {
	for what, text := range map[string]string{"subject": g.Subject, "name": g.Name, "id": g.TokenID, "issuer": g.Issuer} {
		if len(text) > maxClaim || !utf8.ValidString(text) {
			return "", fmt.Errorf("the %s must be text of at most %d bytes", what, maxClaim)
		}
	}
	if g.Subject == "" {
		return "", errors.New("a token needs a subject")
	}
	docs := make(map[string][]string, len(g.Docs))
	for pattern, rights := range g.Docs {
		if err := checkPattern(pattern); err != nil {
			return "", err
		}
		docs[pattern] = rights.Names()
	}
	claims := jwt.MapClaims{
		"sub": g.Subject, "iat": jwt.NewNumericDate(g.Issued), "exp": jwt.NewNumericDate(g.Expires), "docs": docs,
	}
	for name, value := range map[string]string{"name": g.Name, "jti": g.TokenID, "iss": g.Issuer} {
		if value != "" {
			claims[name] = value
		}
	}
	switch len(g.Audience) {
	case 0:
	case 1:
		claims["aud"] = g.Audience[0]
	default:
		claims["aud"] = g.Audience
	}
	return jwt.NewWithClaims(s.method, claims).SignedString(s.key)
}

// NewSecret makes a file with a fresh secret for HS256.
func NewSecret(path string) error {
	var secret [minSecret]byte
	_, _ = rand.Read(secret[:]) // never fails
	return writeNew(path, base64.RawURLEncoding.EncodeToString(secret[:])+"\n", 0o600)
}

// NewKeyPair makes a file with a fresh P-256 private key, and one with its public
// key, which has .pub behind its name.
func NewKeyPair(path string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return errors.Join(writeNew(path, encode("PRIVATE KEY", private), 0o600), writeNew(path+".pub", encode("PUBLIC KEY", public), 0o644))
}

// writeNew writes a file that must not be there yet: a key that is overwritten is
// gone.
func writeNew(path, content string, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already; a key is never overwritten", path)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	return errors.Join(err, f.Sync(), f.Close(), durable.SyncDir(filepath.Dir(path)))
}
