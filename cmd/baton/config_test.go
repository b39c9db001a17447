package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/gorilla/websocket"

	"github.com/baton-relay/baton/relay"
)

// kinds are settings of every kind that there can be, beside those there are.
type kinds struct {
	Settings
	Count   uint16        `default:"7"`
	Ratio   float64       `default:"0.5"`
	Perhaps *int          `placeholder:"N"`
	Pause   time.Duration `placeholder:"TIME"`
	Loud    slog.Level    `default:"warn"`
	Names   []string      `sep:"none"`
	Numbers []int         `placeholder:"N"`
	Some    []string      `enum:"red,green,blue" placeholder:"COLOUR"`
	Nets    []network
	Key     string   `secret:"" placeholder:"KEY"`
	Secrets []string `placeholder:"FILE"`
	Ask     string   `placeholder:"URL"`
	Own     string   `env:"-" help:"Of this command alone."`
}

// parse reads a command line for kinds, or says why not.
func parse(t *testing.T, args ...string) (*kinds, []setting, error) {
	t.Helper()
	return parserOf(t)(args...)
}

// parserOf returns what reads command lines for kinds. To make it takes much
// longer than to use it. Each call reads into the same kinds anew.
func parserOf(t *testing.T) func(args ...string) (*kinds, []setting, error) {
	t.Helper()
	var cli struct {
		Run kinds `cmd:"" default:"withargs"`
	}
	parser, err := newParser(&cli, kong.Exit(func(int) { t.Error("it would exit") }))
	if err != nil {
		t.Fatal(err)
	}
	return func(args ...string) (*kinds, []setting, error) {
		ctx, err := parser.Parse(args)
		if err != nil {
			return nil, nil, err
		}
		return &cli.Run, cli.Run.inForce(ctx), nil
	}
}

func mustParse(t *testing.T, args ...string) (*kinds, []setting) {
	t.Helper()
	k, all, err := parse(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	return k, all
}

// writeConfig writes a file of settings and returns its path.
func writeConfig(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "baton.toml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// valueFor returns the n-th value that a setting can have, for the command line
// and for a file.
func valueFor(s setting, n int) (flag, file string) {
	switch v := s.value(); {
	case s.flag.Enum != "" && s.flag.IsSlice():
		flag = s.flag.EnumSlice()[n%len(s.flag.EnumSlice())]
		return flag, "[" + quote(flag) + "]"
	case s.flag.Target.Type() == reflect.TypeFor[[]network]():
		flag = fmt.Sprintf("10.0.%d.0/24", n)
		return flag, "[" + quote(flag) + "]"
	case s.flag.Enum != "":
		flag = s.flag.EnumSlice()[n%len(s.flag.EnumSlice())]
	case s.flag.Target.Type() == slogLevel:
		flag = []string{"debug", "info", "warn", "error"}[n]
	case s.flag.Target.Type() == reflect.TypeFor[time.Duration]():
		flag = (time.Duration(n+1) * 90 * time.Second).String()
	case s.flag.Target.Kind() == reflect.Bool:
		flag = fmt.Sprint(n%2 == 1)
		return flag, flag
	case s.flag.IsSlice() && v.Type().Elem().Kind() == reflect.Int:
		return fmt.Sprint(n, ",", n+1), fmt.Sprintf("[%d, %d]", n, n+1)
	case s.flag.Target.Type() == reflect.TypeFor[[]relay.Origin]():
		flag = fmt.Sprintf("https://v%d.example", n)
		return flag, "[" + quote(flag) + "]"
	case s.flag.IsSlice():
		return fmt.Sprint("v", n), fmt.Sprintf("['v%d']", n)
	case s.flag.Target.Kind() == reflect.String:
		flag = fmt.Sprint("value", n)
	default:
		flag = fmt.Sprint(4096 + n)
		return flag, flag
	}
	return flag, quote(flag)
}

// A flag counts before the environment, that before the file, and that before the
// default; for every setting there is. It says where the value came from.
func TestWhereASettingComesFrom(t *testing.T) {
	_, all := mustParse(t)
	for i, s := range all {
		name := s.flag.Name
		if name == "config" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			inFlag, _ := valueFor(s, 0)
			inEnv, _ := valueFor(s, 1)
			_, inFile := valueFor(s, 2)
			path := writeConfig(t, "# settings\n\n"+name+" = "+inFile)
			asFile, _ := valueFor(s, 2)
			byDefault := s.shown()
			parse := parserOf(t)
			for given := range 8 {
				var args []string
				want, source := byDefault, fromDefault
				if given&1 != 0 {
					args = append(args, "--config="+path)
					want, source = asFile, path+":3"
				}
				os.Unsetenv(s.flag.Envs[0])
				if given&2 != 0 {
					t.Setenv(s.flag.Envs[0], inEnv)
					want, source = inEnv, s.flag.Envs[0]
				}
				if given&4 != 0 {
					args = append(args, "--"+name+"="+inFlag)
					want, source = inFlag, fromFlag
				}
				_, now, err := parse(args...)
				if err != nil {
					t.Fatal(err)
				}
				if s.isSecret() && source != fromDefault {
					want = "(secret)"
				}
				if got := strings.ReplaceAll(now[i].shown(), ", ", ","); got != strings.ReplaceAll(want, " ", "") || now[i].source != source {
					t.Errorf("flag, environment, file given %03b: got %q from %s, want %q from %s", given, got, now[i].source, want, source)
				}
			}
			os.Unsetenv(s.flag.Envs[0])
		})
	}
}

