//go:build cgo && unix

package doc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// widthless returns the snapshot of a document with a mark that has no width, which
// is one of Automerge's own fixtures, and its heads.
func widthless(t *testing.T) ([]byte, []Hash) {
	t.Helper()
	blob, err := os.ReadFile(filepath.Join("..", "cmd", "baton-snapshot", "testdata", "zero-width-mark.automerge"))
	if err != nil {
		t.Fatal(err)
	}
	state, err := Engine{}.Run(t.Context(), Job{Base: blob})
	if err != nil {
		t.Fatalf("the Automerge here does not take it: %v", err)
	}
	return blob, state.Heads
}

func TestProverLoadsAsClientsDo(t *testing.T) {
	h := madeInJS(t, "kinds")
	state, err := Engine{}.Run(t.Context(), Job{Ops: h.upTo(6), Want: Want{Save: true}})
	if err != nil {
		t.Fatal(err)
	}
	if err := proving(t).Prove(t.Context(), state.Save, state.Heads); err != nil {
		t.Errorf("a good snapshot: %v", err)
	}
	var refused *ProofError
	if err := proving(t).Prove(t.Context(), state.Save, nil); !errors.As(err, &refused) || !strings.Contains(err.Error(), "it has the heads") {
		t.Errorf("other heads: got %v, want that they are others", err)
	}
	blob, heads := widthless(t)
	if err := proving(t).Prove(t.Context(), blob, heads); !errors.As(err, &refused) || refused.With != "automerge 3.5.0" || !strings.Contains(err.Error(), "invalid mark operation order") {
		t.Errorf("a mark without width: got %v, want that Automerge 3.5.0 refuses it", err)
	}
}

// TestProverIsLimited holds the real prover to the limits that opening has.
func TestProverIsLimited(t *testing.T) {
	blob, heads := widthless(t)
	few := proving(t)
	few.Memory = 64 << 20
	if err := few.Prove(t.Context(), blob, heads); err == nil || strings.Contains(err.Error(), "mark") {
		t.Errorf("with 64 MiB: got %v, want that it does not run", err)
	}
	brief := proving(t)
	brief.Stall = 10 * time.Millisecond
	if err := brief.Prove(t.Context(), blob, heads); err == nil || strings.Contains(err.Error(), "mark") {
		t.Errorf("with 10 ms: got %v, want that there is no answer", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	if err := proving(t).Prove(ctx, blob, heads); err == nil || err.Error() != "enough" {
		t.Errorf("cancelled: got %v, want why", err)
	}
}

// TestProverThatIsNone has other programs in the prover's place: none proves anything,
// and none keeps its caller waiting.
func TestProverThatIsNone(t *testing.T) {
	t.Setenv("BATON_TOKEN", "secret")
	const with = `echo '{"with":"automerge 3.5.0"}'; cat >/dev/null; `
	for name, test := range map[string]struct{ script, want string }{
		"silent":          {"", "it ended without an answer"},
		"complaining":     {"echo what is node >&2; exit 1", "it ended without an answer what is node"},
		"babbling":        {"echo hello", `its answer makes no sense: "hello"`},
		"old":             {`echo '{"with":"automerge 2.1.0"}'; cat >/dev/null; echo '{"heads":[]}'`, `it has "automerge 2.1.0", and clients have Automerge 3.5 or later`},
		"of no version":   {`echo '{"heads":[]}'`, `it has "", and`},
		"dying":           {with + "kill -SEGV $$", "automerge 3.5.0: it crashes Automerge: signal: segmentation fault"},
		"panicking":       {with + "echo 'panicked at' >&2; exit 7", "it crashes Automerge: panicked at"},
		"out of memory":   {with + "echo 'JavaScript heap out of memory' >&2; exit 134", "takes more memory than the 4096 MiB"},
		"busy":            {with + "while :; do :; done", "keeps Automerge busy for more than 300ms"},
		"asleep":          {"sleep 60", "it ended without an answer"},
		"asleep in child": {with + "sleep 60; echo", "keeps Automerge busy"},
		"told secrets":    {with + `echo "{\"error\":\"token $BATON_TOKEN\"}"`, "automerge 3.5.0: token"},
		"of other heads":  {with + `echo '{"heads":["00"]}'`, "it has the heads [00] there, and [] here"},
		"right":           {with + `echo '{"heads":[]}'`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			e := Engine{Stall: 10 * time.Second, Prover: []string{"/bin/sh", "-c", test.script}}
			if strings.Contains(name, "asleep") || name == "busy" {
				e.Stall = 300 * time.Millisecond
			}
			got := fmt.Sprint(e.Prove(t.Context(), make([]byte, 1<<20), nil))
			if !strings.Contains(got, test.want) || (test.want == "") != (got == "<nil>") || strings.Contains(got, "secret") {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}
