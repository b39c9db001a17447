package client_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/baton-relay/baton/client"
)

// bubble starts a script on connections in memory, for use under fake time.
func bubble(t *testing.T) (*script, client.Options) {
	t.Helper()
	ln := newPipeListener()
	s := startScript(t, ln)
	s.url = "ws://relay.test"
	return s, client.Options{DialContext: ln.dial, Logger: testLog(t)}
}

// An idle client asks once a heartbeat, and stays as long as it is answered.
func TestHeartbeatIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, opts := bubble(t)
		_, p := enter(t, s, opts, client.JoinOptions{}, fresh)
		go func() {
			for f := range p.frames {
				if f.Type == "ping" {
					p.say(`{"type":"pong"}`)
				}
			}
		}()
		time.Sleep(time.Hour)
		if len(s.sides) > 0 {
			t.Error("the client connected again")
		}
	})
}

// Pings of the relay are signs of life too: then nothing has to be asked.
func TestPingsOfTheRelayAreEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, opts := bubble(t)
		_, p := enter(t, s, opts, client.JoinOptions{}, fresh)
		for range 100 {
			time.Sleep(20 * time.Second)
			if err := p.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		if len(s.sides) > 0 || len(p.frames) > 0 {
			t.Errorf("%d connections and %d frames came", len(s.sides), len(p.frames))
		}
	})
}

// A relay that says nothing for two heartbeats is dead.
func TestSilenceIsDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, opts := bubble(t)
		d, p := enter(t, s, opts, client.JoinOptions{}, fresh)
		began := time.Now()
		receive(t, d, func(u client.Update) bool { return u.Status != nil && u.Status.State == client.Offline })
		if got, want := time.Since(began), 50*time.Second; got != want {
			t.Errorf("the client gave up after %v, want %v", got, want)
		}
		p.expect("ping")
		s.accept().joined(fresh)
	})
}

// Attempts that fail come at random intervals whose bound doubles; one that
// lasts begins anew.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, opts := bubble(t)
		var refusing atomic.Bool
		attempts := make(chan time.Time, 100)
		s.refuse = func(w http.ResponseWriter, _ *http.Request) bool {
			refused := refusing.Load()
			if refused {
				w.WriteHeader(http.StatusBadGateway)
			}
			attempts <- time.Now()
			return refused
		}
		opts.MinBackoff, opts.MaxBackoff = 100*time.Millisecond, 3*time.Second
		_, p := enter(t, s, opts, client.JoinOptions{}, fresh)
		<-attempts
		time.Sleep(2 * time.Second)
		refusing.Store(true)
		last := time.Now()
		_ = p.ws.Close()
		var waits []time.Duration
		for i := range 12 {
			at := <-attempts
			wait := at.Sub(last)
			waits = append(waits, wait)
			bound := min(100*time.Millisecond<<i, 3*time.Second)
			if i > 0 {
				bound += 100 * time.Millisecond // a refusal asks for patience
			}
			if wait > bound {
				t.Errorf("wait %d is %v, want at most %v", i, wait, bound)
			}
			last = at
		}
		t.Log(waits)
		refusing.Store(false)
		<-attempts
		again := s.accept()
		again.joined(fresh)
		time.Sleep(2 * time.Second)
		last = time.Now()
		_ = again.ws.Close()
		if wait := (<-attempts).Sub(last); wait > 100*time.Millisecond {
			t.Errorf("after a connection that lasted, the client waited %v", wait)
		}
	})
}

// A caller who does not receive stops the socket. Waiting for an ack starts it
// again: the ack is behind what was not received.
func TestBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, opts := bubble(t)
		opts.Buffer = 10_000
		d, p := enter(t, s, opts, client.JoinOptions{}, fresh)
		appendOp(t, d, `1`)
		p.ops()
		const ops = 1000
		var said atomic.Int64
		filling := strings.Repeat("x", 900)
		go func() {
			for i := range ops {
				p.sayOps(fmt.Sprintf(`{"offset":%d,"actor":"x","seq":%d,"clock":{},"at":1,"payload":%q}`, i+1, i+1, filling))
				said.Add(1)
			}
			p.say(`{"type":"ack","doc":"d","actor":"me","seq":1,"offset":%d}`, ops+1)
		}()
		synctest.Wait()
		if n := said.Load(); n < 10 || n > 20 {
			t.Errorf("the client read %d ops of 1 kB nobody received, want about 10", n)
		}
		saved(t, d)
		if n := said.Load(); n != ops {
			t.Errorf("%d ops were read up to the ack, want %d", n, ops)
		}
		got := receiveOps(t, d, ops)
		if got[ops-1].Seq != ops {
			t.Errorf("the last op is %v", got[ops-1].Dot)
		}
		if place := d.Place(); place.Offset != ops {
			t.Errorf("place is at %d, want %d: the ack is not received yet", place.Offset, ops)
		}
	})
}

// Append blocks while too much is not saved.
func TestAppendBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, opts := bubble(t)
		opts.MaxUnsaved = 2
		d, p := enter(t, s, opts, client.JoinOptions{}, fresh)
		var made atomic.Int64
		go func() {
			for i := range 3 {
				if _, err := d.Append(t.Context(), fmt.Appendf(nil, "%d", i)); err != nil {
					t.Error(err)
				}
				made.Add(1)
			}
		}()
		synctest.Wait()
		if n := made.Load(); n != 2 {
			t.Errorf("%d ops were appended, want 2", n)
		}
		p.say(`{"type":"ack","doc":"d","actor":"me","seq":1,"offset":1}`)
		synctest.Wait()
		if n := made.Load(); n != 3 {
			t.Errorf("%d ops were appended after an ack, want 3", n)
		}
	})
}

// A relay that goes says when to come back.
func TestDrainingIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, opts := bubble(t)
		_, p := enter(t, s, opts, client.JoinOptions{}, fresh)
		p.say(`{"type":"draining","retry_ms":5000}`)
		synctest.Wait()
		began := time.Now()
		p.close(1012)
		s.accept().joined(fresh)
		if wait := time.Since(began); wait < 5*time.Second || wait > 5*time.Second+250*time.Millisecond {
			t.Errorf("the client came back after %v, want 5 s and a little", wait)
		}
	})
}
