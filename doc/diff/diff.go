// Package diff says what changed between two JSON documents, or two moments of
// one: as a JSON Patch for programs ([Patch], RFC 6902), and in lines for people
// ([WriteText]).
//
// Both tell the same changes. Objects are compared by their names, lists by what
// their items hold: an item that was put in moves those behind it and changes none.
// Numbers are compared and told as they are spelled, with all their digits.
//
// Input is JSON text as encoding/json takes it: of a name that repeats in an object
// the last counts, and what is not UTF-8 becomes U+FFFD.
package diff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Patch returns the JSON Patch that turns a into b, an empty list if they are
// equal. It adds, removes and replaces; each change is told where it is, the order
// is that of the names, and of the items.
func Patch(a, b []byte) ([]byte, error) {
	changes, err := compare(a, b)
	if err != nil {
		return nil, err
	}
	type op struct {
		Op    string           `json:"op"`
		Path  string           `json:"path"`
		Value *json.RawMessage `json:"value,omitempty"`
	}
	patch := make([]op, 0, len(changes))
	for _, c := range changes {
		o := op{Op: [...]string{added: "add", removed: "remove", changed: "replace"}[c.kind], Path: c.pointer()}
		if c.kind != removed {
			value := json.RawMessage(encode(c.new))
			o.Value = &value
		}
		patch = append(patch, o)
	}
	return json.Marshal(patch)
}

func compare(a, b []byte) ([]change, error) {
	before, err := parse(a)
	if err != nil {
		return nil, fmt.Errorf("parse the first document: %w", err)
	}
	after, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("parse the second document: %w", err)
	}
	n := numbers{}
	var w walk
	w.nodes(n.node(before), n.node(after))
	return w.changes, nil
}

// parse returns a JSON value of nil, bool, string, json.Number, []any and
// map[string]any.
func parse(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("there is more behind the JSON value, at byte %d", d.InputOffset())
	}
	return v, nil
}

// encode returns the compact JSON text of what parse returned, names ascending.
func encode(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("diff: a parsed value has no JSON: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// kind is what became of a value.
type kind int

const (
	added kind = iota
	removed
	changed
)

// change is one difference. Read one after the other, changes lead from one
// document to the other: indexes in path are those of a list whose changes so far
// are done, and so those of the new list.
type change struct {
	kind     kind
	path     []string
	old, new any
	// was is, of an item that was removed, its index in the old list; else -1.
	was int
}

// pointer returns the JSON Pointer (RFC 6901) of what changed.
func (c *change) pointer() string {
	var b strings.Builder
	for _, name := range c.path {
		b.WriteByte('/')
		b.WriteString(escaper.Replace(name))
	}
	return b.String()
}

var escaper = strings.NewReplacer("~", "~0", "/", "~1")
