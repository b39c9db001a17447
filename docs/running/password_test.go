package running_test

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/baton-relay/baton/client"
	"github.com/baton-relay/baton/client/admin"
	"github.com/baton-relay/baton/oplog"
)

// TestProxyWithAPassword puts nginx before a relay, with a password of its own,
// which takes the header Authorization. Programs that give the password in the
// address reach everything: the socket, snapshots, the documents.
func TestProxyWithAPassword(t *testing.T) {
	addr := "127.0.0.1:" + freePort(t)
	relayBehind(t, addr, t.TempDir(), tokenFile(t, 2))
	p := behind(t, func(t *testing.T, p *place) *exec.Cmd {
		cmd := nginx(t, p)
		file := filepath.Join(p.dir, "baton.conf")
		users := writeFile(t, filepath.Join(p.dir, "users"), "me:{PLAIN}of the proxy\n")
		writeFile(t, file, strings.Replace(readFile(t, file), "    location / {\n",
			"    location / {\n        auth_basic relay; auth_basic_user_file "+users+";\n", 1))
		return cmd
	}, addr)
	if status, _ := fetch(t, p.http(t), site+"/healthz"); status != http.StatusUnauthorized {
		t.Fatalf("without the password: got %d, want 401", status)
	}
	withPassword := strings.Replace(site, "://", "://me:of%20the%20proxy@", 1)
	conn, err := client.Dial(t.Context(), withPassword, p.options(t, secretToken(0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	d := enter(t, conn, "notes")
	appendOp(t, d, `"one"`)
	if err := d.PutSnapshot(t.Context(), 1, oplog.SnapshotInfo{Format: "json"}, []byte(`"one"`)); err != nil {
		t.Errorf("store a snapshot: %v", err)
	}
	relay, err := admin.Open(withPassword, admin.Options{Token: secretToken(1), HTTPClient: p.http(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	if docs, err := relay.Docs(t.Context(), "", 10); err != nil || len(docs) != 1 || docs[0] != "notes" {
		t.Errorf("list documents: got %v, %v; want notes", docs, err)
	}
}
