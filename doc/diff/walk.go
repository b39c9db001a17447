package diff

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/aymanbagabas/go-udiff/lcs"
)

// node is a value with a number that only equal values have.
type node struct {
	value  any
	number rune // that is what lcs compares
	names  map[string]*node
	items  []*node
}

// numbers has the number of each value seen. What values hold is told by the
// numbers of their parts, so that each part is looked at once however deep it lies.
type numbers map[string]rune

func (n numbers) node(v any) *node {
	d := &node{value: v}
	var key []byte
	switch v := v.(type) {
	case map[string]any:
		d.names = make(map[string]*node, len(v))
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		key = append(key, '{')
		for _, name := range names {
			part := n.node(v[name])
			d.names[name] = part
			key = binary.AppendUvarint(key, uint64(len(name)))
			key = append(key, name...)
			key = binary.AppendUvarint(key, uint64(part.number))
		}
	case []any:
		d.items = make([]*node, len(v))
		key = append(key, '[')
		for i := range v {
			d.items[i] = n.node(v[i])
			key = binary.AppendUvarint(key, uint64(d.items[i].number))
		}
	case string:
		key = append(append(key, '"'), v...)
	case json.Number:
		key = append(key, v...)
	default:
		key = fmt.Append(key, v) // true, false, <nil>
	}
	// The first byte parts the kinds of values.
	number, known := n[string(key)]
	if !known {
		number = rune(len(n))
		n[string(key)] = number
	}
	d.number = number
	return d
}

// walk goes through two values side by side.
type walk struct {
	path    []string
	changes []change
}

func (w *walk) note(k kind, before, after any, was int) {
	w.changes = append(w.changes, change{k, slices.Clone(w.path), before, after, was})
}

func (w *walk) step(name string) { w.path = append(w.path, name) }

func (w *walk) back() { w.path = w.path[:len(w.path)-1] }

func (w *walk) nodes(a, b *node) {
	switch {
	case a.number == b.number:
	case a.names != nil && b.names != nil:
		w.objects(a.names, b.names)
	case a.items != nil && b.items != nil:
		w.lists(a.items, b.items)
	default:
		w.note(changed, a.value, b.value, -1)
	}
}

func (w *walk) objects(a, b map[string]*node) {
	names := make([]string, 0, len(a))
	for name := range a {
		names = append(names, name)
	}
	for name := range b {
		if _, both := a[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		before, was := a[name]
		after, is := b[name]
		w.step(name)
		switch {
		case !was:
			w.note(added, nil, after.value, -1)
		case !is:
			w.note(removed, before.value, nil, -1)
		default:
			w.nodes(before, after)
		}
		w.back()
	}
}

// lists compares the items that a longest common subsequence leaves over, one by
// one, until one of the two lists has no more there.
func (w *walk) lists(a, b []*node) {
	for _, d := range lcs.DiffRunes(numbersOf(a), numbersOf(b)) {
		i, j := d.Start, d.ReplStart
		for i < d.End || j < d.ReplEnd {
			w.step(strconv.Itoa(j))
			switch {
			case i < d.End && j < d.ReplEnd:
				w.nodes(a[i], b[j])
				i++
				j++
			case i < d.End:
				w.note(removed, a[i].value, nil, i)
				i++
			default:
				w.note(added, nil, b[j].value, -1)
				j++
			}
			w.back()
		}
	}
}

func numbersOf(items []*node) []rune {
	all := make([]rune, len(items))
	for i, item := range items {
		all[i] = item.number
	}
	return all
}
