// Package auth answers one question: who may do what? The relay asks it with a
// token when somebody connects, and again while they stay; see [Authorizer].
// It knows names and rights, neither documents nor frames.
//
// A grant is an object of patterns with rights, {"board-*":["read","write"]}: in
// a file of static tokens ([Tokens]), or in the claim docs of a JSON Web Token
// ([JWT]), beside sub, name, iat, exp and jti. [Chain] takes both, and those who
// come without. What counts no longer though it has not ended is [Revoked].
// [Backend] asks an application as well, which can only take rights away.
// docs/auth.md says all of it to operators.
//
// It promises that a token that is not wholly understood is refused, that what
// cannot be told now is never taken for a yes, and that no error, and so no log,
// holds a token.
package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrToken says that a token is missing, unknown or has expired.
var ErrToken = errors.New("token is missing, unknown or expired")

// Refusal is an [ErrToken] that says more. It never holds the token.
type Refusal struct {
	// Reason is one of a few short texts, harmless to tell whoever came with the
	// token: "expired".
	Reason string
	// Err is what an operator may want to know beyond that, nil if nothing.
	Err error
}

func (e *Refusal) Error() string { return ErrToken.Error() + " (" + e.Reason + ")" }

// Is makes every refusal an [ErrToken].
func (e *Refusal) Is(target error) bool { return target == ErrToken }

func (e *Refusal) Unwrap() error { return e.Err }

// Rights is a set of rights in one document.
type Rights uint8

// The rights. Compact is the right to store snapshots, Admin to prune, delete,
// import, back up and list.
const (
	Read Rights = 1 << iota
	Write
	Presence
	Compact
	Admin

	All = Read | Write | Presence | Compact | Admin
)

var names = []struct {
	right Rights
	name  string
}{{Read, "read"}, {Write, "write"}, {Presence, "presence"}, {Compact, "compact"}, {Admin, "admin"}}

// Has reports whether every right of want is in r.
func (r Rights) Has(want Rights) bool { return r&want == want }

// Names returns the rights by name, never nil.
func (r Rights) Names() []string {
	list := []string{}
	for _, n := range names {
		if r.Has(n.right) {
			list = append(list, n.name)
		}
	}
	return list
}

func (r Rights) String() string { return strings.Join(r.Names(), "+") }

// Identity is whom a token stands for. It is never changed once it is handed
// out.
type Identity struct {
	// Subject is the stable id of a person or program, empty where nobody is
	// asked. Actors belong to subjects.
	Subject string
	// Name is what other people see.
	Name string
	// TokenID names the one token, so that it can be revoked; empty where it has
	// no name.
	TokenID string
	// Issued is when the token was made; the zero time is before everything.
	Issued time.Time
	// Expires is when the token ends; the zero time is never.
	Expires time.Time
	// Docs says which rights the token gives in which documents.
	Docs Patterns
	// Claims is all that the token says, a JSON object; nil where it is a mere word.
	Claims []byte
}

// Rights returns the rights in one document.
func (id *Identity) Rights(doc string) Rights { return id.Docs.match(doc) }

// Expired reports whether the token has ended at the given time.
func (id *Identity) Expired(now time.Time) bool {
	return !id.Expires.IsZero() && !now.Before(id.Expires)
}

// Patterns gives rights to documents by name: a pattern is a whole name, or the
// beginning of one with * behind it. The longest that fits counts, alone.
type Patterns map[string]Rights

func (p Patterns) match(doc string) Rights {
	if r, ok := p[doc]; ok {
		return r
	}
	for n := len(doc); n >= 0; n-- {
		if r, ok := p[doc[:n]+"*"]; ok {
			return r
		}
	}
	return 0
}

// parsePatterns reads patterns as they stand in JSON.
func parsePatterns(docs map[string][]string) (Patterns, error) {
	p := make(Patterns, len(docs))
	for pattern, list := range docs {
		if err := checkPattern(pattern); err != nil {
			return nil, err
		}
		rights, err := ParseRights(list)
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", pattern, err)
		}
		p[pattern] = rights
	}
	return p, nil
}

func checkPattern(pattern string) error {
	if i := strings.IndexByte(pattern, '*'); pattern == "" || i >= 0 && i != len(pattern)-1 {
		return fmt.Errorf("pattern %q: * may only stand at the end", pattern)
	}
	return nil
}

// ParseRights reads rights by their names.
func ParseRights(list []string) (Rights, error) {
	var r Rights
next:
	for _, s := range list {
		for _, n := range names {
			if n.name == s {
				r |= n.right
				continue next
			}
		}
		return 0, fmt.Errorf("right %q is not one of read, write, presence, compact, admin", s)
	}
	return r, nil
}

// Authorizer tells whom a token stands for. An empty token is one that was not
// given. Errors other than [ErrToken] mean that the question could not be
// answered now. It must be quick when it is asked again, and safe for concurrent
// use; with a ctx that has ended it must not wait for anything.
type Authorizer interface {
	Authorize(ctx context.Context, token string) (*Identity, error)
}

// Version says by which tokens and keys an [Authorizer] answers. Two that are equal
// mean the same answers, but for tokens that have expired meanwhile. The zero Version
// is that of one whose answers never change.
type Version struct {
	file *tokenSet
	keys *keySet
}

// Versioned is an [Authorizer] that has a [Version]. Who asked it about a token need
// not ask again, which takes a hash of the token each time, before the version is
// another or the token has expired.
type Versioned interface {
	// Version must be taken before the question that it stands for.
	Version() Version
}

// Everyone gives every right to everybody, and asks for no token. It is for
// loopback and for servers behind a door of their own.
type Everyone struct{}

var everyone = &Identity{Docs: Patterns{"*": All}}

// Authorize implements [Authorizer].
func (Everyone) Authorize(context.Context, string) (*Identity, error) { return everyone, nil }

// Version implements [Versioned].
func (Everyone) Version() Version { return Version{} }
