package main

import (
	"encoding"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// setting is a flag with its value, and where that comes from.
type setting struct {
	flag   *kong.Flag
	source string // flag, BATON_…, path:line or default
}

const (
	fromFlag    = "flag"
	fromDefault = "default"
)

// inForce returns what the selected command runs with, in the order of --help.
func (c *Settings) inForce(ctx *kong.Context) []setting {
	given, resolved := map[*kong.Flag]bool{}, map[*kong.Flag]bool{}
	for _, p := range ctx.Path {
		if p.Flag != nil {
			given[p.Flag] = !p.Resolved
			resolved[p.Flag] = p.Resolved
		}
	}
	var all []setting
	for _, flag := range settingFlags(ctx.Selected()) {
		s := setting{flag: flag, source: fromDefault}
		env, isEnv := envOf(flag)
		switch {
		case given[flag]:
			s.source = fromFlag
		case isEnv:
			s.source = env
		case resolved[flag]:
			s.source = c.file.place(flag.Name)
		}
		all = append(all, s)
	}
	return all
}

func (s setting) group() string {
	if s.flag.Group == nil {
		return ""
	}
	return s.flag.Group.Title
}

// isSecret reports whether the value itself must not be seen: the flag is
// tagged secret:"". The path of a file that holds a secret is none.
func (s setting) isSecret() bool { return s.flag.Tag.Has("secret") }

// value is the value in force; that of a pointer which points to nothing is not
// valid.
func (s setting) value() reflect.Value { return reflect.Indirect(s.flag.Target) }

// texts are the values in force, as one would give them to the flag; none where
// it is not set.
func (s setting) texts() []string {
	if v := s.value(); v.IsValid() && (v.Kind() != reflect.String || v.Len() > 0) {
		return textsOf(v)
	}
	return nil
}

// textsOf are the elements of a list, or a value alone.
func textsOf(v reflect.Value) []string {
	switch {
	case v.Kind() != reflect.Slice:
		return []string{plain(v)}
	}
	var list []string
	for i := range v.Len() {
		list = append(list, plain(v.Index(i)))
	}
	return list
}

// shown is the value for people to see.
func (s setting) shown() string {
	texts := s.texts()
	switch {
	case len(texts) == 0:
		return "–"
	case s.isSecret():
		return "(secret)"
	}
	return strings.Join(texts, ", ")
}

// help is what the setting is for, without its default at the end.
func (s setting) help() string {
	return strings.TrimSuffix(s.flag.Help, " ("+s.flag.Default+")")
}

// example is a value to begin with: the default, or one that a file may have.
func (s setting) example() string {
	t := s.flag.Target.Type()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	v := reflect.New(t).Elem()
	if s.flag.HasDefault {
		scan := kong.Scan().PushTyped(s.flag.Default, kong.FlagValueToken)
		if err := s.flag.Mapper.Decode(&kong.DecodeContext{Value: s.flag.Value, Scan: scan}, v); err == nil {
			return tomlOf(v)
		}
	}
	if v.Kind() == reflect.Slice {
		return "[" + sample(s.flag) + "]"
	}
	if v.Kind() == reflect.String && s.flag.PlaceHolder != "" {
		return quote(s.flag.PlaceHolder)
	}
	return tomlOf(v)
}

// sample is an element of the flag's list.
func sample(flag *kong.Flag) string {
	switch t := flag.Target.Type().Elem(); {
	case flag.Enum != "":
		return quote(flag.EnumSlice()[0])
	case isWritten(t):
		return "" // what it takes only the type knows
	case t.Kind() != reflect.String:
		return tomlOf(reflect.New(t).Elem())
	}
	if flag.PlaceHolder == "" {
		return `"…"`
	}
	return quote(flag.PlaceHolder)
}

var slogLevel = reflect.TypeFor[slog.Level]()

// isWritten reports whether values of this type are written as text that only
// the type itself can read, such as 1MiB.
func isWritten(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) ||
		reflect.PointerTo(t).Implements(reflect.TypeFor[kong.MapperValue]())
}

// plain is a single value as one would give it to the flag.
func plain(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case slog.Level:
		return strings.ToLower(x.String())
	case time.Duration:
		return x.String()
	case encoding.TextMarshaler:
		if text, err := x.MarshalText(); err == nil {
			return string(text)
		}
	}
	return fmt.Sprint(v)
}

// tomlOf is a value as TOML has it.
func tomlOf(v reflect.Value) string {
	switch {
	case v.Kind() == reflect.Slice:
		var list []string
		for i := range v.Len() {
			list = append(list, tomlOf(v.Index(i)))
		}
		return "[" + strings.Join(list, ", ") + "]"
	case v.Kind() == reflect.String, isWritten(v.Type()), v.Type() == reflect.TypeFor[time.Duration]():
		return quote(plain(v))
	case v.Kind() == reflect.Float64:
		return strings.ToLower(plain(v)) // +inf, nan
	}
	return plain(v)
}

// quote returns a text as TOML has it: as Go does, but for the escapes that TOML
// has not.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
