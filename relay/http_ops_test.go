package relay

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// write appends n ops of an actor, whose payloads have about size bytes.
func (h *harness) write(doc, actor string, from, n, size int) {
	h.t.Helper()
	fill := strings.Repeat("x", size)
	for at := from; at < from+n; {
		var ops []string
		for ; at < from+n && len(ops) < 500 && (len(ops) == 0 || len(ops)*size < 300<<10); at++ {
			ops = append(ops, fmt.Sprintf(`{"actor":%q,"seq":%d,"payload":"%s"}`, actor, at, fill))
		}
		h.want(200, "POST /v1/docs/"+doc+"/ops", "["+strings.Join(ops, ",")+"]", `"rejects":[]`)
	}
}

func TestPages(t *testing.T) {
	h := start(t, Config{})
	h.want(404, "GET /v1/docs/d/ops", "", "not_found")
	h.write("d", "a", 1, 5, 1)
	first := h.want(200, "GET /v1/docs/d/ops?limit=2", "", `"seq":1`, `"seq":2`, `"next":2,"live":false`)
	if strings.Contains(first.body, `"seq":3`) {
		t.Errorf("got %s, want 2 ops", first.body)
	}
	epoch := first.field(t, "epoch")
	tests := []struct{ query, next, live, caching string }{
		{"", "5", "true", "no-store"},
		{"?limit=2", "2", "false", "no-store"},
		{"?limit=2&epoch=" + epoch, "2", "false", "public, max-age=31536000, immutable"},
		{"?limit=3&after=2&epoch=" + epoch, "5", "true", "no-store"},
		{"?limit=5&epoch=" + epoch, "5", "true", "no-store"},
		{"?after=5", "5", "true", "no-store"},
		{"?after=9", "9", "true", "no-store"}, // another node may be further
		{"?after=4&limit=99999999", "5", "true", "no-store"},
	}
	for _, tt := range tests {
		got := h.want(200, "GET /v1/docs/d/ops"+tt.query, "")
		if got.field(t, "next") != tt.next || got.field(t, "live") != tt.live || got.header.Get("Cache-Control") != tt.caching {
			t.Errorf("%q: got %s, %s; want next %s, live %s, %s",
				tt.query, got.body, got.header.Get("Cache-Control"), tt.next, tt.live, tt.caching)
		}
		if vary := got.header["Vary"]; !strings.Contains(strings.Join(vary, ", "), "Accept") {
			t.Errorf("Vary is %q, without Accept", vary)
		}
	}
	h.want(410, "GET /v1/docs/d/ops?epoch=other", "", `"code":"epoch"`, `"epoch":"`+epoch+`"`, `"first":1`)
	if got := h.do("HEAD /v1/docs/d/ops?wait=30s&after=5", ""); got.status != 200 || got.body != "" || got.header.Get("Content-Length") == "" {
		t.Errorf("HEAD: got %+v", got)
	}
}

func TestPagesAreBounded(t *testing.T) {
	h := start(t, Config{})
	h.write("d", "a", 1, 5, 400<<10)
	got := h.want(200, "GET /v1/docs/d/ops", "", `"next":2,"live":false`)
	if len(got.body) > maxPageBytes+200 {
		t.Errorf("got a page of %d bytes", len(got.body))
	}
	h.write("d", "a", 6, 1, 700<<10)
	h.want(200, "GET /v1/docs/d/ops?after=5", "", `"next":6,"live":true`)
}

func TestCachedForOneReader(t *testing.T) {
	h := start(t, Config{Auth: people{"ann": {"*": 3}}})
	h.wantAs("ann", 200, "POST /v1/docs/d/ops", `[{"actor":"a","seq":1,"payload":1},{"actor":"a","seq":2,"payload":1}]`)
	epoch := h.wantAs("ann", 200, "GET /v1/docs/d/ops", "").field(t, "epoch")
	got := h.wantAs("ann", 200, "GET /v1/docs/d/ops?limit=1&epoch="+epoch, "")
	if caching := got.header.Get("Cache-Control"); caching != "private, max-age=31536000, immutable" {
		t.Errorf("got %q for a reader with a token", caching)
	}
}

func TestLines(t *testing.T) {
	h := start(t, Config{})
	h.do("GET /v1/docs/d/ops", "", "Accept: application/x-ndjson").want(t, "no document", 404)
	const n = 300
	h.write("d", "a", 1, n, 4000) // several pages
	got := h.do("GET /v1/docs/d/ops?after=10", "", "Accept: application/x-ndjson")
	lines := strings.Split(got.body, "\n")
	if len(lines) != n-10 {
		t.Fatalf("got %d lines, want %d", len(lines), n-10)
	}
	for i, line := range lines {
		if want := fmt.Sprintf(`{"offset":%d,"actor":"a","seq":%d,`, i+11, i+11); !strings.HasPrefix(line, want) {
			t.Fatalf("line %d: got %.80s, want %s", i, line, want)
		}
	}
	epoch := h.want(200, "GET /v1/docs/d", "").field(t, "epoch")
	if got.header.Get("Content-Type") != typeLines || got.header.Get("Baton-Epoch") != epoch {
		t.Errorf("got header %v", got.header)
	}
	got = h.do("GET /v1/docs/d/ops?after=295&limit=3", "", "Accept: application/x-ndjson")
	if n := strings.Count(got.body, "\n") + 1; n != 3 {
		t.Errorf("limit=3: got %d lines", n)
	}
	got = h.do("GET /v1/docs/d/ops?after=300", "", "Accept: application/x-ndjson")
	if got.status != 200 || got.body != "" {
		t.Errorf("behind the head: got %d %q", got.status, got.body)
	}
	h.do("GET /v1/docs/d/ops?epoch=other", "", "Accept: application/x-ndjson").want(t, "another epoch", 410, "epoch")
	if got := h.do("HEAD /v1/docs/d/ops", "", "Accept: application/x-ndjson"); got.status != 200 || got.body != "" {
		t.Errorf("HEAD: got %+v", got)
	}
}

