package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const manual = docs + "/snapshot.md"

// What the manual says that commands print is what they print, one after the other;
// <word> stands for any word.
func TestTourOfTheManual(t *testing.T) {
	dir := t.TempDir()
	const plan = "cmd/baton-snapshot/testdata/plan.automerge"
	if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(plan)), 0o700); err != nil {
		t.Fatal(err)
	}
	copyFile(t, filepath.Join("testdata", "plan.automerge"), filepath.Join(dir, plan))
	commands := 0
	for _, block := range blocks(t, manual, "console") {
		for part := range strings.SplitSeq("\n"+block, "\n$ ") {
			command, want, _ := strings.Cut(part, "\n")
			if command == "" {
				continue
			}
			commands++
			cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "TZ=UTC", "BATON_LOG=data/oplog.db")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v\n%s", command, err, out)
			}
			want, got := trimLines(want), trimLines(string(out))
			pattern := regexp.MustCompile(`<[a-z]+>`).ReplaceAllString(regexp.QuoteMeta(want), `\S+`)
			if !regexp.MustCompile(`\A` + pattern + `\z`).MatchString(got) {
				t.Errorf("%s prints\n%s\nthe manual says\n%s", command, got, want)
			}
		}
	}
	if commands < 8 {
		t.Errorf("the manual shows %d commands; are there none any more?", commands)
	}
}

// trimLines takes away the white space at the ends of lines, and of all.
func trimLines(text string) string {
	return strings.TrimSpace(regexp.MustCompile(`(?m)[ \t]+$`).ReplaceAllString(text, ""))
}

// The exit codes of the manual are those of the program.
func TestExitCodesOfTheManual(t *testing.T) {
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range exits {
		if row := fmt.Sprintf("\n| %d | %s |\n", e.code, e.meaning); !strings.Contains(string(text), row) {
			t.Errorf("the manual lacks the row %q", row)
		}
	}
}

// The example of the manual reads what `export --as yjs` writes.
func TestYjsExampleOfTheManual(t *testing.T) {
	const packages = "../../webdemo"
	if _, err := os.Stat(filepath.Join(packages, "node_modules", "yjs")); err != nil {
		t.Fatalf("the npm package yjs is not in %s: run `make deps`, or `npm ci` there", packages)
	}
	updates, err := filepath.Abs("testdata/notes.yjs")
	if err != nil {
		t.Fatal(err)
	}
	program := strings.Replace(blocks(t, manual, "js")[0], "letter.yjs", updates, 1)
	node := exec.CommandContext(t.Context(), "node", "--input-type=module", "-")
	node.Dir = packages
	node.Stdin = strings.NewReader(program)
	out, err := node.CombinedOutput()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
	if got, want := string(out), "Dear all,\ngood news: the hut is ours.\nAlice\n\n"; got != want {
		t.Errorf("it printed %q, want %q", got, want)
	}
}

// blocks returns the code blocks of a language.
func blocks(t *testing.T, file, language string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(text), "```"+language+"\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		all = append(all, block)
	}
	if len(all) == 0 {
		t.Fatalf("%s has no %s block", file, language)
	}
	return all
}
