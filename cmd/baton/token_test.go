package main

import (
	"bytes"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