// An environment variable that is set to nothing sets a setting to nothing.
func TestEmptyEnvironment(t *testing.T) {
	path := writeConfig(t, `tokens = "file.json"`)
	t.Setenv("BATON_TOKENS", "")
	if k, _ := mustParse(t, "--config", path); k.Access.Tokens != "" {
		t.Errorf("got tokens %q, want none", k.Access.Tokens)
	}
}

// BATON_CONFIG names the file as --config does, and a flag counts before it.
func TestConfigByEnvironment(t *testing.T) {
	one, two := writeConfig(t, `data = "one"`), writeConfig(t, `data = "two"`)
	t.Setenv("BATON_CONFIG", one)
	if k, _ := mustParse(t); k.Data != "one" {
		t.Errorf("got %q, want that of the file BATON_CONFIG names", k.Data)
	}
	if k, _ := mustParse(t, "--config", two); k.Data != "two" {
		t.Errorf("got %q, want that of the file --config names", k.Data)
	}
}

// The table has every setting in the groups of --help, and no secret.
func TestConfigTable(t *testing.T) {
	path := writeConfig(t, "key = 'xyzzy'\nallow-origin = ['https://a.example', 'https://b.example']")
	t.Setenv("BATON_HEARTBEAT", "7s")
	_, all := mustParse(t, "--config", path, "--data=/srv/baton")
	var b bytes.Buffer
	if err := writeTable(&b, all); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`(?m)^data +/srv/baton +flag$`,
		`(?m)^heartbeat +7s +BATON_HEARTBEAT$`,
		`(?m)^drain-timeout +10s +default$`,
		`(?m)^tokens +– +default$`,
		`(?m)^allow-origin +https://a.example, https://b.example +` + regexp.QuoteMeta(path) + `:2$`,
		`(?m)^key +\(secret\) +` + regexp.QuoteMeta(path) + `:1$`,
		`(?m)^\nWho may enter:\ntokens `,
	} {
		if !regexp.MustCompile(want).Match(b.Bytes()) {
			t.Errorf("no line is %s in:\n%s", want, &b)
		}
	}
	if strings.Contains(b.String(), "xyzzy") || strings.Contains(b.String(), "\nown ") || regexp.MustCompile(` \n`).Match(b.Bytes()) {
		t.Errorf("a secret, what is no setting, or a blank at an end is in:\n%s", &b)
	}
}

// What --format toml prints sets what was set, and nothing secret is in it.
func TestConfigAsTOML(t *testing.T) {
	args := []string{
		"--listen=[::1]:0", "--heartbeat=1m30s", "--log-level=debug", "--allow-origin=https://a.example", "--allow-origin=https://*.b.example",
		`--tokens=a "quoted" \ path` + "\t\x01é", "--count=65535", "--ratio=1e21", "--perhaps=-3", "--pause=0s", "--loud=ERROR+2",
		"--names=a,b", "--names=c", "--names=", "--numbers=1,2", "--some=red,blue", "--nets=10.0.0.0/8,::1/128", "--insecure-no-auth",
	}
	before, all := mustParse(t, append(args, "--key=xyzzy")...)
	var b bytes.Buffer
	if err := writeTOML(&b, all); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.Contains(got, "xyzzy") || !strings.Contains(got, "# key is secret and not printed; it comes from flag\n") {
		t.Errorf("got %s\nwant the key named and not told", got)
	}
	after, _ := mustParse(t, "--config", writeConfig(t, b.String()))
	before.Key, after.Config, after.file = "", "", nil
	if !reflect.DeepEqual(before, after) {
		t.Errorf("got  %+v\nwant %+v\nby the file\n%s", after, before, &b)
	}
}

