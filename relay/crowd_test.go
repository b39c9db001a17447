package relay

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/baton-relay/baton/oplog/bolt"
	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// behindProxy is a relay that believes what is said of where a client is.
func behindProxy(l wire.Limits) Config {
	return Config{
		Auth: writers, Throttle: true, Limits: l,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")},
	}
}

// handshake tries to connect from an address, and returns the status.
func (h *harness) handshake(from, token string) (ws *websocket.Conn, status int) {
	h.t.Helper()
	header := http.Header{"X-Forwarded-For": {from}, "Authorization": {"Bearer " + token}}
	ws, resp, err := h.dialer.DialContext(h.t.Context(), "ws"+h.url[len("http"):]+"/v1/ws", header)
	if resp == nil {
		h.t.Fatal(err)
	}
	if err == nil {
		h.t.Cleanup(func() { ws.Close() })
	}
	return ws, resp.StatusCode
}

// One subject has so many connections, one address too, and a subject or an
// address beside it is not touched. One that ends makes room.
func TestConnectionsAreCounted(t *testing.T) {
	h := start(t, behindProxy(wire.Limits{SubjectConnections: 3, AddressConnections: 5, HandshakesPerS: -1}))
	var open []*websocket.Conn
	for i, try := range []struct {
		from, token string
		want        int
	}{
		{"1.1.1.1", "ann", 101},
		{"1.1.1.2", "ann", 101},
		{"1.1.1.3", "ann", 101},
		{"1.1.1.4", "ann", 429}, // the subject
		{"1.1.1.1", "bob", 101},
		{"1.1.1.1", "bob", 101},
		{"1.1.1.1", "reader", 101},
		{"1.1.1.1", "reader", 101},
		{"1.1.1.1", "reader", 429}, // the address
		{"1.1.1.1", "root", 101},   // may administer
		{"1.1.1.2", "reader", 101},
		{"2001:db8::1", "reader", 429}, // the subject
		{"2001:db8::1", "bob", 101},
		{"2001:db8::2", "root", 101},
		{"2001:db8::3", "root", 101},
		{"2001:db8::4", "root", 101},
		{"2001:db8::5", "root", 101},
		{"2001:db8::6", "bob", 429}, // the same 64 bits
	} {
		ws, got := h.handshake(try.from, try.token)
		if got != try.want {
			t.Fatalf("try %d, %s from %s: got %d, want %d", i, try.token, try.from, got, try.want)
		}
		open = append(open, ws)
	}
	open[0].Close()
	for deadline := time.Now().Add(patience); ; {
		if _, got := h.handshake("1.1.1.4", "ann"); got == 101 {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("got %d after a connection ended, want 101", got)
		}
	}
}

// An address may begin so many connections in a second; others are not touched.
// So is who tries tokens, by whatever way.
func TestHandshakesAreCounted(t *testing.T) {
	h := start(t, behindProxy(wire.Limits{HandshakesPerS: 1, BurstS: 10}))
	for i := range 10 {
		if _, got := h.handshake("1.1.1.1", "ann"); got != 101 {
			t.Fatalf("handshake %d: got %d, want 101", i, got)
		}
	}
	if _, got := h.handshake("1.1.1.1", "ann"); got != 429 {
		t.Errorf("got %d, want 429", got)
	}
	if _, got := h.handshake("1.1.1.2", "ann"); got != 101 {
		t.Errorf("from elsewhere: got %d, want 101", got)
	}
	want := [...]int{9: 401, 10: 429}
	for i := range 11 {
		got := h.do("GET /v1/docs/d", "", "X-Forwarded-For: 1.1.1.3", fmt.Sprint("Authorization: Bearer guess", i))
		if i >= 9 && got.status != want[i] {
			t.Errorf("guess %d: got %d, want %d", i, got.status, want[i])
		}
	}
	// Even a good one is not looked at now.
	h.do("GET /v1/docs/d", "", "X-Forwarded-For: 1.1.1.3", "Authorization: Bearer ann").want(t, "a good one", 429)
	for deadline := time.Now().Add(patience); ; {
		if _, got := h.handshake("1.1.1.1", "ann"); got == 101 {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("got %d however long it waits, want 101", got)
		}
	}
}

