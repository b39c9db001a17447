package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	json2 "github.com/go-json-experiment/json"

	"github.com/baton-relay/baton/durable"
)

// Revoked is the tokens that count no longer although they have not ended. It is
// kept in a file, a line of JSON each:
//
//	{"subject":"alice","at":1767225600000}
//	{"token_id":"t1","expires":1767229200}
//
// The first takes all tokens of a subject that were issued until then (Unix
// milliseconds, by the issuer's clock), the second one token, until it has ended
// anyway (Unix seconds; left out: for good).
type Revoked struct {
	// static
	path string // empty: nothing outlasts the process

	mu       sync.RWMutex
	subjects map[string]time.Time // guarded by mu
	tokens   map[string]time.Time // by id; zero is for good; guarded by mu

	writing sync.Mutex
	size    int64 // of the file; guarded by writing
	named   bool  // this process has synced the file's name; guarded by writing
	broken  error // why the file takes nothing any more; guarded by writing
}

// lateness is how long a token may count beyond what it says of its end.
const lateness = 2 * MaxSkew

type revokedLine struct {
	Subject string `json:"subject,omitempty"`
	At      int64  `json:"at,omitempty"` // Unix milliseconds
	TokenID string `json:"token_id,omitempty"`
	Expires int64  `json:"expires,omitempty"` // Unix seconds
}

// OpenRevoked reads what was revoked before. A last line that was not written to
// its end is dropped: nobody was told that it counts. Any other damage is an
// error that says where. Without a path, nothing is kept.
func OpenRevoked(path string, log *slog.Logger) (*Revoked, error) {
	r := &Revoked{path: path, subjects: map[string]time.Time{}, tokens: map[string]time.Time{}}
	if path == "" {
		return r, nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read revoked tokens: %w", err)
	}
	lines, torn, err := r.parse(data)
	if err != nil {
		return nil, fmt.Errorf("read revoked tokens %s: %w; mend or remove that line, or restore the file: without it, what it revokes would count again", path, err)
	}
	if torn {
		orDiscard(log).Warn("revoked tokens: the last line was not written to its end and is dropped; nobody was told that it counts", logPath, path)
	}
	r.tidy(time.Now())
	r.size = int64(len(data))
	if torn || lines > len(r.subjects)+len(r.tokens) {
		if err := r.compact(); err != nil {
			return nil, fmt.Errorf("write revoked tokens: %w", err)
		}
	}
	return r, nil
}

// parse reads the lines of a file. torn says that the last one has no end and
// makes no sense.
func (r *Revoked) parse(data []byte) (lines int, torn bool, err error) {
	for at := 0; at < len(data); lines++ {
		line, _, whole := bytes.Cut(data[at:], []byte("\n"))
		if err := r.parseLine(line); err != nil {
			if !whole {
				return lines, true, nil
			}
			return lines, false, fmt.Errorf("line %d, at byte %d: %w", lines+1, at, err)
		}
		if !whole {
			lines++ // it is short of its end: written anew
		}
		at += len(line) + 1
	}
	return lines, false, nil
}

func (r *Revoked) parseLine(text []byte) error {
	var line revokedLine
	if err := json2.Unmarshal(text, &line, json2.RejectUnknownMembers(true)); err != nil {
		return err
	}
	return r.take(&line)
}

// take counts a line. The mutex is held, or nobody else knows of r.
func (r *Revoked) take(line *revokedLine) error {
	switch {
	case (line.Subject == "") == (line.TokenID == ""):
		return errors.New("it must have one of subject and token_id")
	case line.Subject != "" && (line.At <= 0 || line.Expires != 0):
		return errors.New("a subject needs at, in Unix milliseconds, and nothing more")
	case line.TokenID != "" && (line.At != 0 || line.Expires < 0 || line.Expires > maxDate):
		return errors.New("a token_id may have expires, in Unix seconds, and nothing more")
	case line.Subject != "":
		if at := time.UnixMilli(line.At); at.After(r.subjects[line.Subject]) {
			r.subjects[line.Subject] = at
		}
		return nil
	}
	old, known := r.tokens[line.TokenID]
	switch {
	case known && old.IsZero():
	case line.Expires == 0:
		r.tokens[line.TokenID] = time.Time{}
	default:
		if ends := time.Unix(line.Expires, 0); ends.After(old) {
			r.tokens[line.TokenID] = ends
		}
	}
	return nil
}

// tidy forgets tokens that have ended by themselves.
func (r *Revoked) tidy(now time.Time) {
	for id, ends := range r.tokens {
		if !ends.IsZero() && now.After(ends.Add(lateness)) {
			delete(r.tokens, id)
		}
	}
}

// Has reports whether the token that an identity is from was revoked.
func (r *Revoked) Has(id *Identity) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if id.Subject != "" {
		if at, ok := r.subjects[id.Subject]; ok && !id.Issued.After(at) {
			return true
		}
	}
	if id.TokenID != "" {
		_, ok := r.tokens[id.TokenID]
		return ok
	}
	return false
}

// Subject revokes all tokens of a subject that were issued before now, or do not
// say when. It returns when that is durable.
func (r *Revoked) Subject(subject string) error {
	return r.add(&revokedLine{Subject: subject, At: time.Now().UnixMilli()})
}

// Token revokes one token, until it ends; the zero time is for good. It returns
// when that is durable.
func (r *Revoked) Token(id string, ends time.Time) error {
	line := &revokedLine{TokenID: id}
	if !ends.IsZero() {
		line.Expires = ends.Unix() + 1 // a part of a second counts whole
	}
	return r.add(line)
}

func (r *Revoked) add(line *revokedLine) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	if r.path != "" {
		if err := r.append(line); err != nil {
			return fmt.Errorf("write revoked tokens: %w", err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tidy(time.Now())
	return r.take(line)
}

// append makes a line durable, or leaves the file as it was.
func (r *Revoked) append(line *revokedLine) (err error) {
	if r.broken != nil {
		return r.broken
	}
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = f.WriteAt(append(text, '\n'), r.size)
	if err == nil {
		err = f.Sync()
	}
	if err == nil && !r.named {
		err = durable.SyncDir(filepath.Dir(r.path))
	}
	if err != nil {
		if undo := f.Truncate(r.size); undo != nil {
			r.broken = fmt.Errorf("its end cannot be told since a write failed; restart the relay: %w", undo)
		}
		return err
	}
	r.named = true
	r.size += int64(len(text)) + 1
	return nil
}

// compact writes the file anew, with what still counts.
func (r *Revoked) compact() error {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	for subject, at := range r.subjects {
		if err := e.Encode(&revokedLine{Subject: subject, At: at.UnixMilli()}); err != nil {
			return err
		}
	}
	for id, ends := range r.tokens {
		line := &revokedLine{TokenID: id}
		if !ends.IsZero() {
			line.Expires = ends.Unix()
		}
		if err := e.Encode(line); err != nil {
			return err
		}
	}
	if err := durable.WriteFile(r.path, out.Bytes()); err != nil {
		return err
	}
	r.size = int64(out.Len())
	return nil
}
