package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/doc"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
)

// Commands that print end as soon as nobody reads that any more, without a word:
// `baton-snapshot list | head -1`.
func TestCommandsEndWithTheirReader(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log.db")
	log, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	op := oplog.Entry{Op: oplog.Op{Dot: clock.Dot{Actor: "ann", Seq: 1}, Payload: json.RawMessage(`"x"`)}, At: 1_700_000_000_000}
	if _, err := log.Append(t.Context(), oplog.Append{Doc: "notes", Format: doc.JSON, Entries: []oplog.Entry{op}}); err != nil {
		t.Fatal(err)
	}
	if err := closeLog(log, path); err != nil {
		t.Fatal(err)
	}
	tool := filepath.Join(dir, "baton-snapshot") // by this name the test is the program, see TestMain
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, tool)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"--help", "completion bash", "list", "list --json", "show notes", "log notes", "log notes --graph",
		"export notes --as ops", "diff notes --from 0 --json", "verify",
	} {
		t.Run(line, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			var stderr bytes.Buffer
			cmd := exec.CommandContext(t.Context(), tool, strings.Fields(line)...)
			cmd.Stdout, cmd.Stderr, cmd.Env = w, &stderr, append(os.Environ(), "BATON_LOG="+path)
			err = cmd.Run()
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
