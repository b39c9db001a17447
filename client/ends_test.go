package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/baton-relay/baton/client"
)

// What a client does when its connection ends, by close code.
func TestCloseCodes(t *testing.T) {
	noLeaks(t)
	for _, c := range []struct {
		code  int
		final bool
	}{
		{1000, true},
		{1001, true},
		{1008, true},
		{1009, true},
		{1011, false},
		{1012, false},
		{1013, false},
		{4400, true},
		{4401, true}, // nobody here gets another token
		{4403, true},
		{4408, false},
		{4429, false},
		{4999, false}, // what is not known is a lost connection
		{0, false},    // so is no code at all
	} {
		t.Run(fmt.Sprint(c.code), func(t *testing.T) {
			s := startScript(t, nil)
			d, p := enter(t, s, quick(t), client.JoinOptions{}, fresh)
			if c.code == 0 {
				_ = p.ws.Close()
			} else {
				p.close(c.code)
			}
			if c.final {
				checkEnd(t, d, c.code)
				return
			}
			again := s.accept()
			if f := again.joined(fresh); f.Replaces != "secret1" || f.Doc != "d" {
				t.Errorf("the second join is %+v", f)
			}
			var states []client.State
			receive(t, d, func(u client.Update) bool {
				if u.Status != nil {
					states = append(states, u.Status.State)
				}
				return len(states) > 1 && u.Status.State == client.CatchingUp
			})
		})
	}
}

func checkEnd(t *testing.T, d *client.Doc, status int) {
	t.Helper()
	for {
		_, err := d.Next(testContext(t))
		if err == nil {
			continue
		}
		if end, ok := errors.AsType[*client.EndError](err); !ok || end.Status != status {
			t.Errorf("the stay ended with %v, want an EndError with %d", err, status)
		}
		return
	}
}

func TestRefusedTokenIsRenewed(t *testing.T) {
	noLeaks(t)
	s := startScript(t, nil)
	s.refuse = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Baton-Token") == "old" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"code":"unauthorized","message":"expired"}`)
			return true
		}
		return false
	}
	tokens := []string{"old", "first", "second"}
	opts := quick(t)
	opts.TokenSource = func(context.Context) (string, error) {
		token := tokens[0]
		tokens = tokens[1:]
		return token, nil
	}
	conn := dial(t, s.url, opts)
	p := s.accept()
	if got := p.header.Get("Baton-Token"); got != "first" {
		t.Errorf("the client came with %q", got)
	}
	p.close(4401)
	if got := s.accept().header.Get("Baton-Token"); got != "second" {
		t.Errorf("the client came back with %q", got)
	}
	_ = conn
	opts.TokenSource = nil
	opts.Token = "old"
	_, err := client.Dial(t.Context(), s.url, opts)
	if err == nil {
		t.Error("dial with a refused token is no error")
	}
}

// A token that is about to end is renewed on the live connection.
func TestTokenIsRenewedLive(t *testing.T) {
	noLeaks(t)
	s := startScript(t, nil)
	opts := quick(t)
	n := 0
	opts.TokenSource = func(context.Context) (string, error) {
		n++
		return fmt.Sprintf("token%d", n), nil
	}
	_, p := enter(t, s, opts, client.JoinOptions{}, fresh)
	p.say(`{"type":"auth","expires_ms":30000}`)
	if got := p.expect("auth").Token; got != "token2" {
		t.Errorf("the client sent %q", got)
	}
}

// A handshake that is refused for good ends a connection that was up before; one
// that is refused for now does not.
func TestRefusedHandshakes(t *testing.T) {
	noLeaks(t)
	s := startScript(t, nil)
	answers := []int{503, 429, 502, 403}
	connects := 0
	s.refuse = func(w http.ResponseWriter, _ *http.Request) bool {
		if connects++; connects == 1 {
			return false
		}
		w.WriteHeader(answers[0])
		answers = answers[1:]
		return true
	}
	d, p := enter(t, s, quick(t), client.JoinOptions{}, fresh)
	p.close(1012)
	checkEnd(t, d, http.StatusForbidden)
	if len(answers) != 0 {
		t.Errorf("the client gave up before %v", answers)
	}
}

// The relay ends a stay, not the connection.
func TestLeft(t *testing.T) {
	noLeaks(t)
	for _, code := range []string{"deleted", "forbidden", "closed", "replaced"} {
		s := startScript(t, nil)
		d, p := enter(t, s, quick(t), client.JoinOptions{}, fresh)
		p.sayOps(op(1, "x", 1, "{}"))
		p.say(`{"type":"left","doc":"d","code":%q}`, code)
		if got := payloads(receiveOps(t, d, 1)); got != `"x1"` {
			t.Errorf("before left came %s", got)
		}
		_, err := d.Next(testContext(t))
		if end, ok := errors.AsType[*client.EndError](err); !ok || string(end.Code) != code || end.Doc != "d" {
			t.Errorf("%s: the stay ended with %v", code, err)
		}
	}
}

// A relay that goes is not sent new ops; they go to the next.
func TestDraining(t *testing.T) {
	noLeaks(t)
	s := startScript(t, nil)
	d, p := enter(t, s, quick(t), client.JoinOptions{}, fresh)
	appendOp(t, d, `1`)
	p.expect("ops")
	p.say(`{"type":"draining","retry_ms":20}`)
	p.say(`{"type":"access","doc":"d","access":["write"]}`)
	receive(t, d, func(u client.Update) bool { return u.Status != nil && len(u.Status.Access) == 1 })
	appendOp(t, d, `2`)
	p.say(`{"type":"ack","doc":"d","actor":"me","seq":1,"offset":1}`)
	p.close(1012)
	again := s.accept()
	again.joined(`"epoch":"e1","head":1,"first":1,"from":1`)
	if got, want := again.ops(), `{"actor":"me","seq":2,"clock":{},"payload":2}`; got != want {
		t.Errorf("the next relay got %s, want %s", got, want)
	}
	if _, more := <-p.frames; more {
		t.Error("the relay that went got an op")
	}
}

// A relay that does not speak the protocol is left, and tried again.
func TestNonsenseEndsTheConnection(t *testing.T) {
	noLeaks(t)
	for _, nonsense := range []string{`{`, `[]`, `{"type":"ops","doc":"d","ops":[{"offset":1,"actor":"a b","seq":1,"payload":1}]}`, `{"type":"ack","seq":-1}`} {
		s := startScript(t, nil)
		_, p := enter(t, s, quick(t), client.JoinOptions{}, fresh)
		p.say(`{"type":"something_new","doc":"d"}`) // is not nonsense
		p.say("%s", nonsense)
		s.accept().joined(fresh)
	}
}
