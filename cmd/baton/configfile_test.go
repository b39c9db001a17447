package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// What is wrong in a file is said in a sentence, with the file and the line.
func TestConfigFileErrors(t *testing.T) {
	for _, test := range []struct{ file, want string }{
		{`lisen = "x"`, `:1: there is no setting "lisen"; is listen meant?`},
		{"\n\nmax_frame = 4096", `:3: there is no setting "max_frame"; is max-frame meant?`},
		{`Listen = ":1"`, `:1: there is no setting "Listen"; is listen meant?`},
		{`colour = 1`, `:1: there is no setting "colour"; baton config --example prints all there are`},
		{`config = "other.toml"`, `:1: config cannot be set in the file that it names`},
		{`own = "x"`, `:1: there is no setting "own"`},
		{`help = true`, `:1: there is no setting "help"`},
		{`listen = 8080`, `:1: listen must be text in quotes, not 8080`},
		{`max-frame = "4096"`, `:1: max-frame must be a whole number without quotes, not the text "4096"`},
		{`max-frame = 4096.0`, `:1: max-frame must be a whole number without quotes, not 4096`},
		{`count = 65536`, `:1: count: expected a valid 16 bit uint`},
		{`count = -1`, `:1: count: expected a valid 16 bit uint`},
		{`ratio = "half"`, `:1: ratio must be a number, not the text "half"`},
		{`heartbeat = 25`, `:1: heartbeat must be a time in quotes, such as "30s", not 25`},
		{`heartbeat = "25"`, `:1: heartbeat: expected duration but got "25"`},
		{`heartbeat = 2027-01-01`, `:1: heartbeat must be a time in quotes, such as "30s", not a date`},
		{`log-level = 4`, `:1: log-level must be text in quotes, not 4`},
		{`log-level = "loud"`, `:1: log-level: `},
		{`log-format = "yaml"`, `:1: log-format must be one of text, json, not "yaml"`},
		{`some = ["red", "pink"]`, `:1: some must be one of red, green, blue, not "pink"`},
		{`nets = ["10.0.0.0/8", "x"]`, `:1: nets: `},
		{`nets = [10]`, `:1: nets must be a list such as []; in it stands 10`},
		{`insecure-no-auth = "yes"`, `:1: insecure-no-auth must be true or false, not the text "yes"`},
		{`allow-origin = "https://a"`, `:1: allow-origin must be a list such as [], not the text "https://a"`},
		{"data = 'x'\nallow-origin = [\n'https://a.example',\n1]", `:2: allow-origin must be a list such as []; in it stands 1`},
		{"allow-origin = ['https://a.example', 'b.example']", `:1: allow-origin: `},
		{`numbers = ["1"]`, `:1: numbers must be a list such as [0]; in it stands the text "1"`},
		{"data = '''\n\n'''\n[limits]\nmax-frame = 1", `:4: "limits" is a table; settings stand by themselves, without tables`},
		{"[data]\nx = 1", `:1: data must be text in quotes, not a table`},
		{"data.x = 1", `:1: data must be text in quotes, not a table`},
		{"[[data]]\nx = 1", `:1: data must be text in quotes, not a list`},
		{"# one\ndata = 'a'\nlisten = 'b'\n\ndata = 'c'", `:5: data is set a second time; line 2 sets it already`},
		{"data = 'a'\n\"data\" = 'a'", `:2: data is set a second time; line 1 sets it already`},
		{"data = 'a'\nlisten = \"b\n", `:2: strings cannot contain newlines`},
		{"data = 'a'\nlisten = [\n", `:`},
		{"data = \xff", `:1: invalid UTF-8`},
		{"data\n", `:1: `},
		{strings.Repeat("#\n", fileBytes), " is longer than "},
	} {
		path := writeConfig(t, test.file)
		_, _, err := parse(t, "--config", path)
		if err == nil || !strings.HasPrefix(err.Error(), path+test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60q: got  %v\nwant %s%s", test.file, err, filepath.Base(path), test.want)
		}
	}
}

// A mistake is found by each way to name the file.
func TestConfigFileThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := parse(t, "--config", dir); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a folder: got %v", err)
	}
	t.Setenv("BATON_CONFIG", filepath.Join(dir, "none"))
	if _, _, err := parse(t); err == nil || !strings.Contains(err.Error(), "none: no such file") {
		t.Errorf("no file: got %v", err)
	}
}

