//go:build cgo && unix

package doc

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/baton-relay/baton/oplog"
)

// verdict is what the two Automerges say of one document.
type verdict struct {
	here  error // of the Automerge of this program
	today error // of the one that clients have
	blob  []byte
}

func (v *verdict) String() string {
	switch {
	case v.here == nil && v.today == nil:
		return "taken by both"
	case v.here == nil:
		return "taken here alone: " + gist(v.today)
	case v.today == nil:
		return "taken by clients alone: " + gist(v.here)
	}
	return "refused by both"
}

var numbers = regexp.MustCompile(`\b[0-9a-f]{8,}\b|\d+`)

// gist is a reason without what tells one case from the next.
func gist(err error) string {
	return numbers.ReplaceAllString(fmt.Sprintf("%.110s", err), "N")
}

// ask has both load a snapshot. They must agree on its heads where both do.
func ask(t *testing.T, blob []byte) *verdict {
	t.Helper()
	here, err := Engine{Stall: time.Minute}.Run(t.Context(), Job{Base: blob})
	v := &verdict{here: err, blob: blob}
	var heads []Hash
	if err == nil {
		heads = here.Heads
	}
	engine := proving(t)
	engine.Stall = time.Minute
	v.today = engine.Prove(t.Context(), blob, heads)
	if v.here != nil && v.today != nil && strings.Contains(v.today.Error(), "it has the heads") {
		v.today = nil // there is nothing here to compare them with
	}
	var refused *ProofError
	var limit *LimitError
	if v.today != nil && !errors.As(v.today, &refused) && !errors.As(v.today, &limit) {
		t.Errorf("the prover gave no verdict: %v", v.today)
	}
	if v.here == nil && v.today != nil && strings.Contains(v.today.Error(), "it has the heads") {
		t.Errorf("both load it, as different documents: %v", v.today)
	}
	return v
}

// TestMutantsInBothAutomerges damages changes and snapshots on purpose, and has both
// Automerges load them. What clients refuse is never pruned, however lenient the
// Automerge of this program is. BATON_MUTANTS says how many are tried.
func TestMutantsInBothAutomerges(t *testing.T) {
	n := tries(t, "BATON_MUTANTS", 4)
	rnd := seeded(t)
	bases := []*history{
		madeInJS(t, "kinds"),
		madeInJS(t, "talk", "--moves", "12"),
	}
	sources := make([]*rand.Rand, n)
	for i := range sources {
		sources[i] = rand.New(rand.NewPCG(rnd.Uint64(), 0))
	}
	outcomes := tally(n, func(i int) string {
		rnd := sources[i]
		h := bases[rnd.IntN(len(bases))]
		if rnd.IntN(2) == 0 {
			return "change " + tryChange(t, rnd, h)
		}
		return "snapshot " + tryBlob(t, rnd, h)
	})
	for _, outcome := range slices.Sorted(maps.Keys(outcomes)) {
		t.Logf("%5d %s", outcomes[outcome], outcome)
	}
}

// tryBlob damages a snapshot behind its actors and heads.
func tryBlob(t *testing.T, rnd *rand.Rand, h *history) string {
	at := oplog.Offset(1 + rnd.IntN(len(h.ops)))
	good, err := Engine{}.Run(t.Context(), Job{Ops: h.upTo(at), Want: Want{Save: true}})
	if err != nil {
		t.Errorf("the first %d ops: %v", at, err)
		return ""
	}
	r := reader{rest: good.Save[8:]}
	kind := r.take(1)[0]
	body := slices.Clone(r.take(r.uleb()))
	head := reader{rest: body}
	for actors := head.uleb(); actors > 0; actors-- {
		head.take(head.uleb())
	}
	for heads := head.uleb(); heads > 0; heads-- {
		head.hash()
	}
	if r.err != nil || head.err != nil {
		t.Errorf("read a snapshot: %v", errors.Join(r.err, head.err))
		return ""
	}
	return ask(t, sealedAs(kind, damaged(rnd, body, len(body)-len(head.rest)))).String()
}

// tryChange damages a change among others, and has the log compacted with it. A
// snapshot that clients refuse makes nothing go.
func tryChange(t *testing.T, rnd *rand.Rand, h *history) string {
	at := 1 + rnd.IntN(len(h.ops)-1)
	raw, err := Payload(&h.ops[at])
	if err != nil {
		t.Error(err)
		return ""
	}
	bad := &history{ops: append(slices.Clip(h.ops[:at]), withPayload(h.ops[at], mutant(t, rnd, raw)))}
	engine := proving(t)
	engine.Stall = 20 * time.Second
	made, err := engine.Run(t.Context(), Job{Ops: bad.upTo(oplog.Offset(len(bad.ops))), Want: Want{Save: true}})
	if err != nil {
		return "refused here"
	}
	v := ask(t, made.Save)
	if v.here == nil && v.today != nil {
		log := openLog(t)
		bad.put(t, log, "mutant", Automerge)
		var refused *ProofError
		if _, err := engine.Compact(t.Context(), log, "mutant", CompactOptions{Prune: true}); !errors.As(err, &refused) {
			t.Errorf("compact a document that clients refuse: got %v, want %v", err, v.today)
		}
		if state, err := log.State(t.Context(), "mutant"); err != nil || state.First != 1 {
			t.Errorf("its first op is %d now, %v; want all of them", state.First, err)
		}
	}
	return v.String()
}

// TestFilesInBothAutomerges has both Automerges load the files of a folder, such as
// those of Automerge's own tests. BATON_FIXTURES names it.
func TestFilesInBothAutomerges(t *testing.T) {
	dir := filepath.Join("..", "cmd", "baton-snapshot", "testdata")
	want := map[string]string{"zero-width-mark.automerge": "taken here alone", "plan.automerge": "taken by both", "later.automerge": "taken by clients alone"}
	if named := os.Getenv("BATON_FIXTURES"); named != "" {
		dir, want = named, nil
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, wanted := want[f.Name()]; f.IsDir() || want != nil && !wanted {
			continue
		}
		blob, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		v := ask(t, blob)
		t.Logf("%-50s %8d bytes  %s", f.Name(), len(blob), v)
		if !strings.HasPrefix(v.String(), want[f.Name()]) {
			t.Errorf("%s: got %s, want %s (here: %v, clients: %v)", f.Name(), v, want[f.Name()], v.here, v.today)
		}
		delete(want, f.Name())
	}
	if len(want) > 0 || len(files) == 0 {
		t.Errorf("%s lacks %v", dir, slices.Collect(maps.Keys(want)))
	}
}
