package diff_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// apply does to a decoded document what a JSON Patch says, by the letter of RFC
// 6902: what is not there can be neither removed nor replaced.
func apply(doc any, patch []byte) (any, error) {
	var ops []struct {
		Op, Path string
		Value    json.RawMessage
	}
	if err := json.Unmarshal(patch, &ops); err != nil {
		return nil, err
	}
	for _, op := range ops {
		var names []string
		if op.Path != "" {
			rest, ok := strings.CutPrefix(op.Path, "/")
			if !ok {
				return nil, fmt.Errorf("path %q is no JSON Pointer", op.Path)
			}
			for name := range strings.SplitSeq(rest, "/") {
				names = append(names, strings.NewReplacer("~1", "/", "~0", "~").Replace(name))
			}
		}
		var value any
		if op.Op != "remove" {
			d := json.NewDecoder(strings.NewReader(string(op.Value)))
			d.UseNumber()
			if err := d.Decode(&value); err != nil {
				return nil, fmt.Errorf("%s %s: %w", op.Op, op.Path, err)
			}
		}
		var err error
		if doc, err = applyAt(doc, names, op.Op, value); err != nil {
			return nil, fmt.Errorf("%s %s: %w", op.Op, op.Path, err)
		}
	}
	return doc, nil
}

func applyAt(v any, names []string, op string, value any) (any, error) {
	if len(names) == 0 {
		if op != "replace" {
			return nil, fmt.Errorf("%s of all", op)
		}
		return value, nil
	}
	name, last := names[0], len(names) == 1
	switch v := v.(type) {
	case map[string]any:
		v = maps.Clone(v)
		old, is := v[name]
		switch {
		case !is && (!last || op != "add"):
			return nil, fmt.Errorf("there is no %q", name)
		case last && op == "add":
			v[name] = value
		case last && op == "remove":
			delete(v, name)
		default:
			changed, err := applyAt(old, names[1:], op, value)
			v[name] = changed
			return v, err
		}
		return v, nil
	case []any:
		v = slices.Clone(v)
		i, err := strconv.Atoi(name)
		switch {
		case err != nil || i < 0 || i > len(v) || i == len(v) && (!last || op != "add"):
			return nil, fmt.Errorf("there is no item %q of %d", name, len(v))
		case last && op == "add":
			return slices.Insert(v, i, value), nil
		case last && op == "remove":
			return slices.Delete(v, i, i+1), nil
		}
		v[i], err = applyAt(v[i], names[1:], op, value)
		return v, err
	}
	return nil, fmt.Errorf("%q is no way into a %T", name, v)
}
