package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// altered builds the command with one exact change of one source file, named
// from the module's root: a fault that a test must find.
func altered(t *testing.T, file, old, new string) string {
	t.Helper()
	source, err := filepath.Abs(filepath.Join("..", "..", file))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), old); n != 1 {
		t.Fatalf("%s has the text below %d times, want 1; the fault that this test puts there must follow the code:\n%s", file, n, old)
	}
	dir := t.TempDir()
	with := filepath.Join(dir, filepath.Base(file))
	overlay := filepath.Join(dir, "overlay.json")
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{source: with}})
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		with:    strings.Replace(string(text), old, new, 1),
		overlay: string(list),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bin := filepath.Join(dir, "baton")
	if err := build(bin, "-overlay", overlay); err != nil {
		t.Fatalf("with the fault in %s: %v", file, err)
	}
	return bin
}
