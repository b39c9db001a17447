package relay

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

func TestPost(t *testing.T) {
	h := start(t, Config{})
	ops := `[{"actor":"a","seq":1,"payload":{"x": 1}},{"actor":"b","seq":1,"clock":{"a":1},"payload":2},{"actor":"a","seq":2,"payload":3}]`
	all := `{"acks":[{"actor":"b","seq":1,"offset":2},{"actor":"a","seq":2,"offset":3}],"rejects":[]}`
	first := h.want(200, "POST /v1/docs/d/ops", ops)
	again := h.want(200, "POST /v1/docs/d/ops", ops)
	for _, got := range []reply{first, again} {
		if got.body != all {
			t.Errorf("got %s, want %s", got.body, all)
		}
	}
	h.want(200, "GET /v1/docs/d", "", `"head":3`)
	h.want(200, "POST /v1/docs/d/ops", `[{"actor":"a","seq":1,"payload":9},{"actor":"a","seq":3,"payload":9}]`,
		`"acks":[]`, `"seq":1,"code":"conflict"`, `"seq":3,"code":"conflict"`)
	h.want(200, "POST /v1/docs/d/ops", `[{"actor":"c","seq":1,"payload":1,"clock":{"z":1}},{"actor":"c","seq":2,"payload":1},{"actor":"e","seq":1}]`,
		`"acks":[]`, `"code":"missing"`, `"missing":{"z":1}`, `"code":"gap"`, `"expected":1`, `"code":"invalid"`)
	h.want(200, "GET /v1/docs/d", "", `"head":3`)
}

