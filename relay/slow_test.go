package relay

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-relay/baton/relay/wire"
)

// patientRelay lets a peer take no byte for long: its tests are about peers that
// do not, and its pipes have no buffers.
func patientRelay(t *testing.T) *harness {
	t.Helper()
	return startInBubble(t, Config{WriteTimeout: 24 * time.Hour, CompactEvery: 1 << 30})
}

// heap is what is in use, after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // pools give back what they hold in two steps
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

const (
	pastOps  = 20_000 // that pass a slow reader
	pastSize = 500    // of each, in bytes
)

// A reader that takes nothing for an hour, but lives, costs no memory however
// much passes, and then gets every op, in order.
func TestReaderThatTakesNothingForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := patientRelay(t)
		l := h.listen("")
		l.send(`{"type":"join","doc":"d","channels":["ops"]}`)
		synctest.Wait()
		before := heap()
		h.write("d", "a", 1, pastOps, pastSize)
		for range 180 {
			time.Sleep(20 * time.Second)
			l.send(`{"type":"ping"}`)
		}
		if grown := int64(heap()) - int64(before); grown > 4<<20 {
			t.Errorf("the heap has grown by %d bytes while %d bytes of ops passed a reader", grown, pastOps*pastSize)
		}
		s, r := h.session(l), h.room("d")
		s.mu.Lock()
		r.mu.Lock()
		if s.ending != nil || s.saidBytes > 16<<10 || r.tail.bytes > maxTail {
			t.Errorf("ending: %q, %d bytes of answers, %d bytes of tail", s.ending, s.saidBytes, r.tail.bytes)
		}
		r.mu.Unlock()
		s.mu.Unlock()
		l.wantFrame("joined")
		wantInOrder(l, "a", 1, pastOps)
	})
}

// wantInOrder hears the ops from … to of an actor; pongs, and one live, may come
// between them.
func wantInOrder(l *listener, actor string, from, to int) {
	l.t.Helper()
	for n := from; n <= to; {
		line := l.line()
		if line == "pong" || line == "compact" || strings.HasPrefix(line, "live ") {
			continue
		}
		if want := fmt.Sprintf("op %s:%d@%d", actor, n, n); line != want {
			l.t.Fatalf("got %q, want %q", line, want)
		}
		n++
	}
}

// A room in which nothing happens keeps no ops in memory once all have them; who
// sends one again, or reads on, does not notice.
func TestIdleRoomsRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{})
		l := h.live("", "d")
		h.write("d", "a", 1, 100, 1000)
		r := h.room("d")
		held := func() int {
			r.mu.Lock()
			defer r.mu.Unlock()
			return len(r.tail.entries)
		}
		time.Sleep(5 * time.Second)
		if held() == 0 {
			t.Error("the tail holds nothing, and a reader has yet to come for it")
		}
		wantInOrder(l, "a", 1, 100)
		time.Sleep(5 * time.Second)
		if n := held(); n > 0 {
			t.Errorf("the tail holds %d ops that everyone has", n)
		}
		l.ops("d", "b:1")
		l.want("ack b:1@101")
		time.Sleep(5 * time.Second)
		l.ops("d", "b:1")
		l.want("ack b:1@101")
		l.ops("d", "b:2")
		l.want("ack b:2@102")
	})
}

// The same while the ops that it has not got are pruned: it is told of the
// snapshot that stands in for them, and gets every op after that. One that wants
// no snapshots gets what is held.
func TestReaderThatIsPrunedUnder(t *testing.T) {
	for _, wants := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			h := patientRelay(t)
			l := h.listen("")
			l.send(fmt.Sprintf(`{"type":"join","doc":"d","channels":["ops"],"snapshot":%v}`, wants))
			synctest.Wait()
			h.write("d", "a", 1, 4000, pastSize)
			h.do("PUT /v1/docs/d/snapshots/3000", "blob", "Content-Type: "+typeOctets).want(t, "put", 201)
			h.want(200, "POST /v1/docs/d/prune?before=2501", "", `"first":2501`)
			h.write("d", "a", 4001, 1000, pastSize)
			l.wantFrame("joined")
			next := 1
			for line := l.line(); next < 2501; line = l.line() {
				n, at := 0, 0
				switch {
				case line == "snapshot 3000" && wants:
					next = 3001
				case scan(line, "op a:%d@%d", &n, &at) && n == next:
					next++
				case scan(line, "op a:%d@%d", &n, &at) && n == 2501 && !wants:
					next = 2502
				case line != "live 0":
					t.Fatalf("wants %v: got %q, want a:%d", wants, line, next)
				}
				if next > 2501 {
					break
				}
			}
			wantInOrder(l, "a", next, 5000)
			l.quiet()
		})
	}
}

// Acks of a reader that was pruned under come all the same.
func TestAcksOfAReaderThatIsPrunedUnder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := patientRelay(t)
		h.write("d", "a", 1, 3000, pastSize)
		l := h.listen("")
		l.send(`{"type":"join","doc":"d","channels":["ops"]}`)
		l.ops("d", "me:1", "me:2{a:3000}")
		synctest.Wait()
		h.write("d", "a", 3001, 100, pastSize)
		h.do("PUT /v1/docs/d/snapshots/3050", "blob", "Content-Type: "+typeOctets).want(t, "put", 201)
		h.want(200, "POST /v1/docs/d/prune?before=3051", "", `"first":3051`)
		l.wantFrame("joined")
		acks := 0
		for line := l.line(); line != "op a:3100@3102"; line = l.line() {
			if strings.HasPrefix(line, "op me:") {
				t.Errorf("got %q, an op of its own", line)
			}
			if line == "ack me:2@3002" {
				acks++
			}
		}
		if acks != 1 {
			t.Errorf("got %d acks, want 1", acks)
		}
		l.send(`{"type":"ping"}`)
		l.skipTo("pong") // the turn with the ack is over
		if ops, _ := h.open(l); ops != 0 {
			t.Errorf("%d ops are open", ops)
		}
	})
}

