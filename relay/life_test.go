package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-relay/baton/relay/wire"
)

// alone is a raw peer in a bubble, whose reads and writes may take for ever.
func (h *harness) alone() *rawPeer {
	h.t.Helper()
	p := h.raw()
	_ = p.SetDeadline(time.Time{})
	return p
}

// left is when the relay's end of a connection was closed.
func (p *rawPeer) left() <-chan time.Time {
	at := make(chan time.Time, 1)
	go func() {
		_, _ = io.Copy(io.Discard, p.r)
		at <- time.Now()
	}()
	return at
}

// Whoever gives any sign of life stays: one that answers pings, one that sends
// pings, one that is for an hour in the middle of long frames, at the pace, one
// that only takes what is sent to it. One that takes pings and says nothing goes.
func TestAnHourOfHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{})
		began := time.Now()
		answers := h.listen("")
		_ = answers.ws.SetReadDeadline(time.Time{})
		go func() {
			for {
				if _, _, err := answers.ws.ReadMessage(); err != nil {
					return
				}
			}
		}()
		pings, middle, takes, silent := h.alone(), h.alone(), h.alone(), h.alone()
		takes.write(text(`{"type":"join","doc":"d"}`))
		var ends []<-chan time.Time
		for _, p := range []*rawPeer{pings, middle, takes} {
			ends = append(ends, p.left())
		}
		go func() {
			code, _ := silent.closed()
			if took := time.Since(began); code != wire.CloseHeartbeat || took < 50*time.Second || took > 52*time.Second {
				t.Errorf("the silent one got %d after %v, want %d after two heartbeats of 25s", code, took, wire.CloseHeartbeat)
			}
		}()
		const piece = 41_000 // in 40 s
		frames := strings.Repeat(text(`{"type":"ping","x":"`+strings.Repeat("x", 1_000_000)+`"}`), 4)
		for i := 0; time.Since(began) < time.Hour; i++ {
			time.Sleep(20 * time.Second)
			middle.write(frames[i*piece : (i+1)*piece])
			h.write("d", "a", i+1, 1, 1)
			time.Sleep(20 * time.Second)
			pings.write(text(`{"type":"ping"}`))
		}
		synctest.Wait()
		for i, end := range ends {
			select {
			case at := <-end:
				t.Errorf("peer %d was closed after %v", i, at.Sub(began))
			default:
			}
		}
		if n := len(h.srv.all()); n != 4 {
			t.Errorf("there are %d sessions, want 4", n)
		}
	})
}

// A session that was not read while it had too much open was not silent. Its
// reader may not have run yet when somebody looks.
func TestPauseIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{})
		here, there := net.Pipe()
		defer here.Close()
		defer there.Close()
		s := &session{srv: h.srv, conn: newConn(there, time.Hour, 1<<20), open: 10_000, pinged: time.Now()}
		s.room.L = &s.mu
		time.Sleep(time.Hour)
		s.pinged = time.Now()
		s.settled(10_000, 0)
		s.checkLife(time.Now())
		if s.ending != nil {
			t.Errorf("closed: %q", s.ending)
		}
	})
}

// The time a peer has to take a byte begins anew with each that it takes.
func TestWriteDeadlineIsThatOfTheLastByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{Heartbeat: 24 * time.Hour, WriteTimeout: 30 * time.Second})
		p := h.alone()
		p.wantText("welcome")
		time.Sleep(7 * time.Second) // the deadline of the welcome is still in force
		p.write(text(`{"type":"join","doc":"d","channels":["ops"]}`))
		h.write("d", "a", 1, 1, 1000)
		for i := range 200 {
			time.Sleep(29 * time.Second)
			if _, err := p.Conn.Read(make([]byte, 1)); err != nil {
				t.Fatalf("cut after %d bytes, one in 29s: %v", i, err)
			}
		}
		began := time.Now()
		for len(h.srv.all()) > 0 {
			time.Sleep(time.Second)
		}
		if took := time.Since(began); took < 30*time.Second || took > 62*time.Second {
			t.Errorf("one that takes nothing was cut after %v, want at least 30s", took)
		}
	})
}

// Over TLS a write that was cut short cannot be taken up again. A slow reader
// gets all the same what takes far longer than the time it has for a byte.
func TestSlowReaderOverTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{Heartbeat: 24 * time.Hour, WriteTimeout: 30 * time.Second})
		l := newPipes()
		web := httptest.NewUnstartedServer(h.srv)
		web.Listener.Close()
		web.Listener = l
		web.StartTLS()
		defer web.Close()
		h.write("d", "a", 1, 500, 1000)
		c, err := l.dial(t.Context(), "", "")
		p := newRawPeer(t, tls.Client(c, &tls.Config{InsecureSkipVerify: true}), err)
		_ = p.SetDeadline(time.Time{})
		p.shakeHands()
		p.write(text(`{"type":"join","doc":"d","channels":["ops"]}`))
		began := time.Now()
		for got := 0; got < 500*1000; {
			time.Sleep(10 * time.Second)
			n, err := io.ReadFull(p.r, make([]byte, 10_000))
			if got += n; err != nil {
				t.Fatalf("cut after %v, with %d bytes: %v", time.Since(began), got, err)
			}
		}
		h.srv.Close()
	})
}

