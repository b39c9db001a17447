package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/baton-relay/baton/relay"
)

// from is a dialer that comes from an address of its own.
func from(ip string) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}, Timeout: patience}
}

// TestManyHandshakes has one address begin handshake after handshake, with good
// tokens and bad ones, as fast as it can. Meanwhile others come in and save, and
// afterwards the relay holds nothing of it.
//
// BATON_TEST_HANDSHAKES is how many (5,000).
func TestManyHandshakes(t *testing.T) {
	many := 5_000
	if n, err := strconv.Atoi(os.Getenv("BATON_TEST_HANDSHAKES")); err == nil {
		many = n
	}
	tokens, file := passes(t, 1)
	p := start(t, t.TempDir(), nil, "--tokens", file)
	honest(t, p, tokens[0], "warm") // so that what everybody costs is there before
	memory, files := p.memory(t), p.files(t)

	var got [600]atomic.Int64 // by status; 0: hung up on
	var next atomic.Int64
	var crowd sync.WaitGroup
	began := time.Now()
	for range 32 {
		crowd.Go(func() {
			for {
				i := next.Add(1)
				if i > int64(many) {
					return
				}
				got[shakeHands(t, p.addr, []string{"mallory", "guess"}[i%2])].Add(1)
			}
		})
	}
	t.Cleanup(func() { // before the relay is killed
		next.Store(int64(many))
		crowd.Wait()
	})
	over := make(chan struct{})
	go func() { crowd.Wait(); close(over) }()
	var worst time.Duration
	visits := 0
	for during := true; during; visits++ {
		worst = max(worst, honest(t, p, tokens[0], fmt.Sprint("d", visits)))
		select {
		case <-over:
			during = false
		default:
		}
	}
	took := time.Since(began)
	var sum int64
	statuses := map[int]int64{}
	for status := range got {
		if n := got[status].Load(); n > 0 {
			statuses[status] = n
			sum += n
		}
	}
	t.Logf("%d handshakes in %v, by status %v; %d others joined and saved meanwhile, within %v", sum, took.Round(time.Millisecond), statuses, visits, worst.Round(time.Millisecond))
	if worst > 5*time.Second {
		t.Errorf("somebody else had to wait for %v", worst)
	}
	limits := relay.Defaults()
	if most := int64(limits.HandshakesPerS) * (int64(limits.BurstS) + int64(took/time.Second) + 1); statuses[101]+statuses[401] > most || sum != int64(many) {
		t.Errorf("the tokens of %d of %d handshakes were looked at, want at most %d", statuses[101]+statuses[401], sum, most)
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); p.files(t) > files+8; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%d files are open, before it were %d", p.files(t), files)
		}
	}
	grown := p.memory(t) - memory
	t.Logf("the relay took %d MiB before, and %d MiB more after; %d files before, %d after", memory>>20, grown>>20, files, p.files(t))
	if grown > 64<<20 {
		t.Errorf("the relay takes %d bytes more than before", grown)
	}
}

// shakeHands opens a connection, asks for a WebSocket and leaves without a word. It
// returns the status, 0 where the relay hung up.
func shakeHands(t *testing.T, addr, token string) int {
	c, err := from("127.0.0.7").Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer c.Close()
	_ = c.(*net.TCPConn).SetLinger(0) // leaves the port to the next
	_ = c.SetDeadline(time.Now().Add(patience))
	_, err = fmt.Fprintf(c, "GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: Bearer %s\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", token)
	if err != nil {
		return 0
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		if nerr, ok := err.(net.Error); ok && nerr.Timeout() {
			t.Errorf("a handshake got no answer: %v", err)
		}
		return 0
	}
	return resp.StatusCode
}

// honest comes in, saves an op, leaves, and says how long that took.
func honest(t *testing.T, p *process, token, doc string) time.Duration {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ws, _, err := websocket.DefaultDialer.DialContext(ctx, p.ws(), http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		t.Fatalf("somebody else could not come in: %v", err)
	}
	defer ws.Close()
	c := &peer{ws}
	if err := c.say(map[string]any{"type": "join", "doc": doc}); err != nil {
		t.Fatal(err)
	}
	if err := c.send(doc, operation{Actor: "a", Seq: 1, Payload: []byte("1")}); err != nil {
		t.Fatal(err)
	}
	c.await(t, "ack")
	return time.Since(began)
}

// memory is what the process holds, in bytes.
func (p *process) memory(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	kB, err := strconv.Atoi(strings.Fields(rest + " x")[0])
	if err != nil {
		t.Fatal(err)
	}
	return kB << 10
}

// files is how many files and sockets the process has open.
func (p *process) files(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "fd"))
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

// TestOneSubjectOnManySockets: with the defaults a hundred get in, from however
// many addresses; the rest are told to come later, and others are not touched.
func TestOneSubjectOnManySockets(t *testing.T) {
	tokens, file := passes(t, 1)
	p := start(t, t.TempDir(), nil, "--tokens", file)
	open := func(i int, token string) (*websocket.Conn, *http.Response) {
		dialer := websocket.Dialer{NetDialContext: from(fmt.Sprintf("127.0.1.%d", 1+i%10)).DialContext}
		ws, resp, err := dialer.DialContext(t.Context(), p.ws(), http.Header{"Authorization": {"Bearer " + token}})
		if resp == nil {
			t.Fatalf("socket %d: %v", i, err)
		}
		if err == nil {
			t.Cleanup(func() { ws.Close() })
		}
		return ws, resp
	}
	statuses := map[int]int{}
	var first *websocket.Conn
	for i := range 1000 {
		ws, resp := open(i, "mallory")
		statuses[resp.StatusCode]++
		if first == nil {
			first = ws
		}
		if resp.StatusCode == http.StatusTooManyRequests && resp.Header.Get("Retry-After") == "" {
			t.Fatal("got no Retry-After")
		}
	}
	if statuses[http.StatusSwitchingProtocols] != 100 || statuses[http.StatusTooManyRequests] != 900 {
		t.Errorf("got statuses %v, want 100 in and 900 refused", statuses)
	}
	if _, resp := open(0, tokens[0]); resp.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("somebody else, from the same address: got %s", resp.Status)
	}
	first.Close()
	for deadline := time.Now().Add(patience); ; {
		if _, resp := open(1, "mallory"); resp.StatusCode == http.StatusSwitchingProtocols {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("after one ended: got %s", resp.Status)
		}
	}
}
