//go:build cgo

package doc

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

// mutant returns a change that is damaged behind its name and dependencies, with
// a checksum that is right.
func mutant(t testing.TB, rnd *rand.Rand, raw []byte) []byte {
	body, columns := bodyOf(t, raw)
	return sealed(damaged(rnd, body, columns))
}

// damaged changes up to three bytes of a body, from some place on.
func damaged(rnd *rand.Rand, body []byte, from int) []byte {
	for range 1 + rnd.IntN(3) {
		i := from + rnd.IntN(len(body)-from)
		switch rnd.IntN(4) {
		case 0:
			body[i] ^= 1 << rnd.IntN(8)
		case 1:
			body[i] = byte(rnd.IntN(256))
		case 2:
			body = slices.Insert(body, i, byte(rnd.IntN(256)))
		case 3:
			body = slices.Delete(body, i, min(i+1, len(body)-1))
		}
	}
	return body
}

// tries returns how many times a test tries something: what the environment says, or n.
func tries(t testing.TB, variable string, n int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return n
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s is no number of tries", variable, text)
	}
	return n
}

// tally tries n times, two at once, and counts what came of it.
func tally(n int, try func(i int) string) map[string]int {
	var mu sync.Mutex
	outcomes := map[string]int{}
	var wg sync.WaitGroup
	next := make(chan int, n)
	for i := range n {
		next <- i
	}
	close(next)
	for range 2 {
		wg.Go(func() {
			for i := range next {
				outcome := try(i)
				mu.Lock()
				outcomes[outcome]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return outcomes
}

// TestHostileChanges has people who may write send changes that were damaged on
// purpose. None ends the program that reads them; each is named, or does what a
// change may do. BATON_HOSTILE says how many are tried.
func TestHostileChanges(t *testing.T) {
	n := tries(t, "BATON_HOSTILE", 120)
	rnd := seeded(t)
	var bases []*history
	for _, args := range [][]string{{"kinds"}, {"board", "--elements", "8", "--moves", "24"}} {
		bases = append(bases, madeInJS(t, args...))
	}
	log := openLog(t)
	for i := range n {
		h := bases[rnd.IntN(len(bases))]
		at := 1 + rnd.IntN(len(h.ops)-1)
		raw, err := Payload(&h.ops[at])
		if err != nil {
			t.Fatal(err)
		}
		(&history{ops: append(slices.Clip(h.ops[:at]), withPayload(h.ops[at], mutant(t, rnd, raw)))}).put(t, log, hostileDoc(i), Automerge)
	}
	outcomes := tally(n, func(i int) string { return tryHostile(t, log, hostileDoc(i)) })
	t.Logf("%d changes: %v", n, outcomes)
	if outcomes["accepted"] == 0 || outcomes["accepted"] == n {
		t.Errorf("%d of %d changes were accepted: the test tries nothing", outcomes["accepted"], n)
	}
}

func hostileDoc(i int) oplog.DocID { return oplog.DocID(fmt.Sprintf("hostile-%d", i)) }

// tryHostile verifies and exports a document whose last op is hostile, and says
// what became of that op.
func tryHostile(t *testing.T, log Log, id oplog.DocID) string {
	state, err := log.State(t.Context(), id)
	if err != nil {
		t.Error(err)
		return "error"
	}
	engine := Engine{Stall: 5 * time.Second}
	var found []*Finding
	v, err := engine.Verify(t.Context(), log, id, VerifyOptions{}, func(f *Finding) { found = append(found, f) })
	if err != nil {
		t.Errorf("verify %s: %v", id, err)
		return "error"
	}
	cut, err := CutAt(t.Context(), log, id, Moment{})
	if err != nil {
		t.Error(err)
		return "error"
	}
	_, err = engine.Make(t.Context(), cut, Want{Save: true, JSON: true}, MakeOptions{})
	if len(found) == 0 {
		if err != nil || !v.Opened {
			t.Errorf("%s: verify finds nothing, export says %v", id, err)
		}
		return "accepted"
	}
	if len(found) != 1 || found[0].Offset != state.Head {
		t.Errorf("%s: got findings %v, want one at offset %d", id, found, state.Head)
	}
	bad, ok := errors.AsType[*OpError](err)
	if !ok || bad.Offset != state.Head {
		t.Errorf("%s: export says %v, want the op at offset %d", id, err, state.Head)
		return "error"
	}
	rest, err := engine.Make(t.Context(), cut, Want{Save: true, JSON: true}, MakeOptions{SkipBad: true})
	if err != nil || len(rest.Skipped) != 1 || rest.Ops != int(state.Head)-1 || !bytes.HasPrefix(rest.JSON, []byte("{")) {
		t.Errorf("%s without the op: got %+v, %v", id, rest, err)
	}
	switch reason := bad.Error(); {
	case strings.Contains(reason, "crashes"):
		return "crashed"
	case strings.Contains(reason, "busy"):
		return "stalled"
	case strings.Contains(reason, "loaded again"):
		return "does not load again"
	case strings.Contains(reason, "does not take"):
		return "not taken"
	}
	return "not read"
}

// TestBombIsCutOff has Automerge work on a few dozen bytes for longer than it may.
func TestBombIsCutOff(t *testing.T) {
	actor := strings.Repeat("0", 32)
	for name, c := range map[string]struct {
		ops  int64
		want string
	}{
		"as many ops as a change may have": {MaxOps - 1, "busy for more than 2s"},
		"more ops than a change may have":  {MaxOps + 1, "more than 2000000 ops"},
		"a billion ops":                    {1e9, "more than 2000000 ops"},
	} {
		t.Run(name, func(t *testing.T) {
			raw := bomb(c.ops)
			if len(raw) > 80 {
				t.Fatalf("the change has %d bytes, want at most 80", len(raw))
			}
			h := &history{}
			e := withPayload(oplog.Entry{}, raw)
			e.Actor, e.Seq = "a", 1
			h = h.with(e)
			h.ops[0].Actor = clock.Actor(actor)
			began := time.Now()
			_, err := Engine{Stall: 2 * time.Second}.Run(t.Context(), Job{Ops: h.upTo(1), Want: Want{JSON: true}})
			bad, ok := errors.AsType[*OpError](err)
			if !ok || bad.Offset != 1 || !strings.Contains(bad.Error(), c.want) {
				t.Errorf("got %v, want op 1, %s", err, c.want)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
			state, err := Engine{Stall: 2 * time.Second}.Run(t.Context(), Job{Ops: h.upTo(1), Want: Want{JSON: true}, SkipBad: true})
			if err != nil || string(state.JSON) != "{}" || len(state.Skipped) != 1 {
				t.Errorf("without it: got %+v, %v", state, err)
			}
		})
	}
}
