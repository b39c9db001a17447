package relay

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// rawPeer is a socket that speaks WebSocket by hand, well or badly.
type rawPeer struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

// raw opens a socket to the relay, and does the handshake.
func (h *harness) raw() *rawPeer {
	h.t.Helper()
	p := h.socket()
	p.shakeHands()
	return p
}

// socket opens a socket to the relay.
func (h *harness) socket() *rawPeer {
	h.t.Helper()
	dial := (&net.Dialer{}).DialContext
	if h.dialer != nil && h.dialer.NetDialContext != nil {
		dial = h.dialer.NetDialContext
	}
	c, err := dial(h.t.Context(), "tcp", strings.TrimPrefix(h.url, "http://"))
	return newRawPeer(h.t, c, err)
}

func newRawPeer(t testing.TB, c net.Conn, err error) *rawPeer {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return &rawPeer{t, c, bufio.NewReader(c)}
}

func (p *rawPeer) shakeHands() {
	p.t.Helper()
	p.shakeHandsAs("")
}

// shakeHandsAs does the handshake with a token.
func (p *rawPeer) shakeHandsAs(token string) {
	p.t.Helper()
	p.write("GET /v1/ws?access_token=" + token + " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
	resp, err := http.ReadResponse(p.r, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		p.t.Fatalf("handshake: got %v, %v", resp, err)
	}
}

func (p *rawPeer) write(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p.Conn, s); err != nil {
		p.t.Fatalf("write: %v", err)
	}
}

// masked is a client's frame, with a mask of zeros. first is its first byte: FIN,
// reserved bits and opcode.
func masked(first byte, payload string) string {
	head := []byte{first}
	switch n := len(payload); {
	case n < 126:
		head = append(head, 0x80|byte(n))
	case n < 1<<16:
		head = binary.BigEndian.AppendUint16(append(head, 0x80|126), uint16(n))
	default:
		head = binary.BigEndian.AppendUint64(append(head, 0x80|127), uint64(n))
	}
	return string(head) + "\x00\x00\x00\x00" + payload
}

// text is a client's text message.
func text(s string) string { return masked(0x81, s) }

// receive reads one frame of the relay.
func (p *rawPeer) receive() (opcode byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(p.r, head[:]); err != nil {
		return 0, nil, err
	}
	n := uint64(head[1])
	var long [8]byte
	switch {
	case n == 126:
		_, err = io.ReadFull(p.r, long[6:])
	case n == 127:
		_, err = io.ReadFull(p.r, long[:])
	}
	if n > 125 {
		n = binary.BigEndian.Uint64(long[:])
	}
	if err != nil || head[0]&0xf0 != 0x80 || n > 1<<24 {
		p.t.Fatalf("got a frame that begins with %x, %v", head, err)
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(p.r, payload)
	return head[0] & 0xf, payload, err
}

// wantText reads frames until a text message that has part in it.
func (p *rawPeer) wantText(part string) string {
	p.t.Helper()
	for {
		op, payload, err := p.receive()
		if err != nil {
			p.t.Fatalf("wait for %s: %v", part, err)
		}
		if op == opText && strings.Contains(string(payload), part) {
			return string(payload)
		}
	}
}

// closed reads to the end. It returns the code and reason of the close frame, 0
// where the connection ends without.
func (p *rawPeer) closed() (code int, reason string) {
	p.t.Helper()
	for {
		op, payload, err := p.receive()
		if nerr, ok := err.(net.Error); ok && nerr.Timeout() {
			p.t.Fatal("the connection stays open")
		}
		if err != nil {
			return code, reason
		}
		if op == opClose && len(payload) >= 2 {
			code, reason = int(binary.BigEndian.Uint16(payload)), string(payload[2:])
		}
	}
}
