package relay

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// squeezed is what becomes of many zeros.
func squeezed(t *testing.T, n int, to func(io.Writer) io.WriteCloser) string {
	t.Helper()
	var b bytes.Buffer
	w := to(&b)
	if _, err := io.CopyN(w, zeros{}, int64(n)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

// Nothing that comes is unpacked: no extension is agreed on whatever is offered,
// a frame that claims to be compressed ends the connection, and a packed body is
// the bytes it is.
func TestCompressedBombs(t *testing.T) {
	gzipped := squeezed(t, 32<<20, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	deflated := squeezed(t, 32<<20, func(w io.Writer) io.WriteCloser {
		f, err := flate.NewWriter(w, flate.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		return f
	})
	h := start(t, Config{})
	b := h.bystanders("d")
	before := heap()
	for _, offer := range []string{"permessage-deflate", "permessage-deflate; client_max_window_bits; server_no_context_takeover", "x-webkit-deflate-frame"} {
		p := h.socket()
		p.write("GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: " + offer +
			"\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
		resp, err := http.ReadResponse(p.r, nil)
		if err != nil || resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Sec-WebSocket-Extensions") != "" {
			t.Fatalf("%s: got %v, %v; want no extension", offer, resp, err)
		}
		p.write(masked(0xc1, deflated))
		if code, _ := p.closed(); code != wire.CloseProtocol {
			t.Errorf("%s: got close code %d, want %d", offer, code, wire.CloseProtocol)
		}
	}
	for _, coding := range []string{"gzip", "x-gzip", "deflate", "br", "zstd"} {
		h.do("POST /v1/docs/d/ops", gzipped, "Content-Encoding: "+coding).want(t, coding, 400, `"invalid"`)
	}
	for _, coding := range []string{"gzip", "gzip, chunked", "chunked, gzip", "deflate"} {
		got := h.speak("POST /v1/docs/d/ops HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: " + coding + "\r\n\r\n" + gzipped)
		if got.status != http.StatusNotImplemented {
			t.Errorf("Transfer-Encoding: %s: got %d %s, want 501", coding, got.status, got.body)
		}
	}
	if grown := int64(heap()) - int64(before); grown > 8<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	b.unmoved("compressed bombs")
}

// JSON in JSON in JSON is refused before it costs a stack, by every way in.
func TestDeepJSON(t *testing.T) {
	h := start(t, Config{})
	for _, open := range []string{"[", `{"a":`} {
		deep := strings.Repeat(open, 100_000)
		for line, body := range map[string]string{
			"POST /v1/docs/d/ops":     deep,
			"POST /v1/docs/e/ops":     `[{"actor":"a","seq":1,"payload":` + deep,
			"POST /v1/docs/d/events":  `{"name":"n","data":` + deep,
			"POST /v1/admin/revoke":   `{"subject":` + deep,
			"POST /v1/docs/f/ops?x=1": `[{"actor":"a","seq":1,"clock":` + deep,
		} {
			h.want(400, line, body, `"invalid"`)
		}
		for _, frame := range []string{deep, `{"type":"auth","token":` + deep, `{"type":"ping","id":` + deep} {
			p := h.listen("")
			p.send(frame)
			if code := p.closed(); code != wire.CloseUnreadable {
				t.Errorf("%.30s…: got close code %d, want %d", frame, code, wire.CloseUnreadable)
			}
		}
	}
}

// A message of endless empty fragments has no length, but ends all the same; it is
// no longer than others where there are pings between.
func TestEndlessFragments(t *testing.T) {
	flood := func(t *testing.T, h *harness, each string) int {
		p := h.raw()
		p.write(masked(0x01, `{"type":`))
		go func() {
			many := strings.Repeat(each, 1000)
			for {
				if _, err := io.WriteString(p.Conn, many); err != nil {
					return
				}
			}
		}()
		code, _ := p.closed()
		return code
	}
	h := start(t, Config{})
	before := heap()
	if code := flood(t, h, masked(0x00, "")); code != wire.CloseTooLarge {
		t.Errorf("empty fragments: got close code %d, want %d", code, wire.CloseTooLarge)
	}
	if code := flood(t, h, masked(0x00, "x")); code != wire.CloseTooLarge {
		t.Errorf("fragments of a byte: got close code %d, want %d", code, wire.CloseTooLarge)
	}
	if grown := int64(heap()) - int64(before); grown > 4<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	// A ping ends the count; its bytes are charged for.
	cfg := slow(func(l *wire.Limits) { l.FramesPerS, l.RefusalsPerS = 1_000_000, 10 })
	cfg.Auth = people{"": {"*": auth.Read}}
	if code := flood(t, start(t, cfg), strings.Repeat(masked(0x00, ""), 10_000)+masked(0x89, "")); code != wire.CloseRateLimited {
		t.Errorf("empty fragments and pings: got close code %d, want %d", code, wire.CloseRateLimited)
	}
}

// Pings and pongs of the WebSocket count as frames do.
func TestEndlessPings(t *testing.T) {
	for what, opcode := range map[string]byte{"pings": 0x89, "pongs": 0x8a} {
		synctest.Test(t, func(t *testing.T) {
			h := startInBubble(t, slow(func(l *wire.Limits) { l.FramesPerS, l.RefusalsPerS = 20, 10 }))
			l := h.live("ann", "d")
			other := h.live("bob", "d")
			began := time.Now()
			go func() {
				for range 1000 {
					if _, err := io.WriteString(l.ws.NetConn(), masked(opcode, "p")); err != nil {
						return
					}
				}
			}()
			if code := l.closed(); code != wire.CloseRateLimited {
				t.Errorf("%s: got close code %d after %v, want %d", what, code, time.Since(began), wire.CloseRateLimited)
			}
			other.ops("d", "b:1")
			other.skipTo("ack")
		})
	}
}

// Requests whose length two readers could take for two things are refused, or are
// the last on their connection: what follows is never taken for a request.
func TestSmuggledRequests(t *testing.T) {
	h := start(t, Config{})
	h.write("d", "a", 1, 1, 1)
	const smuggled = "DELETE /v1/docs/d HTTP/1.1\r\nHost: localhost\r\n\r\n"
	chunked := "0\r\n\r\n" + smuggled
	lengthOf := func(s string) string { return fmt.Sprint("Content-Length: ", len(s)) }
	for what, tt := range map[string]struct {
		header string
		body   string
		status int
	}{
		"two lengths":               {"Content-Length: 0\r\n" + lengthOf(smuggled), smuggled, 400},
		"two lengths in one":        {"Content-Length: 0, " + fmt.Sprint(len(smuggled)), smuggled, 400},
		"a signed length":           {"Content-Length: +0", smuggled, 400},
		"a length in hex":           {"Content-Length: 0x0", smuggled, 400},
		"a length with a space":     {"Content-Length : 0", smuggled, 400},
		"a length below zero":       {"Content-Length: -1", smuggled, 400},
		"an empty length":           {"Content-Length: ", smuggled, 400},
		"length and chunks":         {lengthOf(chunked) + "\r\nTransfer-Encoding: chunked", chunked, 400},
		"chunks and length":         {"Transfer-Encoding: chunked\r\n" + lengthOf(chunked), chunked, 400},
		"chunks alone":              {"Transfer-Encoding: chunked", chunked, 400},
		"chunks twice":              {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", chunked, 501},
		"chunks and identity":       {"Transfer-Encoding: chunked, identity", chunked, 501},
		"what is not quite chunks":  {"Transfer-Encoding: xchunked", chunked, 501},
		"chunks behind a tab":       {"Transfer-Encoding:\tchunked\r\nTransfer-Encoding: x", chunked, 501},
		"a chunk of negative size":  {"Transfer-Encoding: chunked", "-1\r\n\r\n" + smuggled, 400},
		"a chunk of too large size": {"Transfer-Encoding: chunked", "ffffffffffffffff0\r\n\r\n" + smuggled, 400},
		"a bare line feed in size":  {"Transfer-Encoding: chunked", "0;x\n\r\n\r\n" + smuggled, 400},
	} {
		t.Run(what, func(t *testing.T) {
			p := h.socket()
			defer p.Close()
			p.write("POST /v1/docs/d/ops HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + tt.header + "\r\n\r\n" + tt.body)
			resp, err := http.ReadResponse(p.r, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			if resp.StatusCode != tt.status {
				t.Errorf("got %s, want %d", resp.Status, tt.status)
			}
			if rest, err := io.ReadAll(p.r); len(rest) > 0 || err != nil && strings.Contains(err.Error(), "timeout") {
				t.Errorf("got %.100q, %v behind the answer; want the connection closed", rest, err)
			}
		})
	}
	h.want(200, "GET /v1/docs/d", "")
}
