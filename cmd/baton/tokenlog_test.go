package main

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/baton-relay/baton/relay/auth"
)

// Good and bad tokens, static and signed, by every way in, with the log as wordy
// as it gets: what was refused is in it, with a reason, and no token is, nor a
// part of one.
func TestTokensAreNotLogged(t *testing.T) {
	dir := t.TempDir()
	key, static := filepath.Join(dir, "key"), filepath.Join(dir, "tokens.json")
	if err := auth.NewSecret(key); err != nil {
		t.Fatal(err)
	}
	words := `{"tokens":[{"token":"good-static-word","subject":"ann","docs":{"*":["read","write","admin"]}},` +
		`{"token":"ended-static-word","subject":"ann","expires":"2020-01-01T00:00:00Z"}]}`
	if err := os.WriteFile(static, []byte(words), 0o600); err != nil {
		t.Fatal(err)
	}
	signer, err := auth.OpenSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(ends time.Duration) string {
		now := time.Now()
		token, err := signer.Sign(&auth.Grant{Subject: "ann", TokenID: "t1", Issued: now, Expires: now.Add(ends), Docs: auth.Patterns{"*": auth.Read}})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	good, ended := sign(time.Hour), sign(-time.Hour)
	forged := good[:strings.LastIndexByte(good, '.')+1] + strings.Repeat("Zm9yZ2Vk", 5) + "Zm8"
	tokens := []string{
		"good-static-word", "ended-static-word", "unknown-static-word", good, ended, forged,
		"bm90LWpzb24tbm90LWpzb24." + strings.Repeat("bm90LWpzb24", 3) + ".bm90LWpzb24tbm90", strings.Repeat("long-token-", 2000),
	}

	p := start(t, dir, nil, "--log-level=debug", "--tokens", static, "--jwt-key", key)
	for _, token := range tokens {
		for _, way := range []struct {
			header http.Header
			query  string
		}{
			{http.Header{"Authorization": {"Bearer " + token}}, ""},
			{http.Header{"Baton-Token": {token}}, ""},
			{http.Header{"Sec-Websocket-Protocol": {"baton.v1, bearer." + token}}, ""},
			{nil, "?access_token=" + url.QueryEscape(token)},
		} {
			ws, _, err := websocket.DefaultDialer.DialContext(t.Context(), p.ws()+way.query, way.header)
			if err != nil {
				continue // refused, as it should be; which are is tried elsewhere
			}
			// It brings each of the others, and is cut for the bad ones.
			for _, other := range tokens {
				_ = ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"auth","token":"`+other+`"}`))
			}
			_ = ws.SetReadDeadline(time.Now().Add(patience))
			for err == nil {
				_, _, err = ws.ReadMessage()
			}
			if closed, ok := errors.AsType[*websocket.CloseError](err); !ok || closed.Code != 4401 {
				t.Errorf("got %v, want a close with 4401", err)
			}
			ws.Close()
		}
		for _, path := range []string{"/v1/docs/d", "/v1/docs/d/ops", "/v1/nothing", "/board/x", "/v1/docs/..%2fx"} {
			p.get(t, path+"?access_token="+url.QueryEscape(token))
		}
	}
	p.stop(t)
	log := p.stderr.String()
	for _, reason := range []string{"(expired)", "(not known)", "(signature does not fit)", "(not a JSON Web Token that is taken here)", "(too long)"} {
		if !strings.Contains(log, reason) {
			t.Errorf("the log does not say %s", reason)
		}
	}
	for _, token := range tokens {
		for part := range strings.SplitSeq(token, ".") {
			if len(part) > 40 {
				part = part[:40]
			}
			if strings.Contains(log, part) {
				t.Errorf("the log holds %q", part)
			}
		}
	}
}
