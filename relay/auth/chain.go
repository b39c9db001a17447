package auth

import (
	"context"
	"errors"
)

// Chain is an [Authorizer] that takes several kinds of tokens beside each other.
// All may be left out. A token that none of them knows is refused: it never
// makes its bearer anonymous.
type Chain struct {
	Tokens *Tokens
	JWT    *JWT
	// Anonymous is whom one without a token is taken for; nil is nobody. It has no
	// subject.
	Anonymous *Identity
}

var errNone = &Refusal{Reason: "none was given"}

// Authorize implements [Authorizer].
func (c *Chain) Authorize(ctx context.Context, token string) (*Identity, error) {
	if token == "" {
		if c.Anonymous == nil {
			return nil, errNone
		}
		return c.Anonymous, nil
	}
	if c.Tokens != nil {
		id, err := c.Tokens.Authorize(ctx, token)
		if err == nil || c.JWT == nil || !errors.Is(err, errUnknown) {
			return id, err
		}
	}
	if c.JWT == nil {
		return nil, errUnknown
	}
	return c.JWT.Authorize(ctx, token)
}

// Version implements [Versioned].
func (c *Chain) Version() (v Version) {
	if c.Tokens != nil {
		v.file = c.Tokens.Version().file
	}
	if c.JWT != nil {
		v.keys = c.JWT.Version().keys
	}
	return v
}
