package doc

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// ErrNoText says that a document has no text where one was asked for.
var ErrNoText = errors.New("no text")

// Text returns a text of a document, from its content in typed JSON. path names
// it by keys and indexes, such as notes/0/body; without one it is the only text
// that the document has. Strings that are registers count if they are named.
func Text(content []byte, path string) (string, error) {
	var root any
	if err := json.Unmarshal(content, &root); err != nil {
		return "", fmt.Errorf("read content: %w", err)
	}
	if path != "" {
		return textAt(root, path)
	}
	texts := map[string]string{}
	findTexts(root, "", texts)
	names := slices.Sorted(maps.Keys(texts))
	switch len(names) {
	case 0:
		return "", fmt.Errorf("%w in the document", ErrNoText)
	case 1:
		return texts[names[0]], nil
	}
	list := strings.Join(names[:min(len(names), 10)], ", ")
	if len(names) > 10 {
		list += ", …"
	}
	return "", fmt.Errorf("the document has %d texts: say which one is meant, by --field PATH (%s)", len(names), list)
}

func textAt(v any, path string) (string, error) {
	for part := range strings.SplitSeq(path, "/") {
		switch in := untag(v).(type) {
		case map[string]any:
			v = in[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(in) {
				return "", fmt.Errorf("%w at %s: the list has no %s", ErrNoText, path, part)
			}
			v = in[i]
		default:
			v = nil
		}
	}
	switch v := v.(type) {
	case string:
		return v, nil
	case map[string]any:
		if s, ok := v["$str"].(string); ok && len(v) == 1 {
			return s, nil
		}
	}
	return "", fmt.Errorf("%w at %s", ErrNoText, path)
}

// untag returns the map that a typed object stands for.
func untag(v any) any {
	if m, ok := v.(map[string]any); ok && len(m) == 1 {
		if inner, ok := m["$map"]; ok {
			return inner
		}
	}
	return v
}

// findTexts collects the texts of a value by their paths.
func findTexts(v any, path string, texts map[string]string) {
	join := func(part string) string { return strings.TrimPrefix(path+"/"+part, "/") }
	switch v := v.(type) {
	case string:
		texts[path] = v
	case []any:
		for i, item := range v {
			findTexts(item, join(strconv.Itoa(i)), texts)
		}
	case map[string]any:
		if tagged(v) {
			return
		}
		members, _ := untag(v).(map[string]any)
		for key, item := range members {
			findTexts(item, join(key), texts)
		}
	}
}

// tagged reports whether an object stands for a value that is no text: $map
// alone stands for an object.
func tagged(v map[string]any) bool {
	for key := range v {
		return len(v) == 1 && key != "$map" && strings.HasPrefix(key, "$")
	}
	return false
}
