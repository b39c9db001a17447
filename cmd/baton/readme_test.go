package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// block returns the first code block of a language.
func block(t *testing.T, text, language string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "```"+language+"\n")
	code, _, closed := strings.Cut(rest, "\n```")
	if !ok || !closed {
		t.Fatalf("the README has no %s block", language)
	}
	return code + "\n"
}

// The two clients of the README, as they stand there, talk to each other.
func TestClientsOfTheReadme(t *testing.T) {
	relay := start(t, t.TempDir(), nil)
	text := strings.ReplaceAll(readme(t), "localhost:8080", relay.addr)

	dir := filepath.Join("testdata", "editing")
	program := "import WebSocket from \"ws\"\n" + block(t, text, "js") +
		"append(\"from the page\")\nsetTimeout(() => process.exit(0), 15000)\n"
	node := exec.CommandContext(t.Context(), "node", "--input-type=module", "-")
	node.Dir = dir
	node.Stdin = strings.NewReader(program)
	var said lockedBuffer
	node.Stdout, node.Stderr = &said, &said
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = node.Process.Kill(); _ = node.Wait() }()

	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(block(t, text, "go")), 0o600); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), "example")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, file).CombinedOutput(); err != nil {
		t.Fatalf("build the Go client: %v\n%s", err, out)
	}
	var heard lockedBuffer
	example := exec.CommandContext(t.Context(), bin)
	example.Stdout, example.Stderr = &heard, &heard
	if err := example.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = example.Process.Kill(); _ = example.Wait() }()

	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(14 * time.Second); ; <-tick.C {
		js, goes := said.String(), heard.String()
		if strings.Contains(js, "says hello") && strings.Contains(goes, `says "from the page"`) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the JavaScript client printed %q, the Go client %q; want each to hear the other", js, goes)
		}
	}
}

// Each test that the README calls upon exists.
func TestReadmeNamesTestsThatExist(t *testing.T) {
	root := filepath.Join("..", "..")
	have := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() == "node_modules" {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		b, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(b, -1) {
			have[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(readme(t), -1)
	if len(named) < 10 {
		t.Errorf("the README names %d tests, want one for each promise", len(named))
	}
	for _, m := range named {
		if !have[m[1]] {
			t.Errorf("the README names %s, which does not exist", m[1])
		}
	}
}