// A reader that takes a little now and then gets everything, however long that
// takes; one that takes nothing for too long is cut.
func TestSlowReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{WriteTimeout: 30 * time.Second})
		const n = 100
		h.write("d", "a", 1, n, 10_000)

		body := h.lines("d")
		began := time.Now()
		var got int
		for buf := make([]byte, pieceBytes); ; time.Sleep(20 * time.Second) {
			k, err := io.ReadFull(body, buf)
			got += strings.Count(string(buf[:k]), "\n")
			if err != nil {
				break
			}
		}
		if got != n || time.Since(began) < 10*time.Minute {
			t.Errorf("got %d lines in %v, want %d", got, time.Since(began), n)
		}

		body = h.lines("d")
		time.Sleep(31 * time.Second)
		if _, err := io.ReadAll(body); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("read after a pause of 31s: got %v, want an end in the middle", err)
		}
	})
}

// A stream of lines that can no longer be complete is broken off.
func TestLinesOfWhatGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{})
		h.write("d", "a", 1, 100, 10_000)
		body := h.lines("d")
		h.want(204, "DELETE /v1/docs/d", "")
		if _, err := io.ReadAll(body); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %v, want an end in the middle", err)
		}
	})
}

// lines begins to stream a document and returns the body, of which nothing was
// read.
func (h *harness) lines(doc string) io.Reader {
	h.t.Helper()
	resp, err := h.client.Do(h.request("GET /v1/docs/"+doc+"/ops", "", "Accept: application/x-ndjson"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		h.t.Fatalf("got %s", resp.Status)
	}
	return bufio.NewReaderSize(resp.Body, 16)
}

func TestLongPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{})
		h.write("d", "a", 1, 1, 1)
		began := time.Now()
		h.want(200, "GET /v1/docs/d/ops?wait=30s", "", `"seq":1`)
		if took := time.Since(began); took != 0 {
			t.Errorf("waited %v for what was there", took)
		}
		for wait, want := range map[string]time.Duration{"30s": 30 * time.Second, "10m": maxWait} {
			began := time.Now()
			h.want(200, "GET /v1/docs/d/ops?after=1&wait="+wait, "", `"ops":[],"next":1,"live":true`)
			if took := time.Since(began); took != want {
				t.Errorf("wait=%s: waited %v, want %v", wait, took, want)
			}
		}

		poll := h.later("GET /v1/docs/d/ops?after=1&wait=30s")
		began = time.Now()
		h.write("d", "a", 2, 1, 1)
		(<-poll).want(t, "an op comes", 200, `"seq":2`, `"next":2`)
		poll = h.later("GET /v1/docs/new/ops?wait=30s")
		h.write("new", "a", 1, 1, 1)
		(<-poll).want(t, "a document comes", 200, `"seq":1`)
		poll = h.later("GET /v1/docs/d/ops?after=2&wait=30s")
		h.want(204, "DELETE /v1/docs/d", "")
		(<-poll).want(t, "the document goes", 404, "not_found")
		if took := time.Since(began); took != 0 {
			t.Errorf("waited %v for what came at once", took)
		}

		h.want(404, "GET /v1/docs/never/ops?wait=5s", "", "not_found")
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("waited %v for a document that never came", took)
		}
		h.want(404, "GET /v1/docs/never/ops?after=1&wait=5s", "", "not_found")
		h.want(404, "GET /v1/docs/never/ops?epoch=e&wait=5s", "", "not_found")
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("waited %v for a place that cannot come", took)
		}
	})
}

// A reader that waits does not take the ops of a document that was made anew for
// those behind its place in the old one.
func TestLongPollOfAnotherEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &faultyLog{}
		h := startInBubble(t, Config{Log: log})
		h.write("d", "a", 1, 2, 1)
		poll := h.later("GET /v1/docs/d/ops?after=2&wait=30s")
		log.beforeRead = func() {
			log.beforeRead = nil
			if err := h.log.Delete(t.Context(), "d"); err != nil {
				t.Error(err)
			}
			entries := make([]oplog.Entry, 3)
			for i := range entries {
				entries[i].Op = oplog.Op{Dot: clock.Dot{Actor: "b", Seq: uint64(i + 1)}, Payload: []byte("1")}
			}
			if _, err := h.log.Append(t.Context(), oplog.Append{Doc: "d", Entries: entries}); err != nil {
				t.Error(err)
			}
		}
		h.write("d", "a", 3, 1, 1) // wakes the reader
		(<-poll).want(t, "ops of another document", 410, `"code":"epoch"`)
	})
}

// later makes a request in a bubble and returns when it waits.
func (h *harness) later(line string) <-chan reply {
	got := make(chan reply, 1)
	go func() { got <- h.do(line, "") }()
	synctest.Wait()
	return got
}
