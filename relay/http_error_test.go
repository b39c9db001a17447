package relay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/auth"
)

func TestLogTakesNoWrites(t *testing.T) {
	log := &faultyLog{}
	h := start(t, Config{Log: log})
	h.want(200, "GET /readyz", "")
	h.write("d", "a", 1, 1, 1)
	log.err = fmt.Errorf("%w: no space is left", oplog.ErrUnavailable)
	h.want(503, "GET /readyz", "", `"unavailable"`)
	h.want(200, "GET /healthz", "")
	h.want(503, "POST /v1/docs/d/ops", `[{"actor":"a","seq":1,"payload":"x"},{"actor":"a","seq":2,"payload":2}]`,
		`{"code":"unavailable","message":"`, `"acks":[{"actor":"a","seq":1,"offset":1}]`, `"seq":2,"code":"unavailable"`, `"retry_ms":1000`)
	got := h.want(503, "POST /v1/docs/d/ops", `[{"actor":"a","seq":2,"payload":2}]`)
	if got.header.Get("Retry-After") != "1" || got.field(t, "retry_ms") != "1000" {
		t.Errorf("got header %v, %s", got.header, got.body)
	}
	got = h.put("d", 1, "blob")
	got.want(t, "put", 503, `"unavailable"`)
	if got.header.Get("Retry-After") != "1" {
		t.Errorf("got header %v", got.header)
	}
	got = h.want(503, "GET /v1/admin/backup", "", `"unavailable"`)
	if got.header.Get("Content-Disposition") != "" || got.header.Get("Content-Type") != typeJSON {
		t.Errorf("got header %v of a backup that is none", got.header)
	}
	log.err = nil
	h.want(200, "POST /v1/docs/d/ops", `[{"actor":"a","seq":2,"payload":2}]`, `"rejects":[]`)
}

// What nobody expects is told to the operator, not to the client.
func TestLogIsDamaged(t *testing.T) {
	log := &faultyLog{}
	var told bytes.Buffer
	h := start(t, Config{Log: log, Logger: slog.New(slog.NewTextHandler(&told, nil))})
	h.write("d", "a", 1, 1, 1)
	log.err = &oplog.CorruptionError{Place: "page 7", Err: errors.New("secret")}
	if got := h.want(500, "GET /v1/docs/d/ops", ""); strings.Contains(got.body, "secret") {
		t.Errorf("got %s", got.body)
	}
	if !strings.Contains(told.String(), "page 7") {
		t.Errorf("the operator was told %q", told.String())
	}
	log.err = nil
}

func TestTooLarge(t *testing.T) {
	h := start(t, Config{})
	h.write("d", "a", 1, 1, 1)
	h.put("d", 1, strings.Repeat("x", maxSnapshot+1)).want(t, "a large snapshot", 413, `"too_large"`)
	// Where the length is not said before, it shows as it comes.
	req := h.request("POST /v1/docs/d/ops", strings.Repeat(" ", 2<<20))
	req.ContentLength = -1
	resp, err := h.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("a large body: got %s", resp.Status)
	}
}

