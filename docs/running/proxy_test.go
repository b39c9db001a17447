package running_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/baton-relay/baton/client"
)

// The snippets are used as they are but for ports and paths: each of those is
// put in by edit, which fails where the snippet has them no longer.
const (
	siteName    = "board.example.com"
	site        = "https://" + siteName
	siteBackend = "127.0.0.1:8080"
)

// proxies are those that the snippets are for.
var proxies = []struct {
	name    string
	command proxyCommand
}{
	{"nginx", nginx},
	{"caddy", caddy},
	{"haproxy", haproxy},
}

// proxyCommand makes the command of a proxy that stands at a place.
type proxyCommand func(t *testing.T, p *place) *exec.Cmd

// place is where a proxy runs in a test, and whom it serves.
type place struct {
	// static
	dir     string // its own
	port    string // of TLS, on loopback
	backend string // host:port of the relay
	ca      *x509.Certificate
	caKey   *ecdsa.PrivateKey
	roots   *x509.CertPool
	proxy   *running

	logsRequests bool // where the snippet says how
}

// behind starts a proxy before the address of a backend.
func behind(t *testing.T, command proxyCommand, backend string) *place {
	t.Helper()
	p := &place{dir: t.TempDir(), port: freePort(t), backend: backend}
	p.authority(t)
	p.certify(t, 2)
	p.proxy = run(t, command(t, p))
	p.proxy.awaitListening(t, "127.0.0.1:"+p.port)
	return p
}

func nginx(t *testing.T, p *place) *exec.Cmd {
	p.logsRequests = true
	snippet := edit(t, "nginx.conf", map[string]string{
		"server " + siteBackend:                        "server " + p.backend,
		"listen 443 ssl":                               "listen 127.0.0.1:" + p.port + " ssl",
		"    listen [::]:443 ssl http2;\n":             "",
		"/etc/ssl/" + siteName + "/fullchain.pem":      p.cert(),
		"/etc/ssl/" + siteName + "/privkey.pem":        p.key(),
		"access_log /var/log/nginx/baton.log baton;\n": "access_log " + filepath.Join(p.dir, "access.log") + " baton;\n",
	})
	workers := ""
	if me, err := user.Current(); err == nil && me.Uid == "0" {
		workers = "user root;" // who can write where the test's files are
	}
	main := fmt.Sprintf(`
		daemon off; pid %[1]s/pid; error_log stderr; worker_processes 2; %[2]s
		events { worker_connections 1024; }
		http {
			access_log off;
			client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
			uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
			include %[3]s;
		}`, p.dir, workers, writeFile(t, filepath.Join(p.dir, "baton.conf"), snippet))
	return exec.Command(program("nginx"), "-e", "stderr", "-c", writeFile(t, filepath.Join(p.dir, "nginx.conf"), main))
}

func caddy(t *testing.T, p *place) *exec.Cmd {
	snippet := edit(t, "Caddyfile", map[string]string{
		"reverse_proxy " + siteBackend: "reverse_proxy " + p.backend,
		"\n" + siteName + " {\n":       "\n" + siteName + " {\n\ttls " + p.cert() + " " + p.key() + "\n",
	})
	options := fmt.Sprintf("{\n\tadmin unix/%s\n\thttp_port %s\n\thttps_port %s\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n}\n", filepath.Join(p.dir, "admin"), freePort(t), p.port)
	cmd := exec.Command(program("caddy"), "run", "--adapter", "caddyfile", "--config", writeFile(t, filepath.Join(p.dir, "Caddyfile"), options+snippet))
	cmd.Env = append(os.Environ(), "HOME="+p.dir, "XDG_DATA_HOME="+p.dir, "XDG_CONFIG_HOME="+p.dir)
	return cmd
}

func haproxy(t *testing.T, p *place) *exec.Cmd {
	p.logsRequests = true
	snippet := edit(t, "haproxy.cfg", map[string]string{
		"server relay " + siteBackend:       "server relay " + p.backend,
		"bind :443 ":                        "bind 127.0.0.1:" + p.port + " ",
		"/etc/haproxy/" + siteName + ".pem": p.pair(),
	})
	global := writeFile(t, filepath.Join(p.dir, "global.cfg"), "global\n    log stdout format raw local0\n    maxconn 1000\n")
	return exec.Command(program("haproxy"), "-W", "-S", filepath.Join(p.dir, "master"), "-db", "-f", global, "-f", writeFile(t, filepath.Join(p.dir, "baton.cfg"), snippet))
}

