package auth

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func openRevoked(t testing.TB, path string) *Revoked {
	t.Helper()
	r, err := OpenRevoked(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func content(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What was revoked stays so over a restart: a token until it has ended, a
// subject's tokens that were issued before.
func TestRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "revoked.jsonl")
		r := openRevoked(t, path)
		before := &Identity{Subject: "alice", Issued: time.Now()}
		undated := &Identity{Subject: "alice"}
		hourly := &Identity{Subject: "bob", TokenID: "t1"}
		forever := &Identity{Subject: "bob", TokenID: "t2"}
		others := []*Identity{{Subject: "bob"}, {Subject: "bob", TokenID: "t3"}, {Subject: "carol", TokenID: "alice"}, {}}
		for _, id := range append(others, before, undated, hourly, forever) {
			if r.Has(id) {
				t.Errorf("%+v is revoked before anything was", id)
			}
		}
		if err := errors.Join(r.Subject("alice"), r.Token("t1", time.Now().Add(time.Hour)), r.Token("t2", time.Time{})); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		after := &Identity{Subject: "alice", Issued: time.Now()}
		check := func(when string) {
			t.Helper()
			for _, id := range []*Identity{before, undated, hourly, forever} {
				if !r.Has(id) {
					t.Errorf("%s: %+v counts again", when, id)
				}
			}
			for _, id := range append(others, after) {
				if r.Has(id) {
					t.Errorf("%s: %+v is revoked", when, id)
				}
			}
		}
		check("at once")
		was := content(t, path)
		r = openRevoked(t, path)
		check("after a restart")
		if is := content(t, path); is != was {
			t.Errorf("the file was written anew without a reason:\n%s%s", was, is)
		}
		if err := errors.Join(r.Subject("alice"), r.Token("t1", time.Now().Add(time.Minute)), r.Token("t2", time.Now().Add(time.Minute))); err != nil {
			t.Fatal(err)
		}
		if !r.Has(after) {
			t.Error("a second revoke of a subject does not count")
		}
		time.Sleep(time.Hour - 2*time.Second)
		r = openRevoked(t, path) // compacts
		if !r.Has(hourly) || !r.Has(forever) || !r.Has(after) {
			t.Error("what was revoked twice counts again")
		}
		if lines := strings.Count(content(t, path), "\n"); lines != 3 {
			t.Errorf("the file has %d lines, want 3:\n%s", lines, content(t, path))
		}
		time.Sleep(lateness + 3*time.Second)
		r = openRevoked(t, path)
		if r.Has(hourly) || !r.Has(forever) || strings.Contains(content(t, path), "t1") {
			t.Errorf("one that has ended is kept:\n%s", content(t, path))
		}
		if stat, err := os.Stat(path); err != nil || stat.Mode().Perm() != 0o600 {
			t.Errorf("got mode %v, %v", stat.Mode(), err)
		}
	})
}

// A crash while a line is written leaves any beginning of it: it is dropped,
// what stands before counts, and what comes after is read again.
func TestRevokedTornLine(t *testing.T) {
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole")
	r := openRevoked(t, whole)
	if err := errors.Join(r.Subject("alice"), r.Token("t1", time.Now().Add(time.Hour))); err != nil {
		t.Fatal(err)
	}
	text := content(t, whole)
	first := strings.IndexByte(text, '\n') + 1
	for cut := range len(text) + 1 {
		path := filepath.Join(dir, fmt.Sprint(cut))
		if err := rewrite(path, text[:cut]); err != nil {
			t.Fatal(err)
		}
		r := openRevoked(t, path)
		// A line that lacks its end only is whole.
		if got, want := r.Has(&Identity{Subject: "alice"}), cut >= first-1; got != want {
			t.Errorf("cut at %d: alice is revoked: %v, want %v", cut, got, want)
		}
		if got, want := r.Has(&Identity{TokenID: "t1"}), cut >= len(text)-1; got != want {
			t.Errorf("cut at %d: t1 is revoked: %v, want %v", cut, got, want)
		}
		if err := r.Token("t2", time.Time{}); err != nil {
			t.Fatal(err)
		}
		again := openRevoked(t, path)
		if !again.Has(&Identity{TokenID: "t2"}) || again.Has(&Identity{Subject: "alice"}) != (cut >= first-1) {
			t.Errorf("cut at %d: what came after is not there: %s", cut, content(t, path))
		}
	}
	// What a file system may leave where bytes never came.
	if err := rewrite(whole, text+strings.Repeat("\x00", 100)); err != nil {
		t.Fatal(err)
	}
	if r := openRevoked(t, whole); !r.Has(&Identity{TokenID: "t1"}) {
		t.Error("zeros at the end take what stands before")
	}
}

