package relay

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// heard is a frame of the relay, whatever its type.
type heard struct {
	Type, Doc, Code, Message, Session, Epoch, Format, Name, Replace string

	ID                                       json.RawMessage
	Actor                                    string
	Seq, Offset, Head, First, From, Expected int
	Clock, Lost, Missing                     map[string]int
	Access                                   []string
	RetryMS                                  int  `json:"retry_ms"`
	ExpiresMS                                *int `json:"expires_ms"`
	Ops                                      []heardOp
	States                                   map[string]*heardState
	Data                                     json.RawMessage
	Snapshot                                 *struct{ Offset, Bytes int }
	Limits                                   map[string]int
	User                                     *struct{ ID, Name string }
	raw                                      string
}

type heardOp struct {
	Offset, Seq  int
	Actor, By    string
	At           int64
	Clock        map[string]int
	Payload, Ext json.RawMessage
}

type heardState struct {
	User  *struct{ ID, Name string }
	State json.RawMessage
}

// lines is what the frame says, in short: "ack a:2@7", "op a:2@7" for each op,
// "reject a:3 gap 2", "error not_joined", "live 7", "left deleted". Clocks and
// payloads are not in it.
func (f *heard) lines() []string {
	switch f.Type {
	case "ops":
		var list []string
		for _, o := range f.Ops {
			list = append(list, fmt.Sprintf("op %s:%d@%d", o.Actor, o.Seq, o.Offset))
		}
		return list
	case "ack":
		return []string{fmt.Sprintf("ack %s:%d@%d", f.Actor, f.Seq, f.Offset)}
	case "reject":
		s := fmt.Sprintf("reject %s:%d %s", f.Actor, f.Seq, f.Code)
		if f.Code == "gap" {
			s += fmt.Sprint(" ", f.Expected)
		}
		if f.Missing != nil {
			s += " " + brief(f.Missing)
		}
		return []string{s}
	case "live":
		return []string{fmt.Sprintf("live %d", f.Offset)}
	case "snapshot":
		return []string{fmt.Sprintf("snapshot %d", f.Snapshot.Offset)}
	case "joined":
		return []string{fmt.Sprintf("joined %d of %d", f.From, f.Head)}
	case "error", "left":
		return []string{f.Type + " " + f.Code}
	case "access":
		return []string{"access " + strings.Join(f.Access, " ")}
	}
	return []string{f.Type}
}

// brief returns a clock as {a:1,b:2}.
func brief(clock map[string]int) string {
	var list []string
	for _, a := range slices.Sorted(maps.Keys(clock)) {
		list = append(list, fmt.Sprintf("%s:%d", a, clock[a]))
	}
	return "{" + strings.Join(list, ",") + "}"
}

// listener is a peer that hears line by line, see [heard.lines].
type listener struct {
	*peer
	welcome heard
	waiting []string // lines of a frame that was read
}

// frame reads the next frame.
func (l *listener) frame() heard {
	l.t.Helper()
	text, err := l.next()
	if err != nil {
		l.t.Fatalf("wait for a frame: %v", err)
	}
	return parseFrame(l.t, text)
}

func parseFrame(t *testing.T, text string) heard {
	t.Helper()
	f := heard{raw: text}
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		t.Fatalf("read frame %.400s: %v", text, err)
	}
	return f
}

// line returns the next line.
func (l *listener) line() string {
	l.t.Helper()
	for len(l.waiting) == 0 {
		f := l.frame()
		l.waiting = f.lines()
	}
	line := l.waiting[0]
	l.waiting = l.waiting[1:]
	return line
}

// want hears these lines, and nothing between them.
func (l *listener) want(lines ...string) {
	l.t.Helper()
	for i, want := range lines {
		if got := l.line(); got != want {
			l.t.Fatalf("line %d: got %q, want %q", i+1, got, want)
		}
	}
}

