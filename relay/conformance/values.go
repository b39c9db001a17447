package conformance

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// values are what a dialogue knows by name, as JSON text.
type values map[string]json.RawMessage

// reference is $name, $A.session or $fill(N).
var reference = regexp.MustCompile(`\$(?:fill\(([a-z0-9_]+)\)|([A-Z]\.[a-z]+|[a-z][a-z0-9_]*))`)

// str keeps a string as the value of name.
func (v values) str(name, s string) {
	v[name], _ = json.Marshal(s) // a string cannot fail
}

var each = regexp.MustCompile(`\$each\(([a-z0-9_]+)\)<([^>]*)>`)

// repeat replaces $each(N)<TEXT>.
func (v values) repeat(text string) (out string, err error) {
	out = each.ReplaceAllStringFunc(text, func(s string) string {
		m := each.FindStringSubmatch(s)
		n, e := v.number(m[1])
		if e != nil {
			err = e
			return ""
		}
		all := make([]string, n)
		for k := range all {
			all[k] = strings.ReplaceAll(m[2], "$k", strconv.Itoa(k+1))
		}
		return strings.Join(all, ",")
	})
	return out, err
}

// expand puts values where text names them.
func (v values) expand(text string) (string, error) {
	text, err := v.repeat(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	done := 0
	for _, m := range reference.FindAllStringSubmatchIndex(text, -1) {
		start, end := m[0], m[1]
		if m[2] >= 0 {
			n, err := v.number(text[m[2]:m[3]])
			if err != nil {
				return "", err
			}
			b.WriteString(text[done:start])
			b.WriteString(strings.Repeat("x", n))
			done = end
			continue
		}
		name := text[m[4]:m[5]]
		value, ok := v[name]
		if !ok {
			return "", fmt.Errorf("no value is known as $%s", name)
		}
		quoted := start > 0 && text[start-1] == '"' && end < len(text) && text[end] == '"'
		if quoted {
			b.WriteString(text[done : start-1])
			b.Write(value)
			done = end + 1
			continue
		}
		b.WriteString(text[done:start])
		b.WriteString(strings.Trim(string(value), `"`))
		done = end
	}
	b.WriteString(text[done:])
	return b.String(), nil
}

// number returns a number, or the value of that name as one.
func (v values) number(s string) (int, error) {
	s = strings.TrimPrefix(s, "$")
	if value, ok := v[s]; ok {
		s = string(value)
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, fmt.Errorf("%q is neither a number nor the name of one", s)
	}
	return n, nil
}
