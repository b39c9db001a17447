package relay

import (
	"crypto/sha256"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/baton-relay/baton/relay/auth"
)

// put stores a snapshot.
func (h *harness) put(doc string, at int, blob string, header ...string) reply {
	h.t.Helper()
	return h.do(fmt.Sprintf("PUT /v1/docs/%s/snapshots/%d", doc, at), blob, append([]string{"Content-Type: " + typeOctets}, header...)...)
}

func TestSnapshots(t *testing.T) {
	h := start(t, Config{})
	blob := strings.Repeat("0123456789", 60_000) // several chunks
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(blob)))
	h.write("d", "a", 1, 3, 1)
	h.write("d", "b", 1, 1, 1)
	h.want(404, "GET /v1/docs/d/snapshots/latest", "", "not_found")
	got := h.put("d", 3, blob, "Baton-Format: json", "Baton-Sha256: "+sum)
	got.want(t, "put", 201, `"offset":3`, `"clock":{"a":3}`, sum)
	if got.header.Get("Location") != "/v1/docs/d/snapshots/3" {
		t.Errorf("got header %v", got.header)
	}
	h.put("d", 3, blob).want(t, "put again", 200, `"offset":3`)
	h.put("d", 2, "older").want(t, "put an older one", 201)

	for path, caching := range map[string]string{
		"3":      "private, no-cache",
		"latest": "no-store",
		"3?epoch=" + h.want(200, "GET /v1/docs/d", "").field(t, "epoch"): "private, max-age=31536000, immutable",
	} {
		got := h.do("GET /v1/docs/d/snapshots/"+path, "")
		if got.status != 200 || got.body != blob {
			t.Errorf("%s: got %d and %d bytes", path, got.status, len(got.body))
		}
		for name, want := range map[string]string{
			"Content-Type": typeOctets, "Content-Disposition": `attachment; filename="d-3.json"`,
			"Content-Security-Policy": "sandbox; default-src 'none'", "X-Content-Type-Options": "nosniff",
			"Cache-Control": caching, "Etag": `"` + sum + `"`, "Content-Length": strconv.Itoa(len(blob)),
			"Baton-Format": "json", "Baton-Sha256": sum, "Baton-Offset": "3",
		} {
			if got := got.header.Get(name); got != want {
				t.Errorf("%s: %s: got %q, want %q", path, name, got, want)
			}
		}
	}
	h.want(200, "GET /v1/docs/d/snapshots/3/meta", "", `"offset":3,"url":"/v1/docs/d/snapshots/3"`, `"bytes":600000`, `"format":"json"`, sum, `"clock":{"a":3}`, `"at":1`)
	h.want(200, "GET /v1/docs/d/snapshots/latest/meta", "", `"offset":3`)
	h.want(200, "GET /v1/docs/d", "", `"snapshot":{"offset":3`)

	got = h.do("GET /v1/docs/d/snapshots/3", "", "Range: bytes=299998-300001")
	if got.status != 206 || got.body != "8901" || got.header.Get("Content-Range") != "bytes 299998-300001/600000" {
		t.Errorf("range: got %d %.20s %v", got.status, got.body, got.header)
	}
	if got := h.do("GET /v1/docs/d/snapshots/3", "", `If-None-Match: "`+sum+`"`); got.status != 304 || got.body != "" {
		t.Errorf("same ETag: got %d", got.status)
	}
	if got := h.do("HEAD /v1/docs/d/snapshots/3", ""); got.status != 200 || got.body != "" || got.header.Get("Content-Length") != "600000" {
		t.Errorf("HEAD: got %+v", got)
	}
}

