package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const docs = "../../docs"

// docs/snapshot-reference.md is what the program says of itself.
func TestReferenceIsUpToDate(t *testing.T) {
	got := printed(t, "baton-snapshot", "reference")
	file := filepath.Join(docs, "snapshot-reference.md")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what `baton-snapshot reference` prints: run `go test ./cmd/baton-snapshot -run Reference -update`", file)
	}
}

// The man page has all that the reference has.
func TestManPage(t *testing.T) {
	page := printed(t, "baton-snapshot", "reference", "--man")
	for line := range strings.Lines(printed(t, "baton-snapshot", "reference")) {
		name, is := strings.CutPrefix(line, "### ")
		if is && !strings.Contains(page, "\n.SS "+name) {
			t.Errorf("the man page has no section %s", name)
		}
	}
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, ".") && !strings.Contains(" .TH .SH .SS .PP .TP .B .RS .RE .nf .fi ", " "+strings.Fields(line)[0]+" ") {
			t.Errorf("the man page has a line that is taken for a request: %q", line)
		}
	}
}

func printed(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).Output()
	if err != nil {
		t.Fatalf("%s %v: %v", program, args, err)
	}
	return string(out)
}
