package diff_test

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/baton-relay/baton/doc/diff"
)

// board is 5,000 elements of 20 properties, by name and as a list; edited moves
// every tenth a little, takes some out and puts some in.
func board(edited, list bool) []byte {
	named := map[string]any{}
	var items []any
	for i := range 5000 {
		if edited && i%500 == 3 {
			continue
		}
		e := map[string]any{"id": fmt.Sprint("element-", i)}
		for k := range 19 {
			e[fmt.Sprint("property", k)] = i*31 + k
		}
		if edited && i%10 == 0 {
			e["property3"] = -i
		}
		named[fmt.Sprint("element-", i)] = e
		items = append(items, e)
		if edited && i%500 == 4 {
			items = append(items, map[string]any{"id": fmt.Sprint("new-", i)})
		}
	}
	var v any = map[string]any{"elements": named}
	if list {
		v = map[string]any{"elements": items}
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// deep is lists in lists, of which the innermost differs.
func deep(edited bool) []byte {
	const depth = 9000
	inner := "0"
	if edited {
		inner = "1"
	}
	return []byte(strings.Repeat("[1,2,", depth) + inner + strings.Repeat("]", depth))
}

// prose is a text of about 260,000 characters.
func prose(edited bool) []byte {
	var b strings.Builder
	for i := 0; b.Len() < 260_000; i++ {
		word := "and then"
		if edited && i%40 == 7 {
			word = "but"
		}
		fmt.Fprintf(&b, "Line %d says that this was so, %s it was otherwise.\n", i, word)
	}
	text, err := json.Marshal(map[string]any{"text": b.String()})
	if err != nil {
		panic(err)
	}
	return text
}

func BenchmarkText(b *testing.B) {
	for _, c := range []struct {
		name   string
		before []byte
		after  []byte
	}{
		{"elements by name", board(false, false), board(true, false)},
		{"elements in a list", board(false, true), board(true, true)},
		{"deep", deep(false), deep(true)},
		{"prose", prose(false), prose(true)},
		{"prose in one line", []byte(strings.ReplaceAll(string(prose(false)), `\n`, " ")), []byte(strings.ReplaceAll(string(prose(true)), `\n`, " "))},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.before)))
			b.ReportAllocs()
			for b.Loop() {
				if err := diff.WriteText(io.Discard, c.before, c.after, diff.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPatch(b *testing.B) {
	before, after := board(false, true), board(true, true)
	b.SetBytes(int64(len(before)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := diff.Patch(before, after); err != nil {
			b.Fatal(err)
		}
	}
}
