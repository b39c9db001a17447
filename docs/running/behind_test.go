package running_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/baton-relay/baton/client"
	"github.com/baton-relay/baton/oplog"
)

// TestBehindProxies runs a relay behind each proxy, with the snippet that comes
// for it, and uses it over https as a browser and a program would.
func TestBehindProxies(t *testing.T) {
	for _, px := range proxies {
		t.Run(px.name, func(t *testing.T) {
			t.Parallel()
			addr := "127.0.0.1:" + freePort(t)
			relayBehind(t, addr, t.TempDir(), tokenFile(t, 2))
			p := behind(t, px.command, addr)
			p.wantPages(t)
			p.wantSession(t)
			p.wantEvents(t)
			p.wantSnapshot(t)
			p.wantForeignPageRefused(t)
			p.wantNoTokenInLogs(t)
		})
	}
}

// wantPages gets every file of the whiteboard and the text page, and holds it to
// what is embedded.
func (p *place) wantPages(t *testing.T) {
	t.Helper()
	const dist = root + "/webdemo/dist"
	c, files := p.http(t), 0
	get := func(path, name string) {
		want := embedded(t, name)
		status, got := fetch(t, c, site+path)
		if status != http.StatusOK || got != want {
			t.Errorf("GET %s: got status %d and %d bytes, want the %d bytes of %s", path, status, len(got), len(want), name)
		}
		files++
	}
	get("/", filepath.Join(dist, "start.html.gz"))
	get("/board/plans", filepath.Join(dist, "board.html.gz"))
	get("/text/letter", filepath.Join(dist, "text.html.gz"))
	err := filepath.WalkDir(filepath.Join(dist, "assets"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		get("/"+strings.TrimSuffix(filepath.ToSlash(strings.TrimPrefix(name, dist+"/")), ".gz"), name)
		return nil
	})
	if err != nil || files < 30 {
		t.Errorf("got %d files of the site, %v; want all", files, err)
	}
}