// A peer gets the close frame however long it takes to read it, and whatever it
// sends before it does.
func TestCloseReachesAPeerThatIsSlowToRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{})
		l := h.listen("")
		h.session(l).close(wire.CloseRestart, "test")
		synctest.Wait()
		l.send(`{"type":"ping"}`)
		synctest.Wait()
		time.Sleep(time.Second)
		if code := l.closed(); code != wire.CloseRestart {
			t.Errorf("got %d, want %d", code, wire.CloseRestart)
		}
	})
}

// A relay that goes tells its clients, makes durable and acks what they had
// sent, and closes with 1012.
func TestDrainOfSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, open := newGate()
		defer open()
		h := startInBubble(t, Config{Log: log})
		l, idle := h.live("", "d"), h.listen("")
		l.ops("d", "a:1", "a:2")
		<-log.arrived
		drained := make(chan error, 1)
		go func() { drained <- h.srv.Drain(context.Background()) }()
		if f := l.wantFrame("draining"); f.RetryMS <= 0 {
			t.Errorf("got %s, want retry_ms", f.raw)
		}
		idle.want("draining")
		l.ops("d", "a:3{a:2}") // sent before it heard
		h.do("GET /v1/ws", "", "Connection: Upgrade", "Upgrade: websocket").want(t, "connect", 503)
		time.Sleep(5 * time.Second)
		open()
		l.wantAck("a:3@3")
		if code := l.closed(); code != wire.CloseRestart {
			t.Errorf("got %d, want %d", code, wire.CloseRestart)
		}
		if code := idle.closed(); code != wire.CloseRestart {
			t.Errorf("got %d, want %d", code, wire.CloseRestart)
		}
		if err := <-drained; err != nil {
			t.Error(err)
		}
		if state, err := h.log.State(t.Context(), "d"); err != nil || state.Head != 3 {
			t.Errorf("got head %d, %v; want 3", state.Head, err)
		}
	})
}

// What comes behind the close frame is not taken: no ack could tell of it.
func TestNothingIsTakenBehindTheClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{})
		p := h.alone()
		p.write(text(`{"type":"join","doc":"d"}`) + text(opsOf("d", "a:1")))
		synctest.Wait()
		for _, s := range h.srv.all() {
			s.close(wire.CloseRestart, "going")
		}
		p.write(text(opsOf("d", "a:2")))
		synctest.Wait()
		if state, err := h.log.State(t.Context(), "d"); err != nil || state.Head != 1 {
			t.Errorf("got head %d, %v; want 1", state.Head, err)
		}
	})
}

// A peer that takes nothing does not hold up the end beyond the time given.
func TestDrainCutsWhoTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{})
		p := h.alone()
		p.write(text(`{"type":"join","doc":"d"}`) + text(opsOf("d", "a:1")))
		synctest.Wait()
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err := h.srv.Drain(ctx)
		if took := time.Since(began); took > 14*time.Second || err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v after %v", err, took)
		}
		if state, err := h.log.State(t.Context(), "d"); err != nil || state.Head != 1 {
			t.Errorf("got head %d, %v; want 1", state.Head, err)
		}
	})
}

// A client that comes back ends its earlier session with the secret of that,
// at once, though its socket takes nothing any more.
func TestReplaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{Auth: company()})
		old, other := h.listen("ann"), h.listen("bob")
		for _, l := range []*listener{other, old} {
			l.send(`{"type":"join","doc":"d","channels":["presence"]}`)
			l.want("joined 0 of 0", "presence")
		}
		other.want("presence")
		old.send(`{"type":"presence","doc":"d","state":{"old":1}}`)
		other.want("presence")
		old.send(`{"type":"ping"}`) // whose answer it does not take
		synctest.Wait()
		join := func(l *listener, replaces string) {
			l.send(fmt.Sprintf(`{"type":"join","doc":"d","channels":["presence"],"replaces":%q}`, replaces))
			l.want("joined 0 of 0", "presence")
		}
		thief := h.listen("bob")
		join(thief, old.welcome.Replace) // of another subject
		join(h.listen("ann"), old.welcome.Session)
		if n := len(h.srv.all()); n != 4 {
			t.Errorf("there are %d sessions, want 4", n)
		}
		fresh := h.listen("ann")
		join(fresh, old.welcome.Replace)
		for gone := false; !gone; {
			f := other.wantFrame("presence")
			state, told := f.States[old.welcome.Session]
			gone = told && state == nil
		}
		old.want("pong", "left replaced")
		if code := old.closed(); code != wire.CloseNormal {
			t.Errorf("got %d, want %d", code, wire.CloseNormal)
		}
	})
}
