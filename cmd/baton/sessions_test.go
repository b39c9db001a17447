package main

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

func TestSessionsForFiles(t *testing.T) {
	for files, want := range map[uint64]uint64{
		1: 1, 64: 1, 128: 64, 512: 448, 1024: 896, 262_144: 229_376, 1 << 20: 917_504, 1 << 40: 0,
	} {
		if got := sessionsFor(files); got != want {
			t.Errorf("with %d files: got %d sessions, want %d", files, got, want)
		}
	}
}

// More come than there may be files open. Those beyond the limit are told so, and
// the relay goes on: it is ready, takes ops of those who are in, and can be copied.
func TestMoreSessionsThanFiles(t *testing.T) {
	limited := []string{"prlimit", "--nofile=200:200"}
	out, err := exec.CommandContext(t.Context(), limited[0], append(limited[1:], binary(t), "config")...).CombinedOutput()
	if err != nil || !strings.Contains(strings.Join(strings.Fields(string(out)), " "), "max-sessions 136 default") {
		t.Errorf("with 200 files, baton config: %v\n%s", err, out)
	}
	p := start(t, t.TempDir(), limited)
	first := enter(t, p, "doc", nil)
	in, full := 1, 0
	for range 300 {
		ws, resp, err := websocket.DefaultDialer.DialContext(t.Context(), p.ws(), nil)
		switch {
		case err == nil:
			in++
			t.Cleanup(func() { ws.Close() })
		case errors.Is(err, websocket.ErrBadHandshake) && resp.StatusCode == 503 && resp.Header.Get("Retry-After") != "":
			full++
		default:
			t.Fatalf("handshake: got %v, want a session or 503", err)
		}
	}
	if in != 136 || full != 165 {
		t.Errorf("%d came in and %d were told to come again, want 136 and 165", in, full)
	}
	if status, body := p.get(t, "/readyz"); status != 200 {
		t.Errorf("/readyz: got %d %s, want 200", status, body)
	}
	if status, body := p.get(t, "/v1/admin/backup"); status != 200 || len(body) == 0 {
		t.Errorf("a backup: got %d and %d bytes, want 200", status, len(body))
	}
	w := &leaver{peer: first, doc: "doc", actor: "w"}
	if err := w.send("doc", operation{Actor: "w", Seq: 1, Payload: []byte("1")}); err != nil {
		t.Fatal(err)
	}
	w.await(t, "ack")
}
