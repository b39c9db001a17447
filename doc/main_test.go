package doc

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/baton-relay/baton/clock"
	"github.com/baton-relay/baton/oplog"
)

func TestMain(m *testing.M) {
	Child() // tests are the parents of their own program
	os.Exit(m.Run())
}

// proving returns an engine with the real prover, as the npm package has it.
func proving(t testing.TB) Engine {
	t.Helper()
	file := filepath.Join("..", "client", "js", "dist", "prove.js")
	if _, err := os.Stat(file); err != nil {
		t.Fatalf("%s is not built; run `make deps`, or `npm run build` in client/js", file)
	}
	return Engine{Prover: []string{"node", file}}
}

// moment is what JavaScript says of a document after so many ops.
type moment struct {
	Offset oplog.Offset `json:"offset"`
	JSON   string       `json:"json"`
	Typed  string       `json:"typed"`
	Heads  []string     `json:"heads"`
}

// history is a document that was made in JavaScript.
type history struct {
	ops     []oplog.Entry
	moments []moment
	decoded []decoded // of each op, if asked for
}

// decoded is what JavaScript says of a change.
type decoded struct {
	Hash    string   `json:"hash"`
	Deps    []string `json:"deps"`
	StartOp uint64   `json:"startOp"`
	Time    int64    `json:"time"`
	Message string   `json:"message"`
	Ops     int      `json:"ops"`
}

// madeInJS makes a document by cmd/baton/testdata/editing/documents.mjs.
func madeInJS(t testing.TB, args ...string) *history {
	t.Helper()
	dir := filepath.Join("..", "cmd", "baton", "testdata", "editing")
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		t.Fatalf("the npm packages of %s are not there; run `make deps`, or `npm ci` in that folder", dir)
	}
	cmd := exec.CommandContext(t.Context(), "node", slices.Concat([]string{"--max-old-space-size=4096", "documents.mjs"}, args)...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node documents.mjs %v: %v", args, err)
	}
	return parseHistory(t, out)
}

// parseHistory reads what documents.mjs prints.
func parseHistory(t testing.TB, out []byte) *history {
	t.Helper()
	h := &history{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var line struct {
			moment
			Actor   clock.Actor     `json:"actor"`
			Seq     uint64          `json:"seq"`
			Clock   clock.Vector    `json:"clock"`
			Payload json.RawMessage `json:"payload"`
			Decoded decoded         `json:"decoded"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if line.Offset > 0 {
			h.moments = append(h.moments, line.moment)
			continue
		}
		h.decoded = append(h.decoded, line.Decoded)
		h.ops = append(h.ops, oplog.Entry{
			Op:     oplog.Op{Dot: clock.Dot{Actor: line.Actor, Seq: line.Seq}, Clock: line.Clock, Payload: line.Payload},
			Offset: oplog.Offset(len(h.ops) + 1),
		})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return h
}

// upTo gives the ops at or before an offset, to a [Job].
func (h *history) upTo(at oplog.Offset) func(func(*oplog.Entry) bool) error {
	return func(visit func(*oplog.Entry) bool) error {
		for i := range h.ops {
			if h.ops[i].Offset > at || !visit(&h.ops[i]) {
				break
			}
		}
		return nil
	}
}

// with returns the document with an op more.
func (h *history) with(e oplog.Entry) *history {
	e.Offset = oplog.Offset(len(h.ops) + 1)
	return &history{ops: append(slices.Clip(h.ops), e)}
}
