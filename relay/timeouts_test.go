package relay

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// The http.Server around the relay may bound how long an answer takes, as cmd/baton
// has it: that ends neither sessions nor streams that live longer.
func TestStreamsOutliveWriteTimeout(t *testing.T) {
	srv := New(Config{Log: start(t, Config{}).log})
	defer srv.Close()
	web := httptest.NewUnstartedServer(srv)
	web.Config.WriteTimeout = 100 * time.Millisecond
	web.Start()
	defer web.Close()
	h := &harness{t: t, srv: srv, url: web.URL, client: http.DefaultClient, dialer: websocket.DefaultDialer}
	h.write("d", "a", 1, 1, 1)
	resp, err := h.client.Do(h.request("GET /v1/docs/d/ops", "", "Accept: text/event-stream"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	l := h.listen("")
	<-time.After(300 * time.Millisecond) // three times what the server would allow
	l.enter("d")
	l.want("op a:1@1", "live 1")
	h.write("d", "a", 2, 1, 1)
	l.want("op a:2@2")
	seen := ""
	for buf := make([]byte, 1<<10); !strings.Contains(seen, `"seq":2`); {
		n, err := resp.Body.Read(buf)
		if seen += string(buf[:n]); err != nil {
			t.Fatalf("got %q, %v; want the second op too", seen, err)
		}
	}
}
