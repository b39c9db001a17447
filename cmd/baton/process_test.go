package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// built builds this command once for all tests, as `make run` does.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "baton-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "baton")
	return path, build(path)
})

// build builds this command. BATON_TEST_RACE=1 builds it with the race detector.
func build(path string, flags ...string) error {
	args := []string{"build", "-o", path}
	if os.Getenv("BATON_TEST_RACE") == "1" {
		args = append(args, "-race")
	}
	args = append(append(args, flags...), ".")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	return nil
}

func TestMain(m *testing.M) {
	if how := os.Getenv(abuseVariable); how != "" {
		abuse(how) // does not return
	}
	if what := os.Getenv(namesVariable); what != "" {
		writeNames(what) // does not return
	}
	code := m.Run()
	if path, err := built(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// environment is that of a relay. One with the race detector would wait for a
// second at its end.
func environment() []string { return append(os.Environ(), "GORACE=atexit_sleep_ms=0") }

func binary(t *testing.T) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// process is a running relay.
type process struct {
	cmd    *exec.Cmd
	addr   string // host:port
	stderr *lockedBuffer
	done   chan struct{} // closed when it has ended
	err    error         // of Wait, once done is closed
	peers  []*peer       // of the test, which do not read on by themselves
}

// start runs a relay on a free port, with the log in dir, and waits until it
// serves. wrap goes before the command, such as strace with its flags.
func start(t *testing.T, dir string, wrap []string, flags ...string) *process {
	t.Helper()
	p, err := tryStart(t, binary(t), dir, wrap, flags...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func tryStart(t *testing.T, bin, dir string, wrap []string, flags ...string) (*process, error) {
	t.Helper()
	args := append(append([]string{}, wrap...), bin, "--listen", "127.0.0.1:0", "--data", dir)
	args = append(args, flags...)
	p := &process{cmd: exec.Command(args[0], args[1:]...), stderr: &lockedBuffer{}, done: make(chan struct{})}
	p.cmd.Stderr = p.stderr
	p.cmd.Env = environment()
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		p.kill()
		if strings.Contains(p.stderr.String(), "DATA RACE") {
			t.Errorf("the relay has a data race:\n%s", p.stderr)
		}
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if _, addr, ok := strings.Cut(lines.Text(), "://"); ok {
			p.addr = addr
			break
		}
	}
	go func() {
		for lines.Scan() {
		}
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if p.addr == "" {
		<-p.done
		return nil, fmt.Errorf("relay did not come up: %w\n%s", p.err, p.stderr)
	}
	return p, nil
}

func (p *process) ws() string { return "ws://" + p.addr + "/v1/ws" }

// kill ends the process and all it started, as kill -9 does.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

// stop asks the process to end and returns its exit code. The test's peers go
// first: they would not answer a close.
func (p *process) stop(t *testing.T) int {
	t.Helper()
	for _, c := range p.peers {
		c.ws.Close()
	}
	p.terminate(t)
	return p.wait(t)
}

// terminate sends SIGTERM to the process and to what it started: strace keeps
// the signal to itself.
func (p *process) terminate(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// wait waits for the process to end and returns its exit code.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		t.Fatalf("the relay did not end within 30 s:\n%s", p.stderr)
	}
	return p.cmd.ProcessState.ExitCode()
}

// get returns status and body of a page.
func (p *process) get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		body = " … " + err.Error() // broken off, after what came
	}
	return resp.StatusCode, string(b) + body
}

// lockedBuffer collects what a process prints while a test reads it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// run runs the command to its end, which must come soon.
func run(t *testing.T, args ...string) (code int, stderr string, took time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary(t), args...)
	var buf bytes.Buffer
	cmd.Stderr = &buf
	cmd.Env = environment()
	began := time.Now()
	err := cmd.Run()
	took = time.Since(began)
	if ctx.Err() != nil || cmd.ProcessState == nil {
		t.Fatalf("baton %s did not end within %v: %v\n%s", strings.Join(args, " "), patience, err, buf.String())
	}
	return cmd.ProcessState.ExitCode(), buf.String(), took
}
