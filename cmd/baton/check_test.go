package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckCommand checks a log that a relay holds, a backup of it, the log once
// the relay is gone, and the log with a bit turned.
func TestCheckCommand(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "oplog.db")
	check := func(code int, want string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), binary(t), append([]string{"check"}, args...)...)
		cmd.Env = environment()
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != code || !strings.Contains(string(out), want) {
			t.Errorf("baton check %s: got exit code %d and\n%swant %d and %q", strings.Join(args, " "), got, out, code, want)
		}
	}
	relay := start(t, dir, nil)
	fillDocument(t, relay, "d", 60)
	check(1, "in use by another process: "+path, "--data", dir)
	status, body := relay.get(t, "/v1/admin/backup")
	backup := filepath.Join(dir, "backup.db")
	if err := os.WriteFile(backup, []byte(body), 0o600); err != nil || status != http.StatusOK {
		t.Fatalf("backup: got status %d, %v", status, err)
	}
	check(0, backup+" is whole.", backup)
	relay.stop(t)
	check(0, path+" is whole.", "--data", dir)
	check(1, "no such file", filepath.Join(dir, "none"))
	flip(t, path, secret("d", 7))
	check(1, fmt.Sprintf("%s, document %q, entry 7", path, "d"), path)
	check(1, path+" is damaged (places: 1)", path)
}
