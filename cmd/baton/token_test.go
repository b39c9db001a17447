package main

import (
	"bytes"
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/baton-relay/baton/relay/auth"
)

// baton runs the command to its end and returns what it prints.
func baton(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary(t), args...)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	if e := cmd.Run(); e != nil {
		t.Fatalf("baton %s: %v\n%s", strings.Join(args, " "), e, err.String())
	}
	return strings.TrimSpace(out.String()), err.String()
}

// A fresh key, a link made with it, and a relay that has the key: the address is
// that of the board's page, and the token behind it enters the board's document
// and no other.
func TestLinkOpensBoard(t *testing.T) {
	dir := t.TempDir()
	for name, flags := range map[string][3]string{
		"secret":   {"--new-key", "--jwt-key", ""},
		"key pair": {"--new-key-pair", "--jwt-public-key", ".pub"},
	} {
		t.Run(name, func(t *testing.T) {
			key := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
			baton(t, "token", flags[0], key)
			if stat, err := os.Stat(key); err != nil || stat.Mode().Perm() != 0o600 {
				t.Fatalf("got mode %v, %v", stat.Mode(), err)
			}
			relay := start(t, t.TempDir(), nil, flags[1], key+flags[2], "--jwt-audience", "*")
			link, _ := baton(t, "token", "--key", key, "--doc", "board-plan.1~x", "--rights", "write", "--link", "--origin", "http://"+relay.addr)
			u, err := url.Parse(link)
			if err != nil || u.Path != "/board/plan.1~x" || u.Host != relay.addr {
				t.Fatalf("got %s, %v", link, err)
			}
			if status, page := relay.get(t, u.Path); status != 200 || !strings.Contains(page, "<html") {
				t.Errorf("the page: got %d", status)
			}
			token, ok := strings.CutPrefix(u.Fragment, "t=")
			if !ok {
				t.Fatalf("got fragment %q", u.Fragment)
			}
			if status, body := relay.get(t, "/v1/docs/board-plan.1~x?access_token="+token); status != 404 || !strings.Contains(body, `"access":["read","write","presence"]`) {
				t.Errorf("the board: got %d %s", status, body)
			}
			for _, path := range []string{"/v1/docs/board-other?access_token=" + token, "/v1/docs/board-plan.1~xx?access_token=" + token} {
				if status, body := relay.get(t, path); status != 403 {
					t.Errorf("%s: got %d %s, want 403", path, status, body)
				}
			}
		})
	}
}

// The key that the relay is told in the environment signs too.
func TestTokenUsesTheKeyOfTheRelay(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	baton(t, "token", "--new-key", key)
	t.Setenv("BATON_JWT_KEY", key)
	relay := start(t, t.TempDir(), nil)
	token, warned := baton(t, "token", "--subject", "root", "--doc", "*", "--rights", "admin", "--id", "t1")
	if !strings.Contains(warned, "every document") {
		t.Errorf("admin in everything: got the warning %q", warned)
	}
	if status, body := relay.get(t, "/v1/docs?access_token="+token); status != 200 {
		t.Errorf("got %d %s", status, body)
	}
}

func TestTokenFlags(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if err := auth.NewSecret(key); err != nil {
		t.Fatal(err)
	}
	readable := filepath.Join(t.TempDir(), "readable")
	if err := os.WriteFile(readable, []byte(strings.Repeat("x", 40)), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args string
		want string
	}{
		{"", "give one of --key FILE"},
		{"--new-key=x --key=" + key, "give one of --key FILE"},
		{"--new-key=" + key, "a key is never overwritten"},
		{"--key=" + key, "--subject"},
		{"--subject=a --key=" + key, "--doc"},
		{"--subject=a --doc=x* --rights=fly --key=" + key, `right "fly"`},
		{"--subject=a --doc=*x --key=" + key, "* may only stand at the end"},
		{"--subject=a --doc=x --expires=-1h --key=" + key, "--expires"},
		{"--link --doc=board-* --key=" + key, "a link opens one document"},
		{"--link --doc=notes-1 --key=" + key, "a link opens one document"},
		{"--link --doc=board-a --doc=board-b --key=" + key, "a link opens one document"},
		{"--link --doc=board-a --origin=board.example --key=" + key, "--origin"},
		{"--subject=a --doc=x --key=" + readable, "others on this machine can read it"},
		{"--subject=a --doc=x --key=" + key + ".none", "no such file"},
	} {
		code, stderr, _ := run(t, append([]string{"token"}, strings.Fields(test.args)...)...)
		if code == 0 || !strings.Contains(stderr, test.want) {
			t.Errorf("%s: got %d and %q, want %q", test.args, code, stderr, test.want)
		}
	}
}

