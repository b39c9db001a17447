package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// edit is one change of a text: at a place, so many characters away, this text
// in. In JSON: [place, deletions, "text", …].
type edit struct {
	at, deletions int
	text          string
}

func (e *edit) UnmarshalJSON(b []byte) error {
	var list []any
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	e.at, e.deletions = int(list[0].(float64)), int(list[1].(float64))
	for _, s := range list[2:] {
		e.text += s.(string)
	}
	return nil
}

func (e edit) MarshalJSON() ([]byte, error) { return json.Marshal([]any{e.at, e.deletions, e.text}) }

func (e edit) apply(text []byte) []byte {
	tail := text[e.at+e.deletions:]
	if len(e.text) <= e.deletions {
		n := copy(text[e.at:], e.text)
		return append(text[:e.at+n], tail...)
	}
	return append(text[:e.at], append([]byte(e.text), tail...)...)
}

// typing makes a trace of a person who types, goes back and corrects.
func typing(seed uint64, n int) []edit {
	rnd := rand.New(rand.NewPCG(seed, 0))
	edits := make([]edit, 0, n)
	size, at := 0, 0
	for len(edits) < n {
		switch k := rnd.IntN(20); {
		case k == 0 && size > 0:
			at = rnd.IntN(size + 1)
			continue
		case k < 4 && at > 0:
			at--
			size--
			edits = append(edits, edit{at, 1, ""})
		default:
			edits = append(edits, edit{at, 0, string(rune('a' + rnd.IntN(26)))})
			at++
			size++
		}
	}
	return edits
}

// outcome is what a program of testdata/editing says at its end.
type outcome struct {
	Role     string  `json:"role"`
	Length   int     `json:"length"`
	SHA256   string  `json:"sha256"`
	Ops      int     `json:"ops"`
	LeftAt   int     `json:"left_at"`
	Repeated int     `json:"repeated"`
	AllHere  float64 `json:"all_here_s"`
	Seconds  float64 `json:"seconds"`
}

// TestTwoAuthorsTypeOneDocument has four programs, which know nothing of each
// other but the protocol, edit one Automerge document. BATON_TRACE names a file
// with another trace than the generated one.
func TestTwoAuthorsTypeOneDocument(t *testing.T) {
	edits := typing(20261124, 6000)
	path := os.Getenv("BATON_TRACE")
	if path == "" {
		path = filepath.Join(t.TempDir(), "trace.json")
		b, err := json.Marshal(edits)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	} else {
		edits = readTrace(t, path)
	}
	var text []byte
	for _, e := range edits {
		text = e.apply(text)
	}
	sum := sha256.Sum256(text)
	want := hex.EncodeToString(sum[:])
	ops := len(edits) + 1 // the first makes the empty text

	relay := start(t, t.TempDir(), nil)
	began := time.Now()
	roles := [][]string{
		{"--role", "author", "--me", "a", "--peer", "b", "--trace", path},
		{"--role", "author", "--me", "b", "--peer", "a", "--trace", path},
		{"--role", "resume", "--ops", strconv.Itoa(ops)},
	}
	got := make([]outcome, len(roles))
	ctx, cancel := context.WithCancel(t.Context()) // one that fails ends the others, which wait for it
	defer cancel()
	var wg sync.WaitGroup
	for i, role := range roles {
		wg.Go(func() {
			if got[i] = runNode(ctx, t, relay, role); got[i].Role == "" {
				cancel()
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	got = append(got, runNode(ctx, t, relay, []string{"--role", "late"}))
	t.Logf("%d edits, %d bytes of text, all in %.1f s", len(edits), len(text), time.Since(began).Seconds())
	for _, o := range got {
		t.Logf("%+v", o)
		if o.SHA256 != want {
			t.Errorf("%s ends with another text: got %d bytes, sha256 %s; want %d bytes, sha256 %s", o.Role, o.Length, o.SHA256, len(text), want)
		}
	}
	if got[0].Ops+got[1].Ops != ops {
		t.Errorf("the authors sent %d and %d ops, want %d in all", got[0].Ops, got[1].Ops, ops)
	}
	if o := got[2]; o.Ops != ops || o.Repeated != 0 || o.LeftAt < ops/2 || o.LeftAt == ops {
		t.Errorf("the one that resumed by clock got %d ops, left at %d, %d repeated; want %d, from the middle, none", o.Ops, o.LeftAt, o.Repeated, ops)
	}
	if got[3].Ops != ops {
		t.Errorf("the one that came late got %d ops, want %d", got[3].Ops, ops)
	}
	if code := relay.stop(t); code != 0 {
		t.Errorf("exit code after SIGTERM: got %d, want 0\n%s", code, relay.stderr)
	}
}

func readTrace(t *testing.T, path string) []edit {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var edits []edit
	if err := json.Unmarshal(b, &edits); err != nil {
		t.Fatal(err)
	}
	return edits
}

// runNode runs one program of testdata/editing to its end.
func runNode(ctx context.Context, t *testing.T, relay *process, role []string) (o outcome) {
	dir := filepath.Join("testdata", "editing")
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		t.Errorf("the npm packages of %s are not there; run `make test`, or `npm ci` in that folder", dir)
		return o
	}
	args := append([]string{"--max-old-space-size=4096", "edit.mjs", "--url", relay.ws(), "--doc", "paper"}, role...)
	cmd := exec.CommandContext(ctx, cmp.Or(os.Getenv("NODE"), "node"), args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &o)
	}
	if err != nil {
		t.Error(fmt.Errorf("node edit.mjs %s: %w\n%s%s", strings.Join(role, " "), err, out, stderr.String()))
	}
	return o
}
