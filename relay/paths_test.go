package relay

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/baton-relay/baton/oplog"
)

// speak sends one request as the bytes it is, on a connection of its own, and
// returns the answer.
func (h *harness) speak(request string) reply {
	h.t.Helper()
	p := h.socket()
	defer p.Close()
	p.write(request)
	resp, err := http.ReadResponse(p.r, nil)
	if err != nil {
		h.t.Fatalf("%.200q: %v", request, err)
	}
	defer resp.Body.Close()
	_ = p.SetReadDeadline(time.Now().Add(patience))
	b, _ := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(b)}
}

// Names that mean another document, another route or a file to somebody else are
// no names here, however they are written; nothing comes of them.
func TestPathTricks(t *testing.T) {
	h := start(t, Config{Home: http.HandlerFunc(nothingHere)})
	h.write("d", "a", 1, 2, 1)
	h.put("d", 1, "blob").want(t, "put", 201)
	tricks := []string{
		".", "..", "%2e", "%2e%2e", "%2E%2e", ".%2e", "../d", "..%2fd", "%2e%2e%2fd", "..%5cd", `..\d`, "%252e%252e%252fd", "....//d",
		"d/../d", "d%2f..%2fd", "x%2f..%2fd", "./d", "%2e/d", "d/.", "d//", "/d", "%2fd", "d%2fops", "%2f%2fevil.example",
		"d%00", "%00", "d%00.json", "d%0a", "d%0d%0aSet-Cookie:%20a=b", "d%7f", "%20d", "d%20", "d+", "d;x=1", "d%3bx", "d%3fx", "d%23x", "d%25", "d*", "*", "%2a", "d%26x",
		"%d0%b0", "d%cc%81", "%ef%bd%84", "%e2%80%aed", "d%e2%80%8b", "%c0%ae%c0%ae", "%c0%af", "%ff", "%ef%bc%8e%ef%bc%8e%ef%bc%8fd", "%f0%9f%98%80", "%u002e%u002e",
		"-rf", "_d", "~root", ":d", "$HOME", "%24%7bjndi:x%7d", "'OR'1'='1", "%27", "<script>", "%3cscript%3e", "C:%5cd", "file:%2f%2f%2fetc%2fpasswd",
		strings.Repeat("a", 129), strings.Repeat("%61", 129), strings.Repeat("a", 50_000), strings.Repeat("../", 1000) + "etc/passwd",
	}
	routes := []string{
		"GET /v1/docs/NAME", "DELETE /v1/docs/NAME", "GET /v1/docs/NAME/ops", "POST /v1/docs/NAME/ops", "POST /v1/docs/NAME/events",
		"POST /v1/docs/NAME/prune?before=2", "GET /v1/docs/NAME/snapshots/1", "GET /v1/docs/NAME/snapshots/1/meta",
		"PUT /v1/docs/NAME/snapshots/2", "DELETE /v1/docs/NAME/snapshots/1", "GET /board/NAME", "GET /text/NAME", "GET /NAME",
	}
	// Some are ways to write another address: they are sent on to that, as text, and
	// whoever follows may ask for it by its name as well.
	for _, trick := range tricks {
		for _, route := range routes {
			method, target, _ := strings.Cut(strings.Replace(route, "NAME", trick, 1), " ")
			body := map[string]string{"POST": `[{"actor":"evil","seq":1,"payload":1}]`, "PUT": "blob"}[method]
			got := h.speak(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
				method, target, map[string]string{"PUT": typeOctets}[method]+map[bool]string{true: typeJSON}[method != "PUT"], len(body), body))
			to := got.header.Get("Location")
			switch {
			case got.status >= 300 && got.status < 400:
				if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`) || strings.Contains(to+"/", "/../") {
					t.Errorf("%s %.80q: sent on to %.80q", method, target, to)
				}
			case got.status < 400 || got.status >= 500:
				t.Errorf("%s %.80q: got %d %.200s", method, target, got.status, got.body)
			}
			if got.header.Get("Set-Cookie") != "" || strings.Contains(got.header.Get("Content-Type"), "html") && strings.Contains(got.body, "<script") {
				t.Errorf("%s %.80q: got header %v and %.200s", method, target, got.header, got.body)
			}
		}
	}
	// Over the socket a name is a JSON string.
	l := h.listen("")
	for _, trick := range append(tricks[:2:2], "../d", `d\u0000`, `\u0430`, `d\u0301`, `\u202ed`, `d\u200b`, "d/ops", "%64", "d%00", "-d", "*", `\ud800`, strings.Repeat("a", 129)) {
		l.send(`{"type":"join","doc":"` + trick + `"}`)
		if got := l.line(); got != "error invalid" {
			t.Errorf("join %q: got %q, want error invalid", trick, got)
		}
	}
	// d is as it was, and nothing is beside it.
	h.want(200, "GET /v1/docs/d", "", `"head":2,"first":1,"clock":{"a":2}`)
	h.want(200, "GET /v1/docs/d/snapshots/1", "", "blob")
	h.want(404, "GET /v1/docs/d/snapshots/2", "")
	docs, err := h.log.Docs(t.Context(), "", 10)
	if err != nil || !slices.Equal(docs, []oplog.DocID{"d"}) {
		t.Errorf("got documents %q, %v; want d alone", docs, err)
	}
}