// Who opens connections and does not say what for, or opens them without end,
// is hung up on. Others are not.
func TestStrangersAreHungUpOn(t *testing.T) {
	cfg := Config{Auth: writers, Throttle: true, Limits: wire.Limits{AddressConnections: 20, HandshakesPerS: 1, BurstS: 10}}
	log, err := bolt.Open(filepath.Join(t.TempDir(), "log.db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Log = log
	srv := New(cfg)
	web := httptest.NewUnstartedServer(srv)
	web.Config.ConnState = srv.ConnState
	web.Start()
	t.Cleanup(func() {
		srv.Close()
		web.Close()
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	open := func(from byte) (hungUp bool) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, from)}}
		c, err := d.DialContext(t.Context(), "tcp", web.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_, _ = c.Write([]byte("GET / HTTP/1.1\r\n"))
		_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		_, err = c.Read(make([]byte, 1))
		return !errors.Is(err, os.ErrDeadlineExceeded)
	}
	for i := range 20 {
		if open(2) {
			t.Fatalf("connection %d was hung up on, want 20 to stay", i+1)
		}
	}
	if !open(2) {
		t.Error("the 21st stays, want it hung up on")
	}
	if open(3) {
		t.Error("another address was hung up on")
	}
	for range 40 { // one after the other, of which four times ten may come at once
		if resp, err := http.Get(web.URL + "/healthz"); err == nil {
			resp.Body.Close()
			http.DefaultClient.CloseIdleConnections()
		}
	}
	if resp, err := http.Get(web.URL + "/healthz"); err == nil {
		resp.Body.Close()
		t.Errorf("got %s, want a connection that ends", resp.Status)
	}
}

// Nobody is remembered for long but those who are there.
func TestTheCrowdIsForgotten(t *testing.T) {
	limits := Defaults()
	c := newCrowd(&limits)
	ann := &auth.Identity{Subject: "ann"}
	for i := range 100 {
		in, full := c.enter(netip.AddrFrom4([4]byte{1, 1, 1, byte(i)}), ann)
		if full != nil {
			t.Fatal(full)
		}
		if i > 0 {
			in.leave()
		}
		c.knock(netip.AddrFrom4([4]byte{1, 1, 2, byte(i)}), 1)
	}
	now := time.Now()
	for _, step := range []struct {
		at        time.Duration
		addresses int
	}{{partyLife / 2, 200}, {2 * partyLife, 1}} {
		c.forget(now.Add(step.at))
		if len(c.addresses) != step.addresses || len(c.subjects) != 1 {
			t.Errorf("after %v: got %d addresses and %d subjects, want %d and 1", step.at, len(c.addresses), len(c.subjects), step.addresses)
		}
	}
}

// Of a proxy that nobody trusts an operator hears once.
func TestUntrustedProxiesAreTold(t *testing.T) {
	var log bytes.Buffer
	cfg := Config{Auth: writers, Throttle: true, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	h := start(t, cfg)
	for range 3 {
		h.do("GET /healthz", "", "X-Forwarded-For: 8.8.8.8")
	}
	h.srv.Close()
	if n := strings.Count(log.String(), "trusted proxy"); n != 1 {
		t.Errorf("told %d times, want once:\n%s", n, log.String())
	}
}

func TestWhereARequestComesFrom(t *testing.T) {
	s := &Server{cfg: behindProxy(wire.Limits{}), slog: slog.New(slog.DiscardHandler)}
	tests := map[string]struct {
		remote, forwarded, host, wantAddr, wantHosts string
	}{
		"nobody between":            {"8.8.8.8:1", "", "", "8.8.8.8", "here:8080"},
		"a proxy":                   {"10.1.1.1:1", "8.8.8.8", "there", "8.8.8.8", "there"},
		"two proxies":               {"10.1.1.1:1", "8.8.8.8, 10.2.2.2", "", "8.8.8.8", "here:8080"},
		"what the client wrote":     {"10.1.1.1:1", "1.2.3.4, 8.8.8.8", "", "8.8.8.8", "here:8080"},
		"a stranger":                {"8.8.8.8:1", "1.2.3.4", "there", "8.8.8.8", "here:8080"},
		"a port":                    {"10.1.1.1:1", "8.8.8.8:555", "", "8.8.8.8", "here:8080"},
		"IPv6":                      {"10.1.1.1:1", "2001:db8::1", "", "2001:db8::1", "here:8080"},
		"IPv6 with a port":          {"10.1.1.1:1", "[2001:db8::1]:5", "", "2001:db8::1", "here:8080"},
		"mapped":                    {"[::ffff:10.1.1.1]:1", "::ffff:8.8.8.8", "", "8.8.8.8", "here:8080"},
		"nonsense":                  {"10.1.1.1:1", "8.8.8.8, unknown", "", "10.1.1.1", "here:8080"},
		"only proxies":              {"10.1.1.1:1", "10.9.9.9, 10.2.2.2", "", "10.9.9.9", "here:8080"},
		"two hosts":                 {"10.1.1.1:1", "8.8.8.8", "there:443, inside ,", "8.8.8.8", "there:443 inside"},
		"a host, nobody spoken for": {"10.1.1.1:1", "", "there", "10.1.1.1", "here:8080"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: tt.remote, Host: "here:8080", Header: http.Header{}}
			if tt.forwarded != "" {
				r.Header.Set("X-Forwarded-For", tt.forwarded)
			}
			if tt.host != "" {
				r.Header.Set("X-Forwarded-Host", tt.host)
			}
			if got := s.sourceOf(r); got.addr.String() != tt.wantAddr || strings.Join(got.hosts, " ") != tt.wantHosts {
				t.Errorf("got %v as %s, want %s as %s", got.addr, got.hosts, tt.wantAddr, tt.wantHosts)
			}
		})
	}
}

