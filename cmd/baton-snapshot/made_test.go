package main

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
	"github.com/baton-relay/baton/doc"
	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
)

// putMade puts a document into the log at path that JavaScript makes, by
// cmd/baton/testdata/editing/documents.mjs.
func putMade(t *testing.T, path string, id oplog.DocID, args ...string) {
	t.Helper()
	log, err := bolt.Open(path, bolt.Options{CommitInterval: -1})
	if err != nil {
		t.Fatal(err)
	}
	ops := made(t, args...)
	if _, err := log.Append(t.Context(), oplog.Append{Doc: id, Format: doc.Automerge, Entries: ops}); err != nil {
		t.Error(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

// made returns the ops of a document that JavaScript makes.
func made(t *testing.T, args ...string) []oplog.Entry {
	t.Helper()
	dir := filepath.Join("..", "baton", "testdata", "editing")
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		t.Fatalf("the npm packages of %s are not there; run `make deps`, or `npm ci` in that folder", dir)
	}
	cmd := exec.CommandContext(t.Context(), "node", slices.Concat([]string{"documents.mjs"}, args)...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var ops []oplog.Entry
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var line struct {
			Actor   clock.Actor     `json:"actor"`
			Seq     uint64          `json:"seq"`
			Clock   clock.Vector    `json:"clock"`
			Payload json.RawMessage `json:"payload"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if line.Seq > 0 {
			ops = append(ops, oplog.Entry{Op: oplog.Op{Dot: clock.Dot{Actor: line.Actor, Seq: line.Seq}, Clock: line.Clock, Payload: line.Payload}})
		}
	}
	return ops
}