// Flags that say who may enter and do not fit together.
func TestAccessFlagsThatCannotBe(t *testing.T) {
	good := accessFlags{Anonymous: "none", AnonymousDocs: "*", JWTSkew: 30 * time.Second, AuthorizerTimeout: time.Second, AuthorizerCache: time.Minute}
	for name, test := range map[string]struct {
		change func(*accessFlags)
		want   string
	}{
		"no auth and auth":           {func(f *accessFlags) { f.InsecureNoAuth, f.JWTKey = true, "k" }, "--insecure-no-auth"},
		"two keys":                   {func(f *accessFlags) { f.JWTKey, f.JWKS = "k", "https://x" }, "give one of"},
		"public key, no audience":    {func(f *accessFlags) { f.JWTPublicKey = "k" }, "--jwt-audience"},
		"key set, no audience":       {func(f *accessFlags) { f.JWKS = "https://x" }, "--jwt-audience"},
		"audience without key":       {func(f *accessFlags) { f.JWTAudience = []string{"x"} }, "need --jwt-key"},
		"wide skew":                  {func(f *accessFlags) { f.JWTSkew = time.Hour }, "--jwt-skew"},
		"anonymous pattern":          {func(f *accessFlags) { f.AnonymousDocs = "*x" }, "--anonymous-docs"},
		"authorizer for everybody":   {func(f *accessFlags) { f.Authorizer = "https://x" }, "--authorizer can only take"},
		"secret without authorizer":  {func(f *accessFlags) { f.AuthorizerSecret = "s" }, "--authorizer-secret"},
		"authorizer that takes ages": {func(f *accessFlags) { f.AuthorizerTimeout = time.Minute }, "--authorizer-timeout"},
		"authorizer asked too often": {func(f *accessFlags) { f.AuthorizerCache = time.Millisecond }, "--authorizer-cache"},
	} {
		f := good
		test.change(&f)
		if err := f.validate("127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
	for name, change := range map[string]func(*accessFlags){
		"tokens":    func(f *accessFlags) { f.Tokens = "t" },
		"key":       func(f *accessFlags) { f.JWTKey = "k" },
		"key set":   func(f *accessFlags) { f.JWKS, f.JWTAudience = "https://x", []string{"*"} },
		"anonymous": func(f *accessFlags) { f.Anonymous = "read" },
	} {
		f := good
		change(&f)
		if err := f.validate("0.0.0.0:0"); err != nil {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Each flag that docs/auth.md names is there, and its commands run.
func TestFlagsOfAuthPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/auth.md")
	if err != nil {
		t.Fatal(err)
	}
	serve, _ := baton(t, "serve", "--help")
	token, _ := baton(t, "token", "--help")
	flags := regexp.MustCompile(`--[a-z][a-z-]+`).FindAllString(string(page), -1)
	if len(flags) < 30 {
		t.Errorf("the page names %d flags", len(flags))
	}
	for _, flag := range flags {
		if !regexp.MustCompile(flag + `[ =\n]`).MatchString(serve + token) {
			t.Errorf("there is no flag %s", flag)
		}
	}
	_, script, _ := strings.Cut(string(page), "```sh\n")
	script, _, _ = strings.Cut(script, "```")
	script = strings.ReplaceAll(script, "baton --jwt-key", "test -s")
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", script)
	cmd.Dir = t.TempDir()
	cmd.Env = append(environment(), "PATH="+filepath.Dir(binary(t))+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "http://localhost:8080/board/plan#t=ey") {
		t.Errorf("%v\n%s", err, out)
	}
}

// A browser that follows the link is in the board: the relay has its session, in
// the room of the one document that the token lets it into.
func TestLinkOpensInABrowser(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	baton(t, "token", "--new-key", key)
	relay := start(t, t.TempDir(), nil, "--jwt-key", key)
	link, _ := baton(t, "token", "--key", key, "--subject", "ann", "--doc", "board-plan", "--rights", "write", "--link", "--origin", "http://"+relay.addr)

	boss, _ := baton(t, "token", "--key", key, "--subject", "boss", "--doc", "*", "--rights", "admin")

	ctx, cancel := context.WithCancel(t.Context())
	browser := exec.CommandContext(ctx, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--user-data-dir="+t.TempDir(), "--remote-debugging-port=0", link)
	browser.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	browser.Cancel = func() error { return syscall.Kill(-browser.Process.Pid, syscall.SIGKILL) }
	if err := browser.Start(); err != nil {
		t.Fatalf("start chromium (a package of Debian's): %v", err)
	}
	defer func() {
		cancel()
		_ = browser.Wait()
	}()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(60 * time.Second); ; <-tick.C {
		_, metrics := relay.get(t, "/metrics?access_token="+boss)
		if strings.Contains(metrics, "\nbaton_sessions 1\n") && strings.Contains(metrics, "\nbaton_rooms 1\n") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody is in the board after a minute\n%s", relay.stderr)
		}
	}
}