// program finds a proxy where Debian puts it, which is not on everyone's PATH.
func program(name string) string {
	if _, err := exec.LookPath(name); err != nil {
		return filepath.Join("/usr/sbin", name)
	}
	return name
}

// edit returns a file with some texts replaced, each of which must be there
// once.
func edit(t *testing.T, name string, replace map[string]string) string {
	t.Helper()
	text := readFile(t, name)
	for old, new := range replace {
		if n := strings.Count(text, old); n != 1 {
			t.Fatalf("%s has %q %d times, want 1: the test must follow the file", name, old, n)
		}
		text = strings.Replace(text, old, new, 1)
	}
	return text
}

// authority makes the certificate authority of the test.
func (p *place) authority(t *testing.T) {
	t.Helper()
	var err error
	if p.caKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test authority"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, &p.caKey.PublicKey, p.caKey)
	if err != nil {
		t.Fatal(err)
	}
	if p.ca, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	p.roots = x509.NewCertPool()
	p.roots.AddCert(p.ca)
}

// certify writes a certificate of the site, with its key, where the proxy looks
// for them.
func (p *place) certify(t *testing.T, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: siteName}, DNSNames: []string{siteName},
		NotBefore: p.ca.NotBefore, NotAfter: p.ca.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	certDER, err := x509.CreateCertificate(rand.Reader, leaf, p.ca, &key.PublicKey, p.caKey)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certDER}))
	secret := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	writeFile(t, p.cert(), cert)
	writeFile(t, p.key(), secret)
	writeFile(t, p.pair(), cert+secret)
}

func (p *place) cert() string { return filepath.Join(p.dir, "cert.pem") }
func (p *place) key() string  { return filepath.Join(p.dir, "key.pem") }
func (p *place) pair() string { return filepath.Join(p.dir, "pair.pem") }

// dial opens a connection to the proxy, whatever host was asked for.
func (p *place) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+p.port)
}

// http returns a client that finds the site at the proxy and trusts it.
func (p *place) http(t *testing.T) *http.Client {
	transport := &http.Transport{
		DialContext: p.dial, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{RootCAs: p.roots},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// options are those of a client of the site.
func (p *place) options(t *testing.T, token string) client.Options {
	return client.Options{Token: token, HTTPClient: p.http(t), DialContext: p.dial}
}

// tokenFile gives tokens "secret-0" and on to as many people.
func tokenFile(t *testing.T, n int) string {
	t.Helper()
	type entry struct {
		Token   string              `json:"token"`
		Subject string              `json:"subject"`
		Docs    map[string][]string `json:"docs"`
	}
	var file struct {
		Tokens []entry `json:"tokens"`
	}
	for i := range n {
		file.Tokens = append(file.Tokens, entry{
			secretToken(i), fmt.Sprint("person-", i),
			map[string][]string{"*": {"read", "write", "presence", "compact", "admin"}},
		})
	}
	text, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, filepath.Join(t.TempDir(), "tokens.json"), string(text))
}

func secretToken(i int) string { return fmt.Sprint("secret-", i) }

// relayBehind runs a relay that is to stand behind a proxy, with the log in dir
// and the settings of baton.toml.
func relayBehind(t *testing.T, addr, dir, tokens string, flags ...string) *running {
	t.Helper()
	args := []string{"serve", "--config", settings(t, addr, dir, tokens)}
	relay := run(t, exec.Command(batonBinary(t), append(args, flags...)...))
	relay.awaitReady(t, addr)
	return relay
}

// settings writes baton.toml with an address and files of the test.
func settings(t *testing.T, addr, dir, tokens string) string {
	t.Helper()
	return writeFile(t, filepath.Join(t.TempDir(), "baton.toml"), edit(t, "baton.toml", map[string]string{
		"\nlisten = \"127.0.0.1:8080\"\n":   fmt.Sprintf("\nlisten = %q\n", addr),
		`metrics-listen = "127.0.0.1:9091"`: fmt.Sprintf("metrics-listen = %q", "127.0.0.1:"+freePort(t)),
		"/var/lib/baton":                    dir,
		"/etc/baton/tokens.json":            tokens,
	}))
}
