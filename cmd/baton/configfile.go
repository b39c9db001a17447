package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/alecthomas/kong"
)

// fileBytes is how long a file of settings may be. It is read by hand and eye.
const fileBytes = 64 << 10

// configFile is a file of settings, by the names of their flags. It is a
// [kong.Resolver]: what neither a flag nor the environment sets comes from here.
type configFile struct {
	path    string
	entries map[string]entry
}

// entry is one setting as it stands in the file.
type entry struct {
	value any // as TOML has it: string, bool, int64, float64, []any, …
	line  int
}

// BeforeResolve reads the file that --config or BATON_CONFIG names.
func (c *Settings) BeforeResolve(ctx *kong.Context) error {
	flags := settingFlags(ctx.Selected())
	i := slices.IndexFunc(flags, func(f *kong.Flag) bool { return f.Name == "config" })
	path, _ := ctx.FlagValue(flags[i]).(string)
	if path == "" {
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read settings: %w", err)
	}
	file, err := parseConfig(path, data)
	if err == nil {
		err = file.checkAgainst(flags)
	}
	if err != nil {
		return err
	}
	c.file = file
	ctx.AddResolver(file)
	return nil
}

// settingFlags returns the flags of a command that are settings of a relay, in
// the order of --help.
func settingFlags(command *kong.Node) []*kong.Flag {
	var flags []*kong.Flag
	for _, f := range command.Flags {
		// What belongs to one command alone is not read from the environment either.
		if len(f.Envs) > 0 {
			flags = append(flags, f)
		}
	}
	// As in --help, those of no group come first, then group by group.
	var groups []*kong.Group
	for _, f := range flags {
		if f.Group != nil && !slices.Contains(groups, f.Group) {
			groups = append(groups, f.Group)
		}
	}
	slices.SortStableFunc(flags, func(a, b *kong.Flag) int {
		return slices.Index(groups, a.Group) - slices.Index(groups, b.Group)
	})
	return flags
}

// parseConfig reads a file of settings. Errors begin with its path and the line.
func parseConfig(path string, data []byte) (*configFile, error) {
	if len(data) > fileBytes {
		return nil, fmt.Errorf("%s is longer than %d bytes, which no file of settings is", path, fileBytes)
	}
	file := &configFile{path: path, entries: map[string]entry{}}
	var whole map[string]any
	_, err := toml.Decode(string(data), &whole)
	syntax, isSyntax := errors.AsType[toml.ParseError](err)
	if err != nil && !isSyntax {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	// Where a key stands the library does not say. A statement ends with the first
	// line up to which it makes sense by itself.
	lines, from := bytes.SplitAfter(data, []byte("\n")), 0
	for to := range lines {
		if isSyntax && to >= syntax.Position.Line {
			break // no need to look beyond: here it says what is wrong
		}
		if line := bytes.TrimSpace(lines[to]); bytes.HasSuffix(line, []byte(",")) && !bytes.Contains(line, []byte("#")) {
			continue // no statement ends so: to try each line of a long list would take minutes
		}
		var statement map[string]any
		if _, err := toml.Decode(string(bytes.Join(lines[from:to+1], nil)), &statement); err != nil {
			continue
		}
		for key, value := range statement {
			if before, twice := file.entries[key]; twice {
				return nil, fmt.Errorf("%s:%d: %s is set a second time; line %d sets it already", path, from+1, key, before.line)
			}
			file.entries[key] = entry{value, from + 1}
		}
		from = to + 1
	}
	if isSyntax {
		return nil, fmt.Errorf("%s:%d: %s", path, syntax.Position.Line, syntax.Message)
	}
	return file, nil
}

// checkAgainst says what in the file is no setting, or cannot be the value of one.
func (f *configFile) checkAgainst(flags []*kong.Flag) error {
	known := map[string]*kong.Flag{}
	for _, flag := range flags {
		known[flag.Name] = flag
	}
	keys := slices.SortedFunc(maps.Keys(f.entries), func(a, b string) int { return f.entries[a].line - f.entries[b].line })
	for _, key := range keys {
		e := f.entries[key]
		flag, is := known[key]
		_, table := e.value.(map[string]any)
		switch {
		case key == "config":
			return f.errorAt(e, "config cannot be set in the file that it names")
		case is:
			if err := f.try(flag, e); err != nil {
				return err
			}
		case table:
			return f.errorAt(e, "%q is a table; settings stand by themselves, without tables", key)
		default:
			return f.errorAt(e, "there is no setting %q%s", key, suggestion(key, slices.Collect(maps.Keys(known))))
		}
	}
	return nil
}

// place says where a setting stands.
func (f *configFile) place(name string) string {
	return fmt.Sprintf("%s:%d", f.path, f.entries[name].line)
}

func (f *configFile) errorAt(e entry, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", f.path, e.line, fmt.Sprintf(format, args...))
}

// try reads a value as the flag would.
func (f *configFile) try(flag *kong.Flag, e entry) error {
	given, err := flagValue(flag, e.value)
	if err != nil {
		return f.errorAt(e, "%s %v", flag.Name, err)
	}
	scan := kong.Scan().PushTyped(given, kong.FlagValueToken)
	target := reflect.New(flag.Target.Type()).Elem()
	if err := flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan}, target); err != nil {
		return f.errorAt(e, "%s: %v", flag.Name, err)
	}
	for _, text := range textsOf(reflect.Indirect(target)) {
		if flag.Enum != "" && !flag.EnumMap()[text] {
			return f.errorAt(e, "%s must be one of %s, not %q", flag.Name, strings.Join(flag.EnumSlice(), ", "), text)
		}
	}
	return nil
}

