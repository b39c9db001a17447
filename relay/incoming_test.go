package relay

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-relay/baton/relay/wire"
)

// begin sends the beginning of a frame, and then bytes of it now and then, until
// the connection ends.
func (p *rawPeer) begin(frame string, first int, every time.Duration) {
	p.t.Helper()
	p.write(frame[:first])
	go func() {
		for rest := frame[first:]; len(rest) > 0; rest = rest[1:] {
			if _, err := io.WriteString(p.Conn, rest[:1]); err != nil {
				return
			}
			<-time.After(every)
		}
	}()
}

// Sessions that are in the middle of a frame and send a byte now and then take the
// memory of what came, not more, and are closed when they fall behind the pace.
func TestFramesThatNeverEnd(t *testing.T) {
	const sessions, size = 10, 256<<10 - 100
	h := start(t, Config{Heartbeat: 5 * time.Second, WriteTimeout: 1500 * time.Millisecond, Limits: wire.Limits{FrameBytes: 256 << 10}})
	frame := text(`{"type":"ping","x":"` + strings.Repeat("x", size-22) + `"}`)
	before := heap()
	began := time.Now()
	var peers []*rawPeer
	for range sessions {
		p := h.raw()
		peers = append(peers, p)
		p.begin(frame, len(frame)-90, 50*time.Millisecond)
	}
	for h.srv.incoming.Load() < sessions*size {
		if time.Since(began) > patience {
			t.Fatal("the frames do not come")
		}
		<-time.After(time.Millisecond)
	}
	if grown := int64(heap()) - int64(before); grown > sessions*size*3/2 {
		t.Errorf("the heap has grown by %d bytes, for frames of which %d bytes came", grown, sessions*size)
	}
	for _, p := range peers {
		code, reason := p.closed()
		if took := time.Since(began); code != wire.CloseHeartbeat || !strings.Contains(reason, "1024 bytes a second") || took < 1500*time.Millisecond {
			t.Errorf("got close code %d %q after %v, want %d for its pace, after 1.5s", code, reason, took, wire.CloseHeartbeat)
		}
	}
	for h.srv.incoming.Load() > 0 {
		if time.Since(began) > 2*patience {
			t.Fatalf("%d bytes count as coming, want none", h.srv.incoming.Load())
		}
		<-time.After(time.Millisecond)
	}
	if grown := int64(heap()) - int64(before); grown > 1<<20 {
		t.Errorf("the heap has grown by %d bytes for sessions that were closed", grown)
	}
}

// A frame of a megabyte that comes at 3 kB a second, in pieces, with pauses, is
// taken however long that lasts. One that falls behind the pace is not, whatever
// came before.
func TestPaceOfAFrame(t *testing.T) {
	for name, tt := range map[string]struct {
		first, piece int
		pause        time.Duration
		after        time.Duration // when it is closed; 0 is never
	}{
		"3 kB a second":                  {0, 3 << 10, time.Second, 0},
		"in pieces, with long pauses":    {0, 60 << 10, 45 * time.Second, 0},
		"half of the pace":               {0, 512, time.Second, 4 * time.Minute},
		"a byte now and then":            {14, 1, 20 * time.Second, 2 * time.Minute},
		"nearly all, then a byte a time": {1<<20 - 500, 1, 20 * time.Second, 2 * time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := startInBubble(t, Config{})
			p := h.alone()
			p.wantText("welcome")
			rest := text(`{"type":"ping","id":1,"x":"` + strings.Repeat("x", 1<<20-29) + `"}`)
			began := time.Now()
			var sending sync.WaitGroup
			defer sending.Wait()
			defer p.Close()
			sending.Go(func() {
				for n := tt.first; rest != ""; n = min(tt.piece, len(rest)) {
					if _, err := io.WriteString(p.Conn, rest[:n]); err != nil {
						return
					}
					rest = rest[n:]
					time.Sleep(tt.pause)
				}
			})
			if tt.after == 0 {
				p.wantText("pong")
				if took := time.Since(began); took < 5*time.Minute {
					t.Errorf("%s: taken after %v, so it was not slow", name, took)
				}
				return
			}
			code, _ := p.closed()
			if took := time.Since(began); code != wire.CloseHeartbeat || took < tt.after || took > tt.after+5*time.Second {
				t.Errorf("%s: got close code %d after %v, want %d after %v", name, code, took, wire.CloseHeartbeat, tt.after)
			}
		})
	}
}

// A session that is not read, as it does not take its answers, is not told that its
// frame is slow.
func TestPaceWhilePaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, Config{WriteTimeout: time.Minute})
		p := h.alone()
		p.wantText("welcome")
		began := masked(0x01, `{"type":"ping",`)
		ping := masked(0x89, strings.Repeat("p", 125))
		go func() { // reads so slowly that it is paused for minutes
			p.write(began + strings.Repeat(ping, 4000) + masked(0x80, `"id":1}`))
		}()
		pongs := 0
		for pongs < 4000 {
			op, payload, err := p.receive()
			if err != nil || op == opClose {
				t.Fatalf("got %d pongs, then %q, %v", pongs, payload, err)
			}
			if op == opPong {
				if pongs++; pongs%100 == 0 {
					time.Sleep(10 * time.Second)
				}
			}
		}
		p.wantText("pong")
	})
}

// Beyond the bound of all frames that are coming together, sessions are closed of
// whoever holds the most of it. The slow frames of others are taken.
func TestFramesOfAllTogether(t *testing.T) {
	const size = 128 << 10
	h := start(t, Config{Auth: company(), IncomingBytes: 8 * size, Limits: wire.Limits{FrameBytes: size}})
	most, rest := masked(0x01, `{"type":"ping","x":"`+strings.Repeat("x", size-100)), masked(0x80, `","id":1}`)
	open := func(who string) *rawPeer {
		p := h.socket()
		p.shakeHandsAs(who)
		p.write(most + masked(0x89, "read"))
		for op := byte(0); op != opPong; {
			var err error
			if op, _, err = p.receive(); op == opClose || err != nil {
				t.Fatalf("the newest frame is given up, %v", err)
			}
		}
		return p
	}
	slow := open("bob")
	var greedy []*rawPeer
	for range 16 {
		greedy = append(greedy, open("eve"))
		if n := h.srv.incoming.Load(); n > 12*size {
			t.Errorf("frames that are coming take %d bytes, want at most %d and what is being given back", n, 8*size)
		}
	}
	if code, _ := greedy[0].closed(); code != wire.CloseOverloaded {
		t.Errorf("the first of the frames of the one that holds most: got close code %d, want %d", code, wire.CloseOverloaded)
	}
	slow.write(rest)
	slow.wantText("pong")
	last := greedy[len(greedy)-1]
	last.write(rest)
	last.wantText("pong")
	if got := h.metrics()[fmt.Sprintf("baton_closes_total{code=%q}", "1013")]; got < 8 || got > 12 {
		t.Errorf("%v sessions were closed for the frames of all, want about 9", got)
	}
}
