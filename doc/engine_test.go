//go:build cgo

package doc

import (
	"strings"
	"testing"
)

func TestContentIsWhatJavaScriptSays(t *testing.T) {
	for name, args := range map[string][]string{
		"every kind of value": {"kinds"},
		"a whiteboard":        {"board", "--elements", "60", "--moves", "300"},
	} {
		t.Run(name, func(t *testing.T) {
			h := madeInJS(t, args...)
			if len(h.moments) < 6 {
				t.Fatalf("%d moments to look at, want 6 or more", len(h.moments))
			}
			for _, m := range h.moments {
				for _, typed := range []bool{false, true} {
					want := m.JSON
					if typed {
						want = m.Typed
					}
					got, err := Engine{}.Run(t.Context(), Job{Ops: h.upTo(m.Offset), Want: Want{JSON: !typed, Typed: typed, Save: true}})
					if err != nil {
						t.Fatalf("at offset %d: %v", m.Offset, err)
					}
					if string(got.JSON) != want {
						t.Errorf("at offset %d, typed %v: got\n%s\nwant\n%s", m.Offset, typed, got.JSON, want)
					}
					if heads := hexes(got.Heads); heads != strings.Join(m.Heads, " ") {
						t.Errorf("heads at offset %d: got %s, want %v", m.Offset, heads, m.Heads)
					}
				}
			}
		})
	}
}

func hexes(list []Hash) string {
	var words []string
	for _, h := range list {
		words = append(words, h.String())
	}
	return strings.Join(words, " ")
}
