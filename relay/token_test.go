package relay

import (
	"context"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// tokenList is an authorizer whose tokens a test changes. It makes a new
// identity for each answer, as one does that keeps none.
type tokenList struct {
	mu    sync.Mutex
	known map[string]auth.Identity
	asked func(token string) // before each answer
}

// Authorize implements [auth.Authorizer].
func (l *tokenList) Authorize(_ context.Context, token string) (*auth.Identity, error) {
	l.mu.Lock()
	id, ok := l.known[token]
	asked := l.asked
	l.mu.Unlock()
	expired := id.Expired(time.Now())
	if asked != nil {
		asked(token)
	}
	if !ok || expired {
		return nil, auth.ErrToken
	}
	id.Docs = maps.Clone(id.Docs)
	return &id, nil
}

func (l *tokenList) set(token, subject string, ends time.Duration, docs auth.Patterns) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil {
		l.known = map[string]auth.Identity{}
	}
	id := auth.Identity{Subject: subject, Docs: docs}
	if ends > 0 {
		id.Expires = time.Now().Add(ends)
	}
	l.known[token] = id
}

var everything = auth.Patterns{"*": auth.All}

// A client is warned once, a minute before its token ends, and goes with 4401
// when it does; one that brings a new token stays.
func TestTokensEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := &tokenList{}
		tokens.set("one", "ann", 10*time.Minute, everything)
		h := startInBubble(t, Config{Auth: tokens, Heartbeat: time.Hour})
		began := time.Now()
		goes, stays := h.listen("one"), h.listen("one")
		for _, l := range []*listener{goes, stays} {
			_ = l.ws.SetReadDeadline(time.Time{})
			_, text, err := l.ws.ReadMessage()
			if err != nil {
				t.Fatal(err)
			}
			f := parseFrame(t, string(text))
			at := time.Since(began).Round(time.Second)
			if f.Type != "auth" || f.ExpiresMS == nil || at < 540*time.Second || at > 542*time.Second ||
				*f.ExpiresMS < 58_000 || *f.ExpiresMS > 60_000 || f.User == nil || f.User.ID != "ann" {
				t.Errorf("after %v: got %s, want a warning a minute before the end", at, f.raw)
			}
		}
		tokens.set("two", "ann", time.Hour, everything)
		stays.send(`{"type":"auth","id":"a","token":"two"}`)
		if f := stays.wantFrame("auth"); string(f.ID) != `"a"` || f.ExpiresMS == nil || *f.ExpiresMS != 3_600_000 {
			t.Errorf("got %s, want an answer with an hour left", f.raw)
		}
		_ = goes.ws.SetReadDeadline(time.Time{})
		if _, text, err := goes.ws.ReadMessage(); err == nil {
			t.Errorf("got %s, want a close", text)
		}
		if at := time.Since(began); at < 10*time.Minute || at > 10*time.Minute+2*time.Second {
			t.Errorf("closed after %v, want 10m", at)
		}
		stays.quiet()
	})
}

func TestAuthFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := &tokenList{}
		tokens.set("ann-1", "ann", 0, everything)
		tokens.set("ann-2", "ann", 0, auth.Patterns{"d": auth.Read | auth.Write, "e": auth.Presence})
		tokens.set("bob", "bob", 0, everything)
		h := startInBubble(t, Config{Auth: tokens})
		for token, want := range map[string]int{"bob": wire.CloseForbidden, "none": wire.CloseUnauthorized, "": wire.CloseUnauthorized} {
			l := h.listen("ann-1")
			l.send(`{"type":"auth","token":"` + token + `"}`)
			if code := l.closed(); code != want {
				t.Errorf("token %q: got %d, want %d", token, code, want)
			}
		}
		l := h.listen("ann-1")
		for _, doc := range []string{"d", "e", "f"} {
			l.enter(doc)
			l.want("live 0")
		}
		l.send(`{"type":"auth","token":"ann-2"}`)
		l.want("access read write", "left forbidden", "left forbidden", "auth")
		l.ops("d", "a:1")
		l.want("ack a:1@1")
		l.send(`{"type":"presence","doc":"d","state":{}}`)
		l.want("error forbidden")
		l.ops("e", "a:1")
		l.want("error not_joined")
		l.send(`{"type":"join","doc":"f"}`)
		l.want("error forbidden")
	})
}

// Rights that change while somebody is there count at once, and are told; where
// those to hear are gone, so is the session.
func TestRightsChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := &tokenList{}
		tokens.set("ann", "ann", 0, everything)
		tokens.set("bob", "bob", 0, everything)
		h := startInBubble(t, Config{Auth: tokens, Heartbeat: time.Hour})
		ann, watcher, bob := h.live("ann", "d"), h.listen("ann"), h.listen("bob")
		watcher.send(`{"type":"join","doc":"d","channels":["presence"]}`)
		watcher.want("joined 0 of 0", "presence")
		bob.send(`{"type":"join","doc":"d","channels":["presence"]}`)
		bob.want("joined 0 of 0", "presence")
		watcher.want("presence")
		change := func(rights auth.Rights) {
			t.Helper()
			tokens.set("ann", "ann", 0, auth.Patterns{"*": rights})
			time.Sleep(2 * time.Second)
		}
		change(auth.Read | auth.Presence)
		ann.want("access read presence")
		watcher.want("access read presence")
		ann.ops("d", "a:1")
		ann.want("reject a:1 forbidden")
		change(auth.Read | auth.Write)
		ann.want("access read write")
		watcher.want("access read write")
		ann.ops("d", "a:1")
		ann.want("ack a:1@1")
		f := bob.wantFrame("presence")
		if state, told := f.States[watcher.welcome.Session]; !told || state != nil {
			t.Errorf("got %s, want that the watcher is gone", f.raw)
		}
		change(auth.All)
		ann.want("access read write presence compact admin")
		watcher.want("access read write presence compact admin")
		if f := bob.wantFrame("presence"); len(f.States) != 1 || f.States[watcher.welcome.Session] == nil {
			t.Errorf("got %s, want that the watcher is there", f.raw)
		}
		change(auth.Write)
		ann.want("left forbidden")
		for line := ""; line != "left forbidden"; { // it may not hear anybody any more
			if line = watcher.line(); line == "access write" {
				t.Fatalf("got %q, want that the watcher is put out", line)
			}
		}
		ann.quiet()
	})
}

// The answer about an old token that comes when the session has a new one by
// then is worth nothing.
func TestTokenIsReplacedWhileItIsChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := &tokenList{}
		tokens.set("one", "ann", time.Minute, everything)
		tokens.set("two", "ann", time.Hour, everything)
		h := startInBubble(t, Config{Auth: tokens, Heartbeat: time.Hour})
		began := time.Now()
		l := h.live("one", "d")
		l.skipTo("auth")
		gate := make(chan struct{})
		time.Sleep(time.Minute - 500*time.Millisecond - time.Since(began))
		tokens.mu.Lock()
		tokens.asked = func(token string) {
			if token == "one" {
				<-gate
			}
		}
		tokens.mu.Unlock()
		time.Sleep(time.Second) // it is being asked about
		l.send(`{"type":"auth","token":"two"}`)
		l.want("auth")
		close(gate)
		time.Sleep(time.Minute)
		l.quiet()
	})
}