func TestPostIsHeard(t *testing.T) {
	h := start(t, Config{})
	p := h.join("", "d")
	h.want(200, "POST /v1/docs/d/ops", `[{"actor":"a","seq":1,"payload":"hello"}]`)
	p.await(`"payload":"hello"`)
	h.want(204, "POST /v1/docs/d/events", `{"name":"reaction","data":{"a": 1}}`)
	if got, want := p.await(`"event"`), `{"type":"event","doc":"d","name":"reaction","data":{"a":1}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPostFormats(t *testing.T) {
	h := start(t, Config{})
	h.want(200, "POST /v1/docs/d/ops?format=yjs", `[{"actor":"a","seq":1,"payload":1}]`)
	h.want(200, "GET /v1/docs/d", "", `"format":"yjs"`)
	h.want(409, "POST /v1/docs/d/ops?format=json", `[{"actor":"a","seq":2,"payload":1}]`, `"code":"format"`)
	h.want(200, "POST /v1/docs/d/ops", `[{"actor":"a","seq":2,"payload":1}]`, `"rejects":[]`)
	h.want(400, "POST /v1/docs/d/ops?format=No!", `[{"actor":"a","seq":3,"payload":1}]`)
}

func TestPostRefused(t *testing.T) {
	h := start(t, Config{Limits: wire.Limits{FrameBytes: 4096}})
	op := `[{"actor":"a","seq":1,"payload":1}]`
	tests := []struct {
		line, body, kind string
		status           int
		code             string
	}{
		{"POST /v1/docs/d/ops", op, "text/plain", 415, "invalid"},
		{"POST /v1/docs/d/ops", op, "application/x-www-form-urlencoded", 415, "invalid"},
		{"POST /v1/docs/d/ops", op, "", 415, "invalid"},
		{"POST /v1/docs/d/ops", "[" + strings.Repeat(" ", 4096) + "]", typeJSON, 413, "too_large"},
		{"POST /v1/docs/d/ops", "", typeJSON, 400, "invalid"},
		{"POST /v1/docs/d/ops", "[]", typeJSON, 400, "invalid"},
		{"POST /v1/docs/d/ops", `{"ops":[]}`, typeJSON, 400, "invalid"},
		{"POST /v1/docs/d/ops", `[{"actor":"a","actor":"b","seq":1,"payload":1}]`, typeJSON, 400, "invalid"},
		{"POST /v1/docs/d/ops", `[{"seq":1,"payload":1}]`, typeJSON, 400, "invalid"},
		{"POST /v1/docs/-d/ops", op, typeJSON, 400, "invalid"},
		{"POST /v1/docs/d/events", `{"name":"n"}`, "text/plain", 415, "invalid"},
		{"POST /v1/docs/d/events", `{"data":1}`, typeJSON, 400, "invalid"},
		{"POST /v1/docs/d/events", `[`, typeJSON, 400, "invalid"},
		{"POST /v1/docs/d/events", strings.Repeat(" ", 4097), typeJSON, 413, "too_large"},
	}
	for _, tt := range tests {
		got := h.do(tt.line, tt.body, "Content-Type: "+tt.kind)
		got.want(t, fmt.Sprintf("%s %.40s as %q", tt.line, tt.body, tt.kind), tt.status, `"code":"`+tt.code+`"`)
	}
	h.do("POST /v1/docs/d/ops", op, "Content-Type: application/json; charset=utf-8").want(t, "with a charset", 200)
}

// What an import says of ops counts for those who may import, and for whole
// documents: whose an actor is, too.
func TestImport(t *testing.T) {
	h := start(t, Config{Auth: people{"root": {"*": auth.All}, "ann": {"*": auth.Read | auth.Write}}})
	ops := `[{"actor":"a","seq":1,"payload":1,"by":"ann","at":1500000000000},{"actor":"a","seq":2,"payload":1,"by":"ann","at":1500000000001},` +
		`{"actor":"r","seq":1,"payload":1}]`
	h.wantAs("root", 200, "POST /v1/docs/d/ops", ops, `"rejects":[]`)
	h.wantAs("ann", 200, "GET /v1/docs/d/ops", "",
		`"at":1500000000000,"by":"ann","payload"`, `"at":1500000000001,"by":"ann","payload"`, `"by":"root"`)
	h.wantAs("root", 200, "POST /v1/docs/d/ops", `[{"actor":"a","seq":3,"payload":1}]`, `"code":"forbidden"`)
	h.wantAs("ann", 200, "POST /v1/docs/d/ops", `[{"actor":"a","seq":3,"payload":1}]`, `"rejects":[]`)

	got := h.wantAs("ann", 200, "POST /v1/docs/e/ops", `[{"actor":"a","seq":1,"payload":1,"by":"bob","at":1500000000000}]`)
	if got = h.wantAs("ann", 200, "GET /v1/docs/e/ops", "", `"by":"ann"`); strings.Contains(got.body, "1500000000000") {
		t.Errorf("got %s for one who may not import", got.body)
	}
}

// Posts that the log does not answer are bounded, a client that leaves gives no
// room for another, and nothing that was accepted is lost.
func TestPostsThatWait(t *testing.T) {
	gated := &gatedLog{arrived: make(chan struct{}, maxPosts), gate: make(chan struct{})}
	h := start(t, Config{Log: gated})
	op := `[{"actor":"a","seq":1,"payload":1}]`
	left, leave := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		resp, err := h.client.Do(h.request("POST /v1/docs/left/ops", op).WithContext(left))
		if err == nil {
			resp.Body.Close()
		}
		gone <- err
	}()
	var rest sync.WaitGroup
	for i := range maxPosts - 1 {
		rest.Go(func() {
			h.do(fmt.Sprintf("POST /v1/docs/d%d/ops", i), op).want(t, "when the log goes on", 200, `"rejects":[]`)
		})
	}
	for range maxPosts {
		<-gated.arrived
	}
	leave()
	if err := <-gone; err == nil {
		t.Error("a client that left got an answer")
	}
	got := h.want(503, "POST /v1/docs/more/ops", op, `"code":"unavailable"`, `"retry_ms":1000`)
	if got.header.Get("Retry-After") != "1" {
		t.Errorf("got header %v", got.header)
	}
	close(gated.gate)
	rest.Wait()
	h.want(200, "GET /v1/docs/left/ops?wait=60s", "", `"actor":"a"`)
	// Whoever hears of the op hears of it when its post was settled.
	h.want(200, "POST /v1/docs/more/ops", op, `"rejects":[]`)
}

// A post has its slot before its body is read, so that bodies which come slowly do
// not take memory beyond the slots. A subject whose rates are limited has a quarter
// of them, and leaves the rest to others.
func TestPostsThatComeSlowly(t *testing.T) {
	body := `[{"actor":"a","seq":1,"payload":1}]`
	for who, most := range map[string]int{"ann": maxPosts / 4, "root": maxPosts} {
		h := start(t, Config{Auth: writers, Throttle: true})
		slow := make([]*rawPeer, most)
		for i := range slow {
			slow[i] = h.socket()
			slow[i].write(fmt.Sprintf("POST /v1/docs/d%d/ops HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"+
				"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", i, who, len(body), body[:10]))
		}
		for began := time.Now(); len(h.srv.calls.posts) < most; {
			if time.Since(began) > patience {
				t.Fatalf("%d slots are taken, want %d", len(h.srv.calls.posts), most)
			}
			<-time.After(time.Millisecond)
		}
		status, code := 429, `"rate_limited"`
		if most == maxPosts {
			status, code = 503, `"unavailable"`
		}
		got := h.wantAs(who, status, "POST /v1/docs/more/ops", body, code)
		if got.header.Get("Retry-After") != "1" {
			t.Errorf("got header %v", got.header)
		}
		if most < maxPosts {
			h.wantAs("bob", 200, "POST /v1/docs/other/ops", body, `"rejects":[]`)
		}
		slow[0].Close() // a body that does not come whole gives its slot back
		slow[1].write(body[10:])
		if resp, err := http.ReadResponse(slow[1].r, nil); err != nil || resp.StatusCode != 200 {
			t.Errorf("got %v, %v; want 200", resp, err)
		}
		for began := time.Now(); len(h.srv.calls.posts) > most-2; {
			if time.Since(began) > patience {
				t.Fatalf("%d slots are taken, want %d", len(h.srv.calls.posts), most-2)
			}
			<-time.After(time.Millisecond)
		}
		h.wantAs(who, 200, "POST /v1/docs/more/ops", body, `"rejects":[]`)
	}
}
