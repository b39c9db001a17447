package auth

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// JWTConfig says which JSON Web Tokens (RFC 7519) are taken. Exactly one of
// KeyFile, PublicKeyFile and JWKS must be set.
type JWTConfig struct {
	// KeyFile holds a secret of at least 32 bytes, for HS256. Nobody but its owner
	// may be able to read it.
	KeyFile string
	// PublicKeyFile holds public keys in PEM: RSA of at least 2048 bits for RS256
	// and PS256, P-256 for ES256, P-384 for ES384, Ed25519 for EdDSA.
	PublicKeyFile string
	// JWKS is the address of a JSON Web Key Set (RFC 7517); https, or loopback.
	JWKS string
	// Audience are the names by which tokens may call this relay. Where there is
	// none, only tokens without an audience are taken; "*" takes any.
	Audience []string
	// Issuer, where it is not empty, is who must have issued a token.
	Issuer string
	// SubjectClaim ("sub"), NameClaim ("name") and DocsClaim ("docs") are the
	// claims that an identity is made of.
	SubjectClaim, NameClaim, DocsClaim string
	// Skew is how far the clocks of issuer and relay may differ, at most 2 min.
	Skew time.Duration
	// WithoutDocs are the rights of a token that says nothing of rights.
	WithoutDocs Patterns
	// Logger takes what an operator should know; nil discards it.
	Logger *slog.Logger
}

// MaxSkew bounds [JWTConfig.Skew].
const MaxSkew = 2 * time.Minute

// maxToken bounds a token before anything of it is read, in bytes.
const maxToken = 16 << 10

// keySource is where keys come from: files or a URL.
type keySource interface {
	// current returns the keys that count now, at once. An error means that they
	// are not known yet.
	current() (*keySet, error)
}

// JWT is an [Authorizer] that takes JSON Web Tokens. Which algorithms it takes
// follows from the types of its keys.
type JWT struct {
	// static
	cfg    JWTConfig
	keys   keySource
	jwks   *jwks // keys, where they come from a URL
	parser *jwt.Parser

	mu    sync.Mutex
	known map[[sha256.Size]byte]known // by digest, so that no token stays in memory; guarded by mu
	bytes int                         // of the claims of all known; guarded by mu
}

// known is a token whose signature was checked with a set of keys.
type known struct {
	id   *Identity
	keys *keySet
}

// Bounds of what is remembered of tokens: beyond them, signatures are checked
// again.
const (
	maxKnown      = 1 << 17
	maxKnownBytes = 64 << 20
)

// OpenJWT reads the keys; those of a URL come later, and tokens cannot be
// checked until then. Close ends it.
func OpenJWT(cfg JWTConfig) (*JWT, error) {
	if cfg.Skew < 0 || cfg.Skew > MaxSkew {
		return nil, fmt.Errorf("the skew of clocks must be from 0 to %v", MaxSkew)
	}
	j := newJWT(cfg)
	cfg = j.cfg
	var err error
	switch {
	case cfg.KeyFile != "" && cfg.PublicKeyFile == "" && cfg.JWKS == "":
		j.keys, err = openKeys("JWT key", cfg.KeyFile, parseSecret, cfg.Logger)
	case cfg.PublicKeyFile != "" && cfg.KeyFile == "" && cfg.JWKS == "":
		j.keys, err = openKeys("JWT public key", cfg.PublicKeyFile, parsePublic, cfg.Logger)
	case cfg.JWKS != "" && cfg.KeyFile == "" && cfg.PublicKeyFile == "":
		if j.jwks, err = openJWKS(cfg.JWKS, newClient(maxKeySet), cfg.Logger); err == nil {
			j.keys = j.jwks
		}
	default:
		err = errors.New("exactly one of a key file, a public key file and the URL of a key set is needed")
	}
	if err != nil {
		return nil, err
	}
	return j, nil
}

// newJWT returns what lacks nothing but keys.
func newJWT(cfg JWTConfig) *JWT {
	cfg.SubjectClaim = cmp.Or(cfg.SubjectClaim, "sub")
	cfg.NameClaim = cmp.Or(cfg.NameClaim, "name")
	cfg.DocsClaim = cmp.Or(cfg.DocsClaim, "docs")
	cfg.Logger = orDiscard(cfg.Logger)
	j := &JWT{cfg: cfg, known: map[[sha256.Size]byte]known{}}
	options := []jwt.ParserOption{
		jwt.WithStrictDecoding(), jwt.WithLeeway(cfg.Skew), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
	}
	if len(cfg.Audience) > 0 && !j.anyAudience() {
		options = append(options, jwt.WithAudience(cfg.Audience...))
	}
	if cfg.Issuer != "" {
		options = append(options, jwt.WithIssuer(cfg.Issuer))
	}
	j.parser = jwt.NewParser(options...)
	return j
}

// Close ends what runs in the background.
func (j *JWT) Close() {
	if j.jwks != nil {
		j.jwks.close()
	}
}

func (j *JWT) anyAudience() bool { return slices.Contains(j.cfg.Audience, "*") }

