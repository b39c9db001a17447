//go:build cgo && (linux || darwin) && (amd64 || arm64)

package doc

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/automerge/automerge-go"
)

// anewOp is about what an Automerge op takes beside its value, in bytes.
const anewOp = 32

// maker writes the content of one document into a new one.
type maker struct {
	child *child
	to    *automerge.Doc
	at    time.Time // of each change
	open  int       // bytes that are not committed
	left  Left
}

// anew returns a new document with the content of this one, and tells what it
// leaves behind. Actor and time follow from the content: the same document gives
// the same changes.
func (c *child) anew() (*automerge.Doc, error) {
	m := maker{child: c, to: automerge.New()}
	if err := m.survey(); err != nil {
		return nil, err
	}
	name := sha256.New()
	for _, h := range sortHashes(hashes(c.doc.Heads())) {
		name.Write(h[:])
	}
	if err := m.to.SetActorID(hex.EncodeToString(name.Sum(nil)[:16])); err != nil {
		return nil, err
	}
	if err := m.fields(c.doc.RootMap(), m.to.RootMap()); err != nil {
		return nil, err
	}
	if err := m.commit(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(m.left)
	if err != nil {
		return nil, err
	}
	return m.to, writeFrame(c.out, frameLeft, text)
}

// survey looks through the history.
func (m *maker) survey() error {
	changes, err := m.child.doc.Changes()
	if err != nil {
		return fmt.Errorf("list changes: %w", err)
	}
	actors := map[string]bool{}
	newest := int64(0)
	for _, change := range changes {
		actors[change.ActorID()] = true
		newest = max(newest, unixMilli(change.Timestamp().UnixMilli()))
		marks, err := hasMarks(change.Save())
		if err != nil {
			return fmt.Errorf("read change %v: %w", change.Hash(), err)
		}
		m.left.Marks = m.left.Marks || marks
	}
	m.left.Changes, m.left.Actors, m.at = len(changes), len(actors), time.UnixMilli(newest)
	return nil
}

// actionMark is the action of an op that begins or ends a mark.
const actionMark = 7

// hasMarks reports whether a change formats text.
func hasMarks(raw []byte) (has bool, err error) {
	if len(raw) < 9 || !bytes.HasPrefix(raw, magic) {
		return false, faulty(WrongType, "it is no Automerge data")
	}
	chunk := reader{rest: raw[8:], kind: Damaged}
	kind := chunk.byte()
	body := chunk.take(chunk.uleb())
	if chunk.err == nil && kind == deflatedChange {
		body, chunk.err = inflate(body, maxFrame)
	}
	r := reader{rest: body, kind: Malformed, err: chunk.err}
	new(Change).readHead(&r)
	actions := reader{rest: r.columns()[columnActions], kind: Malformed, err: r.err}
	actions.runs(func(_, action uint64) { has = has || action == actionMark })
	return has, actions.err
}

// place is where a value goes.
type place func(value any) error

func (m *maker) fields(from, to *automerge.Map) error {
	values, err := from.Values()
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if err := m.value(values[key], len(key), func(v any) error { return to.Set(key, v) }); err != nil {
			return err
		}
	}
	return nil
}

// value copies a value; named is how many bytes its place takes.
func (m *maker) value(v *automerge.Value, named int, put place) error {
	switch v.Kind() {
	case automerge.KindNull, automerge.KindBool, automerge.KindInt64, automerge.KindUint64, automerge.KindFloat64, automerge.KindTime:
		return m.put(v.Interface(), named, put)
	case automerge.KindStr:
		return m.put(v.Str(), named+len(v.Str()), put)
	case automerge.KindBytes:
		return m.put(v.Bytes(), named+len(v.Bytes()), put)
	case automerge.KindCounter:
		n, err := v.Counter().Get()
		if err != nil {
			return err
		}
		return m.put(automerge.NewCounter(n), named, put)
	case automerge.KindText:
		return m.text(v.Text(), named, put)
	case automerge.KindMap:
		inner := automerge.NewMap()
		if err := m.put(inner, named, put); err != nil {
			return err
		}
		return m.fields(v.Map(), inner)
	case automerge.KindList:
		return m.list(v.List(), named, put)
	}
	return fmt.Errorf("it has a value of kind %v", v.Kind())
}

func (m *maker) list(from *automerge.List, named int, put place) error {
	values, err := from.Values()
	if err != nil {
		return err
	}
	inner := automerge.NewList()
	if err := m.put(inner, named, put); err != nil {
		return err
	}
	for _, v := range values {
		if err := m.value(v, 0, func(v any) error { return inner.Append(v) }); err != nil {
			return err
		}
	}
	return nil
}

// text copies a text in pieces. What is no character reads as U+FFFC.
func (m *maker) text(from *automerge.Text, named int, put place) error {
	s, err := from.Get()
	if err != nil {
		return err
	}
	m.left.Blocks = m.left.Blocks || strings.ContainsRune(s, '\uFFFC')
	inner := automerge.NewText("")
	if err := m.put(inner, named, put); err != nil {
		return err
	}
	for len(s) > 0 {
		n := min(m.child.Want.Anew/4, len(s))
		for n < len(s) && !utf8.RuneStart(s[n]) {
			n--
		}
		if err := m.put(s[:n], n, func(any) error { return inner.Append(s[:n]) }); err != nil {
			return err
		}
		s = s[n:]
	}
	return nil
}

// put writes a value of a size, in the change that is open or in a new one.
func (m *maker) put(v any, size int, put place) error {
	size += anewOp
	if m.open > 0 && m.open+size > m.child.Want.Anew {
		if err := m.commit(); err != nil {
			return err
		}
	}
	m.open += size
	return put(v)
}

// commit ends a change. That the child is at work is told.
func (m *maker) commit() error {
	if m.open == 0 {
		return nil
	}
	m.open = 0
	if _, err := m.to.Commit("", automerge.CommitOptions{Time: &m.at}); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return writeFrame(m.child.out, frameReading)
}
