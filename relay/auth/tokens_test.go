package auth

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// openTokens opens a token file with this content.
func openTokens(t *testing.T, content string) (tokens *Tokens, path string, log *bytes.Buffer, err error) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "tokens.json")
	writeFile(t, path, content)
	log = new(bytes.Buffer)
	tokens, err = OpenTokens(path, slog.New(slog.NewTextHandler(log, nil)))
	return tokens, path, log, err
}

const aliceAndBob = `{"tokens": [
	{"token": "s3cret", "subject": "alice", "name": "Alice", "expires": "2127-01-01T00:00:00Z",
	 "docs": {"notes-*": ["read", "write", "presence"], "*": ["read"]}},
	{"token": "bob's", "subject": "bob", "docs": {"*": ["admin"]}},
	{"token": "old", "subject": "bob", "expires": "1999-01-01T00:00:00Z", "docs": {"*": ["read"]}},
	{"token": "nothing", "subject": "eve"}
]}`

func TestTokenFile(t *testing.T) {
	tokens, _, _, err := openTokens(t, aliceAndBob)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		token, subject, name string
		rights               Rights // in notes-1
	}{
		{"s3cret", "alice", "Alice", Read | Write | Presence},
		{"bob's", "bob", "bob", Admin},
		{"nothing", "eve", "eve", 0},
	}
	for _, tt := range tests {
		id, err := tokens.Authorize(t.Context(), tt.token)
		if err != nil || id.Subject != tt.subject || id.Name != tt.name || id.Rights("notes-1") != tt.rights {
			t.Errorf("token %q: got %+v, %v", tt.token, id, err)
		}
		if again, _ := tokens.Authorize(t.Context(), tt.token); again != id {
			t.Errorf("token %q: got another identity the second time", tt.token)
		}
	}
	for _, token := range []string{"", "old", "S3cret", "s3cret ", "unknown"} {
		if id, err := tokens.Authorize(t.Context(), token); !errors.Is(err, ErrToken) || id != nil {
			t.Errorf("token %q: got %+v, %v; want ErrToken", token, id, err)
		}
	}
}

