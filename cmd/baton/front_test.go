package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/baton-relay/baton/oplog/bolt"
	"github.com/baton-relay/baton/relay"
)

// listensAt returns where a relay listens for something else than clients.
func (p *process) listensAt(t *testing.T, what string) string {
	t.Helper()
	m := regexp.MustCompile(`for=` + what + ` addr=(\S+)`).FindStringSubmatch(p.stderr.String())
	if m == nil {
		t.Fatalf("it does not listen for %s:\n%s", what, p.stderr)
	}
	return m[1]
}

// ask returns status, header and body of what a client is answered.
func ask(t *testing.T, c *http.Client, url string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}

// With --metrics-listen, metrics are there and only there, without a token.
func TestMetricsListen(t *testing.T) {
	p := start(t, t.TempDir(), nil, "--metrics-listen=127.0.0.1:0")
	other := "http://" + p.listensAt(t, "metrics")
	for path, want := range map[string]string{"/metrics": "baton_sessions 0\n", "/healthz": `"ok"`, "/readyz": `"ready"`} {
		if status, _, body := ask(t, http.DefaultClient, other+path); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s on its own listener: got %d %.100s, want 200 and %s", path, status, body, want)
		}
	}
	if status, _, _ := ask(t, http.DefaultClient, other+"/v1/docs"); status != 404 {
		t.Errorf("documents there: got %d, want 404", status)
	}
	if status, _ := p.get(t, "/metrics"); status != 404 {
		t.Errorf("/metrics where clients go: got %d, want 404", status)
	}
	if code := p.stop(t); code != 0 {
		t.Errorf("got exit code %d\n%s", code, p.stderr)
	}
}

// Until the log is open, the listeners answer that this node is alive and not ready.
func TestNotReadyFromTheStart(t *testing.T) {
	c := Settings{Listen: "127.0.0.1:0", MetricsListen: "127.0.0.1:0"}
	var told lockedBuffer
	f, err := c.open(slog.New(slog.NewTextHandler(&told, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	main := "http://" + f.addr.String()
	other := "http://" + (&process{stderr: &told}).listensAt(t, "metrics")
	for _, at := range []string{main, other} {
		if status, _, _ := ask(t, http.DefaultClient, at+"/healthz"); status != 200 {
			t.Errorf("%s/healthz: got %d, want 200", at, status)
		}
		for _, path := range []string{"/readyz", "/v1/ws", "/metrics", "/"} {
			status, header, body := ask(t, http.DefaultClient, at+path)
			if status != 503 || header.Get("Retry-After") != "1" || !json.Valid([]byte(body)) || !strings.Contains(body, `"unavailable"`) {
				t.Errorf("%s%s: got %d %s %v, want 503, unavailable", at, path, status, body, header)
			}
		}
	}
	log, err := bolt.Open(filepath.Join(t.TempDir(), "oplog.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	r := relay.New(relay.Config{Log: log})
	defer r.Close()
	f.ready(r)
	for _, at := range []string{main, other} {
		if status, _, body := ask(t, http.DefaultClient, at+"/readyz"); status != 200 {
			t.Errorf("%s/readyz with the log open: got %d %s, want 200", at, status, body)
		}
	}
}

// An address that is taken leaves none of the others open.
func TestFrontThatCannotBe(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	c := Settings{Listen: addr, MetricsListen: taken.Addr().String()}
	if _, err := c.open(slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Fatalf("got %v, want that the address is in use", err)
	}
	again, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatalf("the first address is still taken: %v", err)
	}
	again.Close()
}

// Told to stop, a relay with --drain-delay says so at /readyz at once, serves on
// for that long, old clients and new ones, and then drains.
func TestDrainDelay(t *testing.T) {
	const delay = time.Second
	p := start(t, t.TempDir(), nil, "--drain-delay", delay.String())
	w := &leaver{peer: enter(t, p, "doc", nil), doc: "doc", actor: "w"}
	began := time.Now()
	p.terminate(t)
	await(t, "/readyz to say no", func() bool { status, _ := p.get(t, "/readyz"); return status == 503 })
	said := time.Since(began)
	late := &leaver{peer: enter(t, p, "doc", nil), doc: "doc", actor: "late"}
	for _, l := range []*leaver{w, late} {
		if err := l.send("doc", operation{Actor: l.actor, Seq: 1, Payload: json.RawMessage("1")}); err != nil {
			t.Fatal(err)
		}
		l.await(t, "ack")
	}
	if took := time.Since(began); took > delay {
		t.Fatalf("the machine is too slow for this: %v", took)
	}
	for w.hearOne(t) {
	}
	went := time.Since(began)
	for late.hearOne(t) {
	}
	if code := p.wait(t); code != 0 || went < delay || !w.draining || !late.draining {
		t.Errorf("got exit code %d, clients sent away after %v; want 0, and not before %v\n%s", code, went, delay, p.stderr)
	}
	w.wantGoodEnd(t)
	late.wantGoodEnd(t)
	t.Logf("/readyz said no after %v, clients were sent away after %v", said.Round(time.Millisecond), went.Round(time.Millisecond))
}

// A second signal ends a relay that still serves on.
func TestSecondSignal(t *testing.T) {
	p := start(t, t.TempDir(), nil, "--drain-delay=1h")
	p.terminate(t)
	await(t, "the first signal to be heard", func() bool { return strings.Contains(p.stderr.String(), "not ready any more") })
	p.terminate(t)
	p.wait(t)
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGTERM {
		t.Errorf("got %v, want an end by the signal", p.cmd.ProcessState)
	}
}

// systemd is told when the relay is ready, not before, and when it goes.
func TestNotifySystemd(t *testing.T) {
	for name, path := range map[string]string{"file": filepath.Join(t.TempDir(), "notify"), "abstract": "@baton-test-" + filepath.Base(t.TempDir())} {
		t.Run(name, func(t *testing.T) {
			socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			defer socket.Close()
			heard := func() string {
				_ = socket.SetReadDeadline(time.Now().Add(patience))
				b := make([]byte, 100)
				n, err := socket.Read(b)
				if err != nil {
					t.Fatal(err)
				}
				return string(b[:n])
			}
			p := start(t, t.TempDir(), []string{"env", "NOTIFY_SOCKET=" + path})
			if got := heard(); got != "READY=1" {
				t.Errorf("got %q, want READY=1", got)
			}
			if status, body := p.get(t, "/readyz"); status != 200 {
				t.Errorf("told to be ready, /readyz: got %d %s", status, body)
			}
			p.terminate(t)
			if got := heard(); got != "STOPPING=1" {
				t.Errorf("got %q, want STOPPING=1", got)
			}
			if code := p.wait(t); code != 0 {
				t.Errorf("got exit code %d", code)
			}
		})
	}
	p := start(t, t.TempDir(), []string{"env", "NOTIFY_SOCKET=/nowhere/at/all"})
	await(t, "that it could not tell", func() bool { return strings.Contains(p.stderr.String(), "systemd was not told") })
}
