package client_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/baton-relay/baton/client"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay"
	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// anyone is everybody who brings a token, by that name, and may write.
type anyone struct{}

// Authorize implements [auth.Authorizer].
func (anyone) Authorize(_ context.Context, token string) (*auth.Identity, error) {
	return &auth.Identity{Subject: token, Docs: auth.Patterns{"*": auth.Read | auth.Write | auth.Presence}}, nil
}

// A client that has far more to send than a relay takes at once, as one that was
// long away, is told to wait, waits, and saves all of it in order on the same
// connection. Another in the document hears all.
func TestTooMuchAtOnceIsSavedInTime(t *testing.T) {
	url := startRelay(t, relay.Config{
		Auth: anyone{}, Throttle: true,
		Limits: wire.Limits{UnackedOps: 100, OpsPerFrame: 50, OpsPerS: 500, BurstS: 1, SubjectFactor: 1},
	})
	token := func(name string) client.Options {
		return client.Options{Token: name}
	}
	reader := join(t, dial(t, url, token("reader")), "d", client.JoinOptions{})
	writer := join(t, dial(t, url, token("writer")), "d", client.JoinOptions{})
	const n = 1500
	for i := range n {
		appendOp(t, writer, "%d", i)
	}
	saved(t, writer)
	ops := receiveOps(t, reader, n)
	for i := range ops {
		if got, want := string(ops[i].Payload), fmt.Sprint(i); got != want || ops[i].Offset != oplog.Offset(i+1) {
			t.Fatalf("op %d: got %s at %d", i, got, ops[i].Offset)
		}
	}
}
