package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/baton-relay/baton/client"
)

// script is a relay that the test plays by hand: it says what the test says.
type script struct {
	t       *testing.T
	ln      net.Listener
	url     string
	sides   chan *side
	welcome string // the first frame, with %d for the number of the connection
	refuse  func(w http.ResponseWriter, r *http.Request) bool
}

// side is the relay's end of one connection.
type side struct {
	t      *testing.T
	ws     *websocket.Conn
	header http.Header
	frames chan frame
	pings  chan string
}

// frame is what a client sends.
type frame struct {
	Type, ID, Doc, Replaces, Token, Name string
	Since                                *struct {
		Epoch  string
		Offset uint64
		Clock  map[string]uint64
	}
	Snapshot *bool
	Ops      []json.RawMessage
	State    json.RawMessage
}

const plainWelcome = `{"type":"welcome","session":"s%[1]d","replace":"secret%[1]d","heartbeat_ms":25000,"limits":{"frame_bytes":1048576,"op_bytes":1000,"ops_per_frame":3,"clock_entries":100,"unacked_ops":100,"presence_bytes":500}}`

func startScript(t *testing.T, ln net.Listener) *script {
	t.Helper()
	if ln == nil {
		var err error
		if ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	s := &script{t: t, ln: ln, url: "ws://" + ln.Addr().String(), sides: make(chan *side, 16), welcome: plainWelcome}
	srv := &http.Server{Handler: s}
	var serving sync.WaitGroup
	serving.Go(func() { _ = srv.Serve(ln) })
	t.Cleanup(func() {
		_ = srv.Close()
		serving.Wait()
	})
	return s
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.refuse != nil && s.refuse(w, r) {
		return
	}
	up := websocket.Upgrader{Subprotocols: []string{"baton.v1"}}
	ws, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	p := &side{t: s.t, ws: ws, header: r.Header, frames: make(chan frame, 1024), pings: make(chan string, 16)}
	defer close(p.frames)
	s.t.Cleanup(func() { _ = ws.Close() })
	n := len(s.sides) + 1
	p.say("%s", strings.ReplaceAll(s.welcome, "%[1]d", fmt.Sprint(n)))
	s.sides <- p
	for {
		var f frame
		if err := ws.ReadJSON(&f); err != nil {
			return
		}
		p.frames <- f
	}
}

// accept waits for the next connection.
func (s *script) accept() *side {
	s.t.Helper()
	select {
	case p := <-s.sides:
		return p
	case <-testContext(s.t).Done():
		s.t.Fatal("no connection came")
		return nil
	}
}

func (p *side) say(format string, args ...any) {
	p.t.Helper()
	_ = p.ws.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, format, args...))
}

// close ends the connection with a code.
func (p *side) close(code int) {
	_ = p.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, "the test says so"), time.Now().Add(time.Second))
	_ = p.ws.Close()
}

// expect waits for the next frame, which must be of this type.
func (p *side) expect(typ string) frame {
	p.t.Helper()
	select {
	case f, ok := <-p.frames:
		if !ok {
			p.t.Fatalf("the connection ended; want %s", typ)
		}
		if f.Type != typ {
			p.t.Fatalf("the client sent %s, want %s", f.Type, typ)
		}
		return f
	case <-testContext(p.t).Done():
		p.t.Fatalf("the client did not send %s", typ)
		return frame{}
	}
}

// joined answers the next join; fields are put into the answer.
func (p *side) joined(fields string) frame {
	p.t.Helper()
	f := p.expect("join")
	p.say(`{"type":"joined","id":%q,"doc":%q,"access":["read","write","presence"],%s}`, f.ID, f.Doc, fields)
	return f
}

// fresh is what joined says of a document that holds no more than the client.
const fresh = `"epoch":"e1","head":0,"first":1,"from":0`

// ops returns the text of the ops of the next frame.
func (p *side) ops() string {
	p.t.Helper()
	var texts []string
	for _, op := range p.expect("ops").Ops {
		texts = append(texts, string(op))
	}
	return strings.Join(texts, " ")
}

// op returns an op as the relay sends it.
func op(offset uint64, actor string, seq uint64, clock string) string {
	return fmt.Sprintf(`{"offset":%d,"actor":%q,"seq":%d,"clock":%s,"at":1,"payload":"%s%d"}`, offset, actor, seq, clock, actor, seq)
}

func (p *side) sayOps(ops ...string) {
	p.t.Helper()
	p.say(`{"type":"ops","doc":"d","ops":[%s]}`, strings.Join(ops, ","))
}

// quick are options that do not keep a test waiting.
func quick(t *testing.T) client.Options {
	return client.Options{Logger: testLog(t), MinBackoff: time.Millisecond, MaxBackoff: 4 * time.Millisecond}
}

// enter dials the script and joins document d as actor me.
func enter(t *testing.T, s *script, opts client.Options, jopts client.JoinOptions, fields string) (*client.Doc, *side) {
	t.Helper()
	conn := dial(t, s.url, opts)
	p := s.accept()
	if jopts.Outbox.Actor == "" {
		jopts.Outbox = client.Outbox{Actor: "me", Next: 1}
	}
	var d *client.Doc
	var joining sync.WaitGroup
	joining.Go(func() { d, _ = conn.Join(testContext(t), "d", jopts) })
	p.joined(fields)
	joining.Wait()
	if d == nil {
		t.Fatal("join failed")
	}
	return d, p
}

// nothingElse makes sure that the client has sent nothing that was not expected:
// what it is told to send now comes next.
func nothingElse(t *testing.T, d *client.Doc, p *side) {
	t.Helper()
	if err := d.Publish("marker", nil); err != nil {
		t.Fatal(err)
	}
	if f := p.expect("event"); f.Name != "marker" {
		t.Errorf("the client sent event %q", f.Name)
	}
}

// pipeListener gives a server connections that live in memory, so that client
// and server fit into one bubble of fake time.
type pipeListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
