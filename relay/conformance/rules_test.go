package conformance

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Each rule of the page has a dialogue or names another test, and nothing is
// shown that the page does not say.
func TestEveryRuleIsShown(t *testing.T) {
	all, elsewhere, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]int{}
	for _, d := range all {
		for _, c := range d.Claims {
			for _, rule := range c.Rules {
				shown[rule]++
			}
		}
	}
	rules := rulesOfThePage(t)
	for _, rule := range rules {
		if shown[rule] == 0 && elsewhere[rule] == "" {
			t.Errorf("%s has no dialogue and names no other test", rule)
		}
	}
	for rule := range shown {
		if !slices.Contains(rules, rule) {
			t.Errorf("a dialogue shows %s, which the page does not have", rule)
		}
	}
	for rule := range elsewhere {
		if !slices.Contains(rules, rule) {
			t.Errorf("%s lists %s, which the page does not have", elsewhereFile, rule)
		}
	}
}

// notYet begins the entry of a rule that nothing shows yet, and says what for.
const notYet = "not shown yet: "

var testName = regexp.MustCompile(`^(\S+) (Test\w+): `)

// What elsewhere.txt names exists.
func TestOtherTestsExist(t *testing.T) {
	_, elsewhere, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for rule, where := range elsewhere {
		if strings.HasPrefix(where, notYet) {
			continue
		}
		m := testName.FindStringSubmatch(where)
		if m == nil {
			t.Errorf("%s: %q does not begin with a package and a test", rule, where)
			continue
		}
		files, err := filepath.Glob(filepath.Join("../..", m[1], "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := slices.ContainsFunc(files, func(name string) bool {
			text, err := os.ReadFile(name)
			return err == nil && strings.Contains(string(text), "func "+m[2]+"(")
		})
		if !found {
			t.Errorf("%s: no test %s in %s", rule, m[2], m[1])
		}
	}
}

// A dialogue says what it shows, and asks only for tokens that have a name.
func TestDialoguesAreWhole(t *testing.T) {
	all, _, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		if len(d.Claims) == 0 {
			t.Errorf("%s:%d %s: shows no rule", d.File, d.Line, d.Title)
		}
		for _, c := range d.Claims {
			if len(c.steps) == 0 || c.Text == "" {
				t.Errorf("%s:%d %s: a claim without words or statements", d.File, c.Line, d.Title)
			}
		}
		for _, name := range d.Needs {
			if !slices.ContainsFunc(TokenNames, func(n struct{ Name, Rights string }) bool { return n.Name == name }) {
				t.Errorf("%s:%d %s: no token is called %q", d.File, d.Line, d.Title, name)
			}
		}
	}
}
