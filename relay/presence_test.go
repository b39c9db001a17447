package relay

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// watch connects and joins a document for its presence; the first frame of it
// was read.
func (h *harness) watch(token, doc string) (*listener, heard) {
	h.t.Helper()
	l := h.listen(token)
	l.send(`{"type":"join","doc":"` + doc + `","channels":["presence"]}`)
	l.wantFrame("joined")
	return l, l.states()
}

// states reads a presence frame, in which no session is named twice.
func (l *listener) states() heard {
	l.t.Helper()
	f := l.wantFrame("presence")
	if !jsontext.Value(f.raw).IsValid() { // strict: names may not repeat
		l.t.Errorf("got %s, in which a name repeats", f.raw)
	}
	return f
}

// show sets a peer's state.
func (l *listener) show(doc, state string) {
	l.t.Helper()
	l.send(`{"type":"presence","doc":"` + doc + `","state":` + state + `}`)
}

// state is what a presence frame says of a peer: "-" nothing, "null" that it is
// gone, "none" that it has no state, else its state.
func (f *heard) state(l *listener) string {
	s, told := f.States[l.welcome.Session]
	switch {
	case !told:
		return "-"
	case s == nil:
		return "null"
	case s.State == nil:
		return "none"
	}
	return string(s.State)
}

func TestPresenceOfARoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{Auth: company()})
		ann, first := h.watch("ann", "d")
		if len(first.States) != 1 || first.state(ann) != "none" || first.States[ann.welcome.Session].User.Name != "ANN" {
			t.Errorf("the first frame is %s, want ann alone, by name", first.raw)
		}
		ann.show("d", `{"at": [1, 2]}`)
		time.Sleep(time.Second)
		ann.quiet() // its own change alone does not come back
		bob, first := h.watch("bob", "d")
		if len(first.States) != 2 || first.state(ann) != `{"at":[1,2]}` || first.state(bob) != "none" {
			t.Errorf("the first frame is %s, want the whole room", first.raw)
		}
		if f := ann.states(); len(f.States) != 1 || f.state(bob) != "none" {
			t.Errorf("got %s, want that bob came, and nothing else", f.raw)
		}
		bob.show("d", `{"b":1}`)
		if f := ann.states(); f.state(bob) != `{"b":1}` || len(f.States) != 1 {
			t.Errorf("got %s, want bob's state", f.raw)
		}
		bob.show("d", "null")
		if f := ann.states(); f.state(bob) != "none" {
			t.Errorf("got %s, want bob without a state", f.raw)
		}
		bob.send(`{"type":"leave","doc":"d"}`)
		bob.want("left left")
		if f := ann.states(); f.state(bob) != "null" {
			t.Errorf("got %s, want that bob is gone", f.raw)
		}
		cut, _ := h.watch("bob", "d")
		ann.states()
		cut.ws.Close()
		if f := ann.states(); f.state(cut) != "null" {
			t.Errorf("got %s, want that bob is gone", f.raw)
		}
		time.Sleep(time.Second)
		ann.quiet()
	})
}

// One who leaves and comes again is there, once, with what it is now.
func TestWhoComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{})
		ann, _ := h.watch("", "d")
		bob, _ := h.watch("", "d")
		ann.states()
		bob.show("d", `{"b":1}`)
		bob.send(`{"type":"leave","doc":"d"}`)
		bob.send(`{"type":"join","doc":"d","channels":["presence"]}`)
		bob.want("left left")
		bob.wantFrame("joined")
		bob.states()
		for state := ""; state != "none"; {
			f := ann.states()
			state = f.state(bob)
			if state == "-" {
				t.Errorf("got %s, want bob in it", f.raw)
			}
		}
		time.Sleep(time.Second)
		ann.quiet()
	})
}

// Readers that are not listed hear who is there; others do not hear of them.
func TestReadersWithoutTheRightAreNotListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{Auth: company()})
		ann, _ := h.watch("ann", "d")
		eve, first := h.watch("eve", "d")
		if len(first.States) != 1 || first.state(ann) != "none" {
			t.Errorf("got %s, want ann alone", first.raw)
		}
		eve.show("d", "{}")
		eve.want("error forbidden")
		eve.send(`{"type":"event","doc":"d","name":"n"}`)
		eve.want("error forbidden")
		ann.show("d", `{"a":1}`)
		if f := eve.states(); f.state(ann) != `{"a":1}` {
			t.Errorf("got %s, want ann's state", f.raw)
		}
		time.Sleep(time.Second)
		ann.quiet()
	})
}

// A state replaces the one before it that was not sent yet. Its own change alone
// comes back to nobody.
func TestNewestStateWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{PresenceInterval: 100 * time.Millisecond})
		ann, _ := h.watch("", "d")
		bob, _ := h.watch("", "d")
		ann.states()
		time.Sleep(time.Second)
		frames, last := 0, time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			for n := range 500 { // one in 2 ms, for a second
				bob.show("d", fmt.Sprintf(`{"n":%d}`, n))
				time.Sleep(2 * time.Millisecond)
			}
		}()
		for state := ""; state != `{"n":499}`; frames++ {
			f := ann.states()
			if since := time.Since(last); frames > 0 && since < 99*time.Millisecond {
				t.Errorf("got a frame %v after the one before it", since)
			}
			last = time.Now()
			state = f.state(bob)
		}
		if <-done; frames < 10 || frames > 12 {
			t.Errorf("got %d frames in a second, want one in 100ms", frames)
		}
		bob.quiet()
	})
}

