package conformance

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// R5, as far as a test can kill: what was acked or heard is there after the
// process died without a word. (Power is pulled in the log's own tests.)
func TestAckedSurvivesKill(t *testing.T) {
	program := relayProgram(t)
	s := serve(t, program)
	r := s.run(t)
	s.say(t, r, `
A joins $doc
B joins $doc
A> {"type":"ops","doc":"$doc","ops":[$each(200)<{"actor":"w","seq":$k,"clock":{},"payload":$k}>]}
A<...ack {"type":"ack","actor":"w","seq":200,"offset":"$head"}
B<...ops {"type":"ops","ops":[{"offset":"$head","actor":"w","seq":200}]}`)
	s.stop(syscall.SIGKILL)
	again := serveData(t, program, s.data)
	after := again.run(t)
	after.values["doc"], after.values["head"] = r.values["doc"], r.values["head"]
	again.say(t, after, `
A connect
A> {"type":"join","doc":"$doc","channels":["ops"]}
A< {"type":"joined","head":"$head"}
A< {"type":"ops","ops":[{"actor":"w","seq":1}]}
A<...ops {"type":"live","offset":"$head"}
A in order`)
}

// R25: who answers no ping is closed with 4408; who does stays.
func TestHeartbeat(t *testing.T) {
	s := serve(t, relayProgram(t), "--heartbeat", "200ms")
	r := s.run(t)
	s.say(t, r, "B connect")
	header := http.Header{"Authorization": {"Bearer " + s.Tokens["writer"]}}
	silent, _, err := websocket.DefaultDialer.DialContext(t.Context(), s.URL+"/v1/ws", header)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	silent.SetPingHandler(func(string) error { return nil })
	if err := silent.SetReadDeadline(time.Now().Add(3 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, _, err = silent.ReadMessage()
	}
	if !websocket.IsCloseError(err, 4408) {
		t.Errorf("got %v for a peer that answers no ping, want close 4408", err)
	}
	s.say(t, r, `
B> {"type":"ping"}
B< {"type":"pong"}`)
}

// R84: a session hears that its token ends, and is closed when it has.
func TestTokenEnds(t *testing.T) {
	ends := time.Now().Add(4 * time.Second).UTC().Format(time.RFC3339)
	file := filepath.Join(t.TempDir(), "tokens.json")
	text := fmt.Sprintf(`{"tokens":[{"token":"token-of-writer","subject":"writer","expires":%q,"docs":{"*":["read"]}}]}`, ends)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, relayProgram(t), "--tokens", file)
	s.say(t, s.run(t), `
A connect as writer
A< {"type":"auth","user":{"id":"writer"},"expires_ms":"<int <= 4000>"}
A! 4401
A open as writer -> 401 {"code":"<text>"}`)
}

// R86: a server that goes acks what it took, says so and closes with 1012.
func TestDraining(t *testing.T) {
	s := serve(t, relayProgram(t))
	r := s.run(t)
	s.say(t, r, `
A joins $doc
A> {"type":"ops","doc":"$doc","ops":[{"actor":"w","seq":1,"clock":{},"payload":1}]}`)
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.say(t, r, `
A<...ack {"type":"draining","retry_ms":"<int >= 0>"}
A! 1012`)
}

// R85: one of those who may, and only one, is asked for a snapshot.
func TestAsksOneForASnapshot(t *testing.T) {
	s := serve(t, relayProgram(t))
	r := s.run(t)
	s.say(t, r, `
A joins $doc as compactor
B joins $doc as compactor
C joins $doc as writer
C>*50 {"type":"ops","doc":"$doc","ops":[$each(50)<{"actor":"w$i","seq":$k,"clock":{},"payload":$k}>]}
C<...ack {"type":"ack","actor":"w50","seq":50}
C~ 100ms compact`)
	asked := 0
	for _, name := range []string{"A", "B"} {
		for f, err := r.peers[name].next(t.Context(), 300*time.Millisecond); err == nil; f, err = r.peers[name].next(t.Context(), 300*time.Millisecond) {
			if typeOf(f) == "compact" {
				asked++
			}
		}
	}
	if asked != 1 {
		t.Errorf("got %d sessions asked for a snapshot, want 1", asked)
	}
}

// R89: a session that writes alone is asked behind the acks of its own ops.
func TestAsksBehindTheAcks(t *testing.T) {
	s := serve(t, relayProgram(t), openToAll)
	s.say(t, s.run(t), `
A joins $doc
A>*40 {"type":"ops","doc":"$doc","ops":[$each(50)<{"actor":"w$i","seq":$k,"clock":{},"payload":$k}>]}
A<...ack {"type":"ack","actor":"w40","seq":50,"offset":"$last"}
A< {"type":"compact","doc":"$doc","offset":"$last"}`)
}

// R83: rights that the token file takes away are gone while somebody is there.
func TestRightsGo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens.json")
	give := func(rights string) {
		t.Helper()
		text := fmt.Sprintf(`{"tokens":[{"token":"token-of-writer","subject":"writer","docs":{"*":[%s]}}]}`, rights)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	give(`"read","write"`)
	s := serve(t, relayProgram(t), "--tokens", file)
	r := s.run(t)
	s.say(t, r, `
A connect as writer
A> {"type":"join","doc":"$doc","channels":["ops"]}
A< {"type":"joined","access":["read","write"]}
A< {"type":"live"}`)
	give(`"read"`)
	s.say(t, r, `A< {"type":"access","doc":"$doc","access":["read"]}`)
	give(`"presence"`)
	s.say(t, r, `
A< {"type":"left","doc":"$doc","code":"forbidden"}
A> {"type":"ping"}
A< {"type":"pong"}`)
}

// R114: a long poll ends with the op that it waits for.
func TestLongPollWakes(t *testing.T) {
	s := serve(t, relayProgram(t))
	r := s.run(t)
	s.say(t, r, "A joins $doc")
	answered := make(chan string, 1)
	waiting := s.run(t)
	waiting.values["doc"] = r.values["doc"]
	ds, err := parse("poll", `== A poll
GET /v1/docs/$doc/ops?wait=30s -> 200 {"ops":[{"actor":"w","seq":1}]}`)
	if err != nil {
		t.Fatal(err)
	}
	go func() { answered <- ds[0].say(t.Context(), waiting, ds[0].setup) }()
	s.say(t, r, `
A~ 200ms
A> {"type":"ops","doc":"$doc","ops":[{"actor":"w","seq":1,"clock":{},"payload":1}]}
A< {"type":"ack"}`)
	select {
	case why := <-answered:
		if why != "" {
			t.Error(why)
		}
	case <-time.After(5 * time.Second):
		t.Error("the poll still waits, 5 s after an op came")
	}
}

// R121: on loopback, a page whose name was pointed at this machine finds the
// door shut. (Elsewhere a relay may have any name, so this is no dialogue.)
func TestForeignHost(t *testing.T) {
	s := serve(t, relayProgram(t))
	s.say(t, s.run(t), `
GET /v1/docs/$doc Host:evil.example -> 421 {"code":"<text>"}
GET /v1/docs/$doc Host:localhost -> 404
A open Host:evil.example -> 421 {"code":"<text>"}`)
}