// embedded returns a file of the built site as a browser sees it.
func embedded(t *testing.T, name string) string {
	t.Helper()
	text := readFile(t, name)
	if !strings.HasSuffix(name, ".gz") {
		return text
	}
	r, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

// join enters a document as the person of token i.
func (p *place) join(t *testing.T, i int, name string) *client.Doc {
	t.Helper()
	conn, err := client.Dial(t.Context(), site, p.options(t, secretToken(i)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return enter(t, conn, name)
}

// wantSession has two people hear each other: ops, and a cursor.
func (p *place) wantSession(t *testing.T) {
	t.Helper()
	a, b := p.join(t, 0, "talk"), p.join(t, 1, "talk")
	appendOp(t, a, `"from a"`)
	wantOp(t, b, `"from a"`)
	appendOp(t, b, `"from b"`)
	wantOp(t, a, `"from b"`)
	if err := a.SetPresence(json.RawMessage(`{"x":7}`)); err != nil {
		t.Fatal(err)
	}
	receive(t, b, "a's cursor", func(u client.Update) bool {
		for _, who := range u.Presence {
			if who != nil && string(who.State) == `{"x":7}` {
				return true
			}
		}
		return false
	})
}

// wantEvents reads a live stream of events: each must come when it is written,
// not when some buffer is full.
func (p *place) wantEvents(t *testing.T) {
	t.Helper()
	d := p.join(t, 0, "stream")
	appendOp(t, d, `"first"`)
	lines := p.openEvents(t, "stream")
	longest := time.Duration(0)
	for i := range 5 {
		began, want := time.Now(), fmt.Sprintf(`"event %d"`, i)
		appendOp(t, d, want)
		for lines.Scan() && !strings.Contains(lines.Text(), want) {
		}
		if err := lines.Err(); err != nil {
			t.Fatalf("the stream ended before %s: %v", want, err)
		}
		longest = max(longest, time.Since(began))
	}
	if longest > 5*time.Second {
		t.Errorf("an event took %v", longest)
	}
	t.Logf("server-sent events: the slowest of five came %v after it was written", longest.Round(100*time.Microsecond))
}

// openEvents opens the stream of a document's ops, which ends with the test.
func (p *place) openEvents(t *testing.T, doc string) *bufio.Scanner {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site+"/v1/docs/"+doc+"/ops", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Authorization", "Bearer "+secretToken(0))
	resp, err := p.http(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the stream of events is answered by %s", resp.Status)
	}
	return bufio.NewScanner(resp.Body)
}

// wantSnapshot stores a snapshot that is longer than any proxy's buffers, and
// gets it back.
func (p *place) wantSnapshot(t *testing.T) {
	t.Helper()
	d := p.join(t, 0, "large")
	appendOp(t, d, `"one"`)
	blob := make([]byte, 8<<20)
	source := rand.New(rand.NewPCG(1, 2))
	for i := range blob {
		blob[i] = byte(source.Uint32())
	}
	if err := d.PutSnapshot(t.Context(), 1, oplog.SnapshotInfo{Format: "json"}, blob); err != nil {
		t.Fatal(err)
	}
	late := p.join(t, 1, "large")
	receive(t, late, "the snapshot", func(u client.Update) bool {
		if u.Snapshot == nil {
			return false
		}
		got, err := late.Snapshot(t.Context(), u.Snapshot)
		if err != nil || !bytes.Equal(got, blob) {
			t.Errorf("got %d bytes of the snapshot, %v; want the %d that were stored", len(got), err, len(blob))
		}
		return true
	})
}

// wantForeignPageRefused asks as pages do: the site's own is let in, another is
// not.
func (p *place) wantForeignPageRefused(t *testing.T) {
	t.Helper()
	for origin, want := range map[string]int{site: http.StatusOK, "https://evil.example": http.StatusForbidden} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site+"/v1/docs/talk", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", origin)
		req.Header.Set("Authorization", "Bearer "+secretToken(0))
		resp, err := p.http(t).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("a page of %s gets status %d, want %d", origin, resp.StatusCode, want)
		}
	}
}

// wantNoTokenInLogs brings a token in the query, where a browser may have to,
// and looks for it in all that the proxy wrote.
func (p *place) wantNoTokenInLogs(t *testing.T) {
	t.Helper()
	if status, body := fetch(t, p.http(t), site+"/v1/docs/talk?access_token="+secretToken(1)); status != http.StatusOK {
		t.Errorf("with the token in the query: got %d %s", status, body)
	}
	logged := func() string {
		access, _ := os.ReadFile(filepath.Join(p.dir, "access.log")) // only nginx has one
		return p.proxy.said.String() + string(access)
	}
	if p.logsRequests {
		await(t, "the request in the proxy's log", func() bool { return strings.Contains(logged(), "/v1/docs/talk") })
	}
	if strings.Contains(logged(), "secret-") {
		t.Errorf("a token is in the proxy's log:\n%s", logged())
	}
}

// TestForwardedHeaders looks at what a backend is told of the client: what the
// proxy saw, and nothing that the client made up.
func TestForwardedHeaders(t *testing.T) {
	for _, px := range proxies {
		t.Run(px.name, func(t *testing.T) {
			t.Parallel()
			told := make(chan http.Header, 1)
			backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/tell" {
					h := r.Header.Clone()
					h.Set("Host", r.Host)
					told <- h
				}
			}))
			t.Cleanup(backend.Close)
			p := behind(t, px.command, strings.TrimPrefix(backend.URL, "http://"))
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site+"/tell", nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded"} {
				req.Header.Set(name, "made.up")
			}
			resp, err := p.http(t).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			got := <-told
			for name, want := range map[string]string{
				"Host": siteName, "X-Forwarded-For": "127.0.0.1",
				"X-Forwarded-Proto": "https", "X-Forwarded-Host": siteName, "Forwarded": "",
			} {
				if values := strings.Join(got.Values(name), ", "); values != want {
					t.Errorf("%s: got %q, want %q", name, values, want)
				}
			}
		})
	}
}
