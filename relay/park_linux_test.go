package relay

import (
	"sync"
	"testing"
	"time"

	"github.com/baton-relay/baton/relay/wire"
)

// parked is how often a session was parked.
func (h *harness) parked() uint32 {
	h.srv.parking.mu.Lock()
	defer h.srv.parking.mu.Unlock()
	return h.srv.parking.last
}

// A session that is parked hears and answers like any other: what its peer
// sends, a ping, bytes that are no frame, half a frame, a close, the end of
// the relay.
func TestParkedSessions(t *testing.T) {
	// Parked after a fifth of a beat, pinged each beat, gone after two.
	h := start(t, Config{Heartbeat: 600 * time.Millisecond})
	w := h.live("", "d")
	answers := h.live("", "d")
	raw := h.raw()
	raw.write(text(`{"type":"join","doc":"d","channels":["ops"]}`))
	raw.wantText(`"live"`)
	pinged := make(chan struct{}, 100)
	pong := answers.ws.PingHandler()
	answers.ws.SetPingHandler(func(data string) error {
		pinged <- struct{}{}
		return pong(data)
	})
	frames := make(chan heard)
	go func() {
		defer close(frames)
		for {
			_, b, err := answers.ws.ReadMessage()
			if err != nil {
				return
			}
			frames <- parseFrame(t, string(b))
		}
	}()
	var beats sync.WaitGroup
	beats.Go(func() { // w and raw give signs of life too
		for range 2 {
			<-pinged
			w.send(`{"type":"ping"}`)
			raw.write(masked(0x8a, ""))
		}
	})
	beats.Wait()
	if n := len(h.srv.all()); n != 3 {
		t.Fatalf("there are %d sessions after 2 beats, want 3", n)
	}
	if n := h.parked(); n < 3 {
		t.Errorf("sessions were parked %d times in 2 beats, want each of 3 once", n)
	}
	w.ops("d", "a:1")
	w.skipTo("ack")
	if f := <-frames; len(f.Ops) != 1 {
		t.Errorf("got %s, want the op", f.raw)
	}
	raw.wantText(`"seq":1`)
	answers.ops("d", "b:1")
	if f := <-frames; f.Type != "ack" {
		t.Errorf("got %s, want the ack", f.raw)
	}
	half := text(`{"type":"ping","id":"half"}`)
	raw.write(half[:7])
	<-pinged
	raw.write(half[7:9])
	<-pinged
	raw.write(half[9:])
	raw.wantText(`"half"`)
	<-pinged
	raw.write("\x81\x01x")
	if code, _ := raw.closed(); code != wire.CloseProtocol {
		t.Errorf("got %d, want %d", code, wire.CloseProtocol)
	}
	answers.ws.Close()
	for range frames {
	}
	// What is still there is parked or about to be: the end of the relay ends it.
	h.srv.Close()
	if n := len(h.srv.all()); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// One that is parked and says nothing is closed like any other.
func TestParkedSessionThatIsSilent(t *testing.T) {
	h := start(t, Config{Heartbeat: 200 * time.Millisecond})
	p := h.raw()
	began := time.Now()
	if code, _ := p.closed(); code != wire.CloseHeartbeat {
		t.Errorf("got %d, want %d", code, wire.CloseHeartbeat)
	}
	if took := time.Since(began); took < 350*time.Millisecond {
		t.Errorf("closed after %v, want two beats", took)
	}
}

// Memory is given back once, when many sessions have come and then none for a
// while, and nobody waits for that. While they come and go it is left to the
// runtime, which sees how much is used.
func TestMemoryIsGivenBackInCalm(t *testing.T) {
	var running sync.WaitGroup
	p := newParking(&running, nil)
	began, ends := make(chan struct{}, 100), make(chan struct{})
	p.free = func() {
		began <- struct{}{}
		<-ends
	}
	now := time.Now()
	pass := func(seconds, sessions int) {
		for range seconds {
			now = now.Add(time.Second)
			p.mu.Lock()
			p.fresh += sessions
			p.mu.Unlock()
			p.tidy(now)
		}
	}
	want := func(n int, when string) {
		t.Helper()
		for range n {
			<-began
		}
		if got := len(began); got > 0 {
			t.Errorf("%s: memory was given back %d times more than %d", when, got, n)
		}
	}
	pass(600, 500)
	want(0, "while 500 come each second")
	pass(60, 0)
	want(1, "in calm")
	pass(600, 0)
	want(0, "in calm that lasts, the first collection going on")
	close(ends)
	running.Wait()
	for range 60 { // bursts, each followed by just enough calm
		pass(1, 1000)
		pass(9, 0)
		running.Wait()
	}
	if got := len(began); got < 2 || got > 10 {
		t.Errorf("in ten minutes of bursts memory was given back %d times, want at most once a minute", got)
	}
}
