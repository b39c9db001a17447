package relay

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"github.com/baton-relay/baton/relay/wire"
)

// bystanders are in the document where somebody misbehaves. At the end they have
// heard what one says to the other, and nothing else.
type bystanders struct {
	h            *harness
	writer, hear *listener
	seq          int
}

func (h *harness) bystanders(doc string) *bystanders {
	h.t.Helper()
	b := &bystanders{h: h, writer: h.live("", doc), hear: h.listen("")}
	b.hear.send(`{"type":"join","doc":"` + doc + `"}`)
	b.hear.want("joined 0 of 0", "live 0", "presence")
	return b
}

// unmoved shows that nothing happened in the document.
func (b *bystanders) unmoved(after string) {
	b.h.t.Helper()
	b.seq++
	b.writer.ops("d", fmt.Sprintf("w:%d", b.seq))
	if got, want := b.writer.line(), fmt.Sprintf("ack w:%d@%d", b.seq, b.seq); got != want {
		b.h.t.Fatalf("after %.80q: the writer got %q, want %q", after, got, want)
	}
	if got, want := b.hear.line(), fmt.Sprintf("op w:%d@%d", b.seq, b.seq); got != want {
		b.h.t.Fatalf("after %.80q: the bystander got %q, want %q", after, got, want)
	}
	b.hear.quiet()
}

