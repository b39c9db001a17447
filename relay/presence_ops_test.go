package relay

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// fidget changes a peer's state 20 times a second, until the test ends.
func (h *harness) fidget(doc string) {
	h.t.Helper()
	l, _ := h.watch("", doc)
	_ = l.ws.SetReadDeadline(time.Time{})
	go func() {
		for {
			if _, _, err := l.ws.ReadMessage(); err != nil {
				return
			}
		}
	}()
	stop := h.t.Context().Done()
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				frame := fmt.Sprintf(`{"type":"presence","doc":%q,"state":{"n":%d}}`, doc, n)
				_ = l.ws.WriteMessage(websocket.TextMessage, []byte(frame)) // until the relay is gone
			}
		}
	}()
}

// While ops wait for a slow reader, presence gives way to them, but comes once a
// second all the same. When none wait any more it comes at its own pace.
func TestPresenceBesideOps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{CompactEvery: 10_000}) // nobody is asked for a snapshot
		h.write("d", "a", 1, 2500, 1000)
		h.fidget("d")
		l := h.listen("")
		l.send(`{"type":"join","doc":"d"}`)
		l.wantFrame("joined")
		last := time.Now()
		frames := 0
		for live := false; !live; time.Sleep(100 * time.Millisecond) {
			switch f := l.frame(); f.Type {
			case "live":
				live = true
			case "ops":
				frames++
			case "presence":
				if since := time.Since(last); frames > 1 && (since < 950*time.Millisecond || since > 1300*time.Millisecond) {
					t.Errorf("presence came %v after the one before it, behind %d frames of ops; want once a second", since, frames)
				}
				last = time.Now()
			}
		}
		if frames < 30 {
			t.Errorf("got the ops in %d frames; too few to show anything", frames)
		}
		began := time.Now()
		for range 20 {
			l.states()
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("20 changes took %v to come, want about a second", took)
		}
	})
}

// An op goes out to all of a large room by itself: it does not take along the
// presence of those whose turn has not come, which the rest would wait behind.
func TestOpsDoNotHurryPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{PresenceInterval: time.Second})
		room := make([]*listener, 3*presenceSlice)
		for i := range room {
			room[i] = h.listen("")
			room[i].send(`{"type":"join","doc":"d"}`)
			room[i].wantFrame("joined") // turns are given in the order of joining
		}
		for left := true; left; { // until nothing is left of their coming
			left = false
			time.Sleep(5 * time.Second)
			for _, l := range room {
				l.send(`{"type":"ping"}`)
				for l.frame().Type != "pong" {
					left = true
				}
			}
		}
		room[0].show("d", `{"n":1}`)
		time.Sleep(time.Millisecond) // the first slice has its turn
		room[0].ops("d", "a:1")
		synctest.Wait()
		for i, l := range room[1:] {
			if i+1 < presenceSlice {
				l.states()
			}
			l.wantFrame("ops")
			l.quiet()
		}
		for _, l := range room[presenceSlice:] {
			if f := l.states(); f.state(room[0]) != `{"n":1}` {
				t.Errorf("got %s, want the state", f.raw)
			}
		}
	})
}

// One document with much to send holds up neither the presence nor the ops of
// another.
func TestManyDocumentsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{})
		large := `"` + strings.Repeat("x", 300<<10) + `"` // more than a turn sends
		w := h.live("", "large")
		for n := 1; n <= 10; n++ {
			w.ops("large", fmt.Sprintf("a:%d=%s", n, large))
			w.skipTo("ack")
		}
		h.write("small", "b", 1, 10, 10)
		h.fidget("small")
		l := h.listen("")
		l.send(`{"type":"join","doc":"large"}`)
		l.send(`{"type":"join","doc":"small"}`)
		synctest.Wait() // both wait for the peer to read
		last := time.Now()
		var heardSmall, shown bool
		for op := 0; op < 10; time.Sleep(100 * time.Millisecond) {
			f := l.frame()
			switch {
			case f.Type == "ops" && f.Doc == "small":
				heardSmall = true
			case f.Type == "ops":
				op = f.Ops[0].Seq
			case f.Type == "presence" && f.Doc == "small":
				shown, last = true, time.Now()
			}
			if since := time.Since(last); since > 1500*time.Millisecond {
				t.Fatalf("no presence for %v, at op %d", since, op)
			}
			if op > 5 && !heardSmall {
				t.Fatalf("got %d large ops and nothing of the other document", op)
			}
		}
		if !shown {
			t.Error("no presence came")
		}
	})
}

// Events come in the order they were sent, with their sender, and never back to
// it. One who has too much to read already misses some, and stays.
func TestEventsBetweenSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{WriteTimeout: time.Hour, Heartbeat: time.Hour})
		ann, _ := h.watch("", "d")
		slow, _ := h.watch("", "d")
		ann.states()
		deaf := h.live("", "d") // on the ops channel only
		bob := h.live("", "d")
		data := `"` + strings.Repeat("x", 10_000) + `"`
		for n := range 100 {
			bob.send(fmt.Sprintf(`{"type":"event","doc":"d","name":"n-%d","data":%s}`, n, data))
			f := ann.wantFrame("event")
			if f.Name != fmt.Sprint("n-", n) || string(f.Data) != data || f.Session != bob.welcome.Session {
				t.Fatalf("got %.200s, want n-%d of bob", f.raw, n)
			}
		}
		ann.send(`{"type":"event","doc":"d","name":"bare"}`)
		ann.quiet()
		bob.quiet()
		deaf.quiet()
		for n := range 20 { // what it had room for, in order
			if f := slow.wantFrame("event"); f.Name != fmt.Sprint("n-", n) {
				t.Fatalf("got %.200s, want n-%d", f.raw, n)
			}
		}
		for f := slow.frame(); f.Type == "event"; f = slow.frame() {
			if f.Name == "bare" {
				t.Error("an event was kept for one who had far too much to read")
			}
			slow.send(`{"type":"ping"}`)
		}
	})
}
