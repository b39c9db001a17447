package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// TestTermUnderLoad tells a busy relay to end. Clients are told first; what it
// took from them is durable and acked; then it closes with 1012 and ends well.
func TestTermUnderLoad(t *testing.T) {
	dir := t.TempDir()
	relay := start(t, dir, nil)
	writers := make([]*leaver, 6)
	var all sync.WaitGroup
	for i := range writers {
		w := &leaver{peer: enter(t, relay, fmt.Sprint("doc", i%2), nil), doc: fmt.Sprint("doc", i%2), actor: fmt.Sprint("w", i)}
		writers[i] = w
		all.Go(func() { w.write(t, 64) })
	}
	reader := &leaver{peer: enter(t, relay, "doc0", nil), doc: "doc0"}
	all.Go(func() { reader.listen(t) })
	<-time.After(300 * time.Millisecond) // of load
	began := time.Now()
	relay.terminate(t)
	code := relay.wait(t)
	ended := time.Since(began)
	all.Wait()
	if code != 0 || ended > 5*time.Second { // of the ten that it has
		t.Errorf("got exit code %d after %v, want 0 within 5 s\n%s", code, ended, relay.stderr)
	}

	acked, open := map[string]int{}, 0
	for _, w := range append(writers, reader) {
		w.wantGoodEnd(t)
		acked[w.doc] += w.acked
		open += w.sent - w.acked
	}
	mustCheck(t, dir)
	relay = start(t, dir, nil)
	for doc, n := range acked {
		wantLog(t, relay, doc, n)
	}
	t.Logf("ended after %v, acked %v, %d more were sent too late to be taken", ended.Round(time.Millisecond), acked, open)
}

// leaver is a client until the relay sends it away.
type leaver struct {
	*peer
	doc, actor string

	sent, acked int
	draining    bool
	heard       int // ops of others
	err         error
}

// write sends ops until it is told that the relay is going, with at most so
// many open, and reads to the end.
func (w *leaver) write(t *testing.T, window int) {
	for {
		for !w.draining && w.sent < w.acked+window {
			w.sent++
			o := operation{Actor: w.actor, Seq: uint64(w.sent), Payload: json.RawMessage(`{"some":"payload"}`)}
			_ = w.send(w.doc, o) // what is wrong with the connection, reading says
		}
		if !w.hearOne(t) {
			return
		}
	}
}

func (w *leaver) listen(t *testing.T) {
	for w.hearOne(t) {
	}
}

// hearOne takes one frame; false is the end.
func (w *leaver) hearOne(t *testing.T) bool {
	m, err := w.hear()
	if err != nil {
		w.err = err
		return false
	}
	switch m.Type {
	case "ack":
		w.acked = int(m.Seq)
	case "ops":
		w.heard += len(m.Ops)
	case "draining":
		w.draining = true
		if m.RetryMS <= 0 {
			t.Errorf("draining without retry_ms: %s", m.text)
		}
	case "reject", "error", "left":
		t.Errorf("%q got %s", w.actor, m.text)
	}
	return true
}

// wantGoodEnd holds the client to the order of a good end.
func (w *leaver) wantGoodEnd(t *testing.T) {
	t.Helper()
	closed, ok := errors.AsType[*websocket.CloseError](w.err)
	if !w.draining || !ok || closed.Code != websocket.CloseServiceRestart {
		t.Errorf("%q in %s: told that the relay is going: %t, ended with %v; want to be told, then close code 1012", w.actor, w.doc, w.draining, w.err)
	}
}

// TestDrainTimeout ends a relay that has a client which sends without end, and
// one that never reads what it is waited for to take. Neither holds it up for
// longer than it was told, nor keeps the others from a good end.
func TestDrainTimeout(t *testing.T) {
	const timeout = 2 * time.Second
	for _, test := range []struct {
		name string
		hold func(t *testing.T, relay *process)
	}{
		{"one never reads", neverRead},
		{"one never stops", neverStop},
	} {
		t.Run(test.name, func(t *testing.T) {
			relay := start(t, t.TempDir(), nil, "--drain-timeout", timeout.String())
			test.hold(t, relay)
			good := &leaver{peer: enter(t, relay, "doc", nil), doc: "doc", actor: "good"}
			var all sync.WaitGroup
			all.Go(func() { good.write(t, 1) })
			began := time.Now()
			relay.terminate(t)
			code := relay.wait(t)
			ended := time.Since(began)
			all.Wait()
			if code != 0 || ended > timeout+time.Second {
				t.Errorf("got exit code %d after %v, want 0 within %v\n%s", code, ended, timeout, relay.stderr)
			}
			good.wantGoodEnd(t)
			t.Logf("ended after %v", ended.Round(time.Millisecond))
		})
	}
}

// neverRead joins a document that does not fit into any socket's buffer and
// reads none of it; the ack of its own op waits behind all that.
func neverRead(t *testing.T, relay *process) {
	const ops, size = 200, 100 << 10
	fill, _ := json.Marshal(strings.Repeat("x", size))
	writer := enter(t, relay, "big", nil)
	for seq := range ops {
		if err := writer.send("big", operation{Actor: "filler", Seq: uint64(seq + 1), Payload: fill}); err != nil {
			t.Fatal(err)
		}
	}
	for writer.await(t, "ack").Seq < ops {
	}
	writer.ws.Close()
	p := enter(t, relay, "big", nil)
	if err := p.send("big", operation{Actor: "deaf", Seq: 1, Payload: json.RawMessage("1")}); err != nil {
		t.Fatal(err)
	}
	await(t, "the op of the one who never reads", func() bool {
		_, body := relay.get(t, "/v1/docs/big")
		return strings.Contains(body, `"deaf":1`)
	})
}

// neverStop goes on sending whatever it is told.
func neverStop(t *testing.T, relay *process) {
	p := &leaver{peer: enter(t, relay, "doc", nil), doc: "doc", actor: "stubborn"}
	go func() {
		for p.err == nil {
			p.draining = false
			p.sent++
			_ = p.send("doc", operation{Actor: p.actor, Seq: uint64(p.sent), Payload: json.RawMessage("1")})
			p.hearOne(t)
		}
	}()
}