// What is no frame at all ends the connection; what is a frame without sense is
// refused, and the connection lives on.
func TestFramesWithoutSense(t *testing.T) {
	h := start(t, Config{})
	b := h.bystanders("d")
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	many := func(n int) (s string) {
		for i := range n {
			s += fmt.Sprintf(`"f%d":1,`, i)
		}
		return s
	}
	long := strings.Repeat("a", 129)
	frames := []struct{ want, frame string }{
		{"4400", ``},
		{"4400", ` `},
		{"4400", `{`},
		{"4400", `{"type":"ping"}}`},
		{"4400", `{"type":"ping"} {"type":"ping"}`},
		{"4400", `{"type":"ping",}`},
		{"4400", `{'type':'ping'}`},
		{"4400", `{"type":"ping","id":01}`},
		{"4400", `{"type":"ping","id":NaN}`},
		{"4400", `[]`},
		{"4400", `"ping"`},
		{"4400", `null`},
		{"4400", "{\"type\":\"ping\",\"x\":\"\xff\"}"},
		{"4400", "{\"type\":\"ping\",\"x\":\"\n\"}"},
		{"4400", "\xef\xbb\xbf{\"type\":\"ping\"}"},
		{"4400", `{"type":"ping","type":"ping"}`},
		{"4400", `{"type":"ping","\u0074ype":"ping"}`},
		{"4400", `{"type":"ping","x":1,"x":1}`},
		{"4400", `{"type":"ping","x😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀":1,"x😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀":1}`},
		{"4400", `{"type":"ping",` + many(65) + `"z":1}`},
		{"4400", `{"type":"ping","x":` + deep(10001) + `}`},
		{"4400", `{"type":"ops","doc":"d","ops":[{"actor":"x","seq":1,"payload":1,"seq":1}]}`},
		{"4400", `{"type":"ops","doc":"d","ops":[{"actor":"x","seq":1,"payload":1,"clock":{"a":1,"a":1}}]}`},
		{"4400", `{"type":"join","doc":"e","since":{"clock":{"a":1,"\u0061":2}}}`},
		{"4400", `{"type":"join","doc":"e","since":{"offset":1,"offset":1}}`},

		{"pong", `{"type":"ping","x":` + deep(9000) + `}`},
		{"pong", `{"type":"ping",` + many(64) + `"id":1}`},
		{"error unknown_type", `{"type":"jion","doc":"d"}`},
		{"error unknown_type", `{"type":""}`},
		{"error unknown_type", `{"type":"welcome"}`},
		{"error invalid", `{}`},
		{"error invalid", `{"Type":"ping"}`},
		{"error invalid", `{"type":1}`},
		{"error invalid", `{"type":null}`},
		{"error invalid", `{"type":"ping","id":{}}`},
		{"error invalid", `{"type":"ping","id":"` + long + `"}`},
		{"error invalid", `{"type":"auth"}`},
		{"error invalid", `{"type":"join"}`},
		{"error invalid", `{"type":"join","doc":7}`},
		{"error invalid", `{"type":"join","Doc":"d"}`},
		{"error invalid", `{"type":"join","doc":""}`},
		{"error invalid", `{"type":"join","doc":"-a"}`},
		{"error invalid", `{"type":"join","doc":"a/b"}`},
		{"error invalid", `{"type":"join","doc":"é"}`},
		{"error invalid", `{"type":"join","doc":"` + long + `"}`},
		{"error invalid", `{"type":"join","doc":"e","channels":"ops"}`},
		{"error invalid", `{"type":"join","doc":"e","channels":["ops","all"]}`},
		{"error invalid", `{"type":"join","doc":"e","since":[]}`},
		{"error invalid", `{"type":"join","doc":"e","since":{"epoch":1}}`},
		{"error invalid", `{"type":"join","doc":"e","since":{"offset":-1}}`},
		{"error invalid", `{"type":"join","doc":"e","since":{"offset":1.0}}`},
		{"error invalid", `{"type":"join","doc":"e","since":{"offset":9007199254740992}}`},
		{"error invalid", `{"type":"join","doc":"e","since":{"clock":{"a":0}}}`},
		{"error invalid", `{"type":"join","doc":"e","since":{"clock":{"-":1}}}`},
		{"error invalid", `{"type":"join","doc":"e","format":"X"}`},
		{"error invalid", `{"type":"join","doc":"e","snapshot":"no"}`},
		{"error invalid", `{"type":"join","doc":"e","replaces":1}`},
		{"error already_joined", `{"type":"join","doc":"d"}`},
		{"error not_joined", `{"type":"leave","doc":"e"}`},
		{"error not_joined", opsOf("e", "x:1")},
		{"error not_joined", `{"type":"presence","doc":"e","state":{}}`},
		{"error not_joined", `{"type":"event","doc":"e","name":"n"}`},
		{"error invalid", `{"type":"presence","doc":"d"}`},
		{"error invalid", `{"type":"presence","doc":"d","state":1}`},
		{"error invalid", `{"type":"presence","doc":"d","state":{"s":"` + strings.Repeat("x", 16<<10) + `"}}`},
		{"error invalid", `{"type":"event","doc":"d"}`},
		{"error invalid", `{"type":"event","doc":"d","name":""}`},
		{"error invalid", `{"type":"event","doc":"d","name":"` + long + `"}`},
		{"error invalid", `{"type":"event","doc":"d","name":"n","data":"` + strings.Repeat("x", 16<<10) + `"}`},
		{"error invalid", `{"type":"ops","doc":"d"}`},
		{"error invalid", `{"type":"ops","doc":"d","ops":{}}`},
		{"error invalid", `{"type":"ops","doc":"d","ops":[]}`},
		{"error invalid", `{"type":"ops","doc":"d","ops":[1]}`},
		{"error invalid", `{"type":"ops","doc":"d","ops":[{"actor":"x","seq":1,"payload":1},{"seq":2,"payload":1}]}`},
		{"error invalid", opsOf("d", "x:0")},
		{"error invalid", opsOf("d", "x:-1")},
		{"error invalid", opsOf("d", "x:1.0")},
		{"error invalid", opsOf("d", "x:1e0")},
		{"error invalid", opsOf("d", `x:"1"`)},
		{"error invalid", opsOf("d", "x:9007199254740992")},
		{"error invalid", opsOf("d", "x:"+strings.Repeat("9", 400))},
		{"error invalid", opsOf("d", "-x:1")},
		{"error invalid", opsOf("d", strings.Repeat("x", 65)+":1")},
		{"error invalid", opsOf("d", strings.Fields(strings.Repeat("x:1 ", 513))...)},
		{"reject x:1 invalid", `{"type":"ops","doc":"d","ops":[{"actor":"x","seq":1}]}`},
		{"reject x:1 invalid", `{"type":"ops","doc":"d","ops":[{"actor":"x","seq":1,"Payload":1}]}`},
		{"reject x:1 invalid", opsOf("d", "x:1{y:0}")},
		{"reject x:1 invalid", opsOf("d", "x:1{y:1.5}")},
		{"reject x:1 missing {nobody:1}", opsOf("d", "x:1{nobody:1}")},
		{"reject x:1 missing {nobody:9007199254740991}", opsOf("d", "x:1{nobody:9007199254740991}")},
		{"reject x:9007199254740991 gap 1", opsOf("d", "x:9007199254740991")},
		{"reject x:1 too_large", opsOf("d", `x:1="`+strings.Repeat("x", 768<<10)+`"`)},
	}
	p := h.live("", "d")
	for _, tt := range frames {
		p.send(tt.frame)
		var got string
		if _, err := fmt.Sscan(tt.want, new(int)); err == nil {
			got = fmt.Sprint(p.closed())
			p = h.live("", "d")
		} else if got = p.line(); got == tt.want {
			p.quiet()
		}
		if got != tt.want {
			t.Errorf("%.120q: got %q, want %q", tt.frame, got, tt.want)
			p = h.live("", "d")
		}
	}
	b.unmoved("frames without sense")
}