// In a room of many, presence is flushed less often, so that a reader is sent
// no more than a budget.
func TestPresenceBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{})
		ann, _ := h.watch("", "d")
		const people = 20
		state := `{"s":"` + strings.Repeat("x", 4000) + `"}`
		stop := make(chan struct{})
		for range people {
			l, _ := h.watch("", "d")
			_ = l.ws.SetReadDeadline(time.Time{})
			go func() {
				for {
					if _, _, err := l.ws.ReadMessage(); err != nil {
						return
					}
				}
			}()
			go func() {
				for tick := time.NewTicker(50 * time.Millisecond); ; {
					select {
					case <-stop:
						return
					case <-tick.C:
						l.show("d", state)
					}
				}
			}()
		}
		time.Sleep(time.Second) // until the pace is found
		bytes, began := 0, time.Now()
		for ann.states(); time.Since(began) < 5*time.Second; {
			bytes += len(ann.states().raw)
		}
		close(stop)
		if per := bytes / 5; per < presenceBudget/2 || per > presenceBudget*3/2 {
			t.Errorf("a reader was sent %d bytes a second, want about %d", per, presenceBudget)
		}
	})
}

// However its sessions come and go, whoever watches knows in the end who is
// there and what they show: nobody stays for ever.
func TestNobodyStaysForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{})
		ann, first := h.watch("", "d")
		slow := h.listen("") // takes nothing until the end
		slow.send(`{"type":"join","doc":"d"}`)
		synctest.Wait()
		known := map[string]json.RawMessage{}
		slowKnows := map[string]json.RawMessage{}
		learn := func(known map[string]json.RawMessage, f heard) {
			for id, s := range f.States {
				if delete(known, id); s != nil {
					known[id] = s.State
				}
			}
		}
		learn(known, first)
		there := []*listener{}
		for n := range 200 {
			switch l := h.listen(""); {
			case n%3 == 0 && len(there) > 3:
				there[0].ws.Close()
				there = there[1:]
				fallthrough
			default:
				l.send(`{"type":"join","doc":"d","channels":["presence"]}`)
				l.show("d", fmt.Sprintf(`{"n":%d}`, n))
				there = append(there, l)
			}
			if n%7 == 0 {
				time.Sleep(50 * time.Millisecond)
				learn(known, ann.states())
			}
		}
		for _, l := range there[3:] {
			l.ws.Close()
		}
		there = there[:3]
		for l, known := range map[*listener]map[string]json.RawMessage{ann: known, slow: slowKnows} {
			for range 10 {
				time.Sleep(time.Second)
				l.send(`{"type":"ping"}`)
				for f := l.frame(); f.Type != "pong"; f = l.frame() {
					learn(known, f)
				}
			}
		}
		want := map[string]json.RawMessage{ann.welcome.Session: nil, slow.welcome.Session: nil}
		for _, l := range there {
			want[l.welcome.Session] = nil
		}
		for who, known := range map[string]map[string]json.RawMessage{"ann": known, "slow": slowKnows} {
			if len(known) != len(want) || !maps.EqualFunc(known, want, func(a, _ json.RawMessage) bool { return true }) {
				t.Errorf("%s knows %d sessions, want the %d that are there", who, len(known), len(want))
			}
		}
	})
}

// Who came and went while a reader took nothing is not kept for it: it never
// heard of them. Whom it knew it hears of.
func TestVisitorsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{WriteTimeout: time.Hour, Heartbeat: time.Hour})
		known, _ := h.watch("", "d")
		slow, first := h.watch("", "d")
		if first.state(known) != "none" {
			t.Fatalf("got %s", first.raw)
		}
		slow.send(`{"type":"ping"}`) // whose answer it does not take
		for range 300 {
			l, _ := h.watch("", "d")
			l.ws.Close()
			time.Sleep(50 * time.Millisecond)
		}
		for range 3 { // one that it knows leaves, and comes, and leaves
			known.send(`{"type":"leave","doc":"d"}`)
			known.skipTo("left")
			time.Sleep(time.Second)
			known.send(`{"type":"join","doc":"d","channels":["presence"]}`)
			known.wantFrame("joined")
			time.Sleep(time.Second)
		}
		known.ws.Close()
		for range 300 {
			l, _ := h.watch("", "d")
			l.ws.Close()
			time.Sleep(50 * time.Millisecond)
		}
		r := h.room("d")
		r.mu.Lock()
		if n := len(r.presence.gone); n > 3 {
			t.Errorf("%d who left are kept for one reader", n)
		}
		r.mu.Unlock()
		slow.want("pong")
		for told := false; !told; {
			f := slow.states()
			told = f.state(known) == "null"
		}
	})
}
