//go:build cgo

package doc

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/automerge/automerge-go"

	"github.com/baton-relay/baton/oplog"
)

// anew makes a file anew, appends its ops to a log and returns its content there.
func anew(t *testing.T, file []byte, opBytes int) (entries []oplog.Entry, left *Left, typed string) {
	t.Helper()
	entries, left, err := Engine{}.Anew(t.Context(), file, opBytes, time.Now().UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
	log := openLog(t)
	if _, err := log.Append(t.Context(), oplog.Append{Doc: "anew", Format: Automerge, Entries: slices.Clone(entries)}); err != nil {
		t.Fatal(err)
	}
	cut, err := CutAt(t.Context(), log, "anew", Moment{})
	if err != nil {
		t.Fatal(err)
	}
	state, err := Engine{}.Make(t.Context(), cut, Want{Typed: true}, MakeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return entries, left, string(state.JSON)
}

func TestDocumentMadeAnewHoldsTheSame(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		left Left
	}{
		"kinds": {[]string{"kinds"}, Left{Changes: 6, Actors: 2, Marks: true, Blocks: true}},
		"talk":  {[]string{"talk", "--moves", "40", "--states", "1"}, Left{Changes: 41, Actors: 4}},
	} {
		t.Run(name, func(t *testing.T) {
			h := madeInJS(t, c.args...)
			was, err := Engine{}.Run(t.Context(), Job{Ops: h.upTo(oplog.Offset(len(h.ops))), Want: Want{Save: true, Typed: true}})
			if err != nil {
				t.Fatal(err)
			}
			entries, left, typed := anew(t, was.Save, 2000)
			if *left != c.left {
				t.Errorf("left behind: got %+v, want %+v", *left, c.left)
			}
			if typed != string(was.JSON) {
				t.Errorf("content: got\n%s\nwant\n%s", typed, was.JSON)
			}
			again, _, err := Engine{}.Anew(t.Context(), was.Save, 2000, time.Now().UnixMilli())
			if err != nil {
				t.Fatal(err)
			}
			for i, e := range entries {
				if !again[i].SameContent(&e.Op) {
					t.Errorf("op %d is another one when it is made again", i+1)
				}
				if e.Actor != entries[0].Actor || e.Seq != uint64(i+1) || e.Clock.Len() > 0 {
					t.Errorf("op %d is %v upon %v, want one actor's", i+1, e.Dot, e.Clock)
				}
			}
		})
	}
}

// TestDocumentMadeAnewHasSmallOps divides a change that is large by its text, and
// cannot divide the bytes that are one value of it.
func TestDocumentMadeAnewHasSmallOps(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	var text strings.Builder
	for text.Len() < 40_000 {
		text.WriteRune([]rune("abcdefghijklmnopqrstuvwxyz é日本😀")[random.IntN(31)])
	}
	large := automerge.New()
	bytes := make([]byte, 20_000)
	for i := range bytes {
		bytes[i] = byte(random.IntN(256))
	}
	values := map[string]any{"a text": automerge.NewText(text.String()), "bytes": bytes, "last": "word"}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if err := large.RootMap().Set(key, values[key]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := large.Commit("all at once"); err != nil {
		t.Fatal(err)
	}
	const opBytes = 12 << 10
	entries, _, typed := anew(t, large.Save(), opBytes)
	var tooLarge []int
	for _, e := range entries {
		if len(e.Payload) > opBytes {
			tooLarge = append(tooLarge, len(e.Payload))
		}
	}
	if len(tooLarge) != 1 || tooLarge[0] > 28_000 {
		t.Errorf("of %d ops those of %v bytes are larger than %d, want one, that of the bytes", len(entries), tooLarge, opBytes)
	}
	if !strings.Contains(typed, text.String()) || !strings.Contains(typed, "word") {
		t.Errorf("the content is another one")
	}
}
