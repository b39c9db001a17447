package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The documents in testdata are what the scripts beside them make.
func TestDocumentsAreWhatScriptsMake(t *testing.T) {
	dir := t.TempDir()
	for script, folder := range map[string]string{
		"snapshots.mjs": "../baton/testdata/editing",
		"updates.mjs":   "testdata",
	} {
		node := exec.CommandContext(t.Context(), "node", script, dir)
		node.Dir = folder
		if out, err := node.CombinedOutput(); err != nil {
			t.Fatalf("node %s: %v (`make deps` installs what it needs)\n%s", script, err, out)
		}
	}
	for _, name := range documentFiles {
		made, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		committed, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(made, committed) {
			t.Errorf("testdata/%s is not what its script makes", name)
		}
	}
}
