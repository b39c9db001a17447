package relay

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-relay/baton/relay/auth"
)

// stream is an event stream, read line by line.
type stream struct {
	t     *testing.T
	body  io.Closer
	lines *bufio.Scanner
}

// events opens an event stream.
func (h *harness) events(path string, header ...string) *stream {
	h.t.Helper()
	resp, err := h.client.Do(h.request("GET "+path, "", append(header, "Accept: text/event-stream")...))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { resp.Body.Close() })
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || got != typeEvents {
		b, _ := io.ReadAll(resp.Body)
		h.t.Fatalf("%s: got %s %s %s", path, resp.Status, got, b)
	}
	return &stream{h.t, resp.Body, bufio.NewScanner(resp.Body)}
}

// next returns the next event or comment, its lines joined by "|", or "" at the
// end of the stream.
func (s *stream) next() string {
	var lines []string
	for s.lines.Scan() && s.lines.Text() != "" {
		lines = append(lines, s.lines.Text())
	}
	return strings.Join(lines, "|")
}

func (s *stream) expect(parts ...string) {
	s.t.Helper()
	event := s.next()
	for _, part := range parts {
		if !strings.Contains(event, part) {
			s.t.Fatalf("got %q, want %s in it", event, part)
		}
	}
}

// ends reads the end of the stream, which says why.
func (s *stream) ends(code string) {
	s.t.Helper()
	s.expect(`event: end|data: {"code":"`+code+`"`, `"message":`)
	if event := s.next(); event != "" {
		s.t.Errorf("behind the end: %s", event)
	}
}

func TestEvents(t *testing.T) {
	h := start(t, Config{})
	h.write("d", "a", 1, 3, 1)
	epoch := h.want(200, "GET /v1/docs/d", "").field(t, "epoch")
	s := h.events("/v1/docs/d/ops")
	for _, n := range []string{"1", "2", "3"} {
		s.expect("id: "+epoch+"."+n+`|data: {"offset":`+n+`,"actor":"a"`, `"payload":"x"}`)
	}
	h.write("d", "a", 4, 1, 1)
	s.expect("id: " + epoch + `.4|data: {"offset":4`)

	for name, s := range map[string]*stream{
		"after":          h.events("/v1/docs/d/ops?after=3"),
		"E.N":            h.events("/v1/docs/d/ops", "Last-Event-ID: "+epoch+".3"),
		"N":              h.events("/v1/docs/d/ops", "Last-Event-ID: 3"),
		"E.N over after": h.events("/v1/docs/d/ops?after=1&epoch=old", "Last-Event-ID: "+epoch+".3"),
		"N over after":   h.events("/v1/docs/d/ops?after=1", "Last-Event-ID: 3"),
	} {
		t.Log(name)
		s.expect(`data: {"offset":4`)
	}
	sse := "Accept: text/event-stream"
	h.do("GET /v1/docs/d/ops", "", sse, "Last-Event-ID: old.3").want(t, "an old epoch", 410, `"epoch"`, `"first":1`)
	h.do("GET /v1/docs/d/ops", "", sse, "Last-Event-ID: "+epoch+".x").want(t, "no number", 400)
	h.do("GET /v1/docs/never/ops", "", sse, "Last-Event-ID: old.3").want(t, "a document that went", 404)
	h.do("GET /v1/docs/never/ops?after=3", "", sse).want(t, "a place in no document", 404)
	if got := h.do("HEAD /v1/docs/d/ops", "", sse); got.status != 200 || got.header.Get("Content-Type") != typeEvents {
		t.Errorf("HEAD: got %+v", got)
	}
}

func TestEventsOfWhatComesAndGoes(t *testing.T) {
	h := start(t, Config{})
	s := h.events("/v1/docs/d/ops")
	h.write("d", "a", 1, 1, 1)
	s.expect(`.1|data: {"offset":1`)
	h.want(204, "DELETE /v1/docs/d", "")
	s.ends("deleted")
	h.write("d", "b", 1, 1, 1)
	s = h.events("/v1/docs/d/ops")
	s.expect(`"actor":"b"`)
	h.want(204, "DELETE /v1/docs/d", "")
	h.write("d", "c", 1, 2, 1)
	s.ends("deleted")
}

func TestEventsOfWhatIsPruned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{})
		h.write("d", "a", 1, 100, 10_000)
		s := h.events("/v1/docs/d/ops")
		s.expect(`.1|data: {"offset":1,`)
		synctest.Wait() // the stream is as far as the pipe lets it
		h.do("PUT /v1/docs/d/snapshots/99", "blob", "Content-Type: "+typeOctets).want(t, "put", 201)
		h.want(200, "POST /v1/docs/d/prune?before=100", "")
		var event string
		for strings.HasPrefix(event, "id: ") || event == "" {
			event = s.next()
		}
		if !strings.Contains(event, `event: end|data: {"code":"pruned"`) || !strings.Contains(event, `"first":100,"snapshot":{"offset":99,`) {
			t.Errorf("got %s", event)
		}
	})
}

func TestEventsThatStayQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rights := people{"ann": {"*": auth.All}, "bob": {"*": auth.All}, "cat": {"*": auth.All}, "dan": {"*": auth.All}}
		h := startInBubble(t, Config{Auth: rights, Heartbeat: 20 * time.Second})
		open := func(name string) *stream {
			return h.events("/v1/docs/d/ops?access_token=" + name)
		}
		ann, bob, cat, dan := open("ann"), open("bob"), open("cat"), open("dan")
		began := time.Now()
		for range 3 {
			for _, s := range []*stream{ann, bob, cat, dan} {
				s.expect(":")
			}
		}
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("3 signs of life took %v, want 30s", took)
		}
		synctest.Wait()
		delete(rights, "ann")
		rights["bob"] = auth.Patterns{"*": auth.Write}
		got := h.wantAs("dan", 200, "POST /v1/admin/revoke", `{"subject":"cat"}`, `{"closed":1}`)
		cat.ends("unauthorized")
		if got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("got header %v", got.header)
		}
		for s, code := range map[*stream]string{ann: "unauthorized", bob: "forbidden"} {
			if event := s.next(); event != ":" { // the one that was due before it was asked again
				t.Fatalf("got %s", event)
			}
			s.ends(code)
		}
		drained := make(chan error)
		go func() { drained <- h.srv.Drain(t.Context()) }()
		dan.expect(":")
		dan.ends("unavailable")
		if err := <-drained; err != nil {
			t.Error(err)
		}
	})
}
