package running_test

import (
	"cmp"
	"crypto/tls"
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/baton-relay/baton/client"
)

// TestNewCertificate gives each proxy a new certificate and has it read that,
// under people who are in a document: they stay, and hear what is written then.
// Caddy alone ends their connections, as the Caddyfile says: most with a close
// code, some without.
func TestNewCertificate(t *testing.T) {
	for _, px := range proxies {
		t.Run(px.name, func(t *testing.T) {
			t.Parallel()
			addr := "127.0.0.1:" + freePort(t)
			relayBehind(t, addr, t.TempDir(), tokenFile(t, 2))
			p := behind(t, px.command, addr)
			conn, err := client.Dial(t.Context(), site, p.options(t, secretToken(0)))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			d, id := enter(t, conn, "reload"), conn.Welcome().Session
			p.certify(t, 3)
			p.reload(t)
			await(t, "the new certificate", func() bool { return p.serial() == 3 })

			late := p.join(t, 1, "reload")
			appendOp(t, late, `"after"`)
			if px.name == "caddy" {
				await(t, "the session to end", func() bool { return conn.Err() != nil || conn.Welcome().Session != id })
				if end, ok := errors.AsType[*client.EndError](conn.Err()); conn.Err() != nil && (!ok || end.Status != websocket.CloseGoingAway) {
					t.Errorf("the session ended with %v, want close code 1001", conn.Err())
				}
				t.Logf("the session ended: %v", cmp.Or(conn.Err(), errors.New("cut, and back")))
				return
			}
			wantOp(t, d, `"after"`)
			if got := conn.Welcome().Session; got != id {
				t.Errorf("session %s is %s now: it was cut", id, got)
			}
		})
	}
}

// serial is that of the certificate that is shown now, 0 where there is none.
func (p *place) serial() int64 {
	conn, err := tls.Dial("tcp", "127.0.0.1:"+p.port, &tls.Config{RootCAs: p.roots, ServerName: siteName})
	if err != nil {
		return 0
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// reload has the proxy read its configuration again, as its service does.
func (p *place) reload(t *testing.T) {
	t.Helper()
	var err error
	switch cmd := p.proxy.cmd; filepath.Base(cmd.Path) {
	case "nginx":
		err = cmd.Process.Signal(syscall.SIGHUP)
	case "haproxy":
		var master net.Conn
		await(t, "the master's socket", func() bool {
			master, err = net.Dial("unix", filepath.Join(p.dir, "master"))
			return err == nil
		})
		defer master.Close()
		_, err = master.Write([]byte("reload\n"))
	case "caddy":
		again := exec.CommandContext(t.Context(), cmd.Path, "reload", "--force", "--adapter", "caddyfile",
			"--config", filepath.Join(p.dir, "Caddyfile"), "--address", "unix/"+filepath.Join(p.dir, "admin"))
		again.Env = cmd.Env
		again.Stderr = p.proxy.said
		err = again.Run()
	default:
		t.Fatalf("how is %s reloaded?", cmd.Path)
	}
	if err != nil {
		t.Fatal(err)
	}
}
