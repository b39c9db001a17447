package relay

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// opModel is what a document holds, as a plain list, and what its sessions may
// no longer write.
type opModel struct {
	log    []modelOp
	heads  map[string]int
	closed []map[string]bool // by session
}

type modelOp struct {
	actor   string
	seq     int
	clock   map[string]int
	payload string
}

func (o modelOp) spec() string {
	return fmt.Sprintf("%s:%d%s=%s", o.actor, o.seq, brief(o.clock), o.payload)
}

func (o modelOp) name() string { return fmt.Sprintf("%s:%d", o.actor, o.seq) }

// answer takes an op, and says what the session that sends it hears.
func (m *opModel) answer(session int, o modelOp) string {
	head := m.heads[o.actor]
	switch {
	case o.clock[o.actor] >= o.seq:
		return "invalid"
	case m.closed[session][o.actor]:
		return "conflict"
	case o.seq <= head:
		i := slices.IndexFunc(m.log, func(l modelOp) bool { return l.name() == o.name() })
		if m.log[i].payload == o.payload {
			return fmt.Sprintf("ack@%d", i+1)
		}
		m.closed[session][o.actor] = true
		return "conflict"
	case o.seq > head+1:
		return fmt.Sprint("gap ", head+1)
	}
	missing := maps.Clone(o.clock)
	maps.DeleteFunc(missing, func(a string, seq int) bool { return seq <= m.heads[a] })
	if len(missing) > 0 {
		return "missing " + brief(missing)
	}
	m.heads[o.actor] = o.seq
	m.log = append(m.log, o)
	return fmt.Sprintf("ack@%d", len(m.log))
}

// frame takes the ops of a frame. It returns the rejects, in their order, and
// for each actor the last ack.
func (m *opModel) frame(session int, ops []modelOp) (rejects []string, acks map[string]string) {
	acks = map[string]string{}
	last := map[string]int{}
	gaps := map[string]bool{}
	for _, o := range ops {
		answer := m.answer(session, o)
		switch at, acked := strings.CutPrefix(answer, "ack@"); {
		case acked:
			if o.seq >= last[o.actor] {
				last[o.actor] = o.seq
				acks[o.actor] = "ack " + o.name() + "@" + at
			}
		case !strings.HasPrefix(answer, "gap ") || !gaps[o.actor]:
			gaps[o.actor] = gaps[o.actor] || strings.HasPrefix(answer, "gap ")
			rejects = append(rejects, "reject "+o.name()+" "+answer)
		}
	}
	return rejects, acks
}

func (m *opModel) draw(t *rapid.T) modelOp {
	o := modelOp{
		actor:   rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "actor"),
		payload: rapid.SampledFrom([]string{"1", "1", "1", "1", "1", "2"}).Draw(t, "payload"),
		clock:   map[string]int{},
	}
	o.seq = max(1, m.heads[o.actor]+rapid.SampledFrom([]int{1, 1, 1, 1, 0, -1, 2, 3}).Draw(t, "seq"))
	for _, a := range []string{"a", "b", "c", "d"} {
		if seq := m.heads[a] + rapid.SampledFrom([]int{0, 0, 0, 0, 0, 0, -1, 1}).Draw(t, "seen"); seq > 0 && rapid.Bool().Draw(t, "names") {
			o.clock[a] = seq
		}
	}
	if o.clock[o.actor] == o.seq && rapid.Bool().Draw(t, "sane") {
		delete(o.clock, o.actor)
	}
	return o
}

// Whatever sessions send, each gets the answers that a plain list gives, and
// everyone hears that list.
func TestAnyOpsAreAnsweredAsByAList(t *testing.T) {
	h := start(t, Config{})
	docs := 0
	rapid.Check(t, func(rt *rapid.T) {
		docs++
		doc := fmt.Sprint("d", docs)
		m := &opModel{heads: map[string]int{}, closed: []map[string]bool{{}, {}}}
		writers := []*listener{h.live("", doc), h.live("", doc)}
		reader := h.live("", doc)
		for range rapid.IntRange(1, 5).Draw(rt, "frames") {
			who := rapid.IntRange(0, 1).Draw(rt, "who")
			var ops []modelOp
			var specs []string
			for range rapid.IntRange(1, 8).Draw(rt, "ops") {
				ops = append(ops, m.draw(rt))
				specs = append(specs, ops[len(ops)-1].spec())
			}
			rejects, acks := m.frame(who, ops)
			writers[who].ops(doc, specs...)
			hearAnswers(rt, writers[who], rejects, acks)
		}
		var want []string
		for i, o := range m.log {
			want = append(want, fmt.Sprintf("op %s@%d", o.name(), i+1))
		}
		reader.want(want...)
		late, _ := h.enter("", doc)
		late.want(append(want, fmt.Sprint("live ", len(m.log)))...)
		for _, l := range append(writers, reader, late) {
			l.ws.Close()
		}
	})
}

// hearAnswers reads until all answers of a frame were heard. Ops of others may
// come between.
func hearAnswers(t *rapid.T, l *listener, rejects []string, acks map[string]string) {
	l.send(`{"type":"ping"}`)
	ponged := false
	acked := map[string]string{}
	for !ponged || len(rejects) > 0 || !maps.Equal(acked, acks) {
		switch line := l.line(); {
		case line == "pong":
			ponged = true
		case strings.HasPrefix(line, "op "):
		case strings.HasPrefix(line, "ack "):
			acked[line[4:5]] = line
		case len(rejects) > 0 && line == rejects[0]:
			rejects = rejects[1:]
		default:
			t.Fatalf("got %q, want %q and %v", line, rejects, acks)
		}
	}
}
