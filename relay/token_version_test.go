package relay

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// countedTokens is a token file that counts how often it is asked, with a hash each time.
type countedTokens struct {
	*auth.Tokens
	path  string
	asked atomic.Int64
}

func (c *countedTokens) Authorize(ctx context.Context, token string) (*auth.Identity, error) {
	c.asked.Add(1)
	return c.Tokens.Authorize(ctx, token)
}

func (c *countedTokens) write(t testing.TB, text string) {
	t.Helper()
	if err := os.WriteFile(c.path, []byte(`{"tokens":[`+text+`]}`), 0o600); err != nil {
		t.Fatal(err)
	}
}

func openCounted(t testing.TB) *countedTokens {
	t.Helper()
	c := &countedTokens{path: filepath.Join(t.TempDir(), "tokens.json")}
	c.write(t, `{"token":"one","subject":"ann","docs":{"*":["read"]}},{"token":"two","subject":"bob","docs":{"*":["read"]}}`)
	var err error
	if c.Tokens, err = auth.OpenTokens(c.path, nil); err != nil {
		t.Fatal(err)
	}
	return c
}

// A token that was asked about is not hashed again each second, and one that is
// taken out of its file still ends its sessions within the same time.
func TestTokensAreAskedAboutOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := openCounted(t)
		h := startInBubble(t, Config{Auth: tokens, Heartbeat: time.Hour})
		ann, bob := h.listen("one"), h.listen("two")
		time.Sleep(time.Minute)
		if n := tokens.asked.Load(); n > 4 {
			t.Errorf("2 tokens were asked about %d times in a minute, want at most twice each", n)
		}
		tokens.write(t, `{"token":"two","subject":"bob","docs":{"*":["read"]}}`)
		began := time.Now()
		if code := ann.closed(); code != wire.CloseUnauthorized {
			t.Errorf("got %d, want %d", code, wire.CloseUnauthorized)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("the session ended %v after its token, want at most 3s", took)
		}
		bob.quiet()
	})
}

// BenchmarkCheckTokens is the look that the relay takes at 10,000 sessions each second:
// `asked` is without a version, as with an authorizer that has none.
func BenchmarkCheckTokens(b *testing.B) {
	const sessions = 10_000
	tokens := openCounted(b)
	cfg := Config{Auth: tokens}
	cfg.fill()
	srv := &Server{cfg: cfg}
	all := make([]*session, sessions)
	for i := range all {
		id, err := tokens.Authorize(b.Context(), "one")
		if err != nil {
			b.Fatal(err)
		}
		all[i] = &session{srv: srv, id: fmt.Sprint(i), identity: id, token: "one"}
	}
	for _, versioned := range []bool{false, true} {
		b.Run(map[bool]string{false: "asked", true: "versioned"}[versioned], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				now := time.Now()
				var version *auth.Version
				if versioned {
					version = srv.tokenVersion()
				}
				for _, s := range all {
					s.checkToken(now, version)
				}
			}
		})
	}
}
