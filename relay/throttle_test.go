package relay

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// writers may write and be present everywhere, as people with a token of their own.
var writers = people{
	"ann": {"*": auth.Read | auth.Write | auth.Presence}, "bob": {"*": auth.Read | auth.Write | auth.Presence},
	"reader": {"*": auth.Read}, "root": everything,
}

// slow is a relay that lets ten of each kind pass in a second, and as many at
// once.
func slow(change func(*wire.Limits)) Config {
	l := wire.Limits{
		OpsPerFrame: 10, UnackedOps: 5, Docs: 10, FramesPerS: 1000, BytesPerS: 1 << 20, OpsPerS: 10, PresencePerS: 10, EventsPerS: 10,
		JoinsPerS: 10, RefusalsPerS: 100, BurstS: 1, SubjectFactor: 100,
	}
	change(&l)
	return Config{Auth: writers, Throttle: true, Limits: l, Heartbeat: time.Hour}
}

func span(actor string, from, to int) (specs []string) {
	for i := from; i <= to; i++ {
		specs = append(specs, fmt.Sprint(actor, ":", i))
	}
	return specs
}

// Of ops that come too fast the first is refused with a time to wait; what was
// on its way behind it meets a gap and costs nothing. Sent again then, in order,
// all are taken.
func TestOpsThatComeTooFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, slow(func(*wire.Limits) {}))
		l := h.live("ann", "d")
		l.ops("d", span("a", 1, 8)...)
		l.wantAck("a:8@8")
		l.ops("d", append(span("a", 9, 14), "b:1")...)
		l.ops("d", span("a", 15, 20)...)
		var retry time.Duration
		heard := map[string]int{}
		for heard["reject a:15 gap 11"] == 0 || heard["ack a:10@10"] == 0 {
			f := l.frame()
			heard[f.lines()[0]]++
			if f.Code == "rate_limited" {
				retry = time.Duration(f.RetryMS) * time.Millisecond
			}
		}
		if heard["reject a:11 rate_limited"] != 1 || heard["reject b:1 rate_limited"] != 1 || len(heard) > 5 {
			t.Fatalf("got %v, want a:11 and b:1 refused, and a gap", heard)
		}
		if retry < 100*time.Millisecond || retry > time.Second {
			t.Errorf("got a wait of %v, want one that has tokens for what was refused", retry)
		}
		for from := 11; from <= 20; from += 5 {
			time.Sleep(retry)
			l.ops("d", span("a", from, from+4)...)
			l.wantAck(fmt.Sprintf("a:%d@%d", from+4, from+4))
		}
		l.quiet()
	})
}

// What is refused of the other kinds says when it may come again.
func TestFramesThatComeTooFast(t *testing.T) {
	tests := map[string]struct {
		frame  string
		change func(*wire.Limits)
		passes int // at once
	}{
		"presence": {`{"type":"presence","doc":"d","state":{}}`, func(*wire.Limits) {}, 10},
		"event":    {`{"type":"event","doc":"d","name":"x"}`, func(*wire.Limits) {}, 10},
		"join":     {`{"type":"join","doc":"d"}`, func(*wire.Limits) {}, 9}, // one entered
		"auth":     {`{"type":"auth","token":"ann"}`, func(*wire.Limits) {}, 9},
		"frames":   {`{"type":"ping"}`, func(l *wire.Limits) { l.FramesPerS = 10 }, 9},
		"bytes": {
			`{"type":"ping","x":"` + strings.Repeat("x", 2000) + `"}`,
			func(l *wire.Limits) { l.FrameBytes, l.BytesPerS = 4096, 10_000 }, 4,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := startInBubble(t, slow(tt.change))
				l := h.live("ann", "d")
				for try := range 3 {
					passed := 0
					var refused heard
					for refused.Code != "rate_limited" {
						l.send(tt.frame)
						if name == "presence" || name == "event" {
							l.send(`{"type":"leave","doc":"no"}`) // is answered, and costs nothing
						}
						if refused = l.frame(); refused.Code != "rate_limited" {
							passed++
						} else if name == "presence" || name == "event" {
							l.want("error not_joined")
						}
						if passed > 20 {
							t.Fatal("nothing was refused")
						}
					}
					if try == 0 && passed != tt.passes {
						t.Errorf("%d passed at once, want %d", passed, tt.passes)
					}
					if try > 0 && passed == 0 {
						t.Error("after the time to wait it is refused again")
					}
					if refused.Type != "error" || refused.RetryMS < 100 || refused.RetryMS > 1000 {
						t.Errorf("got %s, want an error with a time to wait", refused.raw)
					}
					time.Sleep(time.Duration(refused.RetryMS) * time.Millisecond)
				}
			})
		})
	}
}

// Who goes on sending what is refused, of whatever kind, is sent away.
func TestWhoDoesNotListenIsSentAway(t *testing.T) {
	tests := map[string]string{
		"too fast":       `{"type":"event","doc":"d","name":"x"}`,
		"unknown type":   `{"type":"jion"}`,
		"bad frame":      `{"type":"join"}`,
		"not joined":     `{"type":"event","doc":"e","name":"x"}`,
		"joined already": `{"type":"join","doc":"d"}`,
		"bad op":         `{"type":"ops","doc":"d","ops":[{"actor":"a","seq":1,"clock":{"a":1},"payload":1}]}`,
		"conflict":       `{"type":"ops","doc":"d","ops":[{"actor":"taken","seq":1,"payload":2}]}`,
		"another's":      `{"type":"ops","doc":"d","ops":[{"actor":"taken","seq":2,"payload":2}]}`,
	}
	for name, frame := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := startInBubble(t, slow(func(l *wire.Limits) { l.RefusalsPerS, l.OpsPerS, l.JoinsPerS = 20, 1000, 1000 }))
				owner := h.live("bob", "d")
				owner.ops("d", "taken:1")
				owner.wantAck("taken:1@1")
				l := h.live("ann", "d")
				go func() {
					for range 100 {
						if l.ws.WriteMessage(1, []byte(frame)) != nil {
							return
						}
					}
				}()
				if got := l.closed(); got != wire.CloseRateLimited {
					t.Errorf("got close code %d, want %d", got, wire.CloseRateLimited)
				}
				owner.quiet()
			})
		})
	}
}

