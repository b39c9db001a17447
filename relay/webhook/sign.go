package webhook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Secrets are the keys that sign notices, from a file: one a line, whsec_ and
// 24 to 64 bytes in base64. Empty lines and those that begin with # do not count.
// Each key signs: a receiver that knows one of them is content, so that keys can
// be changed without a gap.
//
// The file is read again when it changes. One that cannot be read, or makes no
// sense, leaves the keys as they were and is logged.
type Secrets struct {
	// static
	path string
	log  *slog.Logger

	mu      sync.Mutex
	keys    [][]byte    // guarded by mu
	stat    os.FileInfo // guarded by mu; of the file as it was last looked at
	checked time.Time   // guarded by mu
}

// OpenSecrets reads a file of secrets. Its errors name a line, never a secret.
func OpenSecrets(path string, log *slog.Logger) (*Secrets, error) {
	s := &Secrets{path: path, log: log}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.read(); err != nil {
		return nil, fmt.Errorf("read webhook secrets: %w", err)
	}
	s.checked = time.Now()
	return s, nil
}

// read reads the file. s.mu is held.
func (s *Secrets) read() (err error) {
	if s.stat, err = os.Stat(s.path); err != nil {
		return err
	}
	data, err := os.ReadFile(s.path)
	if err != nil {
		return err
	}
	keys, err := parseSecrets(data)
	if err != nil {
		return fmt.Errorf("%s, %w", s.path, err)
	}
	s.keys = keys
	return nil
}

// current returns the keys, read again if the file changed; asked once a second.
func (s *Secrets) current() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Sub(s.checked) < time.Second {
		return s.keys
	}
	s.checked = now
	stat, err := os.Stat(s.path)
	if err == nil && s.stat != nil && os.SameFile(stat, s.stat) && stat.ModTime().Equal(s.stat.ModTime()) && stat.Size() == s.stat.Size() {
		return s.keys
	}
	if err != nil && s.stat == nil {
		return s.keys // said before
	}
	if err := s.read(); err != nil {
		s.log.Error("webhook secrets not taken; those read before stay", logError, err)
	} else {
		s.log.Info("webhook secrets read again", logPath, s.path, logSecrets, len(s.keys))
	}
	return s.keys
}

// Bounds of a key in bytes, from the specification.
const minKey, maxKey = 24, 64

func parseSecrets(data []byte) ([][]byte, error) {
	var keys [][]byte
	number := 0
	for line := range bytes.Lines(data) {
		number++
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			continue
		}
		text, ok := strings.CutPrefix(text, "whsec_")
		key, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil || len(key) < minKey || len(key) > maxKey {
			return nil, fmt.Errorf("line %d: a secret is whsec_ and 24 to 64 bytes in base64; make one with: echo whsec_$(openssl rand -base64 32)", number)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("no line: it has no secret; make one with: echo whsec_$(openssl rand -base64 32)")
	}
	return keys, nil
}

// signature returns the value of the header webhook-signature: one signature
// for each key, with a space between.
func signature(keys [][]byte, id string, at time.Time, body []byte) string {
	var b strings.Builder
	for i, key := range keys {
		if i > 0 {
			b.WriteByte(' ')
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		b.WriteString("v1,")
		b.WriteString(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return b.String()
}
