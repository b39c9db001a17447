package running_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// root is that of the module.
const root = "../.."

// patience is how long what must happen may take on a busy machine.
const patience = 30 * time.Second

// testVersion is what the build is told.
const testVersion = "9.8.7-test"

// released is the command as it is released, built once for all tests, by the
// line of the Dockerfile.
var released = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "baton-running-")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // other users run it too
		return "", err
	}
	path := filepath.Join(dir, "baton")
	line, err := buildLine()
	if err != nil {
		return "", err
	}
	cmd := exec.Command("sh", "-c", strings.ReplaceAll(line, "/out/baton", path))
	cmd.Dir, cmd.Env = root, append(os.Environ(), "VERSION="+testVersion)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", line, err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := released(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

func batonBinary(t *testing.T) string {
	t.Helper()
	path, err := released()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// running is a process of a test: a relay, or a proxy before one.
type running struct {
	cmd  *exec.Cmd
	said *output
	done chan struct{} // closed when it has ended
}

// run starts a command, which ends with the test.
func run(t *testing.T, cmd *exec.Cmd) *running {
	t.Helper()
	p := &running{cmd: cmd, said: &output{}, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.said, p.said
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v (the Makefile's deps name what the tests need)", cmd.Path, err)
	}
	go func() {
		_ = cmd.Wait() // how it ended, its state says
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may be gone
		<-p.done
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(cmd.Path), p.said)
		}
	})
	return p
}

// terminate asks the process to end and returns its exit code.
func (p *running) terminate(t *testing.T) int {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Fatalf("%s did not end within %v", p.cmd.Path, patience)
	}
	return p.cmd.ProcessState.ExitCode()
}

// awaitListening waits until something accepts connections at addr.
func (p *running) awaitListening(t *testing.T, addr string) {
	t.Helper()
	await(t, p.cmd.Path+" to listen on "+addr, func() bool {
		select {
		case <-p.done:
			t.Fatalf("%s ended with %v:\n%s", p.cmd.Path, p.cmd.ProcessState, p.said)
		default:
		}
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// awaitReady waits until the relay at addr takes writes.
func (p *running) awaitReady(t *testing.T, addr string) {
	t.Helper()
	p.awaitListening(t, addr)
	await(t, "the relay at "+addr+" to be ready", func() bool {
		status, _ := fetch(t, http.DefaultClient, "http://"+addr+"/readyz")
		return status == http.StatusOK
	})
}

// fetch returns status and body of a page; 0 where it cannot be had.
func fetch(t *testing.T, c *http.Client, url string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(b)
}

// await waits until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !so() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// freePort returns a port of loopback that is free, and that no outgoing
// connection gets: what ends there can come back.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(20000 + rand.IntN(12000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("found no free port from 20000 to 32000")
	return ""
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// output collects what a process prints while a test reads it.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