// Resolve implements [kong.Resolver]. By itself kong would prefer a resolver to
// the environment.
func (f *configFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	e, ok := f.entries[flag.Name]
	if _, env := envOf(flag); !ok || env || len(flag.Envs) == 0 {
		return nil, nil
	}
	return flagValue(flag, e.value)
}

// Validate implements [kong.Resolver]. The file was checked when it was read.
func (*configFile) Validate(*kong.Application) error { return nil }

// envOf returns the environment variable that sets a flag.
func envOf(flag *kong.Flag) (name string, ok bool) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return name, true
		}
	}
	return "", false
}

// flagValue returns a TOML value as kong takes it for the flag, or says of what
// kind it must be.
func flagValue(flag *kong.Flag, value any) (any, error) {
	t := flag.Target.Type()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if !flag.IsSlice() {
		return scalar(t, value)
	}
	list, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("must be a list such as [%s], not %s", sample(flag), kindOf(value))
	}
	for _, v := range list {
		if _, err := scalar(t.Elem(), v); err != nil {
			return nil, fmt.Errorf("must be a list such as [%s]; in it stands %s", sample(flag), kindOf(v))
		}
	}
	return list, nil
}

// scalar returns a single value as kong takes it for a flag of this type.
func scalar(t reflect.Type, value any) (any, error) {
	want := ""
	switch _, isText := value.(string); {
	case t == reflect.TypeFor[time.Duration]():
		if isText {
			return value, nil
		}
		want = `a time in quotes, such as "30s"`
	case isWritten(t):
		if isText {
			return value, nil
		}
		// What people write as 1MiB can be a plain number too.
		if n, ok := value.(int64); ok && t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64 && t != slogLevel {
			return strconv.FormatInt(n, 10), nil
		}
		want = "text in quotes"
	case t.Kind() == reflect.Bool:
		if _, ok := value.(bool); ok {
			return value, nil
		}
		want = "true or false"
	case t.Kind() == reflect.String:
		if isText {
			return value, nil
		}
		want = "text in quotes"
	case t.Kind() == reflect.Float64 || t.Kind() == reflect.Float32:
		switch value.(type) {
		case int64, float64:
			return fmt.Sprint(value), nil
		}
		want = "a number"
	default:
		if n, ok := value.(int64); ok {
			return strconv.FormatInt(n, 10), nil
		}
		want = "a whole number without quotes"
	}
	return nil, fmt.Errorf("must be %s, not %s", want, kindOf(value))
}

// kindOf names what a TOML value is.
func kindOf(value any) string {
	switch v := value.(type) {
	case string:
		return "the text " + strconv.Quote(v)
	case bool, int64, float64:
		return fmt.Sprint(v)
	case time.Time:
		return "a date"
	case map[string]any:
		return "a table"
	}
	return "a list"
}

// suggestion returns the name that was meant, if one is near.
func suggestion(key string, names []string) string {
	best, at := "", 1+max(2, len(key)/3)
	for _, name := range slices.Sorted(slices.Values(names)) {
		if d := distance(strings.ReplaceAll(strings.ToLower(key), "_", "-"), name); d < at {
			best, at = name, d
		}
	}
	if best == "" {
		return "; baton config --example prints all there are"
	}
	return "; is " + best + " meant?"
}

// distance is how many letters make one word another (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0]++
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d++
			}
			diagonal = row[j+1]
			row[j+1] = min(d, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
