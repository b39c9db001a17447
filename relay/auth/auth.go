// Package auth answers one question: who may do what? The relay asks it with a
// token when somebody connects, and again while they stay; see [Authorizer].
// It knows names and rights, neither documents nor frames.
package auth

import (
	"context"
	"errors"
	"strings"
	"time"
)

// ErrToken says that a token is missing, unknown or has expired.
var ErrToken = errors.New("token is missing, unknown or expired")

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
	// Expires is when the token ends; the zero time is never.
	Expires time.Time
	// Docs says which rights the token gives in which documents.
	Docs Patterns
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

// Authorizer tells whom a token stands for. An empty token is one that was not
// given. Errors other than [ErrToken] mean that the question could not be
// answered now. It must be quick and safe for concurrent use.
type Authorizer interface {
	Authorize(ctx context.Context, token string) (*Identity, error)
}

// Everyone gives every right to everybody, and asks for no token. It is for
// loopback and for servers behind a door of their own.
type Everyone struct{}

var everyone = &Identity{Docs: Patterns{"*": All}}

// Authorize implements [Authorizer].
func (Everyone) Authorize(context.Context, string) (*Identity, error) { return everyone, nil }
