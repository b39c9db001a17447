package auth

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// blocks returns the code blocks of docs/auth.md with this info string.
func blocks(t *testing.T, info string) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/auth.md")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
		if m[1] == info {
			found = append(found, m[2])
		}
	}
	if len(found) == 0 {
		t.Fatalf("docs/auth.md has no block %q", info)
	}
	return found
}

// The examples of docs/auth.md are what is taken and said.
func TestDocs(t *testing.T) {
	j := bySecret(t, JWTConfig{})
	claims := strings.TrimSpace(blocks(t, "json claims")[0])
	alice, err := j.Authorize(t.Context(), signText(`{"alg":"HS256","typ":"JWT"}`, claims))
	if err != nil || alice.Subject != "alice" || alice.TokenID != "6f1d" || alice.Rights("board-plan") != Read|Write|Presence {
		t.Errorf("the claims: got %+v, %v", alice, err)
	}

	docs, err := rights([]byte(blocks(t, "json claims docs")[0]))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/auth.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| rights by the grant above |")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|(.*)\\|$").FindAllStringSubmatch(table, -1)
	if len(rows) != 3 {
		t.Errorf("got %d rows of documents", len(rows))
	}
	for _, row := range rows {
		if got, want := strings.Join(docs.match(row[1]).Names(), ", "), strings.TrimSpace(row[2]); got != want {
			t.Errorf("%s: got %q, the page says %q", row[1], got, want)
		}
	}

	for _, file := range blocks(t, "json tokens") {
		if known, err := parseTokens([]byte(file)); err != nil || len(known) != 2 {
			t.Errorf("the token file: got %v, %v", known, err)
		}
	}
	r := &Revoked{subjects: map[string]time.Time{}, tokens: map[string]time.Time{}}
	if n, torn, err := r.parse([]byte(blocks(t, "json revoked")[0])); n != 2 || torn || err != nil || !r.Has(alice) {
		t.Errorf("the revoked: got %d, %v, %v", n, torn, err)
	}

	var asked string
	b := backendFor(t, AskConfig{}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = string(body)
		says(strings.SplitN(blocks(t, "json answer")[0], "\n", 2)[0])(w, r)
	})
	if answer, err := b.Ask(t.Context(), alice, "board-plan"); err != nil || answer.Rights != Read {
		t.Errorf("got %v, %v", answer.Rights, err)
	}
	if want := strings.TrimSpace(blocks(t, "json question")[0]); asked != want {
		t.Errorf("asked\n%s\nthe page says\n%s", asked, want)
	}
}

// Each reason that a client can hear is explained.
func TestDocsExplainReasons(t *testing.T) {
	page, err := os.ReadFile("../../docs/auth.md")
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]bool{}
	pattern := regexp.MustCompile(`Reason: +"([^"]+)"|\{jwt\.Err\w+, "([^"]+)"\}`)
	for _, file := range []string{"auth.go", "chain.go", "claims.go", "jwt.go", "jwks.go", "tokens.go", "../door.go"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range pattern.FindAllStringSubmatch(string(source), -1) {
			reasons[m[1]+m[2]] = true
		}
	}
	if len(reasons) != 15 {
		t.Errorf("found %d reasons: %v", len(reasons), reasons)
	}
	for reason := range reasons {
		if !strings.Contains(string(page), "\n| "+reason+" | ") {
			t.Errorf("docs/auth.md does not explain %q", reason)
		}
	}
}