// The 48 bits around an IPv6 address, which one person can get for the asking, may
// have eight times what one address may, however many addresses that is spread over.
func TestNetworksAreCounted(t *testing.T) {
	h := start(t, behindProxy(wire.Limits{AddressConnections: 2, SubjectConnections: -1, HandshakesPerS: -1}))
	for i := range 16 {
		if _, got := h.handshake(fmt.Sprintf("2001:db8:1:%x::1", i), "ann"); got != 101 {
			t.Fatalf("connection %d of the network: got %d, want 101", i+1, got)
		}
	}
	if _, got := h.handshake("2001:db8:1:ffff::1", "ann"); got != 429 {
		t.Errorf("connection 17 of the network: got %d, want 429", got)
	}
	for _, from := range []string{"2001:db8:2::1", "1.1.1.1", "1.1.1.2"} {
		if _, got := h.handshake(from, "ann"); got != 101 {
			t.Errorf("from %s: got %d, want 101", from, got)
		}
	}
	c := newCrowd(&wire.Limits{SubjectFactor: 1, HandshakesPerS: 1, BurstS: 10, AddressConnections: 2, OpsPerS: 5})
	allowed, arrived := 0, 0
	for i := range 200 {
		a := netip.AddrFrom16([16]byte{0x20, 0x01, 7: byte(i)})
		if c.knock(a, 1) {
			allowed++
		}
		if c.arrive(a) {
			arrived++
		}
	}
	if allowed != 80 || arrived != 16 {
		t.Errorf("of 200 addresses of a network %d began a handshake and %d arrived, want 80 and 16", allowed, arrived)
	}
	// Those without a name share what their network may send.
	ops := 0
	for i := range 200 {
		a := netip.AddrFrom16([16]byte{0x20, 0x02, 7: byte(i)})
		in, full := c.enter(a, &auth.Identity{})
		if full != nil {
			t.Fatal(full)
		}
		b := budget{shared: in.shared, network: in.network}
		got, _ := b.part(time.Now(), countOps, 50)
		ops += got
		in.leave()
	}
	if ops < 400 || ops > 450 {
		t.Errorf("200 addresses of a network sent %d ops at once, want the 400 of eight addresses", ops)
	}
}

