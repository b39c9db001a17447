package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestStartThatCannotBe starts the relay with what it cannot start with. It says
// so in one line, which names the thing, and ends at once: with 1, or with 80
// where the command line itself is at fault.
func TestStartThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	absent := filepath.Join(dir, "absent.json")
	broken := file("broken.json", "{")
	plain := file("plain", "")
	short := file("short/oplog.db", strings.Repeat("no log. ", 600))
	foreign := file("foreign/oplog.db", strings.Repeat("no log at all. ", 1000))

	spoilt := file("spoilt/revoked.jsonl", "x\n")
	weak := file("weak", "too short a secret")

	for _, test := range []struct {
		args string
		code int
		want string // in its one line
	}{
		{"--nope", 80, "unknown flag --nope"},
		{"--heartbeat=soon", 80, "--heartbeat"},
		{"--heartbeat=1ms", 80, "--heartbeat must be at least 100ms"},
		{"--max-frame=1", 80, "--max-frame must be from 4096"},
		{"--drain-timeout=-1s", 80, "--drain-timeout must not be negative"},
		{"--log-format=yaml", 80, "--log-format"},
		{"--listen=nowhere", 80, "--listen nowhere"},
		{"--listen=0.0.0.0:0", 80, "give --tokens FILE (or --jwt-key, --jwt-public-key, --jwks, --anonymous) to say who may enter, or --insecure-no-auth if everybody may"},
		{"--listen=" + taken.Addr().String(), 1, taken.Addr().String() + ": bind: address already in use"},
		{"--tokens=" + absent, 1, absent + ": no such file or directory"},
		{"--tokens=" + broken, 1, broken},
		{"--tokens=" + dir, 1, dir + ": is a directory"},
		{"--jwt-key=" + absent, 1, absent + ": no such file or directory"},
		{"--jwt-key=" + weak, 1, weak + ": the key has 18 bytes, HS256 needs at least 32"},
		{"--jwt-public-key=" + weak, 80, "--jwt-audience"},
		{"--jwt-audience=x", 80, "need --jwt-key"},
		{"--anonymous=admin", 80, "--anonymous"},
		{"--data=" + filepath.Dir(spoilt), 1, spoilt + ": line 1, at byte 0"},
		{"--data=" + plain, 1, plain + ": not a directory"},
		{"--data=" + filepath.Dir(short), 1, short + " is no log, or its end is missing"},
		{"--data=" + filepath.Dir(foreign), 1, foreign + " is not a log of this program"},
	} {
		t.Run(test.args, func(t *testing.T) {
			code, stderr, took := run(t, "--listen=127.0.0.1:0", "--data="+filepath.Join(dir, "data"), test.args)
			line, rest, _ := strings.Cut(stderr, "\n")
			if code != test.code || !strings.HasPrefix(line, "baton: ") || !strings.Contains(line, test.want) || rest != "" {
				t.Errorf("got exit code %d and\n%swant %d and one line with %q", code, stderr, test.code, test.want)
			}
			if took > 2*time.Second {
				t.Errorf("it took %v to say so, want less than 2 s", took)
			}
		})
	}
}

// On a machine with one core, a sync of the log must not stop everything else.
func TestOneCoreGoesOnWhileItSyncs(t *testing.T) {
	p := start(t, t.TempDir(), []string{"env", "GOMAXPROCS=1"})
	if _, metrics := p.get(t, "/metrics"); !strings.Contains(metrics, "\ngo_sched_gomaxprocs_threads 2\n") {
		t.Error("it runs with one processor of the Go runtime, want 2")
	}
}
