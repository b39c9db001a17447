package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// pebble is the test server of Let's Encrypt.
const pebble = "github.com/letsencrypt/pebble/v2/cmd/"

// freeAddresses returns addresses on loopback that nobody listens on.
func freeAddresses(t *testing.T, n int) []string {
	t.Helper()
	var all []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		all = append(all, l.Addr().String())
	}
	return all
}

func port(t *testing.T, addr string) (n int) {
	t.Helper()
	_, text, _ := net.SplitHostPort(addr)
	if _, err := fmt.Sscan(text, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// background runs a program until the test ends.
func background(t *testing.T, path string, args ...string) *lockedBuffer {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, args...)
	out := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr, cmd.Env = out, out, append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
	})
	return out
}

// startACME runs an ACME server that finds relay.test at an address, and returns
// its directory, a file with the certificate that it speaks with, and how to get
// its root.
func startACME(t *testing.T, relay string) (directory, trust string, root func() *tls.Certificate) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"pebble", "pebble-challtestsrv"} {
		cmd := exec.CommandContext(t.Context(), "go", "install", pebble+name+"@v2.10.3")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOBIN="+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	free := freeAddresses(t, 4)
	listen, management, dns, names := free[0], free[1], free[2], free[3]
	own := writePair(t, issue(t, nil, soon, "127.0.0.1"))
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": listen, "managementListenAddress": management, "certificate": own.cert, "privateKey": own.key,
		"tlsPort": port(t, relay), "httpPort": 1,
	}})
	if err != nil {
		t.Fatal(err)
	}
	rewrite(t, filepath.Join(dir, "pebble.json"), config)
	background(t, filepath.Join(dir, "pebble-challtestsrv"), "-dnsserver", dns, "-management", names,
		"-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "")
	told := background(t, filepath.Join(dir, "pebble"), "-config", filepath.Join(dir, "pebble.json"), "-dnsserver", dns)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the ACME server:\n%s", told)
		}
	})
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	directory = "https://" + listen + "/dir"
	await(t, "the ACME server", func() bool {
		resp, err := c.Get(directory)
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
	return directory, own.cert, func() *tls.Certificate {
		_, _, text := ask(t, c, "https://"+management+"/roots/0")
		cert, err := x509.ParseCertificate(firstPEM(t, []byte(text)))
		if err != nil {
			t.Fatal(err)
		}
		return &tls.Certificate{Leaf: cert}
	}
}

// With --autocert, the first visit gets a certificate from an ACME server, others
// and a restart find it, and no name but ours gets one.
func TestAutocert(t *testing.T) {
	addr := freeAddresses(t, 1)[0]
	directory, trust, root := startACME(t, addr)
	dir := t.TempDir()
	begin := func() *process {
		return start(t, dir, []string{"env", "SSL_CERT_FILE=" + trust}, "--listen="+addr,
			"--autocert=relay.test", "--autocert-directory="+directory, "--allow-origin=https://relay.test")
	}
	visit := func(name string) (serial string, err error) {
		ca := root()
		c := trusting(ca)
		c.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}
		resp, err := c.Get("https://" + name + "/readyz")
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		if resp.StatusCode != 200 || resp.Header.Get("Strict-Transport-Security") == "" {
			t.Errorf("got %d %v", resp.StatusCode, resp.Header)
		}
		return resp.TLS.PeerCertificates[0].SerialNumber.String(), nil
	}
	p := begin()
	first, err := visit("relay.test")
	if err != nil {
		t.Fatalf("%v\n%s", err, p.stderr)
	}
	if again, err := visit("relay.test"); err != nil || again != first {
		t.Errorf("a second visit: got certificate %s, %v; want %s", again, err, first)
	}
	if _, err := visit("other.test"); err == nil {
		t.Error("a name that is not ours got a certificate")
	}
	if strings.Contains(p.stderr.String(), "no certificate was had") {
		t.Errorf("a stranger's name is told of:\n%s", p.stderr)
	}
	if code := p.stop(t); code != 0 {
		t.Errorf("got exit code %d\n%s", code, p.stderr)
	}
	begin()
	if again, err := visit("relay.test"); err != nil || again != first {
		t.Errorf("after a restart: got certificate %s, %v; want %s", again, err, first)
	}
	found := checkFolder(t.Context(), examined(t, "--data="+filepath.Join(dir, "autocert")))
	wantNone(t, found, stateWarn)
	wantNone(t, found, stateFail)
}

// That no certificate can be had is told of, once for many visits.
func TestAutocertThatCannotBe(t *testing.T) {
	p := start(t, t.TempDir(), nil, "--autocert=relay.test", "--autocert-directory=https://127.0.0.1:1/dir")
	for range 3 {
		if _, err := tls.Dial("tcp", p.addr, &tls.Config{ServerName: "relay.test"}); err == nil {
			t.Fatal("it has a certificate")
		}
	}
	await(t, "a word on it", func() bool { return strings.Contains(p.stderr.String(), "no certificate was had") })
	if n := strings.Count(p.stderr.String(), "no certificate was had"); n != 1 || !strings.Contains(p.stderr.String(), "connection refused") {
		t.Errorf("it told %d times, want once, with why:\n%s", n, p.stderr)
	}
	for _, args := range [][]string{
		{"--autocert=a", "--tls-cert=c", "--tls-key=k"}, {"--autocert-directory=https://a"},
	} {
		if code, stderr, _ := run(t, args...); code != 80 || !strings.Contains(stderr, "--autocert") {
			t.Errorf("%v: got %d %s", args, code, stderr)
		}
	}
	if !strings.Contains(p.stderr.String(), "name=relay.test") {
		t.Errorf("it does not say for which name:\n%s", p.stderr)
	}
}
