package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A relay whose data folder, or a file in it, is another user's says whose it is and
// what to do, and leaves everything as it was.
func TestDataOfAnotherUser(t *testing.T) {
	if uid := os.Geteuid(); uid != 0 { // nor can it be another user
		_, stderr, _ := run(t, "serve", "--listen", "127.0.0.1:0", "--data", "/usr/baton")
		if want := fmt.Sprintf("this process is user %d, and /usr is user 0's", uid); !strings.Contains(stderr, want) {
			t.Errorf("got\n%s\nwant %q", stderr, want)
		}
		return
	}
	const user = 65532
	home, err := os.MkdirTemp("", "baton-owner-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	if err := os.Chmod(home, 0o755); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(home, "baton")
	program, err := os.ReadFile(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bin, program, 0o755); err != nil {
		t.Fatal(err)
	}
	theirs, mine := filepath.Join(home, "theirs"), filepath.Join(home, "mine")
	for _, dir := range []string{theirs, mine} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(mine, user, user); err != nil {
		t.Fatal(err)
	}
	for data, want := range map[string]string{
		theirs:                         fmt.Sprintf("%s is user 0's: give it away as root (chown -R %d:%d %s;", theirs, user, user, theirs),
		filepath.Join(theirs, "below"): fmt.Sprintf("%s is user 0's: as that one, make %s/below and give it away (chown %d:%d %s/below)", theirs, theirs, user, user, theirs),
	} {
		cmd := exec.CommandContext(t.Context(), bin, "serve", "--listen", "127.0.0.1:0", "--data", data)
		cmd.Dir = home
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Run(); err == nil || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: got %v and\n%s\nwant %q", data, err, &stderr, want)
		}
	}
	if names, err := os.ReadDir(theirs); err != nil || len(names) > 0 {
		t.Errorf("the folder holds %v, %v; want nothing", names, err)
	}
}

// An address that is no TCP address is refused in words.
func TestListenOnNoAddress(t *testing.T) {
	for flag, want := range map[string]string{
		"--listen":         "--listen unix:/run/baton.sock: the relay listens on TCP only; for a proxy on this machine take 127.0.0.1:8080",
		"--metrics-listen": "--metrics-listen unix:/run/baton.sock: the relay listens on TCP only",
	} {
		code, stderr, _ := run(t, "serve", "--data", t.TempDir(), flag, "unix:/run/baton.sock")
		if code != 80 || !strings.Contains(stderr, want) {
			t.Errorf("%s: got exit code %d and\n%s\nwant 80 and %q", flag, code, stderr, want)
		}
	}
}
