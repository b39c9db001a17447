package running_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/baton-relay/baton/client"
)

// watched is a relay of a test that is watched while it works.
type watched struct{ addr string }

const (
	loadDoc      = "plan-of-the-load"
	operatorsKey = "operators-key"
)

// startWatched builds the relay and runs it until the test ends.
func startWatched(t *testing.T) *watched {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "baton")
	build := exec.Command("go", "build", "-o", program, "../../cmd/baton")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	tokens := filepath.Join(dir, "tokens.json")
	if err := os.WriteFile(tokens, []byte(`{"tokens": [
		{"token": "anns-key", "subject": "ann", "docs": {"*": ["read", "write", "presence"]}},
		{"token": "guests-key", "subject": "guest", "docs": {"*": ["read"]}},
		{"token": "`+operatorsKey+`", "subject": "operator", "docs": {"*": ["read", "write", "presence", "compact", "admin"]}}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	w := &watched{addr: unusedAddr(t)}
	startBeside(t, exec.Command(program, "--listen", w.addr, "--data", filepath.Join(dir, "data"), "--tokens", tokens))
	eventually(t, func() bool {
		resp, err := http.Get("http://" + w.addr + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, func() string { return "the relay is not ready" })
	return w
}

// unusedAddr returns an address that nobody listens at.
func unusedAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// startBeside runs a program until the test ends, and shows what it said if that failed.
func startBeside(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var said bytes.Buffer // read once the program has ended
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v (make deps installs what the tests need)", cmd.Path, err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("%s said:\n%s", cmd.Path, said.String())
		}
	})
}

// eventually waits until something is true.
func eventually(t *testing.T, is func() bool, not func() string) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	end := time.After(40 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal(not())
		}
	}
}

// request makes an HTTP request and returns its answer.
func (w *watched) request(method, path, token, body string) (string, error) {
	req, err := http.NewRequest(method, "http://"+w.addr+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

func (w *watched) exposed(t *testing.T) string {
	t.Helper()
	text, err := w.request("GET", "/metrics", operatorsKey, "")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// working is what goes on at a relay until it is told to end.
type working struct {
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu  sync.Mutex
	err error // the first; guarded by mu
}

// load has people write and listen, and others do what is refused, over and
// over. It returns once all of that was done.
func (w *watched) load(t *testing.T) *working {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := &working{stop: stop}
	t.Cleanup(stop)
	for range 3 {
		doc := w.join(t, "guests-key")
		l.repeat(ctx, 0, func() error { _, err := doc.Next(ctx); return err })
	}
	ann := w.join(t, "anns-key")
	l.repeat(ctx, 0, func() error { _, err := ann.Next(ctx); return err })
	l.repeat(ctx, 50*time.Millisecond, func() error {
		_, err := ann.Append(ctx, json.RawMessage(`"a line"`))
		return errors.Join(err, ann.SetPresence(json.RawMessage(`{"x":1}`)), ann.Publish("wave", nil))
	})
	offended := make(chan struct{})
	var once sync.Once
	l.repeat(ctx, 500*time.Millisecond, func() error {
		err := w.offend()
		once.Do(func() { close(offended) })
		return err
	})
	select {
	case <-offended:
	case <-time.After(40 * time.Second):
		t.Fatal("the load does not begin")
	}
	return l
}

// repeat does something every so often, until the load ends or it goes wrong.
func (l *working) repeat(ctx context.Context, pause time.Duration, do func() error) {
	l.wg.Go(func() {
		for {
			err := do()
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				l.mu.Lock()
				l.err = errors.Join(l.err, err)
				l.mu.Unlock()
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
		}
	})
}

// end has the load end, which must have gone well.
func (l *working) end(t *testing.T) {
	t.Helper()
	l.stop()
	l.wg.Wait()
	if l.err != nil {
		t.Error(l.err)
	}
}

func (w *watched) join(t *testing.T, token string) *client.Doc {
	t.Helper()
	conn, err := client.Dial(t.Context(), "ws://"+w.addr, client.Options{Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	doc, err := conn.Join(t.Context(), loadDoc, client.JoinOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// offend does what is refused: an op too far ahead, a frame for a document it is
// not in, requests without a token and without a right, and a token of no worth
// on a live session, which ends it.
func (w *watched) offend() error {
	_, rejected := w.request("POST", "/v1/docs/"+loadDoc+"/ops", "anns-key", `[{"actor":"b","seq":9,"clock":{},"payload":1}]`)
	_, unknown := w.request("GET", "/v1/docs/"+loadDoc, "nobodys-key", "")
	_, forbidden := w.request("DELETE", "/v1/docs/"+loadDoc, "guests-key", "")
	if err := errors.Join(rejected, unknown, forbidden); err != nil {
		return err
	}
	ws, _, err := websocket.DefaultDialer.Dial("ws://"+w.addr+"/v1/ws", http.Header{"Authorization": {"Bearer guests-key"}})
	if err != nil {
		return err
	}
	defer ws.Close()
	for _, frame := range []string{`{"type":"presence","doc":"elsewhere","state":1}`, `{"type":"auth","token":"nobodys-key"}`} {
		if err := ws.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
			return err
		}
	}
	for {
		_, _, err := ws.ReadMessage()
		if websocket.IsCloseError(err, 4401) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after a bad token: %w", err)
		}
	}
}

// prometheusServer scrapes a relay every second.
type prometheusServer struct{ url string }

// startPrometheus runs one on a port of its own until the test ends.
func startPrometheus(t *testing.T, w *watched) *prometheusServer {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: baton\n  authorization: {credentials: %s}\n  static_configs: [{targets: [%q]}]\n", operatorsKey, w.addr)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := unusedAddr(t)
	startBeside(t, exec.Command("prometheus", "--config.file", config, "--storage.tsdb.path", filepath.Join(dir, "tsdb"), "--web.listen-address", addr, "--log.level", "warn"))
	p := &prometheusServer{url: "http://" + addr}
	eventually(t, func() bool {
		resp, err := http.Get(p.url + "/-/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, func() string { return "Prometheus is not ready" })
	return p
}

func (p *prometheusServer) get(t *testing.T, path string) string {
	t.Helper()
	resp, err := http.Get(p.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
