package auth

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

// How a key set is read from a URL. A key that was withdrawn there no longer
// counts here after keysEvery; one that is new counts at once, as the first token
// that names it has the set read again, at most each keysAtMost. A set that could
// not be read again for keysCount no longer counts.
const (
	keysEvery   = time.Minute
	keysAtMost  = 10 * time.Second
	keysCount   = 24 * time.Hour
	keysTimeout = 5 * time.Second
	maxKeySet   = 1 << 20 // bytes
)

// jwks is the keys at a URL. A goroutine reads them.
type jwks struct {
	// static
	url    string
	client *http.Client
	log    *slog.Logger
	stop   context.CancelFunc
	runs   sync.WaitGroup
	asked  chan struct{} // has a value when somebody waits for newer keys

	mu    sync.Mutex
	set   *keySet       // nil until the set was read once; guarded by mu
	text  []byte        // set as JSON; guarded by mu
	read  time.Time     // when that was; guarded by mu
	tried time.Time     // when it was last begun to be read; guarded by mu
	round chan struct{} // closed when it was tried again; guarded by mu
}

func openJWKS(address string, client *http.Client, log *slog.Logger) (*jwks, error) {
	if err := checkURL(address); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	k := &jwks{
		url: address, client: client, log: log, stop: stop,
		asked: make(chan struct{}, 1), round: make(chan struct{}),
	}
	k.runs.Go(func() { k.run(ctx) })
	return k, nil
}

func (k *jwks) close() {
	k.stop()
	k.runs.Wait()
	k.client.CloseIdleConnections()
}

// newClient returns a client that follows no redirects and reads answers up to a
// size.
func newClient(limit int64) *http.Client {
	return &http.Client{
		Transport: &bounded{http.DefaultTransport.(*http.Transport).Clone(), limit},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("redirects are not followed; give the address that it leads to")
		},
	}
}

type bounded struct {
	*http.Transport
	limit int64
}

// RoundTrip implements [http.RoundTripper].
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, b.limit), resp.Body}
	return resp, nil
}

// run reads the keys again and again.
func (k *jwks) run(ctx context.Context) {
	wait := time.NewTimer(0)
	defer wait.Stop()
	for failed := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
		case <-k.asked:
		}
		err := k.refresh(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			failed++
			k.log.Error("key set not read; the keys read before stay for a day", logURL, NameOf(k.url), logError, WithoutURL(err))
			wait.Reset(min(time.Duration(failed)*time.Second, keysEvery))
		default:
			failed = 0
			wait.Reset(keysEvery)
		}
	}
}

// refresh reads the keys once.
func (k *jwks) refresh(ctx context.Context) error {
	k.mu.Lock()
	k.tried = time.Now()
	k.mu.Unlock()
	defer func() {
		k.mu.Lock()
		close(k.round)
		k.round = make(chan struct{})
		k.mu.Unlock()
	}()
	// Without an interval of its own this reads once, and returns what it read.
	all, err := jwkset.NewStorageFromHTTP(k.url, jwkset.HTTPClientStorageOptions{
		Client: k.client, Ctx: ctx, HTTPTimeout: keysTimeout,
	})
	if err != nil {
		return err
	}
	set, text, left, err := usable(ctx, all)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.read = time.Now()
	if k.set != nil && bytes.Equal(text, k.text) {
		return nil
	}
	k.log.Info("key set read", logURL, NameOf(k.url))
	for _, why := range left {
		k.log.Warn("key left out", logURL, NameOf(k.url), logError, why)
	}
	k.set, k.text = set, text
	return nil
}

// usable makes a set of those keys that may check signatures, and says why others
// were left out.
func usable(ctx context.Context, all jwkset.Storage) (set *keySet, text []byte, left []error, err error) {
	list, err := all.KeyReadAll(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	fit := jwkset.NewMemoryStorage()
	for _, k := range list {
		if err := mayVerify(k); err != nil {
			left = append(left, fmt.Errorf("kid %q: %w", k.Marshal().KID, err))
		} else if err := fit.KeyWrite(ctx, k); err != nil {
			return nil, nil, nil, err
		}
	}
	if text, err = fit.JSONPublic(ctx); err != nil {
		return nil, nil, nil, err
	}
	byKid, err := keyfunc.New(keyfunc.Options{Ctx: context.WithoutCancel(ctx), Storage: fit})
	if err != nil {
		return nil, nil, nil, err
	}
	return &keySet{find: func(h *header, t *jwt.Token) ([]jwt.VerificationKey, error) {
		if h.kid == "" {
			return anyOf(fit, h.alg)
		}
		key, err := byKid.Keyfunc(t)
		if errors.Is(err, jwkset.ErrKeyNotFound) {
			return nil, errKey
		}
		if err != nil {
			return nil, err
		}
		if algs, err := algorithms(key); err != nil || !slices.Contains(algs, h.alg) {
			return nil, errAlgorithm
		}
		return []jwt.VerificationKey{key}, nil
	}}, text, left, nil
}

// anyOf returns the keys that a token may be signed with which does not say by
// which.
func anyOf(keys jwkset.Storage, alg string) (fit []jwt.VerificationKey, err error) {
	list, err := keys.KeyReadAll(context.Background()) // in memory
	if err != nil {
		return nil, err
	}
	for _, k := range list {
		key := publicPart(k)
		algs, err := algorithms(key)
		if is := string(k.Marshal().ALG); err == nil && slices.Contains(algs, alg) && (is == "" || is == alg) {
			fit = append(fit, key)
		}
	}
	if len(fit) == 0 {
		return nil, errAlgorithm
	}
	return fit, nil
}

// mayVerify says why a key may not check signatures: because of its type, its
// strength, or of what the set says it is for.
func mayVerify(k jwkset.JWK) error {
	m := k.Marshal()
	if m.USE != "" && m.USE != jwkset.UseSig {
		return fmt.Errorf("its use is %q, not sig", m.USE)
	}
	if len(m.KEYOPS) > 0 && !slices.Contains(m.KEYOPS, jwkset.KeyOpsVerify) {
		return fmt.Errorf("its operations are %q, verify is not among them", m.KEYOPS)
	}
	algs, err := algorithms(publicPart(k))
	if err != nil {
		return err
	}
	if m.ALG != "" && !slices.Contains(algs, string(m.ALG)) {
		return fmt.Errorf("its algorithm %q is not one of %q", m.ALG, algs)
	}
	return nil
}

func publicPart(k jwkset.JWK) crypto.PublicKey {
	if private, ok := k.Key().(interface{ Public() crypto.PublicKey }); ok {
		return private.Public()
	}
	return k.Key()
}

// errKeySet says that tokens cannot be checked yet, or any more.
var errKeySet = errors.New("the key set has not been read")

// current implements [keySource].
func (k *jwks) current() (*keySet, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.set == nil || time.Since(k.read) > keysCount {
		return nil, errKeySet
	}
	return k.set, nil
}

// newer returns a newer set than old, waiting until it is read or ctx ends. Where
// the set was tried to be read a moment ago, it is old again.
func (k *jwks) newer(ctx context.Context, old *keySet) (*keySet, error) {
	k.mu.Lock()
	set, round := k.set, k.round
	again := set == old && time.Since(k.tried) >= keysAtMost
	k.mu.Unlock()
	if !again {
		return set, nil
	}
	select {
	case k.asked <- struct{}{}:
	default: // it is on its way
	}
	if ctx.Err() != nil {
		return nil, errKeySet // who cannot wait asks again
	}
	select {
	case <-round:
	case <-ctx.Done():
		return nil, errKeySet
	}
	return k.current()
}