// A frame of more than the limit ends the connection, with a code that the peer
// gets though it has sent far more than anybody read.
func TestFrameTooLarge(t *testing.T) {
	h := start(t, Config{})
	b := h.bystanders("d")
	for range 2 {
		for _, frame := range []string{
			text(`{"type":"ping","x":"` + strings.Repeat("x", 1<<20) + `"}`),
			text(`{"type":"ping","x":"` + strings.Repeat("x", 3<<20) + `"}`),
			masked(0x01, strings.Repeat("x", 1<<19)) + masked(0x00, strings.Repeat("x", 1<<19)) + masked(0x80, "x"),
			"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00xxxx", // says it has 2^63-1 bytes
			"\x01\x81\x00\x00\x00\x00x\x80\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00xxxx",
		} {
			p := h.raw()
			p.write(text(`{"type":"join","doc":"d","channels":["ops"]}`))
			var sent sync.WaitGroup
			sent.Go(func() { _, _ = p.Conn.Write([]byte(frame + text(`{"type":"ping"}`))) })
			if !strings.Contains(frame, "xxxxx") {
				// Nothing more will come to make the frame whole.
				sent.Wait()
				_ = p.Conn.(*net.TCPConn).CloseWrite()
				if code, _ := p.closed(); code != wire.CloseTooLarge && code != 0 {
					t.Errorf("a frame of %q…: got %d, want %d or a cut", frame[:10], code, wire.CloseTooLarge)
				}
				continue
			}
			if code, _ := p.closed(); code != wire.CloseTooLarge {
				t.Errorf("a frame of %q…: got %d, want %d", frame[:10], code, wire.CloseTooLarge)
			}
			p.Close()
			sent.Wait()
		}
	}
	p := h.live("", "d")
	p.send(`{"type":"ping","x":"` + strings.Repeat("x", 1<<20-22) + `"}`)
	p.want("pong")
	b.unmoved("frames too large")
}

// The last frame of a connection that the relay ends is its close, whatever the
// peer has sent meanwhile.
func TestCloseReachesAPeerThatGoesOnSending(t *testing.T) {
	h := start(t, Config{})
	for range 20 {
		p := h.raw()
		p.write(text(`{"type":"ping","id":1}`) + text(`{"type"`) + strings.Repeat(text(`{"type":"ping","id":2}`), 2000))
		p.wantText(`"id":1`)
		code, reason := p.closed()
		if code != wire.CloseUnreadable || !utf8.ValidString(reason) {
			t.Fatalf("got %d %q, want %d", code, reason, wire.CloseUnreadable)
		}
	}
}

func TestBytesAgainstRFC6455(t *testing.T) {
	h := start(t, Config{})
	b := h.bystanders("d")
	tests := []struct {
		what, bytes string
		code        int
	}{
		{"a binary message", masked(0x82, `{"type":"ping"}`), wire.CloseUnreadable},
		{"a frame without a mask", "\x81\x0f" + `{"type":"ping"}`, wire.CloseProtocol},
		{"reserved bit 1", masked(0xc1, `{"type":"ping"}`), wire.CloseProtocol},
		{"reserved bit 2", masked(0xa1, `{"type":"ping"}`), wire.CloseProtocol},
		{"reserved bit 3", masked(0x91, `{"type":"ping"}`), wire.CloseProtocol},
		{"opcode 3", masked(0x83, `{"type":"ping"}`), wire.CloseProtocol},
		{"opcode 11", masked(0x8b, ""), wire.CloseProtocol},
		{"a ping in parts", masked(0x09, "a"), wire.CloseProtocol},
		{"a ping of 126 bytes", masked(0x89, strings.Repeat("x", 126)), wire.CloseProtocol},
		{"a continuation of nothing", masked(0x80, `{"type":"ping"}`), wire.CloseProtocol},
		{"a message within a message", masked(0x01, `{"type"`) + masked(0x81, `{"type":"ping"}`), wire.CloseProtocol},
		{"a length with the highest bit", "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", wire.CloseTooLarge},
		{"a close with a bad code", masked(0x88, "\x03\xed"), wire.CloseProtocol},
		{"a close with bad UTF-8", masked(0x88, "\x03\xe8\xff"), wire.CloseProtocol},
		{"a close", masked(0x88, "\x03\xe8"), wire.CloseNormal},
		{"a close without a code", masked(0x88, ""), wire.CloseNormal},
		{"a close and more", masked(0x88, "\x03\xe8") + text(opsOf("d", "x:1")), wire.CloseNormal},
	}
	for _, tt := range tests {
		p := h.raw()
		p.write(text(`{"type":"join","doc":"d","channels":["ops"]}`))
		p.wantText(`"type":"live"`)
		p.write(tt.bytes)
		if code, _ := p.closed(); code != tt.code {
			t.Errorf("%s: got %d, want %d", tt.what, code, tt.code)
		}
		b.unmoved(tt.what)
	}
}