// Any other damage is told, with the place: to go on without a line would let
// somebody in.
func TestRevokedDamage(t *testing.T) {
	good := `{"subject":"alice","at":1}` + "\n"
	for _, line := range []string{
		``, `{}`, `x`, `null`, `[]`, `{"subject":"a"}`, `{"subject":"a","at":0}`, `{"subject":"a","at":-1}`, `{"subject":"a","at":"1"}`,
		`{"subject":"a","at":1,"token_id":"b"}`, `{"subject":"a","at":1,"expires":5}`, `{"subject":"","at":1}`, `{"at":1}`,
		`{"token_id":"t","at":1}`, `{"token_id":"t","expires":-1}`, `{"token_id":"t","expires":1.5}`, `{"token_id":"t","more":1}`,
		`{"token_id":"t","token_id":"u"}`, `{"Token_id":"t"}`, `{"token_id":"t"}{}`, "{\"token_id\":\"t\xff\"}",
	} {
		path := filepath.Join(t.TempDir(), "revoked.jsonl")
		if err := rewrite(path, good+line+"\n"+good); err != nil {
			t.Fatal(err)
		}
		_, err := OpenRevoked(path, nil)
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "line 2, at byte 27") || !strings.Contains(err.Error(), "mend or remove") {
			t.Errorf("%q: got %v, want the file, line 2 and what to do", line, err)
		}
		if is := content(t, path); is != good+line+"\n"+good {
			t.Errorf("%q: the file was changed to %q", line, is)
		}
	}
}

// What cannot be kept is not said to be revoked, and leaves the file as it was.
func TestRevokedCannotBeKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	path := filepath.Join(dir, "revoked.jsonl")
	r := openRevoked(t, path)
	if err := r.Subject("alice"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a folder: got %v", err)
	}
	if r.Has(&Identity{Subject: "alice"}) {
		t.Error("what was not kept counts")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := r.Subject("alice"); err != nil || !r.Has(&Identity{Subject: "alice"}) {
		t.Errorf("with the folder: got %v", err)
	}
}

// Killed at any moment, it has what it said it has: a random walk against plain
// maps, with restarts and torn ends.
func TestRevokedWalk(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	path := filepath.Join(t.TempDir(), "revoked.jsonl")
	if err := rewrite(path, ""); err != nil {
		t.Fatal(err)
	}
	r := openRevoked(t, path)
	said := map[[2]string]bool{} // subject, token id
	for range 300 {
		name := fmt.Sprint(rnd.IntN(40))
		switch rnd.IntN(4) {
		case 0:
			if err := r.Subject(name); err != nil {
				t.Fatal(err)
			}
			said[[2]string{name, ""}] = true
		case 1:
			if err := r.Token(name, time.Now().Add(time.Duration(rnd.IntN(3)*int(time.Hour)))); err != nil {
				t.Fatal(err)
			}
			said[[2]string{"", name}] = true
		case 2:
			text := content(t, path)
			if err := rewrite(path, text+`{"subject":"torn","at":176722560`[:rnd.IntN(32)]); err != nil {
				t.Fatal(err)
			}
			fallthrough
		default:
			r = openRevoked(t, path)
		}
		for i := range 40 {
			for _, id := range []*Identity{{Subject: fmt.Sprint(i)}, {TokenID: fmt.Sprint(i)}} {
				if got, want := r.Has(id), said[[2]string{id.Subject, id.TokenID}]; got != want {
					t.Fatalf("%+v: got %v, want %v", id, got, want)
				}
			}
		}
	}
}

func FuzzRevokedFile(f *testing.F) {
	for _, seed := range []string{
		"", "\n", `{"subject":"a","at":1}` + "\n", `{"token_id":"a","expires":99999999999}` + "\n" + `{"token_id":"a"}`, `{"sub`, "{}\n\x00",
	} {
		f.Add([]byte(seed))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(dir, "revoked.jsonl")
		if err := rewrite(path, string(data)); err != nil {
			t.Fatal(err)
		}
		r, err := OpenRevoked(path, nil)
		if err != nil {
			return
		}
		// What was read is read again, and so is what is added.
		if err := r.Token("added", time.Time{}); err != nil {
			t.Fatal(err)
		}
		again := openRevoked(t, path)
		if len(again.subjects) != len(r.subjects) || len(again.tokens) != len(r.tokens) || !again.Has(&Identity{TokenID: "added"}) {
			t.Errorf("got %v and %v, then %v and %v", r.subjects, r.tokens, again.subjects, again.tokens)
		}
	})
}