// A list of thousands of lines is read at once, and what follows it still has its line.
func TestLongLists(t *testing.T) {
	lines := strings.Repeat("'a',\n", 10_000)
	began := time.Now()
	k, _ := mustParse(t, "--config", writeConfig(t, "names = [\n"+lines+"]\ncount = 7 # and,\ndata = '''\nb,\n'''\nratio = 2\n"))
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	entries := k.file.entries
	if len(k.Names) != 10_000 || k.Data != "b,\n" || entries["count"].line != 10_003 || entries["data"].line != 10_004 || entries["ratio"].line != 10_007 {
		t.Errorf("got %d names, %q, and lines %d, %d, %d", len(k.Names), k.Data, entries["count"].line, entries["data"].line, entries["ratio"].line)
	}
}

// Everything TOML has for a value is read as what it says.
func TestConfigFile(t *testing.T) {
	path := writeConfig(t, "\ufeff"+`# A relay's settings.
listen = '[::1]:8080' # here
"data" = """
/srv/\
   baton"""
max-frame = 0x2000
count = 1_000
ratio = 2
pause = "1h30m"
loud = "debug"
insecure-no-auth = true
names = [ "a,b", "", 'c\', ]
numbers = [
  1, # one
  2 ]
perhaps = -5`+"\r\n")
	k, _ := mustParse(t, "--config", path)
	five := -5
	if k.Listen != "[::1]:8080" || k.Data != "/srv/baton" || k.Limits.MaxFrame != 8192 || k.Count != 1000 || k.Ratio != 2 ||
		k.Pause.Minutes() != 90 || k.Loud != -4 || !k.Access.InsecureNoAuth ||
		!reflect.DeepEqual(k.Names, []string{"a,b", "", `c\`}) || !reflect.DeepEqual(k.Numbers, []int{1, 2}) || !reflect.DeepEqual(k.Perhaps, &five) {
		t.Errorf("got %+v", k)
	}
	for key, line := range map[string]int{"listen": 2, "data": 3, "max-frame": 6, "numbers": 13, "perhaps": 16} {
		if got := k.file.entries[key].line; got != line {
			t.Errorf("%s: got line %d, want %d", key, got, line)
		}
	}
}

// FuzzConfigFile: no bytes are too much for the parser, and what is taken comes
// back equal out of what --format toml prints.
func FuzzConfigFile(f *testing.F) {
	for _, seed := range []string{
		"", "listen = ':0'\ndata = \"\"\"\na\\u00e9\"\"\"", "names = ['a', \"b,\\\\\", '']", "numbers = [1,\n2\n]", "ratio = -inf", "ratio = nan",
		"loud = 'ERROR-3'", "count = 0xff", "perhaps = 1_0", "insecure-no-auth = false", "heartbeat = '1.5h'", "key = 'k'",
		"data = 'a'\ndata = 'b'", "[data]", "[[x]]", "a.b = {c = 1, d = [[]]}", "\ufeffdata = ''", "data = '''\n\n'''\r\nlisten = 'x'",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		// Most of what comes is no TOML, and all flags take a hundred times as long.
		if _, err := parseConfig("baton.toml", data); err != nil {
			if !strings.HasPrefix(err.Error(), "baton.toml") {
				t.Fatalf("got %v, which does not say in which file", err)
			}
			return
		}
		path := filepath.Join(t.TempDir(), "baton.toml")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		before, all, err := parse(t, "--config", path)
		if err != nil {
			if !strings.HasPrefix(err.Error(), path) {
				t.Fatalf("got %v, which does not say in which file", err)
			}
			return
		}
		for _, s := range all {
			if e, is := before.file.entries[s.flag.Name]; is != (s.source != fromDefault && s.flag.Name != "config") || is && e.line < 1 {
				t.Fatalf("%s: got source %s, in the file: %t, line %d", s.flag.Name, s.source, is, e.line)
			}
		}
		var b bytes.Buffer
		if err := writeTOML(&b, all); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		after, _, err := parse(t, "--config", path)
		if err != nil {
			t.Fatalf("%v\n%s", err, &b)
		}
		before.Key = "" // is not printed
		if before.Ratio != before.Ratio && after.Ratio != after.Ratio {
			before.Ratio, after.Ratio = 0, 0
		}
		before.file, after.file = nil, nil
		if !reflect.DeepEqual(before, after) {
			t.Fatalf("got  %+v\nwant %+v\nby the file\n%s", after, before, &b)
		}
	})
}
