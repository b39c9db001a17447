package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// participant is a client that outlives its connections. It keeps its own ops
// until they are acked, sends them again after each return, and comes back with
// nothing but its clock. It remembers all that it was told.
type participant struct {
	// static
	url    string
	doc    string
	actor  string // empty for one that only reads
	window int    // own ops that may be open
	rnd    *rand.Rand

	mu sync.Mutex
	// guarded by mu
	told    map[string]string // payload of each op heard, and of each own op acked
	clock   map[string]uint64 // newest op of others that was heard, own that was acked
	mine    []string          // payloads of own ops, from 1 on
	outbox  []operation       // own ops without an ack
	allowed int               // how many ops it may make
	returns int               // times it joined
	resent  int
	acked   int
	faults  []string
}

func newParticipant(url, doc, actor string, window int, seed uint64) *participant {
	return &participant{
		url: url, doc: doc, actor: actor, window: window, rnd: rand.New(rand.NewPCG(seed, 1)),
		told: map[string]string{}, clock: map[string]uint64{},
	}
}

// run takes part until ctx ends.
func (p *participant) run(ctx context.Context) {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for ctx.Err() == nil {
		p.visit(ctx)
		select {
		case <-ctx.Done():
		case <-again.C:
		}
	}
}

// visit takes part for as long as one connection lives.
func (p *participant) visit(ctx context.Context) {
	conn, err := dial(ctx, p.url)
	if err != nil {
		return // it is down
	}
	defer conn.ws.Close()
	defer context.AfterFunc(ctx, func() { conn.ws.Close() })()
	p.mu.Lock()
	since := map[string]any{"clock": maps.Clone(p.clock)}
	p.mu.Unlock()
	if conn.say(map[string]any{"type": "join", "doc": p.doc, "channels": []string{"ops"}, "since": since}) != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	var writer sync.WaitGroup
	defer writer.Wait()
	defer cancel()
	for {
		m, err := conn.hear()
		if err != nil {
			return
		}
		if m.Type == "joined" && p.actor != "" {
			writer.Go(func() { p.write(ctx, conn) })
		}
		p.take(m)
	}
}

// write sends the outbox again, then new ops while the window allows, a few at
// a time.
func (p *participant) write(ctx context.Context, conn *peer) {
	p.mu.Lock()
	again := p.outbox
	p.resent += len(again)
	p.mu.Unlock()
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for ops := again; ; ops = p.compose() {
		if len(ops) > 0 && conn.send(p.doc, ops...) != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
	}
}

// compose makes new ops, which go to the outbox first.
func (p *participant) compose() []operation {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(1+p.rnd.IntN(4), p.window-len(p.outbox), p.allowed-len(p.mine))
	if n <= 0 {
		return nil
	}
	seen := maps.Clone(p.clock)
	delete(seen, p.actor)
	ops := make([]operation, n)
	for i := range ops {
		seq := len(p.mine) + 1
		text := fmt.Sprintf(`{"by":"%s:%d","fill":%q}`, p.actor, seq, strings.Repeat("abcdefgh", p.rnd.IntN(40)))
		p.mine = append(p.mine, text)
		ops[i] = operation{Actor: p.actor, Seq: uint64(seq), Clock: seen, Payload: json.RawMessage(text)}
	}
	p.outbox = append(p.outbox, ops...)
	return ops
}

// take notes what a frame says and what is wrong with it.
func (p *participant) take(m *message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch m.Type {
	case "joined":
		p.returns++
		if len(m.Lost) > 0 {
			p.fault("the relay says that it lost %v", m.Lost)
		}
		for actor, seq := range p.clock {
			if m.Clock[actor] < seq {
				p.fault("the relay came back with %s up to %d, I was told up to %d", actor, m.Clock[actor], seq)
			}
		}
	case "ops":
		for i := range m.Ops {
			p.hear(&m.Ops[i])
		}
	case "ack":
		p.confirm(m.Seq)
	case "live", "compact":
	default:
		p.fault("unexpected: %s", m.text)
	}
}

// hear notes an op that was delivered. One of another comes exactly once and in
// its actor's order; an own one only if the connection on which it was first
// sent broke before its ack.
func (p *participant) hear(o *operation) {
	switch {
	case o.Actor != p.actor && o.Seq != p.clock[o.Actor]+1:
		p.fault("heard %s after %d", o.name(), p.clock[o.Actor])
	case o.Actor != p.actor:
		p.clock[o.Actor] = o.Seq
	case o.Seq == 0 || o.Seq > uint64(len(p.mine)) || p.mine[o.Seq-1] != string(o.Payload):
		p.fault("heard %s as mine, and did not make it: %s", o.name(), o.Payload)
	}
	p.told[o.name()] = string(o.Payload)
}

// confirm notes the ack of all own ops up to seq.
func (p *participant) confirm(seq uint64) {
	if seq > uint64(len(p.mine)) {
		p.fault("got the ack of op %d and made %d", seq, len(p.mine))
		return
	}
	for len(p.outbox) > 0 && p.outbox[0].Seq <= seq {
		o := p.outbox[0]
		p.outbox = p.outbox[1:]
		p.clock[p.actor] = o.Seq
		p.told[o.name()] = string(o.Payload)
		p.acked++
	}
}

func (p *participant) fault(format string, args ...any) {
	p.faults = append(p.faults, fmt.Sprintf(format, args...))
}

// record returns a copy of all that the participant was told.
func (p *participant) record() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.told)
}

func (p *participant) confirmed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.acked
}

// settled reports whether nothing of this participant is open and all of the
// document is known to it: so many ops.
func (p *participant) settled(ops int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.outbox) == 0 && len(p.told) == ops
}

// allow lets the participant make n more ops.
func (p *participant) allow(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.allowed += n
}

// rest ends the making of ops and returns how many there were.
func (p *participant) rest() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.allowed = 0
	return len(p.mine)
}

func (p *participant) report(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.faults[:min(len(p.faults), 5)] {
		t.Errorf("%q in %s: %s", p.actor, p.doc, f)
	}
	p.faults = nil
}
