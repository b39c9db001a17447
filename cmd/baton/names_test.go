package main

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/acme/autocert"

	"github.com/baton-relay/baton/durable/durabletest"
)

// Before a relay serves, the names of its folder, of those above and of its files
// are on disk: an op that is acked in a file without a name is lost. The same is
// so of a revocation that was answered.
func TestNamesAreOnDiskBeforeTheRelayServes(t *testing.T) {
	dir := t.TempDir()
	trace, secret := filepath.Join(t.TempDir(), "trace"), filepath.Join(t.TempDir(), "secret")
	rewrite(t, secret, []byte("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"))
	relay := start(t, filepath.Join(dir, "new", "folders", "data"), durabletest.Strace(trace),
		"--webhook", "http://127.0.0.1:9/hook", "--webhook-secret", secret)
	wantSynced(t, trace, dir)
	resp, err := http.Post("http://"+relay.addr+"/v1/admin/revoke", "application/json", strings.NewReader(`{"subject":"ann"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		t.Fatalf("revoke: got %s", resp.Status)
	}
	if _, err := os.Stat(filepath.Join(dir, "new", "folders", "data", "revoked.jsonl")); err != nil {
		t.Fatal(err)
	}
	wantSynced(t, trace, dir)
}

// namesVariable makes this test program write what it names into a folder.
const namesVariable = "BATON_TEST_NAMES"

// writeNames does that, and ends the process.
func writeNames(what string) {
	kind, folder, _ := strings.Cut(what, " ")
	var err error
	switch kind {
	case "autocert":
		err = newACME(nil, "", folder, nil).manager.Cache.Put(context.Background(), "acme_account+key", []byte("a key"))
	}
	if err != nil {
		panic(err)
	}
	os.Exit(0)
}

// What an ACME server gave, and the key of the account there, are whole on disk.
func TestCertificatesAreKeptDurably(t *testing.T) {
	dir := t.TempDir()
	trace := filepath.Join(t.TempDir(), "trace")
	folder := filepath.Join(dir, "data", "autocert")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := append(durabletest.Strace(trace), self)
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env = append(environment(), namesVariable+"=autocert "+folder)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wantSynced(t, trace, dir)
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	wrote := strings.Index(string(text), "fsync(")
	named := strings.Index(string(text), "rename")
	if wrote < 0 || named < wrote || !strings.Contains(string(text[:named]), "acme_account+key") {
		t.Errorf("a file gets its name before its content is synced:\n%s", text)
	}
	key, err := autocert.DirCache(folder).Get(t.Context(), "acme_account+key")
	if err != nil || string(key) != "a key" {
		t.Errorf("got %q, %v", key, err)
	}
}

func wantSynced(t *testing.T, trace, dir string) {
	t.Helper()
	names, err := durabletest.Unsynced(trace, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		t.Errorf("a power cut may take %s: nothing has synced its folder", name)
	}
}
