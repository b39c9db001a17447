package auth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// keySet is the keys that signatures are checked with at a time. It is never
// changed: other keys are another set.
type keySet struct {
	// find returns the keys for a token's algorithm and, where it names one, its
	// kid. It returns errKey where there is none.
	find func(h *header, token *jwt.Token) ([]jwt.VerificationKey, error)
}

// errKey says that no key fits a token.
var errKey = errors.New("no key is known that fits the token")

// algorithms returns what a public key may be used for: that follows from its
// type, never from a token. It says what is wrong with a key that is too weak.
func algorithms(key crypto.PublicKey) ([]string, error) {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < 2048 {
			return nil, fmt.Errorf("the RSA key has %d bits, at least 2048 are needed", bits)
		}
		return []string{"RS256", "PS256"}, nil
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256():
			return []string{"ES256"}, nil
		case elliptic.P384():
			return []string{"ES384"}, nil
		}
		return nil, fmt.Errorf("the curve %s is not one of P-256, P-384", key.Params().Name)
	case ed25519.PublicKey:
		return []string{"EdDSA"}, nil
	}
	return nil, fmt.Errorf("a key of type %T cannot check signatures here: RSA, P-256, P-384 and Ed25519 can", key)
}

// fileKeys are the keys of a file, which is read again when it changes.
type fileKeys struct {
	// static
	what  string
	parse func(data []byte, stat os.FileInfo) (*keySet, error)
	log   *slog.Logger

	mu   sync.Mutex
	set  *keySet // guarded by mu
	file watched // guarded by mu
}

func openKeys(what, path string, parse func([]byte, os.FileInfo) (*keySet, error), log *slog.Logger) (*fileKeys, error) {
	k := &fileKeys{what: what, parse: parse, log: log, file: watched{path: path}}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.read(); err != nil {
		return nil, err
	}
	return k, nil
}

func (k *fileKeys) read() error {
	return k.file.read(k.what, func(data []byte, stat os.FileInfo) error {
		set, err := k.parse(data, stat)
		if err == nil {
			k.set = set
		}
		return err
	})
}

// current implements [keySource].
func (k *fileKeys) current() (*keySet, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	changed, err := k.file.changed(time.Now())
	if changed {
		err = k.read()
	}
	switch {
	case err != nil:
		k.log.Error("keys not taken; those read before stay", logError, err)
	case changed:
		k.log.Info("keys read again", logPath, k.file.path)
	}
	return k.set, nil
}

// parseSecret reads a key that tokens are both signed and checked with.
func parseSecret(data []byte, stat os.FileInfo) (*keySet, error) {
	secret, err := secretOf(data, stat)
	if err != nil {
		return nil, err
	}
	return &keySet{find: func(h *header, _ *jwt.Token) ([]jwt.VerificationKey, error) {
		if h.alg != "HS256" {
			return nil, errAlgorithm
		}
		return []jwt.VerificationKey{secret}, nil
	}}, nil
}

// minSecret is the size of a key for HS256: at least that of its hash (RFC 7518,
// section 3.2).
const minSecret = 32

// secretOf returns the key in a file: all of its bytes, but for a line end behind
// them, which editors leave.
func secretOf(data []byte, stat os.FileInfo) ([]byte, error) {
	if err := private(stat); err != nil {
		return nil, err
	}
	if bytes.Contains(data, []byte("-----BEGIN ")) {
		return nil, errors.New("this is a PEM file, which is no secret for HS256; a public key goes into --jwt-public-key")
	}
	secret := bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	if len(secret) < minSecret {
		return nil, fmt.Errorf("the key has %d bytes, HS256 needs at least %d; `baton token --new-key FILE` makes one", len(secret), minSecret)
	}
	return secret, nil
}

// private says what is wrong with a file of secrets that others can read. Its group
// may: that is how secrets are mounted in containers.
func private(stat os.FileInfo) error {
	if mode := stat.Mode().Perm(); mode&0o037 != 0 {
		return fmt.Errorf("others on this machine can read it (mode %04o): chmod 600 it, and make a new key if they may have", mode)
	}
	return nil
}

// publicKey is one of a PEM file.
type publicKey struct {
	key  crypto.PublicKey
	algs []string
}

// parsePublic reads one or more public keys in PEM.
func parsePublic(data []byte, _ os.FileInfo) (*keySet, error) {
	var keys []publicKey
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		k, err := publicOf(block)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", len(keys)+1, err)
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no public key in PEM in it")
	}
	return &keySet{find: func(h *header, _ *jwt.Token) ([]jwt.VerificationKey, error) {
		var fit []jwt.VerificationKey
		for _, k := range keys {
			if slices.Contains(k.algs, h.alg) {
				fit = append(fit, k.key)
			}
		}
		if len(fit) == 0 {
			return nil, errAlgorithm
		}
		return fit, nil
	}}, nil
}

func publicOf(block *pem.Block) (k publicKey, err error) {
	switch block.Type {
	case "PUBLIC KEY":
		k.key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		k.key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var cert *x509.Certificate
		if cert, err = x509.ParseCertificate(block.Bytes); err == nil {
			k.key = cert.PublicKey
		}
	case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY":
		return k, errors.New("this is a private key, which belongs to whoever signs tokens; give the relay the public one")
	default:
		return k, fmt.Errorf("%s is no public key", block.Type)
	}
	if err != nil {
		return k, err
	}
	k.algs, err = algorithms(k.key)
	return k, err
}