// Authorize implements [Authorizer]. One token gets the same *Identity as long
// as it is remembered. Where a key set may have to be read again first, it waits
// until ctx ends, at most a few seconds.
func (j *JWT) Authorize(ctx context.Context, token string) (*Identity, error) {
	if len(token) > maxToken {
		return nil, &Refusal{Reason: "too long"}
	}
	keys, err := j.keys.current()
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256([]byte(token))
	j.mu.Lock()
	k := j.known[digest]
	j.mu.Unlock()
	if k.keys == keys && !k.id.Expired(time.Now()) {
		return k.id, nil
	}
	id, err := j.verify(token, keys)
	if errors.Is(err, errKey) && j.jwks != nil {
		var newer *keySet
		if newer, err = j.jwks.newer(ctx, keys); err == nil {
			keys = newer
			id, err = j.verify(token, keys)
		}
	}
	if errors.Is(err, errKey) {
		err = &Refusal{Reason: "signed with a key that is not known"}
	}
	if err != nil {
		if errors.Is(err, ErrToken) {
			j.forget(digest)
		}
		return nil, err
	}
	if k.id != nil {
		id = k.id // the same token says the same
	}
	j.remember(digest, known{id, keys})
	return id, nil
}

// Version implements [Versioned].
func (j *JWT) Version() Version {
	keys, err := j.keys.current()
	if err != nil {
		keys = nil // tokens cannot be checked yet
	}
	return Version{keys: keys}
}

func (j *JWT) forget(digest [sha256.Size]byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if k, ok := j.known[digest]; ok {
		j.bytes -= len(k.id.Claims)
		delete(j.known, digest)
	}
}

func (j *JWT) remember(digest [sha256.Size]byte, k known) {
	j.forget(digest)
	j.mu.Lock()
	defer j.mu.Unlock()
	// Any will do: who still needs one that goes has it checked anew.
	for old := range maps.Keys(j.known) {
		if len(j.known) < maxKnown && j.bytes+len(k.id.Claims) <= maxKnownBytes {
			break
		}
		j.bytes -= len(j.known[old].id.Claims)
		delete(j.known, old)
	}
	j.known[digest] = k
	j.bytes += len(k.id.Claims)
}

// errAlgorithm says that a token is signed in a way that its keys are not for.
var errAlgorithm = errors.New("the algorithm is not one that the keys here are for")

// verify checks a token with a set of keys. Its error is errKey or a [Refusal].
func (j *JWT) verify(token string, keys *keySet) (*Identity, error) {
	first, rest, ok := strings.Cut(token, ".")
	if !ok || strings.Count(rest, ".") != 1 || strings.ContainsAny(token, "\r\n") { // which base64 passes over
		return nil, &Refusal{Reason: "not known"}
	}
	h, err := parseHeader(first)
	if err != nil {
		return nil, &Refusal{Reason: "not a JSON Web Token that is taken here", Err: err}
	}
	var missing error
	c := new(claims)
	_, err = j.parser.ParseWithClaims(token, c, func(t *jwt.Token) (any, error) {
		fit, err := keys.find(h, t)
		missing = err
		return jwt.VerificationKeySet{Keys: fit}, err
	})
	switch {
	case errors.Is(missing, errKey):
		return nil, errKey
	case missing != nil:
		return nil, &Refusal{Reason: "algorithm not accepted", Err: fmt.Errorf("%w: %q", missing, h.alg)}
	case err != nil:
		return nil, refusal(err)
	}
	return j.identity(c)
}

// refusal says in a few words why the library does not take a token.
func refusal(err error) *Refusal {
	for _, known := range []struct {
		err    error
		reason string
	}{
		{jwt.ErrTokenUnverifiable, "algorithm not accepted"},
		{jwt.ErrTokenSignatureInvalid, "signature does not fit"},
		{jwt.ErrTokenExpired, "expired"},
		{jwt.ErrTokenNotValidYet, "not valid yet"},
		{jwt.ErrTokenUsedBeforeIssued, "issued in the future"},
		{jwt.ErrTokenInvalidAudience, "not for this audience"},
		{jwt.ErrTokenInvalidIssuer, "not from this issuer"},
		{jwt.ErrTokenRequiredClaimMissing, "lacks a claim that is needed"},
	} {
		if errors.Is(err, known.err) {
			return &Refusal{Reason: known.reason, Err: err}
		}
	}
	return &Refusal{Reason: "not a JSON Web Token that is taken here", Err: err}
}

// identity makes an identity of claims that are signed.
func (j *JWT) identity(c *claims) (*Identity, error) {
	if len(j.cfg.Audience) == 0 && len(c.aud) > 0 {
		return nil, &Refusal{Reason: "not for this audience", Err: errors.New("it names an audience, and this relay has no name (RFC 7519, section 4.1.3)")}
	}
	id := &Identity{Expires: c.exp.Add(j.cfg.Skew), Docs: j.cfg.WithoutDocs, Claims: c.raw}
	if c.iat != nil {
		id.Issued = c.iat.Time
	}
	bad := func(claim string, err error) error {
		return &Refusal{Reason: "bad claim", Err: fmt.Errorf("claim %q %w", claim, err)}
	}
	var err error
	if id.Subject, err = text256(c.all[j.cfg.SubjectClaim]); err != nil {
		return nil, bad(j.cfg.SubjectClaim, err)
	}
	id.Name = id.Subject
	if value, ok := c.all[j.cfg.NameClaim]; ok {
		if id.Name, err = text256(value); err != nil {
			return nil, bad(j.cfg.NameClaim, err)
		}
	}
	if value, ok := c.all["jti"]; ok {
		if id.TokenID, err = text256(value); err != nil {
			return nil, bad("jti", err)
		}
	}
	if value, ok := c.all[j.cfg.DocsClaim]; ok {
		if id.Docs, err = rights(value); err != nil {
			return nil, bad(j.cfg.DocsClaim, err)
		}
	}
	return id, nil
}