// Pings of the WebSocket are answered, but not for one who never reads: after
// some of them it is not read any more.
func TestPingsWithoutReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{WriteTimeout: time.Hour})
		p := h.raw()
		const pings = 20_000
		var sent atomic.Int64
		go func() {
			for range pings {
				if _, err := p.Conn.Write([]byte(masked(0x89, strings.Repeat("p", 125)))); err != nil {
					return
				}
				sent.Add(1)
			}
		}()
		synctest.Wait()
		ses := h.srv.all()[0]
		ses.mu.Lock()
		if ses.saidBytes > 2*maxSaid || sent.Load() == pings {
			t.Errorf("%d bytes wait for a peer that reads nothing, after %d pings", ses.saidBytes, sent.Load())
		}
		ses.mu.Unlock()
		for n := 0; n < pings; {
			op, _, err := p.receive()
			if err != nil {
				t.Fatalf("after %d pongs: %v", n, err)
			}
			if op == opPong {
				n++
			}
		}
	})
}

// A client that sends and never reads is paused, whatever it sends: what the
// relay would answer is not piled up for it.
func TestClientThatSendsAndNeverReads(t *testing.T) {
	long := strings.Repeat("x", 500)
	for name, frame := range map[string]string{
		"pings":        `{"type":"ping","id":"` + long[:100] + `"}`,
		"errors":       `{"type":"` + long + `"}`,
		"rejects":      opsOf("d", "x:9", "y:9{no:1}", "z:1{no:1}"),
		"retries":      opsOf("d", "a:1=0"),
		"joins":        `{"type":"join","doc":"d"}`,
		"leaves":       `{"type":"leave","doc":"other"}`,
		"no documents": opsOf("other", "x:1"),
	} {
		synctest.Test(t, func(t *testing.T) {
			h := patientRelay(t)
			h.write("d", "a", 1, 1, 1)
			p := h.raw()
			p.write(text(`{"type":"join","doc":"d","channels":["ops"]}`))
			var sent atomic.Int64
			go func() {
				for range 20_000 {
					if _, err := io.WriteString(p.Conn, text(frame)); err != nil {
						return
					}
					sent.Add(1)
				}
			}()
			synctest.Wait()
			s := h.srv.all()[0]
			s.mu.Lock()
			defer s.mu.Unlock()
			if sent.Load() == 20_000 || s.saidBytes > maxSaid+64<<10 {
				t.Errorf("%s: %d bytes of answers wait after %d frames", name, s.saidBytes, sent.Load())
			}
		})
	}
}

// One with more than unacked_ops open is not read. That is no silence of its own,
// however long the log takes.
func TestUnackedOpsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, open := newGate()
		defer open()
		h := startInBubble(t, Config{Log: log, WriteTimeout: 24 * time.Hour, Limits: wire.Limits{UnackedOps: 100}})
		p := h.raw()
		_ = p.SetDeadline(time.Time{})
		p.write(text(`{"type":"join","doc":"d","channels":["ops"]}`))
		go func() { // the peer reads all along, but answers no ping
			_, _ = io.Copy(io.Discard, p.r)
		}()
		var sent atomic.Int64
		go func() {
			for n := range 1000 {
				p.write(text(opsOf("d", fmt.Sprintf("a:%d", n+1))))
				sent.Add(1)
			}
		}()
		synctest.Wait()
		if got := sent.Load(); got < 100 || got > 110 {
			t.Errorf("%d ops were taken from a client that may have 100 open", got)
		}
		time.Sleep(time.Hour)
		if n := len(h.srv.all()); n != 1 {
			t.Fatalf("there are %d sessions, want the one that was not read", n)
		}
		open()
		synctest.Wait()
		if got := sent.Load(); got != 1000 {
			t.Errorf("%d ops were taken in all, want 1000", got)
		}
		h.want(200, "GET /v1/docs/d", "", `"a":1000`)
	})
}

// Payloads that wait for the log are bounded too, by their bytes.
func TestOpenBytesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, open := newGate()
		defer open()
		h := startInBubble(t, Config{Log: log, WriteTimeout: 24 * time.Hour})
		p := h.raw()
		p.write(text(`{"type":"join","doc":"d","channels":["ops"]}`))
		go func() { _, _ = io.Copy(io.Discard, p.r) }()
		var sent atomic.Int64
		payload := strings.Repeat("x", 512<<10)
		go func() {
			for n := range 18 {
				p.write(text(opsOf("d", fmt.Sprintf(`a:%d="%s"`, n+1, payload))))
				sent.Add(1)
			}
		}()
		synctest.Wait()
		if got := sent.Load() * int64(len(payload)); got > maxOpenBytes+2<<20 {
			t.Errorf("%d bytes were taken from one client while the log took none", got)
		}
		open()
		synctest.Wait()
		h.want(200, "GET /v1/docs/d", "", `"a":18`)
	})
}
