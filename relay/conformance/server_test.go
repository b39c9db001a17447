package conformance

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// testTokens are tokens as [TokenNames] asks for, by name.
func testTokens() map[string]string {
	tokens := map[string]string{}
	for _, n := range TokenNames {
		tokens[n.Name] = "token-of-" + n.Name
	}
	return tokens
}

// writeTokens writes the file of --tokens that knows testTokens.
func writeTokens(t *testing.T) string {
	t.Helper()
	type entry struct {
		Token   string              `json:"token"`
		Subject string              `json:"subject"`
		Name    string              `json:"name,omitempty"`
		Expires string              `json:"expires,omitempty"`
		Docs    map[string][]string `json:"docs"`
	}
	var file struct {
		Tokens []entry `json:"tokens"`
	}
	subjects := map[string]string{"again": "writer", "demoted": "writer"}
	for _, n := range TokenNames {
		e := entry{Token: testTokens()[n.Name], Subject: n.Name, Name: strings.ToUpper(n.Name)}
		if s := subjects[n.Name]; s != "" {
			e.Subject = s
		}
		rights, _, _ := strings.Cut(n.Rights, ",")
		docs := "conf-*"
		switch n.Name {
		case "admin":
			docs = "*"
		case "expired":
			rights, e.Expires = "read", "2020-01-01T00:00:00Z"
		}
		e.Docs = map[string][]string{docs: strings.Fields(rights)}
		file.Tokens = append(file.Tokens, e)
	}
	text, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate(schema(t, "tokenFile"), text); err != nil {
		t.Fatalf("token file: %v", err)
	}
	path := filepath.Join(t.TempDir(), "tokens.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// plain is cmd/baton as it is, built once.
var plain struct {
	once    sync.Once
	dir     string
	program string
}

func TestMain(m *testing.M) {
	code := m.Run()
	if plain.dir != "" {
		_ = os.RemoveAll(plain.dir)
	}
	os.Exit(code)
}

// relayProgram returns the path of cmd/baton, unchanged.
func relayProgram(t *testing.T) string {
	t.Helper()
	plain.once.Do(func() {
		dir, err := os.MkdirTemp("", "baton-conformance-")
		if err != nil {
			t.Fatal(err)
		}
		plain.dir = dir
		plain.program = build(t, dir, "")
	})
	if plain.program == "" {
		t.Fatal("cmd/baton could not be built")
	}
	return plain.program
}

// build builds cmd/baton into dir, with some of its files replaced as `go build
// -overlay` does, and returns the program's path.
func build(t *testing.T, dir, overlay string) string {
	t.Helper()
	program := filepath.Join(dir, "baton")
	args := []string{"build", "-ldflags", "-s -w", "-o", program}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.CommandContext(t.Context(), "go", append(args, "./cmd/baton")...)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build cmd/baton: %v\n%s", err, out)
	}
	return program
}

// server is a relay that runs as a program.
type server struct {
	Config
	cmd  *exec.Cmd
	data string
}

// openToAll, among the flags, is for a relay that asks for no tokens.
const openToAll = "open to all"

// serve runs a relay on a loopback port until the test ends. Arguments are
// further flags.
func serve(t *testing.T, program string, args ...string) *server {
	t.Helper()
	return serveData(t, program, t.TempDir(), args...)
}

func serveData(t *testing.T, program, data string, args ...string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close() // the program takes the port; nothing else asks for it meanwhile
	args = append([]string{"--listen", address, "--data", data, "--log-level", "error", "--throttle", "off"}, args...)
	if slices.Contains(args, openToAll) {
		args = slices.DeleteFunc(args, func(s string) bool { return s == openToAll })
	} else if !slices.Contains(args, "--tokens") {
		args = append(args, "--tokens", writeTokens(t))
	}
	s := &server{Config: Config{URL: "ws://" + address, Tokens: testTokens()}, data: data}
	s.cmd = exec.Command(program, args...)
	s.cmd.Stderr = os.Stderr
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("start relay: %v", err)
	}
	t.Cleanup(func() { s.stop(syscall.SIGTERM) })
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && !strings.Contains(lines.Text(), "access") {
	}
	return s
}

// stop ends the program with a signal and waits for its end. Its exit code is
// its own tests' business.
func (s *server) stop(sig os.Signal) {
	_ = s.cmd.Process.Signal(sig)
	_ = s.cmd.Wait()
}

// say speaks a dialogue, given as text without a title, and fails the test if
// it does not go as written.
func (s *server) say(t *testing.T, r *run, text string) {
	t.Helper()
	ds, err := parse(t.Name(), "== "+t.Name()+"\n"+text)
	if err != nil {
		t.Fatal(err)
	}
	if why := ds[0].say(t.Context(), r, ds[0].setup); why != "" {
		t.Fatal(why)
	}
}

// run returns a dialogue's state that is ended with the test.
func (s *server) run(t *testing.T) *run {
	t.Helper()
	target, err := newTarget(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	r := newRun(target, "conf-"+target.id)
	t.Cleanup(r.end)
	return r
}

// results runs the kit and returns the verdicts by rule.
func results(t *testing.T, cfg Config) map[string]Verdict {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	all := map[string]Verdict{}
	if err := Run(ctx, cfg, func(v Verdict) { all[v.Rule] = v }); err != nil {
		t.Fatalf("run kit: %v", err)
	}
	return all
}

func (v Verdict) String() string {
	return fmt.Sprintf("%s %s\n%s", v.Rule, v.Status, strings.Join(v.Notes, "\n"))
}
