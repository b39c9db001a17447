package auth

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// AskConfig says whom a [Backend] asks.
type AskConfig struct {
	// URL is asked by POST; https, or loopback.
	URL string
	// Timeout is how long an answer may take (3 s).
	Timeout time.Duration
	// Cache is how long an answer counts before it is asked for again (1 min).
	Cache time.Duration
	// SecretFile, where it is not empty, holds what is sent as a bearer token, so
	// that the backend knows who asks. Nobody but its owner may be able to read it.
	SecretFile string
}

// Backend asks an application over HTTP what somebody may do in a document,
// beside the token. It can only take rights away.
//
// It sends {"doc","subject","name","claims","access"}, access being the rights of
// the token, and takes 200 with {"access":[…]} for those that remain, and 403 for
// none. Anything else is no answer.
type Backend struct {
	// static
	cfg    AskConfig
	client *http.Client
	secret string
	// slots bounds how many questions are under way.
	slots chan struct{}
	stop  context.CancelFunc
	done  context.Context
	runs  sync.WaitGroup

	mu       sync.Mutex
	answers  map[question]Answer  // guarded by mu
	underway map[question]*asking // guarded by mu
}

// question is the digest of what is sent: the same question has the same answer.
type question [sha256.Size]byte

// Answer is what somebody may do in a document, and how long that counts.
type Answer struct {
	Rights Rights
	// Fresh is until when it need not be asked for again.
	Fresh time.Time
	// Until is until when it counts if no newer one can be had.
	Until time.Time
}

// asking is a question under way, for all who have it.
type asking struct {
	done   chan struct{} // closed when the fields below are set
	answer Answer
	err    error
}

// Bounds of a [Backend].
const (
	maxAnswers   = 1 << 16
	maxAsking    = 64
	maxAnswer    = 64 << 10 // bytes
	staleAnswers = 5        // times the cache time
)

// OpenBackend checks the settings; it asks nothing yet. Close ends it.
func OpenBackend(cfg AskConfig) (*Backend, error) {
	cfg.Timeout = cmp.Or(cfg.Timeout, 3*time.Second)
	cfg.Cache = cmp.Or(cfg.Cache, time.Minute)
	if err := checkURL(cfg.URL); err != nil {
		return nil, err
	}
	b := &Backend{
		cfg: cfg, client: newClient(maxAnswer), slots: make(chan struct{}, maxAsking),
		answers: map[question]Answer{}, underway: map[question]*asking{},
	}
	b.client.Transport.(*bounded).MaxIdleConnsPerHost = maxAsking
	if cfg.SecretFile != "" {
		var err error
		if b.secret, err = readSecret(cfg.SecretFile); err != nil {
			return nil, fmt.Errorf("read authorizer secret %s: %w", cfg.SecretFile, err)
		}
	}
	b.done, b.stop = context.WithCancel(context.Background())
	return b, nil
}

// readSecret reads a word that goes into a header.
func readSecret(path string) (string, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if err := private(stat); err != nil {
		return "", err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(data))
	if secret == "" || strings.ContainsFunc(secret, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", errors.New("it must hold one word of ASCII")
	}
	return secret, nil
}

// Close ends questions under way.
func (b *Backend) Close() {
	b.stop()
	b.runs.Wait()
	b.client.CloseIdleConnections()
}

// Ask tells what somebody may do in a document: never more than the token allows.
// It waits for the answer until ctx ends. An error means that there is none, so
// that nothing is allowed.
func (b *Backend) Ask(ctx context.Context, id *Identity, doc string) (Answer, error) {
	access := id.Rights(doc)
	if access == 0 {
		far := time.Now().Add(b.cfg.Cache)
		return Answer{0, far, far}, nil // nothing is left to take away
	}
	body, err := json.Marshal(struct {
		Doc     string          `json:"doc"`
		Subject string          `json:"subject"`
		Name    string          `json:"name"`
		Claims  json.RawMessage `json:"claims"`
		Access  []string        `json:"access"`
	}{doc, id.Subject, id.Name, id.Claims, access.Names()})
	if err != nil {
		return Answer{}, fmt.Errorf("write question: %w", err)
	}
	a, known := b.join(sha256.Sum256(body), body, access)
	if known {
		return a.answer, nil
	}
	select {
	case <-a.done:
		return a.answer, a.err
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
}

// join returns the fresh answer that is known, or the asking that is under way,
// which it begins if there is none.
func (b *Backend) join(q question, body []byte, access Rights) (a *asking, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if answer, ok := b.answers[q]; ok && time.Now().Before(answer.Fresh) {
		return &asking{answer: answer}, true
	}
	if a = b.underway[q]; a != nil {
		return a, false
	}
	a = &asking{done: make(chan struct{})}
	if b.done.Err() != nil {
		a.err = b.done.Err()
		close(a.done)
		return a, false
	}
	b.underway[q] = a
	b.runs.Go(func() {
		rights, err := b.send(body)
		b.settle(q, a, rights&access, err)
	})
	return a, false
}

// settle gives the answer to all who wait, and keeps it.
func (b *Backend) settle(q question, a *asking, rights Rights, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.underway, q)
	if a.err = err; err == nil {
		now := time.Now()
		// Somewhat different for each, so that not all are asked for again at once.
		fresh := now.Add(b.cfg.Cache - rand.N(b.cfg.Cache/8+1))
		a.answer = Answer{rights, fresh, now.Add(staleAnswers * b.cfg.Cache)}
		for old, answer := range b.answers {
			if len(b.answers) < maxAnswers && now.Before(answer.Fresh) {
				break
			}
			delete(b.answers, old)
		}
		b.answers[q] = a.answer
	}
	close(a.done)
}

// send asks once.
func (b *Backend) send(body []byte) (Rights, error) {
	ctx, cancel := context.WithTimeout(b.done, b.cfg.Timeout)
	defer cancel()
	select {
	case b.slots <- struct{}{}:
		defer func() { <-b.slots }()
	case <-ctx.Done():
		return 0, fmt.Errorf("ask authorizer: %d questions are under way already: %w", maxAsking, ctx.Err())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.cfg.URL, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	if b.secret != "" {
		req.Header.Set("Authorization", "Bearer "+b.secret)
	}
	resp, err := b.client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("ask authorizer %s: %w", NameOf(b.cfg.URL), WithoutURL(err))
	}
	defer resp.Body.Close()
	rights, err := readAnswer(resp)
	if err != nil {
		return 0, fmt.Errorf("ask authorizer %s: %w", NameOf(b.cfg.URL), err)
	}
	return rights, nil
}

func readAnswer(resp *http.Response) (Rights, error) {
	switch resp.StatusCode {
	case http.StatusForbidden:
		return 0, nil
	case http.StatusOK:
	default:
		return 0, fmt.Errorf("got %s, want 200 or 403", resp.Status)
	}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return 0, fmt.Errorf("got content of type %q, want application/json", resp.Header.Get("Content-Type"))
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	if len(text) == maxAnswer {
		return 0, fmt.Errorf("the answer has %d bytes or more", maxAnswer)
	}
	var answer struct {
		Access *[]string `json:"access"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return 0, err
	}
	if answer.Access == nil {
		return 0, errors.New(`the answer has no "access"`)
	}
	return ParseRights(*answer.Access)
}
