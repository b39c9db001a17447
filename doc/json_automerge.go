//go:build cgo && (linux || darwin) && (amd64 || arm64)

package doc

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/automerge/automerge-go"
	"github.com/go-json-experiment/json/jsontext"
)

// appendRoot appends a document as JSON, in the mapping of docs/snapshot.md. The
// typed one loses nothing; the plain one reads well.
func appendRoot(dst []byte, doc *automerge.Doc, typed bool) ([]byte, error) {
	w := jsonWriter{dst: dst, typed: typed}
	err := w.object(doc.RootMap())
	return w.dst, err
}

type jsonWriter struct {
	dst   []byte
	typed bool
}

func (w *jsonWriter) value(v *automerge.Value) error {
	switch v.Kind() {
	case automerge.KindNull:
		w.text("null")
	case automerge.KindBool:
		w.dst = strconv.AppendBool(w.dst, v.Bool())
	case automerge.KindStr:
		return w.tagged("$str", func() error { return w.quote(v.Str()) })
	case automerge.KindBytes:
		return w.tagged("$bytes", func() error { return w.quote(base64.StdEncoding.EncodeToString(v.Bytes())) })
	case automerge.KindInt64:
		w.dst = strconv.AppendInt(w.dst, v.Int64(), 10)
	case automerge.KindUint64:
		w.dst = strconv.AppendUint(w.dst, v.Uint64(), 10)
	case automerge.KindFloat64:
		return w.float(v.Float64())
	case automerge.KindTime:
		return w.tagged("$date", func() error { return w.quote(ISO(v.Time())) })
	case automerge.KindCounter:
		n, err := v.Counter().Get()
		if err != nil {
			return err
		}
		return w.tagged("$counter", func() error {
			w.dst = strconv.AppendInt(w.dst, n, 10)
			return nil
		})
	case automerge.KindText:
		s, err := v.Text().Get()
		if err != nil {
			return err
		}
		return w.quote(s)
	case automerge.KindMap:
		return w.object(v.Map())
	case automerge.KindList:
		return w.list(v.List())
	case automerge.KindUnknown:
		return w.tagged("$unknown", func() error {
			w.text("null")
			return nil
		})
	default:
		return fmt.Errorf("a value of kind %v", v.Kind())
	}
	return nil
}

func (w *jsonWriter) text(s string) { w.dst = append(w.dst, s...) }

func (w *jsonWriter) quote(s string) (err error) {
	w.dst, err = jsontext.AppendQuote(w.dst, strings.ToValidUTF8(s, "\uFFFD"))
	return err
}

// tagged writes what JSON has no kind for: bare, or as the only member of an
// object that names the kind.
func (w *jsonWriter) tagged(tag string, write func() error) error {
	if !w.typed {
		return write()
	}
	w.text(`{"` + tag + `":`)
	err := write()
	w.text("}")
	return err
}

// float writes a number as JSON.stringify does; what is not finite is null there.
// Integers and floats are not told apart: JavaScript writes both for either.
func (w *jsonWriter) float(f float64) error {
	switch finite := !math.IsNaN(f) && !math.IsInf(f, 0); {
	case finite:
		text := strconv.AppendFloat(nil, f, 'g', -1, 64)
		var err error
		w.dst, err = jsontext.AppendFormat(w.dst, text, jsontext.CanonicalizeRawFloats(true))
		return err
	case w.typed:
		return w.tagged("$float", func() error { return w.quote(notFinite(f)) })
	}
	w.text("null")
	return nil
}

func notFinite(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return "NaN"
}

func (w *jsonWriter) object(m *automerge.Map) error {
	values, err := m.Values()
	if err != nil {
		return err
	}
	keys := slices.Sorted(maps.Keys(values))
	// A key that looks like a tag must not be taken for one.
	escape := w.typed && slices.ContainsFunc(keys, func(k string) bool { return strings.HasPrefix(k, "$") })
	if escape {
		w.text(`{"$map":`)
	}
	w.text("{")
	for i, k := range keys {
		if i > 0 {
			w.text(",")
		}
		if err := w.quote(k); err != nil {
			return err
		}
		w.text(":")
		if err := w.value(values[k]); err != nil {
			return err
		}
	}
	w.text("}")
	if escape {
		w.text("}")
	}
	return nil
}

func (w *jsonWriter) list(l *automerge.List) error {
	values, err := l.Values()
	if err != nil {
		return err
	}
	w.text("[")
	for i, v := range values {
		if i > 0 {
			w.text(",")
		}
		if err := w.value(v); err != nil {
			return err
		}
	}
	w.text("]")
	return nil
}
