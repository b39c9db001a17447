package relay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/baton-relay/baton/relay/auth"
)

// journal is a log that a test reads while it is written.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// lines returns the lines with a message.
func (j *journal) lines(t *testing.T, msg string) (found []map[string]any) {
	t.Helper()
	for text := range strings.Lines(j.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("read %q: %v", text, err)
		}
		if line["msg"] == msg {
			found = append(found, line)
		}
	}
	return found
}

// TestASessionLeavesOneLine ends sessions in every way there is.
func TestASessionLeavesOneLine(t *testing.T) {
	everyone := people{"ann": {"*": auth.Read | auth.Write | auth.Presence}}
	ended := map[string]struct {
		how       func(*harness, *peer)
		code      int
		why, subj string
	}{
		"by the client": {func(_ *harness, p *peer) {
			_ = p.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, "payload-1"), time.Now().Add(patience))
			p.closed()
		}, 1000, "closed by the client", "ann"},
		"by a lost connection":   {func(_ *harness, p *peer) { p.ws.Close() }, 1006, ".+", "ann"},
		"by an unreadable frame": {func(_ *harness, p *peer) { p.send(`{"payload-2":1,"payload-2":1}`); p.closed() }, 4400, "^[^{]+$", "ann"},
		"by a token of no worth": {func(_ *harness, p *peer) { p.send(`{"type":"auth","token":"secret-1"}`); p.closed() }, 4401, "token", "ann"},
		"by a silence": {func(_ *harness, p *peer) {
			p.ws.SetPingHandler(func(string) error { return nil })
			p.closed()
		}, 4408, "no sign of life", "ann"},
		"by a drain": {func(h *harness, p *peer) {
			go func() { _ = h.srv.Drain(h.t.Context()) }() // that p is closed says how it went
			p.closed()
		}, 1012, "this node is going", "ann"},
		"by the end of the server": {func(h *harness, _ *peer) { h.srv.Close() }, 1006, "cut by the relay", "ann"},
	}
	for name, c := range ended {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told journal
				h := startInBubble(t, Config{Auth: everyone, Logger: told.logger(), Heartbeat: 5 * time.Second})
				p := h.join("ann", "d")
				h.join("ann", "d").ws.Close()
				p.send(`{"type":"ops","doc":"d","ops":[{"actor":"a","seq":1,"clock":{},"payload":"payload-3"}]}`)
				p.await(`"ack"`)
				time.Sleep(time.Second)
				c.how(h, p)
				synctest.Wait()
				lines := told.lines(t, "session ended")
				if len(lines) != 2 { // the other one left at once
					t.Fatalf("got %d lines, want 2:\n%s", len(lines), told.String())
				}
				got := lines[1]
				if got[logCode] != float64(c.code) || got[logSubject] != c.subj {
					t.Errorf("got code %v of %v, want %d of %s", got[logCode], got[logSubject], c.code, c.subj)
				}
				if why := fmt.Sprint(got[logWhy]); !regexp.MustCompile(c.why).MatchString(why) {
					t.Errorf("got why %q, want %s", why, c.why)
				}
				if got["level"] != "INFO" || got[logDocuments] != 1.0 || got[logOpsIn] != 1.0 || got[logOpsOut] != 0.0 {
					t.Errorf("got %v, want one document, one op in, none out", got)
				}
				for _, key := range []string{logSession, logRemote, logTook, logBytesIn, logBytesOut} {
					if v, ok := got[key]; !ok || v == "" || v == 0.0 {
						t.Errorf("got %s %v", key, v)
					}
				}
				wantNothingPrivate(t, &told)
			})
		})
	}
}

func wantNothingPrivate(t *testing.T, told *journal) {
	t.Helper()
	for _, private := range []string{"payload-", "secret-"} {
		if text := told.String(); strings.Contains(text, private) {
			t.Errorf("%s is in the log:\n%s", private, text)
		}
	}
}

func TestRequestsAreLoggedByRouteAndID(t *testing.T) {
	var told journal
	h := start(t, Config{Logger: told.logger(), Auth: people{"secret-ann": {"*": auth.Read}}})
	requests := []struct {
		line, id, route string
		status          int
		kept            bool
	}{
		{"GET /healthz", "a.B-9_z", "/healthz", 200, true},
		{"GET /v1/docs/payload-doc/ops?access_token=secret-ann&after=0", strings.Repeat("x", 64), "/v1/docs/{doc}/ops", 404, true},
		{"GET /v1/docs/payload-doc?access_token=secret-other", strings.Repeat("x", 65), "/v1/docs/{doc}", 401, false},
		{"DELETE /v1/docs/payload-doc?access_token=secret-ann", "two words", "/v1/docs/{doc}", 403, false},
		{"GET /secret-page", `a"b`, "/", 404, false},
		{"GET /v1/secret-page", "", "/v1/", 404, false},
	}
	for _, r := range requests {
		got := h.do(r.line, "", "X-Request-Id: "+r.id)
		id := got.header.Get("X-Request-Id")
		if (id == r.id) != r.kept || len(id) == 0 {
			t.Errorf("%s: got request id %q for %q, want it kept: %v", r.line, id, r.id, r.kept)
		}
		var line map[string]any
		for _, l := range told.lines(t, "request") {
			if l[logRequest] == id {
				line = l
			}
		}
		method, _, _ := strings.Cut(r.line, " ")
		if line == nil || line["level"] != "DEBUG" || line[logRoute] != r.route || line[logStatus] != float64(r.status) ||
			line[logMethod] != method || line[logTook] == nil || line[logBytes] != float64(len(got.body)+1) {
			t.Errorf("%s: got line %v for %d bytes, want %d of %s", r.line, line, len(got.body), r.status, r.route)
		}
	}
	wantNothingPrivate(t, &told)
}

// The upgrade's answer is written by a library.
func TestHandshakeAnswersItsRequestID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told journal
		h := startInBubble(t, Config{Logger: told.logger()})
		header := map[string][]string{"X-Request-Id": {"from-the-proxy"}}
		ws, resp, err := h.dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(h.url, "http")+"/v1/ws", header)
		if err != nil {
			t.Fatal(err)
		}
		ws.Close()
		if got := resp.Header.Get("X-Request-Id"); got != "from-the-proxy" {
			t.Errorf("got request id %q", got)
		}
		synctest.Wait()
		lines := told.lines(t, "request")
		if len(lines) != 1 || lines[0][logStatus] != 101.0 || lines[0][logRequest] != "from-the-proxy" {
			t.Errorf("got lines %v, want one of a handshake", lines)
		}
	})
}
