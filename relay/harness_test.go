package relay

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
	"github.com/baton-relay/baton/relay/auth"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// harness is a relay with a real log, for one test.
type harness struct {
	t      *testing.T
	srv    *Server
	log    *bolt.Log
	url    string
	client *http.Client
	dialer *websocket.Dialer
}

// start runs a relay on a real socket until the test ends.
func start(t *testing.T, cfg Config) *harness {
	t.Helper()
	return startOn(t, cfg, nil)
}

// startInBubble runs a relay for a test in a synctest bubble: time passes only
// when everyone waits. Its connections have no buffers.
func startInBubble(t *testing.T, cfg Config) *harness {
	t.Helper()
	return startOn(t, cfg, newPipes())
}

const maxSnapshot = 1 << 20

// startOn runs a relay until the test ends. The log is checked then. What is set
// as cfg.Log is put before it.
func startOn(t *testing.T, cfg Config, l *pipes) *harness {
	t.Helper()
	log, err := bolt.Open(filepath.Join(t.TempDir(), "log.db"), bolt.Options{CommitInterval: -1, MaxSnapshot: maxSnapshot})
	if err != nil {
		t.Fatal(err)
	}
	if wrap, ok := cfg.Log.(interface{ around(oplog.Log) }); ok {
		wrap.around(log)
	} else {
		cfg.Log = log
	}
	h := &harness{t: t, srv: New(cfg), log: log}
	web := httptest.NewUnstartedServer(h.srv)
	transport := &http.Transport{}
	if l != nil {
		web.Listener.Close()
		web.Listener = l
		transport.DialContext = l.dial
	}
	web.Start()
	h.url, h.client = web.URL, &http.Client{Transport: transport}
	h.dialer = &websocket.Dialer{NetDialContext: transport.DialContext}
	t.Cleanup(func() {
		if gated, ok := cfg.Log.(*gatedLog); ok {
			gated.open() // a test that failed would wait behind it
		}
		h.srv.Close()
		transport.CloseIdleConnections()
		web.Close()
		err := log.Check(context.Background(), func(c *oplog.CorruptionError) { t.Error(c) })
		if err := errors.Join(err, log.Close()); err != nil {
			t.Error(err)
		}
	})
	return h
}

// people are the subjects of a test, each with a token of the same name.
type people map[string]auth.Patterns

// Authorize implements [auth.Authorizer].
func (p people) Authorize(_ context.Context, token string) (*auth.Identity, error) {
	docs, ok := p[token]
	if !ok {
		return nil, auth.ErrToken
	}
	return &auth.Identity{Subject: token, Name: strings.ToUpper(token), Docs: docs}, nil
}

// request makes a request: "METHOD path", a body, and header lines "Name: value".
func (h *harness) request(line, body string, header ...string) *http.Request {
	h.t.Helper()
	method, path, _ := strings.Cut(line, " ")
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, r)
	if err != nil {
		h.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", typeJSON)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	return req
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

// do makes a request and returns its answer.
func (h *harness) do(line, body string, header ...string) reply {
	h.t.Helper()
	resp, err := h.client.Do(h.request(line, body, header...))
	if err != nil {
		h.t.Fatalf("%s: %v", line, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatalf("%s: read answer: %v", line, err)
	}
	return reply{resp.StatusCode, resp.Header, strings.TrimSuffix(string(b), "\n")}
}

// want makes a request whose answer has a status and a body that contains each
// of the parts; it returns the answer.
func (h *harness) want(status int, line, body string, parts ...string) reply {
	h.t.Helper()
	return h.wantAs("", status, line, body, parts...)
}

// wantAs is want with a token.
func (h *harness) wantAs(token string, status int, line, body string, parts ...string) reply {
	h.t.Helper()
	var header []string
	if token != "" {
		header = append(header, "Authorization: Bearer "+token)
	}
	got := h.do(line, body, header...)
	got.want(h.t, line, status, parts...)
	return got
}

func (got reply) want(t *testing.T, what string, status int, parts ...string) {
	t.Helper()
	if got.status != status {
		t.Fatalf("%s: got %d %.200s, want %d", what, got.status, got.body, status)
	}
	if status >= 400 && (got.field(t, "code") == "" || got.field(t, "message") == "") {
		t.Errorf("%s: got %s, want a code and a message", what, got.body)
	}
	for _, part := range parts {
		if !strings.Contains(got.body, part) {
			t.Errorf("%s: got %.400s, want %s in it", what, got.body, part)
		}
	}
}

// field returns a string or number of a JSON answer as text.
func (got reply) field(t *testing.T, name string) string {
	t.Helper()
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(got.body), &object); err != nil {
		t.Fatalf("read %.200s: %v", got.body, err)
	}
	return strings.Trim(string(object[name]), `"`)
}

// peer is one end of a WebSocket, in raw JSON.
type peer struct {
	t  *testing.T
	ws *websocket.Conn
}

// dial connects, and reads the welcome.
func (h *harness) dial(token string) *peer {
	h.t.Helper()
	header := http.Header{}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	ws, _, err := h.dialer.DialContext(h.t.Context(), "ws"+strings.TrimPrefix(h.url, "http")+"/v1/ws", header)
	if err != nil {
		h.t.Fatalf("dial: %v", err)
	}
	h.t.Cleanup(func() { ws.Close() })
	p := &peer{h.t, ws}
	p.expect(`"type":"welcome"`)
	return p
}

// join connects and enters a document; the peer is live there.
func (h *harness) join(token, doc string) *peer {
	h.t.Helper()
	p := h.dial(token)
	p.send(`{"type":"join","doc":"` + doc + `"}`)
	p.expect(`"type":"joined"`)
	p.await(`"type":"live"`)
	return p
}

// send sends one frame.
func (p *peer) send(frame string) {
	p.t.Helper()
	if err := p.ws.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
		p.t.Fatalf("send %.200s: %v", frame, err)
	}
}

// next returns the next frame, or an error as the connection ends.
func (p *peer) next() (string, error) {
	_ = p.ws.SetReadDeadline(time.Now().Add(patience))
	_, b, err := p.ws.ReadMessage()
	return string(b), err
}

// expect reads the next frame, which must have each of the parts in it.
func (p *peer) expect(parts ...string) string {
	p.t.Helper()
	frame, err := p.next()
	if err != nil {
		p.t.Fatalf("wait for %q: %v", parts, err)
	}
	for _, part := range parts {
		if !strings.Contains(frame, part) {
			p.t.Fatalf("got %.400s, want %s in it", frame, part)
		}
	}
	return frame
}

// await reads until a frame has part in it, and returns that.
func (p *peer) await(part string) string {
	p.t.Helper()
	for {
		frame, err := p.next()
		if err != nil {
			p.t.Fatalf("wait for %s: %v", part, err)
		}
		if strings.Contains(frame, part) {
			return frame
		}
	}
}

// closed reads until the connection ends, and returns the close code.
func (p *peer) closed() int {
	p.t.Helper()
	for {
		_, err := p.next()
		if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
			return closed.Code
		}
		if err != nil {
			p.t.Fatalf("wait for a close: %v", err)
		}
	}
}
