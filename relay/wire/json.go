package wire

import (
	"bytes"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// A frame is validated once, whole, by jsontext; these walk the text after
// that and so need not check it again.

// Inside a payload, names that repeat are nobody's business, nor are escaped
// halves of a surrogate pair, which JavaScript makes where it cuts a string in
// an emoji. The bytes themselves must be UTF-8.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// valid reports whether b is one JSON value in UTF-8, nested at most 10,000 deep.
func valid(b []byte) bool { return utf8.Valid(b) && jsontext.Value(b).IsValid(lenient...) }

// members calls f with each name and value of an object, until it returns false.
func members(obj []byte, f func(name, value []byte) bool) {
	for i := space(obj, 1); obj[i] != '}'; {
		end := skip(obj, i)
		name := obj[i+1 : end-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			name, _ = jsontext.AppendUnquote(nil, obj[i:end])
		}
		i = space(obj, space(obj, end)+1) // over the colon
		end = skip(obj, i)
		if !f(name, obj[i:end]) {
			return
		}
		i = next(obj, end)
	}
}

// elements calls f with each element of an array, until it returns false.
func elements(arr []byte, f func(value []byte) bool) {
	for i := space(arr, 1); arr[i] != ']'; {
		end := skip(arr, i)
		if !f(arr[i:end]) {
			return
		}
		i = next(arr, end)
	}
}

// next returns where the next member or element begins, or the closing bracket.
func next(b []byte, i int) int {
	if i = space(b, i); b[i] == ',' {
		i = space(b, i+1)
	}
	return i
}

func space(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// skip returns the end of the value that begins at i.
func skip(b []byte, i int) int {
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		for depth := 0; ; {
			switch b[i] {
			case '"':
				i = skipString(b, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
			i++
		}
	}
	for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' && !isSpace(b[i]) {
		i++
	}
	return i
}

func skipString(b []byte, i int) int {
	for i++; ; {
		n := bytes.IndexByte(b[i:], '"')
		esc := bytes.IndexByte(b[i:i+n], '\\')
		if esc < 0 {
			return i + n + 1
		}
		i += esc + 2
	}
}

// compact appends a value without the white space outside its strings.
func compact(dst, value []byte) []byte {
	if value[0] != '{' && value[0] != '[' {
		return append(dst, value...)
	}
	for i := 0; i < len(value); {
		switch c := value[i]; {
		case c == '"':
			end := skipString(value, i)
			dst = append(dst, value[i:end]...)
			i = end
		case isSpace(c):
			i++
		default:
			dst = append(dst, c)
			i++
		}
	}
	return dst
}

// unquote returns the text of a JSON string; ok is false for another value.
func unquote(value []byte) (s string, ok bool) {
	if len(value) == 0 || value[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(value, '\\') < 0 {
		return string(value[1 : len(value)-1]), true
	}
	b, err := jsontext.AppendUnquote(nil, value)
	return string(b), err == nil
}