// A poll ends with the server, and with the access of who asked.
func TestPollsThatAreEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{Auth: people{"root": {"*": auth.All}, "ann": {"*": auth.Read}, "bob": {"*": auth.Read}}})
		h.wantAs("root", 200, "POST /v1/docs/d/ops", `[{"actor":"a","seq":1,"payload":1}]`)
		began := time.Now()
		ann := h.later("GET /v1/docs/d/ops?after=1&wait=30s&access_token=ann")
		bob := h.later("GET /v1/docs/d/ops?after=1&wait=30s&access_token=bob")
		h.wantAs("root", 200, "POST /v1/admin/revoke", `{"subject":"ann"}`, `{"closed":1}`)
		got := <-ann
		got.want(t, "a poll whose access ends", 401, `"unauthorized"`)
		if got.header.Get("WWW-Authenticate") != "Bearer" || time.Since(began) != 0 {
			t.Errorf("got header %v after %v", got.header, time.Since(began))
		}
		if err := h.srv.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		(<-bob).want(t, "a poll of a server that goes", 200, `"ops":[],"next":1`)
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// One that sends nothing for too long, or a byte now and then, does not keep its
// request open; nor does one whose body nobody asks for. One that is slow is let
// come to an end, however long that takes.
func TestSlowBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{WriteTimeout: 30 * time.Second})
		send := func(line string, size, first, piece int, pause time.Duration) (answer string, took time.Duration) {
			began := time.Now()
			conn, err := h.dialer.NetDialContext(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			var sending sync.WaitGroup
			defer sending.Wait()
			defer conn.Close()
			body := `[{"actor":"a","seq":1,"payload":1}]` + strings.Repeat(" ", size)
			sending.Go(func() {
				fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", line, len(body))
				for n := first; body != "" && err == nil; n = min(piece, len(body)) {
					time.Sleep(pause)
					_, err = io.WriteString(conn, body[:n])
					body = body[n:]
				}
			})
			got, _ := io.ReadAll(conn) // until the server closes it, as it does with such a body
			answer, _, _ = strings.Cut(string(got), "\r\n")
			return answer, time.Since(began)
		}
		post := "POST /v1/docs/d/ops"
		if got, took := send(post+"?x=", 300<<10, 16<<10, 16<<10, 15*time.Second); !strings.HasPrefix(got, "HTTP/1.1 200 ") || took < 4*time.Minute {
			t.Errorf("one that is slow: got %q after %v", got, took)
		}
		for _, pause := range []time.Duration{40 * time.Second, 20 * time.Second, time.Second} {
			got, took := send(post, 300<<10, 1, 1, pause)
			if !strings.HasPrefix(got, "HTTP/1.1 408 ") || took < 30*time.Second || took > 31*time.Second {
				t.Errorf("a byte each %v: got %q after %v, want 408 after 30s", pause, got, took)
			}
			got, took = send(post, 300<<10, 200<<10, 1, pause)
			if !strings.HasPrefix(got, "HTTP/1.1 408 ") && pause < 30*time.Second || took > 62*time.Second {
				t.Errorf("200 KiB and then a byte each %v: got %q after %v, want 408 within a minute", pause, got, took)
			}
		}
		for _, line := range []string{"GET /healthz", "POST /healthz", "GET /v1/docs/d", "GET /v1/ws", "POST /nowhere"} {
			if got, took := send(line, 300, 1, 1, time.Second); got == "" || took > 31*time.Second {
				t.Errorf("%s, with a body that nobody asks for: got %q, and an end after %v, want it after 30s", line, got, took)
			}
		}
	})
}

// A page that is fetched slowly comes whole; one that nobody takes is let go.
func TestSlowReaderOfAPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := strings.Repeat("page", 100<<10)
		served := make(chan error, 2)
		h := startInBubble(t, Config{WriteTimeout: 30 * time.Second, Home: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, err := io.WriteString(w, page)
			served <- err
		})})
		ask := func() io.ReadCloser {
			resp, err := h.client.Do(h.request("GET /", ""))
			if err != nil {
				t.Fatal(err)
			}
			return resp.Body
		}
		body := ask()
		got := 0
		for buf := make([]byte, pieceBytes); ; time.Sleep(20 * time.Second) {
			n, err := io.ReadFull(body, buf)
			if got += n; err != nil {
				break
			}
		}
		if err := <-served; err != nil || got != len(page) {
			t.Errorf("taken slowly: got %d bytes, %v; want %d", got, err, len(page))
		}
		body = ask()
		defer body.Close()
		began := time.Now()
		if err := <-served; err == nil || time.Since(began) > 31*time.Second {
			t.Errorf("not taken: got %v after %v, want an error after 30s", err, time.Since(began))
		}
	})
}