// A reader that asks to write is told each time that it may not, and goes on to
// read; if it does not listen, it is sent away.
func TestReaderWhoWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, slow(func(l *wire.Limits) { l.RefusalsPerS = 20 }))
		writer, reader := h.live("ann", "d"), h.live("reader", "d")
		for i := 1; i <= 5; i++ {
			reader.ops("d", "r:1")
			reader.want("reject r:1 forbidden")
		}
		writer.ops("d", "a:1")
		reader.want("op a:1@1")
		reader.send(`{"type":"presence","doc":"d","state":{}}`)
		reader.want("error forbidden")
	})
}

// All sessions of one subject share what it may do; another subject has its own,
// and who may administer every document is not limited.
func TestSubjectsShareAnAllowance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startInBubble(t, slow(func(l *wire.Limits) { l.SubjectFactor = 2 }))
		for i, doc := range []string{"d1", "d2"} {
			l := h.live("ann", doc)
			l.ops(doc, span(fmt.Sprint("a", i), 1, 10)...)
			l.wantAck(fmt.Sprintf("a%d:10@10", i))
		}
		third := h.live("ann", "d3")
		third.ops("d3", "a3:1")
		third.want("reject a3:1 rate_limited")
		other := h.live("bob", "d3")
		other.ops("d3", "b:1")
		other.want("ack b:1@1")
		root := h.live("root", "d4")
		for i := 1; i < 100; i += 10 {
			root.ops("d4", span("r", i, i+9)...)
			root.wantAck(fmt.Sprintf("r:%d@%d", i+9, i+9))
		}
		answer := h.do("POST /v1/docs/d5/ops", `[`+op("p:1")+`]`, "Authorization: Bearer ann")
		answer.want(t, "post", http.StatusTooManyRequests, `"rate_limited"`, `"retry_ms"`)
		if after, err := strconv.Atoi(answer.header.Get("Retry-After")); err != nil || after < 1 {
			t.Errorf("got Retry-After %q, want seconds", answer.header.Get("Retry-After"))
		}
		h.wantAs("root", http.StatusOK, "POST /v1/docs/d5/ops", `[`+op("p:1")+`]`)
	})
}

// What a token may do counts at once: one that loses the right to administer is
// limited from then on.
func TestLimitsFollowTheRights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := &tokenList{}
		tokens.set("one", "ann", 0, everything)
		tokens.set("two", "ann", 0, writers["ann"])
		cfg := slow(func(*wire.Limits) {})
		cfg.Auth = tokens
		h := startInBubble(t, cfg)
		l := h.live("one", "d")
		for i := 1; i <= 20; i += 10 {
			l.ops("d", span("a", i, i+9)...)
			l.wantAck(fmt.Sprintf("a:%d@%d", i+9, i+9))
		}
		l.send(`{"type":"auth","token":"two"}`)
		l.want("access read write presence", "auth")
		l.ops("d", span("a", 21, 30)...)
		l.wantAck("a:30@30")
		l.ops("d", "a:31")
		l.want("reject a:31 rate_limited")
	})
}

// Where nobody is asked who they are, nothing is limited but sizes.
func TestNothingIsThrottledWithoutBeingAsked(t *testing.T) {
	h := start(t, Config{})
	l := h.live("", "d")
	for name, got := range l.welcome.Limits {
		if strings.HasSuffix(name, "_per_s") && got != 0 {
			t.Errorf("got %s %d, want 0", name, got)
		}
	}
	for range 3000 {
		l.send(`{"type":"ping"}`)
	}
	for range 3000 {
		l.want("pong")
	}
}

// Where everyone may enter from anywhere, they are limited by their address,
// though all of them may administer.
func TestEveryoneIsThrottledWhereSoAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := slow(func(l *wire.Limits) { l.SubjectFactor = 1 })
		cfg.Auth = nil
		h := startInBubble(t, cfg)
		l := h.live("", "d")
		l.ops("d", span("a", 1, 10)...)
		l.wantAck("a:10@10")
		other := h.live("", "e") // of the same address
		other.ops("e", "b:1")
		other.want("reject b:1 rate_limited")
	})
}

// The welcome names all limits that are in force.
func TestWelcomeNamesTheLimits(t *testing.T) {
	h := start(t, Config{Auth: writers, Throttle: true, Limits: wire.Limits{OpsPerS: 77, EventsPerS: -1}})
	got, d := h.listen("ann").welcome.Limits, Defaults()
	for name, want := range map[string]int{
		"ops_per_s": 77, "events_per_s": 0, "frames_per_s": d.FramesPerS, "bytes_per_s": d.BytesPerS,
		"presence_per_s": d.PresencePerS, "joins_per_s": d.JoinsPerS, "refusals_per_s": d.RefusalsPerS, "burst_s": d.BurstS,
		"subject_factor": d.SubjectFactor, "subject_connections": d.SubjectConnections,
		"address_connections": d.AddressConnections, "handshakes_per_s": d.HandshakesPerS,
		"participants": d.Participants, "doc_bytes": d.DocBytes, "actors": d.Actors, "doc_actors": d.DocActors,
	} {
		if got[name] != want {
			t.Errorf("%s: got %d, want %d", name, got[name], want)
		}
	}
}
