package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
	"github.com/baton-relay/baton/relay"
)

// late is what testdata/editing/join.mjs says of a document that it joined.
type late struct {
	By     string   `json:"by"`
	Bytes  int      `json:"bytes"`
	Ops    int      `json:"ops"`
	Heads  []string `json:"heads"`
	SHA256 string   `json:"sha256"`
}

// TestLateJoinersLoadTheSnapshot compacts a document of a running relay. A client
// in JavaScript that comes after has what one had that came before, and what the
// export says, for a fraction of the bytes.
func TestLateJoinersLoadTheSnapshot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "oplog.db")
	putMade(t, path, "board", "board", "--elements", "40", "--moves", "400", "--states", "1")
	log, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := relay.New(relay.Config{Log: log})
	web := httptest.NewServer(server)
	defer func() {
		server.Close()
		web.Close()
		if err := log.Close(); err != nil {
			t.Error(err)
		}
		if err := bolt.CheckFile(t.Context(), path, func(e *oplog.CorruptionError) { t.Error(e) }); err != nil {
			t.Error(err)
		}
	}()
	tool := buildTool(t)
	run := func(args ...string) []byte {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), tool, append(args, "--url", web.URL)...).Output()
		if err != nil {
			t.Fatalf("baton-snapshot %v: %v", args, err)
		}
		return out
	}
	before := join(t, web.URL, "board")
	sum := sha256.Sum256(bytes.TrimSuffix(run("export", "board", "--as", "json"), []byte("\n")))
	if got := hex.EncodeToString(sum[:]); got != before.SHA256 {
		t.Errorf("the export has sha256 %s, what JavaScript has %s", got, before.SHA256)
	}
	run("compact", "board", "--prune-before")
	after := join(t, web.URL, "board")
	if after.By != "snapshot" || after.SHA256 != before.SHA256 || !slices.Equal(after.Heads, before.Heads) || after.Bytes*4 > before.Bytes {
		t.Errorf("by the snapshot: got %+v, want what came by ops, for less than a quarter of the bytes: %+v", after, before)
	}
	var shown struct {
		Ops int `json:"ops"`
	}
	if err := json.Unmarshal(run("show", "board", "--json"), &shown); err != nil || shown.Ops != 0 {
		t.Errorf("show: got %d ops held, %v, want none", shown.Ops, err)
	}
}

func join(t *testing.T, url, doc string) (l late) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", "join.mjs", "--url", url, "--doc", doc)
	cmd.Dir = filepath.Join("..", "baton", "testdata", "editing")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &l)
	}
	if err != nil {
		t.Fatalf("node join.mjs: %v\n%s", err, out)
	}
	return l
}
