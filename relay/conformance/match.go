package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// pattern is what a frame or a body is expected to be like: JSON, decoded with
// numbers as text.
type pattern any

// rawWord is the one matcher that is not a JSON string as it stands: its text
// has quotes of its own (and so cannot have >" in it).
var rawWord = regexp.MustCompile(`"<raw .*?>"`)

func parsePattern(text string) (pattern, error) {
	text = rawWord.ReplaceAllStringFunc(text, func(s string) string {
		quoted, _ := json.Marshal(strings.Trim(s, `"`)) // a string cannot fail
		return string(quoted)
	})
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var p any
	if err := d.Decode(&p); err != nil {
		return nil, fmt.Errorf("read pattern: %w", err)
	}
	if d.More() {
		return nil, fmt.Errorf("read pattern: something follows it in %q", text)
	}
	return p, nil
}

// match compares a value (nil where there is none) with a pattern, and keeps in
// v what the pattern names for the first time. Its error says where they differ.
func (v values) match(p pattern, got json.RawMessage, path string) error {
	if s, ok := p.(string); ok {
		return v.matchString(s, got, path)
	}
	if got == nil {
		return fmt.Errorf("%s is missing", path)
	}
	switch p := p.(type) {
	case map[string]any:
		return v.matchObject(p, got, path)
	case []any:
		return v.matchList(p, got, path)
	}
	want, _ := json.Marshal(p) // a number, a bool or null
	if !bytes.Equal(bytes.TrimSpace(got), want) {
		return fmt.Errorf("%s is %s, not %s", path, short(got), want)
	}
	return nil
}

func (v values) matchObject(p map[string]any, got json.RawMessage, path string) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(got, &fields); err != nil || fields == nil {
		return fmt.Errorf("%s is %s, not an object", path, short(got))
	}
	rest, closed := p["<else>"]
	named := map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(p)) {
		if key == "<else>" {
			continue
		}
		name, err := v.expand(key)
		if err != nil {
			return err
		}
		named[name] = true
		if err := v.match(p[key], fields[name], path+"."+name); err != nil {
			return err
		}
	}
	for name, value := range fields {
		if closed && !named[name] {
			if err := v.match(rest, value, path+"."+name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v values) matchList(p []any, got json.RawMessage, path string) error {
	var list []json.RawMessage
	if err := json.Unmarshal(got, &list); err != nil || list == nil {
		return fmt.Errorf("%s is %s, not a list", path, short(got))
	}
	open := len(p) > 0 && p[len(p)-1] == "..."
	if open {
		p = p[:len(p)-1]
	}
	if len(list) < len(p) || len(list) > len(p) && !open {
		return fmt.Errorf("%s has %d elements, not %d: %s", path, len(list), len(p), short(got))
	}
	for i, want := range p {
		if err := v.match(want, list[i], fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return err
		}
	}
	return nil
}

// matchString compares with a string, a value by name or a "<matcher>".
func (v values) matchString(p string, got json.RawMessage, path string) error {
	if name, ok := strings.CutPrefix(p, "$"); ok && reference.FindString(p) == p {
		value, known := v[name]
		switch {
		case got == nil:
			return fmt.Errorf("%s is missing", path)
		case !known:
			v[name] = bytes.Clone(got)
		case !bytes.Equal(value, got):
			return fmt.Errorf("%s is %s, not %s", path, short(got), short(value))
		}
		return nil
	}
	p, err := v.expand(p)
	if err != nil {
		return err
	}
	if len(p) > 2 && p[0] == '<' && p[len(p)-1] == '>' {
		word, arg, _ := strings.Cut(p[1:len(p)-1], " ")
		return v.matchWord(word, arg, got, path)
	}
	var s string
	if err := json.Unmarshal(got, &s); err != nil || s != p || bytes.Equal(got, []byte("null")) {
		return fmt.Errorf("%s is %s, not %q", path, short(got), p)
	}
	return nil
}

// words are the matchers without an argument, by the text of a JSON value.
var words = map[string]*regexp.Regexp{
	"any":    regexp.MustCompile(`^`),
	"string": regexp.MustCompile(`^"`),
	"text":   regexp.MustCompile(`^"[^"]`),
	"uuid":   regexp.MustCompile(`^"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"$`),
	"int":    regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`),
	"bool":   regexp.MustCompile(`^(true|false)$`),
	"object": regexp.MustCompile(`^\{`),
	"array":  regexp.MustCompile(`^\[`),
}

func (v values) matchWord(word, arg string, got json.RawMessage, path string) error {
	wrong := fmt.Errorf("%s is %s, not <%s>", path, short(got), strings.TrimSpace(word+" "+arg))
	if word == "absent" {
		if got != nil {
			return wrong
		}
		return nil
	}
	if got == nil {
		return fmt.Errorf("%s is missing", path)
	}
	ok := false
	switch word {
	case "raw":
		ok = string(got) == arg
	case "not":
		ok = string(got) != arg && string(got) != `"`+arg+`"`
	case "has", "lacks":
		var list []string
		err := json.Unmarshal(got, &list)
		ok = err == nil && slices.Contains(list, arg) == (word == "has")
	default:
		re, known := words[word]
		if !known {
			return fmt.Errorf("no matcher is called <%s>", word)
		}
		ok = re.Match(got)
		if ok && arg != "" {
			return v.compare(arg, got, wrong)
		}
	}
	if !ok {
		return wrong
	}
	return nil
}

// compare checks an integer against "> 5" and the like.
func (v values) compare(arg string, got json.RawMessage, wrong error) error {
	op, text, _ := strings.Cut(arg, " ")
	want, err := v.number(text)
	if err != nil {
		return err
	}
	n, err := v.number(string(got))
	if err != nil {
		return err
	}
	ok := map[string]bool{">": n > want, ">=": n >= want, "<": n < want, "<=": n <= want}
	if !ok[op] {
		return wrong
	}
	return nil
}

// short is a value as it stands in a message.
func short(b []byte) string {
	const most = 300
	if b == nil {
		return "nothing"
	}
	if len(b) > most {
		return fmt.Sprintf("%s… (%d bytes)", b[:most], len(b))
	}
	return string(b)
}