// Errors say which entry is wrong, and how; no token stands in them.
func TestTokenFileErrors(t *testing.T) {
	entry := func(s string) string { return `{"tokens":[{"token":"xyzzy","subject":"ok"},{` + s + `}]}` }
	tests := []struct{ file, want string }{
		{``, "EOF"},
		{`{`, "EOF"},
		{`[]`, "cannot unmarshal"},
		{`null`, `"tokens"`},
		{`{}`, `"tokens"`},
		{`{"tokens":null}`, `"tokens"`},
		{`{"tokens":{}}`, "cannot unmarshal"},
		{`{"tokens":[]} {}`, "follows"},
		{`{"tokens":[]} ]`, "follows"},
		{`{"tokens":[]}}`, "follows"},
		{`{"tokens":[]} x`, "follows"},
		{`{"tokens":[],"more":1}`, `unknown field "more"`},
		{entry(`"token":"t","subject":"a","right":[]`), `unknown field "right"`},
		{entry(`"subject":"a"`), `token 2 (subject "a"): "token" is empty`},
		{entry(`"token":"t"`), `token 2 (subject ""): "subject"`},
		{entry(`"token":"t","subject":"` + strings.Repeat("a", 257) + `"`), `"subject" must have`},
		{entry(`"token":"t","subject":"a","name":"` + strings.Repeat("a", 257) + `"`), `"name" has more`},
		{entry(`"token":"xyzzy","subject":"a"`), `token 2 (subject "a"): its token stands above already`},
		{entry(`"token":"t","subject":"a","expires":"tomorrow"`), "tomorrow"},
		{entry(`"token":"t","subject":"a","docs":{"*x":["read"]}`), `pattern "*x": * may only stand at the end`},
		{entry(`"token":"t","subject":"a","docs":{"x**":["read"]}`), `pattern "x**"`},
		{entry(`"token":"t","subject":"a","docs":{"":["read"]}`), `pattern ""`},
		{entry(`"token":"t","subject":"a","docs":{"*":["Read"]}`), `right "Read" is not one of`},
		{entry(`"token":"t","subject":"a","docs":{"*":"read"}`), "cannot unmarshal"},
	}
	for _, tt := range tests {
		_, path, _, err := openTokens(t, tt.file)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want %s and the file's name", tt.file, err, tt.want)
		} else if strings.Contains(err.Error(), "xyzzy") {
			t.Errorf("%s: the error tells a token: %v", tt.file, err)
		}
	}
	if _, err := OpenTokens(filepath.Join(t.TempDir(), "none"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
	if tokens, _, _, err := openTokens(t, `{"tokens":[]}`); err != nil {
		t.Errorf("nobody at all: got %v", err)
	} else if _, err := tokens.Authorize(t.Context(), ""); !errors.Is(err, ErrToken) {
		t.Errorf("nobody at all: got %v, want ErrToken", err)
	}
}

// A file that changed is read again within a second; one that is broken, or gone,
// leaves the tokens as they were, and is logged.
func TestTokenFileIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens, path, log, err := openTokens(t, aliceAndBob)
		if err != nil {
			t.Fatal(err)
		}
		known := func(token string) bool {
			_, err := tokens.Authorize(t.Context(), token)
			return err == nil
		}
		change := func(content string, mtime int64) {
			writeFile(t, path, content)
			if err := os.Chtimes(path, time.Time{}, time.Unix(mtime, 0)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		before, _ := tokens.Authorize(t.Context(), "bob's")
		change(`{"tokens":[{"token":"new","subject":"alice"}]}`, 1000)
		if known("s3cret") || !known("new") {
			t.Error("the file was not read again")
		}
		if before.Rights("d") != Admin {
			t.Error("an identity that was handed out has changed")
		}
		for _, broken := range []string{``, `{"tok`, `{"tokens":[{"token":"new"}]}`, `{}`, `{"tokens":[]}]`} {
			log.Reset()
			change(broken, 2000)
			if !known("new") {
				t.Fatalf("%q: the tokens are gone", broken)
			}
			if !strings.Contains(log.String(), "ERROR") {
				t.Errorf("%q: the log says %q", broken, log)
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if !known("new") {
			t.Error("without the file the tokens are gone")
		}
		// Replaced in one step, as editors and ConfigMaps do; of the same size and age.
		change(`{"tokens":[{"token":"aaa","subject":"alice"}]}`, 3000)
		if !known("aaa") {
			t.Error("the mended file was not read")
		}
		writeFile(t, path+"~", `{"tokens":[{"token":"bbb","subject":"alice"}]}`)
		if err := errors.Join(os.Chtimes(path+"~", time.Time{}, time.Unix(3000, 0)), os.Rename(path+"~", path)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if known("aaa") || !known("bbb") {
			t.Error("a file put in the place of the old one was not read")
		}
		log.Reset()
		time.Sleep(time.Hour)
		if !known("bbb") || log.Len() > 0 {
			t.Errorf("a file that did not change was read again: %s", log)
		}
	})
}

func TestTokensExpireWhileTheyAreKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
		tokens, _, _, err := openTokens(t, `{"tokens":[{"token":"t","subject":"a","expires":"`+ends+`"}]}`)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour - time.Second)
		if _, err := tokens.Authorize(t.Context(), "t"); err != nil {
			t.Errorf("a second before: got %v", err)
		}
		time.Sleep(time.Second)
		if _, err := tokens.Authorize(t.Context(), "t"); !errors.Is(err, ErrToken) {
			t.Errorf("at its end: got %v, want ErrToken", err)
		}
	})
}

func TestTokensAreAskedByManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens, path, _, err := openTokens(t, aliceAndBob)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 50 {
					if _, err := tokens.Authorize(t.Context(), "bob's"); err != nil {
						t.Error(err)
					}
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		for n := range 5 {
			writeFile(t, path, aliceAndBob+strings.Repeat(" ", n))
			time.Sleep(time.Second)
		}
		all.Wait()
	})
}
