package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Whoever reads what the relay prints goes away, as journald does when it is
// restarted: the relay lives on, acks, counts the lines that it loses, and ends
// when it is told to.
func TestRelayOutlivesTheReadersOfItsOutput(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			dir := t.TempDir()
			relay, hang := startPiped(t, dir, "--log-level", "debug", "--log-format", format)
			hang()
			p := enter(t, relay, "notes", nil)
			if err := p.send("notes", operation{Actor: "ann", Seq: 1, Payload: json.RawMessage("1")}); err != nil {
				t.Fatal(err)
			}
			p.await(t, "ack")
			p.ws.Close()
			if status, _ := relay.get(t, "/v1/docs"); status != 200 {
				t.Errorf("GET /v1/docs: got %d, want 200", status)
			}
			_, metrics := relay.get(t, "/metrics")
			found := regexp.MustCompile(`(?m)^baton_log_lines_lost_total (\d+)$`).FindStringSubmatch(metrics)
			if found == nil {
				t.Fatalf("baton_log_lines_lost_total is not among the metrics:\n%s", metrics)
			}
			if n, err := strconv.Atoi(found[1]); err != nil || n < 1 {
				t.Errorf("lost lines: got %s, want some", found[1])
			}
			if code := relay.stop(t); code != 0 {
				t.Errorf("exit code: got %d (%v), want 0", code, relay.err)
			}
		})
	}
}

// Where nobody reads standard output from the beginning, the relay runs too.
func TestRelayStartsWithoutAReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	sink := brokenPipe(t)
	cmd := exec.CommandContext(t.Context(), binary(t), "--listen", "127.0.0.1:0", "--data", t.TempDir())
	cmd.Stdout, cmd.Stderr, cmd.Env = sink, sink, append(environment(), "NOTIFY_SOCKET="+path)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- cmd.Wait()
		socket.Close()
	}()
	said := make([]byte, 100)
	n, err := socket.Read(said)
	if err != nil || string(said[:n]) != systemdReady {
		t.Fatalf("the relay says %q, %v; want %q", said[:n], err, systemdReady)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the relay ended with %v, want exit code 0", err)
	}
}

// Commands that print end as soon as nobody reads that any more, without a word:
// `baton config | head -1`.
func TestCommandsEndWithTheirReader(t *testing.T) {
	dir := t.TempDir()
	start(t, dir, nil).stop(t) // makes a log
	key := filepath.Join(dir, "key")
	if code, stderr, _ := run(t, "token", "--new-key", key); code != 0 {
		t.Fatal(stderr)
	}
	for _, args := range [][]string{
		{"--help"},
		{"--version"},
		{"config", "--data", dir},
		{"config", "--example"},
		{"check", "--data", dir},
		{"doctor", "--data", dir, "--listen", "127.0.0.1:0"},
		{"doctor", "--json", "--data", dir, "--listen", "127.0.0.1:0"},
		{"token", "--key", key, "--subject", "ann", "--doc", "*"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			var stderr bytes.Buffer
			cmd := exec.CommandContext(t.Context(), binary(t), args...)
			cmd.Stdout, cmd.Stderr, cmd.Env = brokenPipe(t), &stderr, environment()
			err := cmd.Run()
			status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if !status.Signaled() || status.Signal() != syscall.SIGPIPE {
				t.Errorf("it ended with %v, want SIGPIPE", err)
			}
			if stderr.Len() > 0 {
				t.Errorf("it says %q, want nothing", stderr.String())
			}
		})
	}
}

// brokenPipe returns the end to write to of a pipe that nobody reads.
func brokenPipe(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return w
}

// startPiped runs a relay whose output nobody reads any more once hang is called.
func startPiped(t *testing.T, dir string, flags ...string) (p *process, hang func()) {
	t.Helper()
	args := append([]string{"--listen", "127.0.0.1:0", "--data", dir}, flags...)
	p = &process{cmd: exec.CommandContext(t.Context(), binary(t), args...), stderr: &lockedBuffer{}, done: make(chan struct{})}
	p.cmd.Env = environment()
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	p.cmd.Stdout, p.cmd.Stderr = w, w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	lines := bufio.NewReader(r)
	for p.addr == "" {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("the relay did not come up: %v", err)
		}
		if found := openAt.FindStringSubmatch(line); found != nil {
			p.addr = found[1]
		}
	}
	return p, func() { r.Close() }
}

// openAt finds where a relay is, in what it prints and in what it logs.
var openAt = regexp.MustCompile(`open[ =":]+http://([^\s"]+)`)
