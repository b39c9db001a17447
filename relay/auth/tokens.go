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
	"log/slog"
	"os"
	"sync"
	"time"
)

// Tokens is an [Authorizer] that reads static tokens from a JSON file:
//
//	{"tokens": [
//	  {"token": "s3cret", "subject": "alice", "name": "Alice",
//	   "issued": "2026-01-01T00:00:00Z", "expires": "2027-01-01T00:00:00Z",
//	   "docs": {"notes-*": ["read", "write", "presence"], "*": ["read"]}}
//	]}
//
// The file is read again when it changes, at most a second later. One that
// cannot be read, or does not parse, leaves the tokens as they were and is
// logged: a slip of the editor locks nobody out.
type Tokens struct {
	// static after construction
	log *slog.Logger

	mu    sync.Mutex
	known *tokenSet // guarded by mu
	file  watched   // guarded by mu
}

// tokenSet is what a token file says, by the digests of the tokens: how long a
// look-up takes tells nothing of a secret.
type tokenSet struct {
	byDigest map[[sha256.Size]byte]*Identity
}

// OpenTokens reads a token file. Its errors say which entry is wrong and how.
func OpenTokens(path string, log *slog.Logger) (*Tokens, error) {
	t := &Tokens{log: orDiscard(log), file: watched{path: path}}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.read(); err != nil {
		return nil, err
	}
	return t, nil
}

func orDiscard(log *slog.Logger) *slog.Logger { return cmp.Or(log, slog.New(slog.DiscardHandler)) }

var (
	errUnknown = &Refusal{Reason: "not known"}
	errExpired = &Refusal{Reason: "expired"}
)

// Authorize implements [Authorizer]. As long as the file stands, one token gets
// the same *Identity.
func (t *Tokens) Authorize(_ context.Context, token string) (*Identity, error) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refresh(now)
	id := t.known.byDigest[sha256.Sum256([]byte(token))]
	switch {
	case id == nil:
		return nil, errUnknown
	case id.Expired(now):
		return nil, errExpired
	}
	return id, nil
}

// Version implements [Versioned].
func (t *Tokens) Version() Version {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refresh(time.Now())
	return Version{file: t.known}
}

// refresh reads the file again if it was changed.
func (t *Tokens) refresh(now time.Time) {
	changed, err := t.file.changed(now)
	if err == nil && !changed {
		return
	}
	if err == nil {
		err = t.read()
	}
	if err != nil {
		t.log.Error("token file not taken; the tokens read before stay", logError, err)
		return
	}
	t.log.Info("token file read again", logPath, t.file.path, logTokens, len(t.known.byDigest))
}

func (t *Tokens) read() error {
	return t.file.read("token file", func(data []byte, _ os.FileInfo) (err error) {
		known, err := parseTokens(data)
		if err == nil {
			t.known = &tokenSet{known}
		}
		return err
	})
}

type tokenEntry struct {
	Token   string              `json:"token"`
	Subject string              `json:"subject"`
	Name    string              `json:"name"`
	Issued  time.Time           `json:"issued"`
	Expires time.Time           `json:"expires"`
	Docs    map[string][]string `json:"docs"`
}

func parseTokens(data []byte) (map[[sha256.Size]byte]*Identity, error) {
	var file struct {
		Tokens []tokenEntry `json:"tokens"`
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	if file.Tokens == nil {
		return nil, errors.New(`"tokens" is missing`) // who means nobody says []
	}
	known := make(map[[sha256.Size]byte]*Identity, len(file.Tokens))
	for i, e := range file.Tokens {
		id, err := e.identity()
		key := sha256.Sum256([]byte(e.Token))
		if err == nil && known[key] != nil {
			err = errors.New("its token stands above already")
		}
		if err != nil {
			return nil, fmt.Errorf("token %d (subject %q): %w", i+1, e.Subject, err)
		}
		known[key] = id
	}
	return known, nil
}

func (e *tokenEntry) identity() (*Identity, error) {
	switch {
	case e.Token == "":
		return nil, errors.New(`"token" is empty`)
	case e.Subject == "" || len(e.Subject) > 256:
		return nil, errors.New(`"subject" must have 1 to 256 bytes`)
	case len(e.Name) > 256:
		return nil, errors.New(`"name" has more than 256 bytes`)
	}
	docs, err := parsePatterns(e.Docs)
	if err != nil {
		return nil, err
	}
	return &Identity{
		Subject: e.Subject,
		Name:    cmp.Or(e.Name, e.Subject),
		Issued:  e.Issued,
		Expires: e.Expires,
		Docs:    docs,
	}, nil
}

// The keys of what is logged.
const (
	logError  = "error"
	logPath   = "path"
	logTokens = "tokens"
	logURL    = "url"
)