// What is allowed, if odd: messages in parts with control frames between them.
func TestFragmentsArePutTogether(t *testing.T) {
	h := start(t, Config{})
	p := h.raw()
	p.write(masked(0x01, `{"type":"pi`) + masked(0x89, "between") + masked(0x00, "") + masked(0x8a, "") + masked(0x80, `ng","id":1}`))
	p.wantText("welcome")
	if op, payload, err := p.receive(); op != opPong || string(payload) != "between" {
		t.Errorf("got %d %q %v, want the pong", op, payload, err)
	}
	p.wantText(`{"type":"pong","id":1}`)
}

// Nor does a client have to wait for the answer to its handshake.
func TestFramesBehindTheHandshake(t *testing.T) {
	h := start(t, Config{})
	for _, padding := range []int{0, 3000, 5000, 100_000} {
		p := h.socket()
		p.write("GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" +
			text(`{"type":"ping","id":1,"x":"`+strings.Repeat("x", padding)+`"}`) + text(`{"type":"ping","id":2}`))
		if resp, err := http.ReadResponse(p.r, nil); err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("handshake: got %v, %v", resp, err)
		}
		p.wantText(`{"type":"pong","id":1}`)
		p.wantText(`{"type":"pong","id":2}`)
	}
}

func TestManyDocuments(t *testing.T) {
	h := start(t, Config{})
	b := h.bystanders("d")
	p := h.listen("")
	var sent sync.WaitGroup
	sent.Go(func() {
		for i := range 10_000 {
			frame := fmt.Sprintf(`{"type":"join","doc":"doc-%d","channels":["ops"]}`, i)
			if err := p.ws.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
				t.Error(err)
			}
		}
	})
	got := map[string]int{}
	for range 64 + 64 + 10_000 - 64 {
		got[p.line()]++
	}
	sent.Wait()
	if got["joined 0 of 0"] != 64 || got["live 0"] != 64 || got["error too_many_docs"] != 10_000-64 {
		t.Errorf("got %v, want 64 joins, the rest refused", got)
	}
	p.send(`{"type":"leave","doc":"doc-5"}`)
	p.want("left left")
	p.enter("another")
	p.want("live 0")
	b.unmoved("many joins")
}

// A socket that is closed for writing was left by its client: its session ends,
// and what it sent before is taken.
func TestHalfClosedSocket(t *testing.T) {
	h := start(t, Config{})
	b := h.bystanders("d")
	p := h.raw()
	p.write(text(`{"type":"join","doc":"d"}`))
	b.hear.skipTo("presence") // it is here
	p.write(text(opsOf("d", "x:1")))
	_ = p.Conn.(*net.TCPConn).CloseWrite()
	p.closed()
	for taken, gone := false, false; !taken || !gone; {
		f := b.hear.frame()
		taken = taken || f.lines()[0] == "op x:1@1"
		for _, state := range f.States {
			gone = gone || state == nil
		}
	}
	// In the middle of a frame there is nothing to take.
	p = h.raw()
	p.write(text(`{"type":"join","doc":"d","channels":["ops"]}`) + text(opsOf("d", "x:2"))[:20])
	_ = p.Conn.(*net.TCPConn).CloseWrite()
	p.closed()
	b.writer.want("op x:1@1")
	b.writer.ops("d", "w:1")
	b.writer.want("ack w:1@2")
}

// A client that dribbles its handshake is cut by the http.Server around the
// relay, as cmd/baton sets it; it has no session by then.
func TestDribbledHandshake(t *testing.T) {
	srv := New(Config{Log: start(t, Config{}).log})
	defer srv.Close()
	web := httptest.NewUnstartedServer(srv)
	web.Config.ReadHeaderTimeout = 200 * time.Millisecond
	web.Start()
	defer web.Close()
	h := &harness{t: t, srv: srv, url: web.URL, client: http.DefaultClient}
	p := h.socket()
	began := time.Now()
	go func() {
		for _, b := range []byte("GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 1000)) {
			if _, err := p.Conn.Write([]byte{b}); err != nil {
				return
			}
			<-time.After(10 * time.Millisecond)
		}
	}()
	b, err := io.ReadAll(p.r)
	if errors.Is(err, os.ErrDeadlineExceeded) || strings.Contains(string(b), " 101 ") {
		t.Errorf("got %q, %v; want the connection cut", b, err)
	}
	if n := len(srv.all()); n > 0 {
		t.Errorf("there are %d sessions", n)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}