// The example is all comments; each setting in it may be uncommented, and sets
// its default where it has one.
func TestExample(t *testing.T) {
	defaults, all := mustParse(t)
	var b bytes.Buffer
	if err := writeExample(&b, all); err != nil {
		t.Fatal(err)
	}
	got, _ := mustParse(t, "--config", writeConfig(t, b.String()))
	got.Config, got.file = "", nil
	if !reflect.DeepEqual(got, defaults) {
		t.Errorf("as it is: got %+v, want the defaults %+v", got, defaults)
	}
	setting := regexp.MustCompile(`(?m)^#([a-z][a-z0-9-]* = )`)
	if n := len(setting.FindAllString(b.String(), -1)); n != len(all)-1 { // without --config
		t.Errorf("got %d settings, want %d:\n%s", n, len(all)-1, &b)
	}
	_, uncommented := mustParse(t, "--config", writeConfig(t, setting.ReplaceAllString(b.String(), "$1")))
	for i, s := range uncommented[1:] {
		if s.source == fromDefault {
			t.Errorf("%s is not set by the example, uncommented", s.flag.Name)
		}
		if want := all[i+1].shown(); s.flag.HasDefault && s.shown() != want {
			t.Errorf("%s: got %s, want the default %s", s.flag.Name, s.shown(), want)
		}
	}
	for line := range strings.Lines(b.String()) {
		if len(line) > 92 {
			t.Errorf("too long to read: %s", line)
		}
	}
}

// baton config ends well if serve would take the settings, and says why not else.
func TestConfigCommand(t *testing.T) {
	good, wild := writeConfig(t, "max-frame = 8192"), writeConfig(t, "max-frame = 1")
	for _, test := range []struct {
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{[]string{"--check"}, 0, "", ""},
		{[]string{"--check", "--config", good}, 0, "", ""},
		{[]string{"--check", "--config", wild}, 1, "", "baton: --max-frame must be from 4096 to 67108864 bytes (it comes from " + wild + ":1)\n"},
		{[]string{"--check", "--config", wild, "--max-frame=2"}, 1, "", "baton: --max-frame must be from 4096 to 67108864 bytes\n"},
		{[]string{"--config", wild}, 1, "\nmax-frame ", "baton: --max-frame must be from 4096"},
		{[]string{"--config", good, "--format=toml"}, 0, "max-frame = 8192\n", ""},
		{[]string{"--example"}, 0, "\n#max-frame = 1048576\n", ""},
		{[]string{"--config", good + "x"}, 1, "", "baton: error: read settings: open " + good + "x: no such file"},
	} {
		got := runWrapped(t, nil, append([]string{"config"}, test.args...)...)
		if got.code != test.code || !strings.Contains(got.stdout, test.stdout) || !strings.HasPrefix(got.stderr, test.stderr) {
			t.Errorf("baton config %v: got %+v,\nwant %d, %q and %q", test.args, got, test.code, test.stdout, test.stderr)
		}
	}
}

// serve runs with what the file says.
func TestServeByFile(t *testing.T) {
	p := start(t, t.TempDir(), nil, "--config", writeConfig(t, `log-format = "text"`+"\nmax-frame = 8192\n"))
	if _, body := p.get(t, "/readyz"); !strings.Contains(body, "ready") {
		t.Fatalf("got %s", body)
	}
	ws, _, err := websocket.DefaultDialer.DialContext(t.Context(), p.ws(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	if _, welcome, err := ws.ReadMessage(); err != nil || !strings.Contains(string(welcome), `"frame_bytes":8192,`) {
		t.Errorf("got %s, %v; want frames of the 8192 bytes that the file says", welcome, err)
	}
}

// printed is what a command printed that ran to its end.
type printed struct {
	code           int
	stdout, stderr string
}

// runWrapped runs the command to its end, which must come soon. wrap goes before it.
func runWrapped(t *testing.T, wrap []string, args ...string) printed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	all := append(append(append([]string{}, wrap...), binary(t)), args...)
	cmd := exec.CommandContext(ctx, all[0], all[1:]...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr, cmd.Env = &out, &errs, environment()
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil || ctx.Err() != nil {
		t.Fatalf("%v: %v\n%s", all, err, &errs)
	}
	return printed{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// What is said of who may enter names no more of an address than its host.
func TestAccessIsDescribedWithoutSecrets(t *testing.T) {
	f := accessFlags{JWKS: "https://id.example.com/hidden/keys?code=hidden", Anonymous: "none"}
	if got, want := f.describe("localhost"), "by JSON Web Tokens, checked with the key set of https://id.example.com"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
