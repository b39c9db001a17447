package conformance

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// reader follows the recipes of docs/protocol.md, section 11: it resumes where
// it was and proves from clocks that it lacks nothing.
type reader struct {
	doc    string
	epoch  string
	offset int64
	have   map[string]int64
}

// proof is the fields of joined, ops and live that the recipe reads.
type proof struct {
	Type   string           `json:"type"`
	Epoch  string           `json:"epoch"`
	Offset int64            `json:"offset"`
	Clock  map[string]int64 `json:"clock"`
	Ops    []struct {
		Offset int64            `json:"offset"`
		Actor  string           `json:"actor"`
		Seq    int64            `json:"seq"`
		Clock  map[string]int64 `json:"clock"`
	} `json:"ops"`
}

// join is the frame that resumes, by offset or by clock alone.
func (r *reader) join(byClock bool) string {
	since := map[string]any{"epoch": r.epoch, "offset": r.offset, "clock": r.have}
	if byClock {
		since = map[string]any{"clock": r.have}
	}
	text, _ := json.Marshal(map[string]any{"type": "join", "doc": r.doc, "channels": []string{"ops"}, "since": since})
	return string(text)
}

// hear folds one frame. Its error is an op that is missing.
func (r *reader) hear(f *proof) error {
	switch f.Type {
	case "joined":
		r.epoch = f.Epoch
	case "live":
		r.offset = max(r.offset, f.Offset)
	}
	for _, op := range f.Ops {
		if op.Seq != r.have[op.Actor]+1 {
			return fmt.Errorf("%s:%d came, but %s:%d was the last", op.Actor, op.Seq, op.Actor, r.have[op.Actor])
		}
		for actor, seq := range op.Clock {
			if r.have[actor] < seq {
				return fmt.Errorf("%s:%d names %s:%d, but %s:%d was the last", op.Actor, op.Seq, actor, seq, actor, r.have[actor])
			}
		}
		r.have[op.Actor], r.offset = op.Seq, op.Offset
	}
	return nil
}

// Writers that see each other write on; a reader that comes and goes, now by
// offset, now by clock, gets each op once and in causal order.
func TestCompletenessRecipe(t *testing.T) {
	s := serve(t, relayProgram(t))
	r := s.run(t)
	s.say(t, r, "A joins $doc\nB joins $doc\nC connect")
	var doc string
	if err := json.Unmarshal(r.values["doc"], &doc); err != nil {
		t.Fatal(err)
	}
	read := &reader{doc: doc, have: map[string]int64{}}
	random := rand.New(rand.NewPCG(1, 2))
	const rounds, frame = 12, 40
	for i := range rounds {
		from := i*frame + 1
		s.say(t, r, writeRound(from, frame))
		if err := read.some(t, s, r, random, i%2 == 1); err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
	}
	s.say(t, r, fmt.Sprintf(`
A<...ops,ack {"type":"ack","actor":"a","seq":%d}
B<...ops,ack {"type":"ack","actor":"b","seq":%d}
A in order
B in order`, rounds*frame, rounds*frame))
	s.say(t, r, "C connect\nC> "+read.join(true)+"\nC< {\"type\":\"joined\",\"clock\":\"$all\"}")
	var all map[string]int64
	if err := json.Unmarshal(r.values["all"], &all); err != nil {
		t.Fatal(err)
	}
	for read.have["a"] < all["a"] || read.have["b"] < all["b"] {
		if err := read.next(t, r); err != nil {
			t.Fatal(err)
		}
	}
	if read.have["a"] != all["a"] || read.have["b"] != all["b"] || all["a"] != rounds*frame {
		t.Errorf("got %v, want %v", read.have, all)
	}
}

// writeRound has A and B write n ops each, one a frame; B's wait for the first
// of A's, which they name.
func writeRound(from, n int) string {
	var text strings.Builder
	fmt.Fprintf(&text, "A> {\"type\":\"ops\",\"doc\":\"$doc\",\"ops\":[{\"actor\":\"a\",\"seq\":%d,\"clock\":{},\"payload\":0}]}\n", from)
	fmt.Fprintf(&text, "B<...ops,ack {\"type\":\"ops\",\"ops\":[{\"actor\":\"a\",\"seq\":%d}]}\n", from)
	for k := range n {
		if k > 0 {
			fmt.Fprintf(&text, "A> {\"type\":\"ops\",\"doc\":\"$doc\",\"ops\":[{\"actor\":\"a\",\"seq\":%d,\"clock\":{},\"payload\":%d}]}\n", from+k, k)
		}
		fmt.Fprintf(&text, "B> {\"type\":\"ops\",\"doc\":\"$doc\",\"ops\":[{\"actor\":\"b\",\"seq\":%d,\"clock\":{\"a\":%d},\"payload\":%d}]}\n", from+k, from, k)
	}
	return text.String()
}

// some connects anew, resumes and hears a few frames.
func (r *reader) some(t *testing.T, s *server, run *run, random *rand.Rand, byClock bool) error {
	t.Helper()
	s.say(t, run, "C connect\nC> "+r.join(byClock))
	for range 1 + random.IntN(30) {
		if err := r.next(t, run); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) next(t *testing.T, run *run) error {
	t.Helper()
	f, err := run.peers["C"].next(t.Context(), 5*time.Second)
	if err != nil {
		return err
	}
	var p proof
	if err := json.Unmarshal(f, &p); err != nil {
		return err
	}
	return r.hear(&p)
}
