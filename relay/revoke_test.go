package relay

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// mint is what signs the tokens of a test, and the relay's key for them.
type mint struct {
	t      *testing.T
	signer *auth.Signer
	jwt    *auth.JWT
}

func newMint(t *testing.T, cfg auth.JWTConfig) *mint {
	t.Helper()
	cfg.KeyFile = filepath.Join(t.TempDir(), "key")
	if err := auth.NewSecret(cfg.KeyFile); err != nil {
		t.Fatal(err)
	}
	m := &mint{t: t}
	var err error
	if m.signer, err = auth.OpenSigner(cfg.KeyFile); err != nil {
		t.Fatal(err)
	}
	if m.jwt, err = auth.OpenJWT(cfg); err != nil {
		t.Fatal(err)
	}
	return m
}

// token returns a token of a subject with an id, issued now.
func (m *mint) token(subject, id string, ends time.Duration, docs auth.Patterns) string {
	m.t.Helper()
	now := time.Now()
	token, err := m.signer.Sign(&auth.Grant{Subject: subject, TokenID: id, Issued: now, Expires: now.Add(ends), Docs: docs})
	if err != nil {
		m.t.Fatal(err)
	}
	return token
}

func openRevoked(t *testing.T, path string) *auth.Revoked {
	t.Helper()
	r, err := auth.OpenRevoked(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A token that was revoked opens nothing, now and after a restart; others of its
// subject stay where the token alone was revoked, and newer ones count where the
// subject was.
func TestRevokedTokenIsReplayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "revoked.jsonl")
		m := newMint(t, auth.JWTConfig{})
		h := startInBubble(t, Config{Auth: m.jwt, Revoked: openRevoked(t, path)})
		root := m.token("root", "r", 10*time.Hour, everything)
		one, two := m.token("ann", "a1", time.Hour, everything), m.token("ann", "a2", time.Hour, everything)
		cut, stays := h.dial(one), h.dial(two)
		h.wantAs(root, 200, "POST /v1/admin/revoke", `{"token_id":"a1"}`, `{"closed":1}`)
		if code := cut.closed(); code != wire.CloseUnauthorized {
			t.Errorf("got close code %d, want 4401", code)
		}
		refused := func(h *harness, token string) {
			t.Helper()
			h.wantAs(token, 401, "GET /v1/docs/d", "", "(revoked)")
			_, resp, err := h.dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(h.url, "http")+"/v1/ws?access_token="+token, nil)
			if err == nil || resp == nil || resp.StatusCode != 401 {
				t.Errorf("a socket: got %v, %v", resp, err)
			}
		}
		refused(h, one)
		h.wantAs(two, 404, "GET /v1/docs/d", "")
		stays.send(`{"type":"auth","token":"` + one + `"}`)
		if code := stays.closed(); code != wire.CloseUnauthorized {
			t.Errorf("auth with a revoked token: got close code %d, want 4401", code)
		}
		h.wantAs(root, 200, "POST /v1/admin/revoke", `{"subject":"ann"}`, `{"closed":0}`)
		refused(h, two)
		time.Sleep(time.Second)
		three := m.token("ann", "a3", time.Hour, everything)
		h.wantAs(three, 404, "GET /v1/docs/d", "")

		again := startInBubble(t, Config{Auth: m.jwt, Revoked: openRevoked(t, path)})
		refused(again, one)
		refused(again, two)
		again.wantAs(three, 404, "GET /v1/docs/d", "")
		again.wantAs(root, 404, "GET /v1/docs/d", "")
		// The token's end was known from its session: then it is forgotten.
		time.Sleep(2 * time.Hour)
		openRevoked(t, path)
		if b, err := os.ReadFile(path); err != nil || strings.Contains(string(b), "a1") || !strings.Contains(string(b), "ann") {
			t.Errorf("got %s, %v", b, err)
		}
	})
}

// What cannot be kept is not answered with success, and cuts nobody.
func TestRevokeThatCannotBeKept(t *testing.T) {
	m := newMint(t, auth.JWTConfig{})
	h := start(t, Config{Auth: m.jwt, Revoked: openRevoked(t, filepath.Join(t.TempDir(), "no", "such", "folder"))})
	root, ann := m.token("root", "r", time.Hour, everything), m.token("ann", "a", time.Hour, everything)
	p := h.dial(ann)
	h.wantAs(root, 503, "POST /v1/admin/revoke", `{"subject":"ann"}`, `"unavailable"`)
	p.send(`{"type":"ping"}`)
	p.await(`"pong"`)
}