// Who goes away and comes back finds the buckets as they would be by then, whatever
// the limits are: no bucket is made anew before it would be full.
func TestBucketsOutliveTheirBursts(t *testing.T) {
	limits := &wire.Limits{SubjectFactor: 1, BurstS: 60, OpsPerS: 1, UnackedOps: 500, HandshakesPerS: 1} // a thousand ops at once, refilled after 1,000 s
	c := newCrowd(limits)
	address, ann := netip.MustParseAddr("1.1.1.1"), &auth.Identity{Subject: "ann"}
	now := time.Now()
	spend := func(at time.Time) int {
		in, full := c.enter(address, ann)
		if full != nil {
			t.Fatal(full)
		}
		defer in.leave()
		b := budget{shared: in.shared}
		got, _ := b.part(at, countOps, 5000)
		return got
	}
	if got := spend(now); got != 1000 {
		t.Fatalf("at first: got %d ops, want 1000", got)
	}
	for after := time.Second; after <= 300*time.Second; after += time.Second {
		c.forget(now.Add(after))
	}
	if got := spend(now.Add(300 * time.Second)); got < 290 || got > 310 {
		t.Errorf("after 300 s: got %d ops, want about 300, at one a second", got)
	}
	for after := 300 * time.Second; after <= 1500*time.Second; after += time.Second {
		c.forget(now.Add(after))
	}
	if n := len(c.addresses) + len(c.subjects); n != 0 {
		t.Errorf("%d are remembered when all is full again, want none", n)
	}
}

// There are never more sessions than there may be: a handshake beyond that is told
// when to come again, and comes in when there is a place.
func TestSessionsAreCapped(t *testing.T) {
	var log bytes.Buffer
	h := start(t, Config{MaxSessions: 5, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	var coming sync.WaitGroup
	got := make(chan *websocket.Conn, 50)
	for range 50 {
		coming.Go(func() {
			ws, resp, err := h.dialer.DialContext(t.Context(), "ws"+h.url[len("http"):]+"/v1/ws", nil)
			switch {
			case err == nil:
				got <- ws
			case resp == nil || resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "10":
				t.Errorf("refused with %v, %v; want 503 and when to come again", resp, err)
			}
		})
	}
	coming.Wait()
	close(got)
	if n := len(got); n != 5 {
		t.Errorf("%d of 50 came in at once, want 5", n)
	}
	h.do("GET /v1/ws", "").want(t, "a request that is no handshake", 503, `"code":"unavailable"`, `"retry_ms":10000`)
	h.do("GET /readyz", "").want(t, "readiness", 200)
	metrics := h.do("GET /metrics", "").body
	for _, line := range []string{"baton_sessions 5\n", "baton_sessions_limit 5\n", "baton_sessions_refused_total 46\n"} {
		if !strings.Contains(metrics, line) {
			t.Errorf("the metrics lack %q", line)
		}
	}
	for ws := range got {
		ws.Close()
	}
	for deadline := time.Now().Add(patience); ; {
		ws, _, err := h.dialer.DialContext(t.Context(), "ws"+h.url[len("http"):]+"/v1/ws", nil)
		if err == nil {
			ws.Close()
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("got %v after all had left, want a session", err)
		}
	}
	h.until("every slot is free", func() bool { return h.srv.slots.Load() == 0 })
	h.srv.Close()
	if n := strings.Count(log.String(), "--max-sessions"); n != 1 {
		t.Errorf("the operator was told %d times, want once:\n%s", n, log.String())
	}
}
