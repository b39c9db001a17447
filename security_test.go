package baton_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// shown is how docs/security.md names a test: its folder, its name and, behind a
// slash, one of its cases.
var shown = regexp.MustCompile("`([\\w/-]+) ((?:Test|Fuzz)\\w+)(?:/([^`]+))?`")

// The attacks of docs/security.md are tried: each row has an answer and names
// tests that exist, do something, are never skipped and have the cases named.
func TestAttacksAreTried(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, attacks, ok := strings.Cut(string(page), "\n## Attacks\n")
	attacks, _, closed := strings.Cut(attacks, "\n## ")
	if !ok || !closed {
		t.Fatal("docs/security.md has no section Attacks")
	}
	tests := map[string]map[string]*ast.FuncDecl{} // by folder and name
	rows := map[string]bool{}
	for line := range strings.Lines(attacks) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.HasPrefix(line, "| attack |") {
			continue
		}
		if len(cells) != 3 || strings.TrimSpace(cells[1]) == "" || len(shown.FindAllString(cells[2], -1)) == 0 {
			t.Errorf("this row is no attack, its answer and the tests that show it:\n%s", line)
			continue
		}
		if attack := strings.TrimSpace(cells[0]); rows[attack] {
			t.Errorf("%s: stands there twice", attack)
		}
		rows[strings.TrimSpace(cells[0])] = true
		if rest := strings.Trim(shown.ReplaceAllString(cells[2], ""), " ,"); rest != "" {
			t.Errorf("%q names no test, in\n%s", rest, line)
		}
	}
	if len(rows) < 50 {
		t.Errorf("there are %d attacks", len(rows))
	}
	for _, m := range shown.FindAllStringSubmatch(string(page), -1) {
		folder, name, part := m[1], m[2], m[3]
		if tests[folder] == nil {
			tests[folder] = testsOf(t, folder)
		}
		test := tests[folder][name]
		switch {
		case test == nil:
			t.Errorf("%s: there is no such test", m[0])
		case strings.HasPrefix(name, "Test") && !isReal(test):
			t.Errorf("%s: it does nothing, or may be skipped", m[0])
		case part != "" && !says(test, part):
			t.Errorf("%s: the test has no such case", m[0])
		}
	}
}

// testsOf returns the tests of a folder by name.
func testsOf(t *testing.T, folder string) map[string]*ast.FuncDecl {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.FromSlash(folder), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]*ast.FuncDecl{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Recv == nil {
				found[d.Name.Name] = d
			}
		}
	}
	return found
}

// isReal reports whether a test calls something and does not skip itself.
func isReal(test *ast.FuncDecl) bool {
	calls, skips := false, false
	ast.Inspect(test.Body, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			calls = true
			if s, ok := c.Fun.(*ast.SelectorExpr); ok {
				skips = skips || strings.HasPrefix(s.Sel.Name, "Skip")
			}
		}
		return true
	})
	return calls && !skips
}

// says reports whether a text stands in a test.
func says(test *ast.FuncDecl, text string) bool {
	found := false
	ast.Inspect(test.Body, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			s, err := strconv.Unquote(l.Value)
			found = found || err == nil && s == text
		}
		return true
	})
	return found
}
