package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
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
	code := m.Run()
	if path, err := built(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

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
		if _, addr, ok := strings.Cut(lines.Text(), "http://"); ok {
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

// stop asks the process to end and returns its exit code.
func (p *process) stop(t *testing.T) int {
	t.Helper()
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

func (p *process) get(ctx context.Context, path string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.addr+path, nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return resp.StatusCode, nil
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
