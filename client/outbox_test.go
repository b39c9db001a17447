package client

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/relay/wire"
)

// modelRelay answers frames as the protocol says: it takes the next op or
// refuses it for now, and then says gap at most once a frame.
type modelRelay struct {
	log     []string
	frames  [][]outgoing
	answers []any // ack (uint64) or wire.Reject
}

func (r *modelRelay) take(t *rapid.T) {
	frame := r.frames[0]
	r.frames = r.frames[1:]
	gap := false
	for _, out := range frame {
		seq, head := out.op.Seq, uint64(len(r.log))
		switch {
		case seq <= head:
			if r.log[seq-1] != string(out.text) {
				t.Fatalf("op %d came as %s, before as %s", seq, out.text, r.log[seq-1])
			}
			r.answers = append(r.answers, seq)
		case seq > head+1:
			if !gap {
				r.answers = append(r.answers, wire.Reject{Seq: seq, Code: wire.Gap, Expected: head + 1})
			}
			gap = true
		case rapid.IntRange(0, 3).Draw(t, "refuse") == 0:
			code := rapid.SampledFrom([]wire.Code{wire.RateLimited, wire.Unavailable, wire.Missing}).Draw(t, "code")
			r.answers = append(r.answers, wire.Reject{Seq: seq, Code: code})
			if code == wire.Unavailable && rapid.Bool().Draw(t, "taken all the same") {
				r.log = append(r.log, string(out.text))
			}
		default:
			r.log = append(r.log, string(out.text))
			r.answers = append(r.answers, seq)
		}
	}
}

// Through rejects and cuts in any order, each op is in the log once, in its
// first bytes, and nothing waits for ever.
func TestOutboxAgainstAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := outbox{actor: "me", ours: 1}
		var r modelRelay
		now := time.Unix(0, 0)
		acked := uint64(0)
		answer := func() {
			a := r.answers[0]
			r.answers = r.answers[1:]
			switch a := a.(type) {
			case uint64:
				acked += uint64(o.ack(a))
			case wire.Reject:
				switch {
				case a.Code == wire.Gap && !o.gap(a.Seq, a.Expected):
					t.Fatalf("gap before %d, of %d, is taken for another log; first is %d", a.Seq, a.Expected, o.first())
				case a.Code != wire.Gap && a.Seq >= o.first():
					o.wait(a.Seq, now.Add(time.Second), clock.Vector{})
				}
			}
		}
		send := func() {
			if batch := o.next(now, 3); len(batch) > 0 {
				r.frames = append(r.frames, append([]outgoing(nil), batch...))
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"append": func(*rapid.T) { o.add(o.encode(clock.Vector{}, fmt.Appendf(nil, "%d", o.made))) },
			"send":   func(*rapid.T) { send() },
			"take": func(t *rapid.T) {
				if len(r.frames) > 0 {
					r.take(t)
				}
			},
			"answer": func(*rapid.T) {
				if len(r.answers) > 0 {
					answer()
				}
			},
			"wait": func(*rapid.T) { now = now.Add(600 * time.Millisecond) },
			"cut": func(*rapid.T) {
				r.frames, r.answers = nil, nil
				o.reset()
			},
			"": func(t *rapid.T) {
				if acked > uint64(len(r.log)) || acked+uint64(len(o.ops)) != o.made {
					t.Fatalf("%d made, %d acked, %d waiting, %d in the log", o.made, acked, len(o.ops), len(r.log))
				}
			},
		})
		for i := 0; acked < o.made; i++ {
			if i > 10_000 {
				t.Fatalf("of %d ops only %d were acked", o.made, acked)
			}
			now = now.Add(time.Second)
			send()
			for len(r.frames) > 0 {
				r.take(t)
			}
			for len(r.answers) > 0 {
				answer()
			}
		}
	})
}

func TestOutboxIsKept(t *testing.T) {
	o := outbox{actor: "me", ours: 1}
	for i := range 4 {
		o.add(o.encode(clock.VectorOf(clock.Dot{Actor: "x", Seq: uint64(i + 1)}), []byte(`"<é>"`)))
	}
	o.ack(2)
	text, err := json.Marshal(o.keep())
	if err != nil {
		t.Fatal(err)
	}
	var kept Outbox
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	got, err := loadOutbox(kept)
	if err != nil || got.actor != "me" || got.made != 4 || got.first() != 3 || got.ours != 3 {
		t.Fatalf("the outbox is %+v, %v", got, err)
	}
	for seq := o.first(); seq <= o.made; seq++ {
		if got, want := string(got.ops[seq-3].text), string(o.ops[seq-3].text); got != want {
			t.Errorf("op %d is kept as %s, was %s", seq, got, want)
		}
	}
	for name, bad := range map[string]Outbox{
		"actor":    {Actor: "a b", Next: 1},
		"too many": {Actor: "me", Next: 1, Ops: kept.Ops},
		"order":    {Actor: "me", Next: 6, Ops: kept.Ops},
		"text":     {Actor: "me", Next: 2, Ops: []string{`{`}},
		"payload":  {Actor: "me", Next: 2, Ops: []string{`{"actor":"me","seq":1}`}},
		"no op":    {Actor: "me", Next: 2, Ops: []string{`7`}},
	} {
		if _, err := loadOutbox(bad); err == nil || !strings.HasPrefix(err.Error(), "load outbox: ") {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}
