package auth

import (
	"errors"
	"path/filepath"
	"testing"
	"time"
)

// Static tokens, JSON Web Tokens and none, beside each other.
func TestChain(t *testing.T) {
	tokens, _, _, err := openTokens(t, aliceAndBob)
	if err != nil {
		t.Fatal(err)
	}
	anonymous := &Identity{Docs: Patterns{"*": Read}}
	all := &Chain{Tokens: tokens, JWT: bySecret(t, JWTConfig{}), Anonymous: anonymous}
	for _, tt := range []struct {
		name            string
		by              *Chain
		token           string
		subject, reason string
	}{
		{"a static token", all, "bob's", "bob", ""},
		{"a JSON Web Token", all, hs256(alice()), "alice", ""},
		{"none", all, "", "", ""},
		{"a static token that has ended", all, "old", "", "expired"},
		{"a JSON Web Token that has ended", all, hs256(alice(m{"exp": 1})), "", "expired"},
		{"a bad one, which is not none", all, "x", "", "not known"},
		{"a forged one, which is not none", all, hs256(alice()) + "A", "", "signature does not fit"},
		{"a space, which is not none", all, " ", "", "not known"},
		{"none where nobody may", &Chain{Tokens: tokens}, "", "", "none was given"},
		{"a JSON Web Token where none are taken", &Chain{Tokens: tokens}, hs256(alice()), "", "not known"},
		{"a static token where none are taken", &Chain{JWT: all.JWT}, "bob's", "", "not known"},
		{"a bad one where all may come without", &Chain{Anonymous: anonymous}, "x", "", "not known"},
	} {
		id, err := tt.by.Authorize(t.Context(), tt.token)
		if got := reason(err); got != tt.reason || err == nil && id.Subject != tt.subject {
			t.Errorf("%s: got %+v, %v; want %q, %q", tt.name, id, err, tt.subject, tt.reason)
		}
	}
	if id, _ := all.Authorize(t.Context(), ""); id != anonymous {
		t.Errorf("without a token: got %+v", id)
	}
}

// What is minted is taken by who has the key, and says what was asked for.
func TestSign(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(NewSecret(filepath.Join(dir, "secret")), NewKeyPair(filepath.Join(dir, "pair"))); err != nil {
		t.Fatal(err)
	}
	now := time.Now().Truncate(time.Second)
	g := &Grant{
		Subject: "alice", Name: "Alice", TokenID: "t1", Audience: []string{"baton", "mail"}, Issuer: "me",
		Issued: now, Expires: now.Add(time.Minute), Docs: Patterns{"board-*": Read | Admin, "x": 0},
	}
	for key, cfg := range map[string]JWTConfig{
		"secret": {KeyFile: filepath.Join(dir, "secret")},
		"pair":   {PublicKeyFile: filepath.Join(dir, "pair.pub")},
	} {
		s, err := OpenSigner(filepath.Join(dir, key))
		if err != nil {
			t.Fatal(err)
		}
		token, err := s.Sign(g)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Audience, cfg.Issuer = []string{"baton"}, "me"
		id, err := takes(t, cfg).Authorize(t.Context(), token)
		if err != nil {
			t.Fatal(err, errors.Unwrap(err))
		}
		if id.Subject != "alice" || id.Name != "Alice" || id.TokenID != "t1" || !id.Issued.Equal(now) || !id.Expires.Equal(g.Expires) ||
			id.Rights("board-1") != Read|Admin || id.Rights("x") != 0 {
			t.Errorf("%s: got %+v", key, id)
		}
		for _, bad := range []*Grant{{}, {Subject: string(make([]byte, 257))}, {Subject: "a\xff"}, {Subject: "a", Docs: Patterns{"*x": Read}}} {
			if token, err := s.Sign(bad); err == nil {
				t.Errorf("%+v: got %s", bad, token)
			}
		}
	}
	if _, err := OpenSigner(filepath.Join(dir, "pair.pub")); err == nil {
		t.Error("a public key signs")
	}
}

func FuzzTokensFile(f *testing.F) {
	for _, seed := range []string{aliceAndBob, `{"tokens":[]}`, `{"tokens":[{"token":"t","subject":"a","issued":"2026-01-01T00:00:00Z","docs":{"*":[]}}]}`, `{`, `null`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		known, err := parseTokens(data)
		if err != nil && known != nil {
			t.Errorf("got %v and %v", known, err)
		}
		for _, id := range known {
			if id.Subject == "" || id.Name == "" || len(id.Subject) > maxClaim {
				t.Errorf("took %+v", id)
			}
			for pattern := range id.Docs {
				if checkPattern(pattern) != nil {
					t.Errorf("took pattern %q", pattern)
				}
			}
		}
	})
}
