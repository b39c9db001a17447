//go:build cgo

package doc

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/baton-relay/baton/oplog"
)

// TestLargeDocumentsAreWhatJavaScriptSays makes a text and a whiteboard in
// JavaScript, looks at them at 20 moments of their past, compacts them, and
// opens them by their snapshot. BATON_TRACE names a file with the edits of
// another text, as JSON: [[place, deletions, "text"], …]; BATON_BOARD the lines
// that documents.mjs prints of another whiteboard, BATON_TEXT those of a text.
func TestLargeDocumentsAreWhatJavaScriptSays(t *testing.T) {
	trace := os.Getenv("BATON_TRACE")
	if trace == "" {
		trace = filepath.Join(t.TempDir(), "edits.json")
		if err := os.WriteFile(trace, typing(4000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, h := range map[string]*history{
		"text":  readOrMake(t, "BATON_TEXT", "text", "--edits", trace),
		"board": readOrMake(t, "BATON_BOARD", "board", "--elements", "150", "--moves", "600"),
	} {
		t.Run(name, func(t *testing.T) {
			log := openLog(t)
			h.put(t, log, "large", Automerge)
			if len(h.moments) != 21 {
				t.Fatalf("%d moments, want 20 and the end", len(h.moments))
			}
			for _, m := range h.moments {
				at := m.Offset
				cut, err := CutAt(t.Context(), log, "large", Moment{offset: &at})
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				state, err := Engine{}.Make(t.Context(), cut, Want{Typed: true}, MakeOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if string(state.JSON) != m.Typed || hexes(state.Heads) != strings.Join(m.Heads, " ") {
					t.Errorf("offset %d is not what JavaScript says: %d bytes, want %d", at, len(state.JSON), len(m.Typed))
				}
				if at == cut.State.Head {
					t.Logf("%d ops opened and read by replay in %v", at, time.Since(began).Round(time.Millisecond))
				}
			}
			compactLarge(t, log, h)
		})
	}
}

// compactLarge has a snapshot made and loads it.
func compactLarge(t *testing.T, log Store, h *history) {
	began := time.Now()
	c, err := proving(t).Compact(t.Context(), log, "large", CompactOptions{Prune: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d ops of %d bytes compacted to %d bytes in %v", c.Ops, c.OpBytes, c.Bytes, time.Since(began).Round(time.Millisecond))
	if c.Pruned != len(h.ops) || !c.Stored {
		t.Errorf("compaction: got %+v, want %d ops pruned", c, len(h.ops))
	}
	cut, err := CutAt(t.Context(), log, "large", Moment{})
	if err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	state, err := Engine{}.Make(t.Context(), cut, Want{Typed: true}, MakeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("opened and read by the snapshot in %v", time.Since(began).Round(time.Millisecond))
	last := h.moments[len(h.moments)-1]
	for i := range h.moments {
		if h.moments[i].Offset == cut.State.Head {
			last = h.moments[i]
		}
	}
	if string(state.JSON) != last.Typed {
		t.Errorf("the snapshot is not what JavaScript says: %d bytes, want %d", len(state.JSON), len(last.Typed))
	}
	if found := verifyAll(t, log, "large"); len(found) > 0 {
		t.Errorf("verify: got %v, want nothing", found)
	}
}

func verifyAll(t *testing.T, log Log, id oplog.DocID) (found []*Finding) {
	t.Helper()
	v, err := Engine{}.Verify(t.Context(), log, id, VerifyOptions{}, func(f *Finding) { found = append(found, f) })
	if err != nil {
		t.Fatal(err)
	}
	if v.Format == Automerge && !v.Opened && len(found) == 0 {
		t.Errorf("verify %s: it was not opened", id)
	}
	return found
}

func readOrMake(t *testing.T, variable string, args ...string) *history {
	name := os.Getenv(variable)
	if name == "" {
		return madeInJS(t, args...)
	}
	lines, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return parseHistory(t, lines)
}

// typing returns the edits of somebody who types, goes back and corrects.
func typing(n int) []byte {
	rnd := rand.New(rand.NewPCG(1, 0))
	edits := make([][3]any, 0, n)
	size, at := 0, 0
	for len(edits) < n {
		switch k := rnd.IntN(20); {
		case k == 0:
			at = rnd.IntN(size + 1)
		case k < 4 && at > 0:
			at--
			size--
			edits = append(edits, [3]any{at, 1, ""})
		default:
			edits = append(edits, [3]any{at, 0, string(rune('a' + rnd.IntN(26)))})
			at++
			size++
		}
	}
	b, _ := json.Marshal(edits) // numbers and strings cannot fail
	return b
}