// wantAck hears the ack of an op, "a:2@7". Acks of earlier ops of its actor may
// come before it: whether they come together depends on who is quicker.
func (l *listener) wantAck(op string) {
	l.t.Helper()
	actor, _, _ := strings.Cut(op, ":")
	for {
		line := l.line()
		if line == "ack "+op {
			return
		}
		if !strings.HasPrefix(line, "ack "+actor+":") {
			l.t.Fatalf("got %q, want the ack of %s", line, op)
		}
	}
}

// wantFrame reads a frame of a type.
func (l *listener) wantFrame(typ string) heard {
	l.t.Helper()
	f := l.frame()
	if f.Type != typ {
		l.t.Fatalf("got %.400s, want a frame of type %s", f.raw, typ)
	}
	return f
}

// skipTo reads until a frame of a type.
func (l *listener) skipTo(typ string) heard {
	l.t.Helper()
	for {
		if f := l.frame(); f.Type == typ {
			return f
		}
	}
}

// quiet shows that nothing waits for this peer: the answer to a ping is the
// next thing that it hears.
func (l *listener) quiet() {
	l.t.Helper()
	l.send(`{"type":"ping"}`)
	l.want("pong")
}

// ops sends a frame of ops, each as [op] has it.
func (l *listener) ops(doc string, specs ...string) {
	l.t.Helper()
	l.send(opsOf(doc, specs...))
}

// opsOf is the frame that [listener.ops] sends.
func opsOf(doc string, specs ...string) string {
	list := make([]string, len(specs))
	for i, spec := range specs {
		list[i] = op(spec)
	}
	return `{"type":"ops","doc":"` + doc + `","ops":[` + strings.Join(list, ",") + `]}`
}

// op is the JSON of an op. "a:2", "a:2{b:1,c:4}", "a:2=[1]": actor, seq, clock and
// payload, which is the seq where it is not said. What begins with { is JSON already.
func op(spec string) string {
	if spec[0] == '{' {
		return spec
	}
	spec, payload, said := strings.Cut(spec, "=")
	name, clock, _ := strings.Cut(strings.TrimSuffix(spec, "}"), "{")
	actor, seq, _ := strings.Cut(name, ":")
	if !said {
		payload = seq
	}
	var entries []string
	for e := range strings.SplitSeq(clock, ",") {
		if a, s, ok := strings.Cut(e, ":"); ok {
			entries = append(entries, fmt.Sprintf("%q:%s", a, s))
		}
	}
	return fmt.Sprintf(`{"actor":%q,"seq":%s,"clock":{%s},"payload":%s}`, actor, seq, strings.Join(entries, ","), payload)
}

// listen connects.
func (h *harness) listen(token string) *listener {
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
	l := &listener{peer: &peer{h.t, ws}}
	l.welcome = l.wantFrame("welcome")
	return l
}

// enter connects and joins a document for its ops, with more fields of the join
// frame: `"since":{…},"format":"x"`. The joined frame was read.
func (h *harness) enter(token, doc string, more ...string) (*listener, heard) {
	h.t.Helper()
	l := h.listen(token)
	return l, l.enter(doc, more...)
}

// enter joins a document for its ops, and reads the joined frame.
func (l *listener) enter(doc string, more ...string) heard {
	l.t.Helper()
	fields := append([]string{`"type":"join","channels":["ops"]`, `"doc":"` + doc + `"`}, more...)
	l.send("{" + strings.Join(fields, ",") + "}")
	return l.wantFrame("joined")
}

// live connects and joins a document for its ops; all that was there was read.
func (h *harness) live(token, doc string) *listener {
	h.t.Helper()
	l, _ := h.enter(token, doc)
	l.skipTo("live")
	return l
}

// session is the relay's side of a peer.
func (h *harness) session(l *listener) *session {
	h.t.Helper()
	h.srv.mu.Lock()
	defer h.srv.mu.Unlock()
	s := h.srv.sessions[l.welcome.Session]
	if s == nil {
		h.t.Fatal("the session is gone")
	}
	return s
}

// open is how many ops of a peer wait for their answer, and of how many bytes.
func (h *harness) open(l *listener) (ops, bytes int) {
	h.t.Helper()
	s := h.session(l)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open, s.openBytes
}
