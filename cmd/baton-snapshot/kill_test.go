package main

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
)

// TestKilledAtAnyMoment kills the tool with SIGKILL while it compacts and prunes,
// backs up, and restores. Each time the log must be whole and say the same, and
// the same command must do its work when it is given again. BATON_KILLS is how
// often; BATON_SEED repeats a run.
func TestKilledAtAnyMoment(t *testing.T) {
	kills := 15
	if text := os.Getenv("BATON_KILLS"); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil || kills < 1 {
			t.Fatalf("BATON_KILLS=%s is no number of kills", text)
		}
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("BATON_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("BATON_SEED=%d", seed)
	k := &killing{rnd: rand.New(rand.NewPCG(seed, 0)), tool: buildTool(t), dir: t.TempDir(), took: map[string]time.Duration{}}
	k.base = filepath.Join(k.dir, "base.db")
	k.makeLog(t)
	k.backup = filepath.Join(k.dir, "backup.db")
	k.run(t, "backup", k.backup, "--log", k.base)
	for n := range kills {
		switch n % 3 {
		case 0:
			k.compacting(t)
		case 1:
			k.backingUp(t)
		case 2:
			k.restoring(t)
		}
		if t.Failed() {
			t.Fatalf("at kill %d", n)
		}
	}
	t.Logf("%d of %d commands were killed before their end", k.cut, kills)
	if k.cut < kills/4 {
		t.Errorf("only %d of %d commands were killed in the middle: the test tries too little", k.cut, kills)
	}
}

// buildTool returns the program as people run it, with the real prover.
func buildTool(t *testing.T) string {
	t.Helper()
	prover, err := builtProver()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("BATON_PROVER", prover)
	path := filepath.Join(t.TempDir(), "baton-snapshot")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

type killing struct {
	rnd          *rand.Rand
	tool         string
	dir          string
	base, backup string
	want         map[oplog.DocID]string   // content of each document
	took         map[string]time.Duration // how long a command takes
	cut          int
}

// makeLog makes a log of a few documents.
func (k *killing) makeLog(t *testing.T) {
	t.Helper()
	trace := filepath.Join(k.dir, "edits.json")
	edits := []byte(`[[0,0,"x"]`)
	for range 400 {
		edits = append(edits, `,[0,0,"some words "]`...)
	}
	if err := os.WriteFile(trace, append(edits, ']'), 0o600); err != nil {
		t.Fatal(err)
	}
	for doc, args := range map[oplog.DocID][]string{
		"text":  {"text", "--edits", trace, "--states", "1"},
		"board": {"board", "--elements", "100", "--moves", "400", "--states", "1"},
	} {
		putMade(t, k.base, doc, args...)
	}
	k.want = k.contents(t, k.base)
}

// run runs the tool to its end, and returns what it prints.
func (k *killing) run(t *testing.T, args ...string) string {
	t.Helper()
	began := time.Now()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), k.tool, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("baton-snapshot %v: %v\n%s", args, err, stderr.String())
	}
	k.took[args[0]] = time.Since(began)
	return string(out)
}

// kill runs the tool and kills it at a random moment.
func (k *killing) kill(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), k.tool, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(time.Duration(k.rnd.Int64N(int64(max(k.took[args[0]]*3/4, 15*time.Millisecond)))), func() { _ = cmd.Process.Kill() })
	if err := cmd.Wait(); err != nil {
		k.cut++
	}
	timer.Stop()
}

// contents returns what each document of a log says, as of its end.
func (k *killing) contents(t *testing.T, log string) map[oplog.DocID]string {
	t.Helper()
	err := bolt.CheckFile(t.Context(), log, func(e *oplog.CorruptionError) { t.Errorf("%s is damaged: %v", log, e) })
	if err != nil {
		t.Fatal(err)
	}
	all := map[oplog.DocID]string{}
	for _, doc := range []oplog.DocID{"text", "board"} {
		all[doc] = k.run(t, "export", string(doc), "--log", log)
	}
	return all
}

func (k *killing) same(t *testing.T, log string) {
	t.Helper()
	for doc, got := range k.contents(t, log) {
		if got != k.want[doc] {
			t.Errorf("%s in %s: got %d bytes, want %d\n%.200s", doc, log, len(got), len(k.want[doc]), got)
		}
	}
}

func (k *killing) compacting(t *testing.T) {
	log := filepath.Join(k.dir, "compacting.db")
	copyFile(t, k.base, log)
	args := []string{"compact", "--all", "--prune-before", "--log", log}
	if k.took["compact"] == 0 {
		k.run(t, args...)
		copyFile(t, k.base, log)
	}
	k.kill(t, args...)
	k.same(t, log)
	k.run(t, args...)
	k.same(t, log)
	k.run(t, "verify", "--log", log)
}

func (k *killing) backingUp(t *testing.T) {
	to := filepath.Join(k.dir, "copy.db")
	k.kill(t, "backup", to, "--log", k.base)
	k.same(t, k.base)
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		k.same(t, to)
	}
	k.run(t, "backup", to, "--force", "--log", k.base)
	k.same(t, to)
	if err := os.Remove(to); err != nil {
		t.Fatal(err)
	}
}

func (k *killing) restoring(t *testing.T) {
	log := filepath.Join(k.dir, "restoring.db")
	copyFile(t, k.base, log)
	args := []string{"restore", k.backup, "--replace", "--log", log}
	if k.took["restore"] == 0 {
		k.run(t, args...)
	}
	k.kill(t, args...)
	k.same(t, log)
	k.run(t, args...)
	k.same(t, log)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