func TestSnapshotsRefused(t *testing.T) {
	h := start(t, Config{Auth: people{"ann": {"*": auth.All}, "bob": {"*": auth.Read}, "cat": {"*": auth.Compact}}})
	as := func(name string) string { return "Authorization: Bearer " + name }
	h.wantAs("ann", 200, "POST /v1/docs/d/ops", `[{"actor":"a","seq":1,"payload":1},{"actor":"a","seq":2,"payload":1}]`)
	h.put("d", 2, "blob", as("cat")).want(t, "put", 201)
	tests := []struct {
		what   string
		got    reply
		status int
		code   string
	}{
		{"other bytes", h.put("d", 2, "other", as("cat")), 409, "conflict"},
		{"no such op", h.put("d", 3, "blob", as("cat")), 404, "not_found"},
		{"no such document", h.put("e", 1, "blob", as("cat")), 404, "not_found"},
		{"other format", h.put("d", 1, "blob", as("cat"), "Baton-Format: yjs"), 409, "format"},
		{"bad format", h.put("d", 1, "blob", as("cat"), "Baton-Format: No!"), 400, "invalid"},
		{"bad hash", h.put("d", 1, "blob", as("cat"), "Baton-Sha256: abc"), 400, "invalid"},
		{"wrong hash", h.put("d", 1, "blob", as("cat"), "Baton-Sha256: "+strings.Repeat("0", 64)), 400, "invalid"},
		{"wrong hash of nothing", h.put("d", 1, "", as("cat"), "Baton-Sha256: "+strings.Repeat("0", 64)), 400, "invalid"},
		{"no content type", h.put("d", 1, "blob", as("cat"), "Content-Type: "), 415, "invalid"},
		{"no octets", h.put("d", 1, "blob", as("cat"), "Content-Type: text/plain"), 415, "invalid"},
		{"offset 0", h.put("d", 0, "blob", as("cat")), 400, "invalid"},
		{"no right", h.put("d", 1, "blob", as("bob")), 403, "forbidden"},
		{"none there", h.do("GET /v1/docs/d/snapshots/1", "", as("bob")), 404, "not_found"},
		{"none of it there", h.do("GET /v1/docs/d/snapshots/1/meta", "", as("bob")), 404, "not_found"},
		{"no number", h.do("GET /v1/docs/d/snapshots/x", "", as("bob")), 400, "invalid"},
		{"another epoch", h.do("GET /v1/docs/d/snapshots/2?epoch=old", "", as("bob")), 410, "epoch"},
		{"put to another epoch", h.do("PUT /v1/docs/d/snapshots/1?epoch=old", "blob", as("cat"), "Content-Type: "+typeOctets), 410, "epoch"},
		{"no right to delete", h.do("DELETE /v1/docs/d/snapshots/2", "", as("cat")), 403, "forbidden"},
		{"none to delete", h.do("DELETE /v1/docs/d/snapshots/1", "", as("ann")), 404, "not_found"},
	}
	for _, tt := range tests {
		tt.got.want(t, tt.what, tt.status, `"code":"`+tt.code+`"`)
	}
	h.wantAs("bob", 200, "GET /v1/docs/d/snapshots/2", "", "blob")
	h.wantAs("ann", 204, "DELETE /v1/docs/d/snapshots/2", "")
	h.wantAs("bob", 404, "GET /v1/docs/d/snapshots/2", "")
}

// Two uploads at a time, and those that do not come whole leave nothing.
func TestUploads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{})
		h.write("d", "a", 1, 1, 1)
		var writers []*io.PipeWriter
		var under sync.WaitGroup
		for range maxUploads {
			r, w := io.Pipe()
			writers = append(writers, w)
			req := h.request("PUT /v1/docs/d/snapshots/1", "", "Content-Type: "+typeOctets)
			req.Body, req.ContentLength = r, 300<<10
			under.Go(func() {
				if resp, err := h.client.Do(req); err == nil {
					t.Errorf("an upload that broke off: got %s", resp.Status)
					resp.Body.Close()
				}
			})
			if _, err := w.Write(make([]byte, 290<<10)); err != nil { // a chunk is in the log
				t.Fatal(err)
			}
		}
		synctest.Wait()
		h.put("d", 1, "blob").want(t, "a third upload", 503, "unavailable")
		for _, w := range writers {
			w.CloseWithError(io.ErrClosedPipe)
		}
		under.Wait()
		synctest.Wait()
		h.want(404, "GET /v1/docs/d/snapshots/1", "")
		h.put("d", 1, "blob").want(t, "then", 201)
	})
}