// A body that began before the revoke and ends after it changes nothing.
func TestRevokeWhileABodyComes(t *testing.T) {
	m := newMint(t, auth.JWTConfig{})
	h := start(t, Config{Auth: m.jwt})
	root, ann := m.token("root", "r", time.Hour, everything), m.token("ann", "a", time.Hour, everything)
	p := h.socket()
	op := `[{"actor":"a","seq":1,"payload":1}]`
	fmt.Fprintf(p, "POST /v1/docs/d/ops HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", ann, len(op), op[:9])
	for closed := `{"closed":0}`; closed == `{"closed":0}`; {
		closed = h.wantAs(root, 200, "POST /v1/admin/revoke", `{"token_id":"a"}`).body
		if closed != `{"closed":0}` && closed != `{"closed":1}` {
			t.Fatalf("got %s", closed)
		}
		if h.wantAs(ann, 401, "GET /v1/docs/d", ""); closed == `{"closed":0}` {
			break // the revoke was there before the request
		}
	}
	_, _ = io.WriteString(p, op[9:])
	// Where it was refused at once, what comes of the body then finds nobody: behind
	// its answer the connection is reset.
	resp, err := http.ReadResponse(p.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusUnauthorized || !strings.Contains(string(answer), `"unauthorized"`) {
		t.Errorf("got %d %s, %v; want 401", resp.StatusCode, answer, err)
	}
	h.wantAs(root, 404, "GET /v1/docs/d", "")
}

// A JSON Web Token ends while its session is there: a warning a minute before,
// then 4401. One that brings a new one stays, with its rights at once.
func TestJWTEndsMidSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMint(t, auth.JWTConfig{Skew: 30 * time.Second})
		h := startInBubble(t, Config{Auth: m.jwt, Heartbeat: time.Hour})
		first := m.token("ann", "1", 10*time.Minute, auth.Patterns{"*": auth.Read | auth.Write})
		began := time.Now()
		goes, stays := h.live(first, "d"), h.live(first, "d")
		time.Sleep(9*time.Minute + 25*time.Second)
		for _, l := range []*listener{goes, stays} {
			if f := l.wantFrame("auth"); time.Since(began).Round(10*time.Second) != 9*time.Minute+30*time.Second || f.ExpiresMS == nil || *f.ExpiresMS > 60_000 {
				t.Errorf("after %v: got %s, want a warning a minute before the end", time.Since(began), f.raw)
			}
		}
		stays.send(`{"type":"auth","token":"` + m.token("ann", "2", time.Hour, auth.Patterns{"*": auth.Read}) + `"}`)
		stays.want("access read", "auth")
		stays.ops("d", "a:1")
		stays.want("reject a:1 forbidden")
		stays.send(`{"type":"auth","token":"` + m.token("ann", "3", time.Hour, auth.Patterns{"d": auth.Read | auth.Write | auth.Presence}) + `"}`)
		stays.want("access read write presence", "auth")
		stays.ops("d", "a:1")
		stays.want("ack a:1@1")
		goes.skipTo("ops")
		time.Sleep(10*time.Minute + 25*time.Second - time.Since(began))
		if code := goes.closed(); code != wire.CloseUnauthorized || time.Since(began) < 10*time.Minute+30*time.Second || time.Since(began) > 10*time.Minute+32*time.Second {
			t.Errorf("got close code %d after %v, want 4401 after 10m30s", code, time.Since(began))
		}
		for token, want := range map[string]int{
			m.token("bob", "4", time.Hour, everything):       wire.CloseForbidden,
			m.token("ann", "5", time.Hour, everything) + "x": wire.CloseUnauthorized,
			first: wire.CloseUnauthorized,
		} {
			l := h.listen(m.token("ann", "6", time.Hour, everything))
			l.send(`{"type":"auth","token":"` + token + `"}`)
			if code := l.closed(); code != want {
				t.Errorf("auth with %.60s…: got %d, want %d", token, code, want)
			}
		}
	})
}

// While keys were not read yet, tokens are neither taken nor refused: come again.
func TestTokensCannotBeChecked(t *testing.T) {
	keys, err := auth.OpenJWT(auth.JWTConfig{JWKS: "http://127.0.0.1:1/keys", Audience: []string{"*"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	h := start(t, Config{Auth: &auth.Chain{JWT: keys, Anonymous: &auth.Identity{Docs: auth.Patterns{"*": auth.Read}}}})
	token := newMint(t, auth.JWTConfig{}).token("ann", "a", time.Hour, everything)
	if got := h.wantAs(token, 503, "GET /v1/docs/d", "", `"unavailable"`); got.header.Get("Retry-After") != "1" {
		t.Errorf("got header %v", got.header)
	}
	p := h.join("", "d") // nobody in particular may read
	p.send(`{"type":"auth","id":1,"token":"` + token + `"}`)
	p.await(`"unavailable"`)
	p.send(`{"type":"ops","doc":"d","ops":[{"actor":"a","seq":1,"payload":1}]}`)
	p.await(`"forbidden"`)
}

// What docs/auth.md shows of revoking is taken.
func TestRevokesOfTheAuthPage(t *testing.T) {
	page, err := os.ReadFile("../docs/auth.md")
	if err != nil {
		t.Fatal(err)
	}
	_, bodies, ok := strings.Cut(string(page), "```json revoke\n")
	bodies, _, closed := strings.Cut(bodies, "```")
	if !ok || !closed {
		t.Fatal("docs/auth.md shows no revoke")
	}
	h := start(t, Config{Auth: people{"root": {"*": auth.All}}})
	for body := range strings.Lines(bodies) {
		h.wantAs("root", 200, "POST /v1/admin/revoke", body, `{"closed":0}`)
	}
}
