package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/baton-relay/baton/client"
	"github.com/baton-relay/baton/oplog"
)

// issue makes a key and a certificate for it, signed by an authority; without one
// it is an authority itself.
func issue(t *testing.T, by *tls.Certificate, until time.Time, names ...string) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, NotBefore: until.Add(-365 * 24 * time.Hour), NotAfter: until,
		IsCA: by == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey.(*ecdsa.PrivateKey)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

var soon = time.Now().Add(90 * 24 * time.Hour)

// pems returns certificate and key as files have them.
func pems(t *testing.T, c *tls.Certificate) (cert, key []byte) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// pairFiles are a certificate and its key in files.
type pairFiles struct{ cert, key string }

func writePair(t *testing.T, c *tls.Certificate) pairFiles {
	t.Helper()
	dir := t.TempDir()
	f := pairFiles{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	f.write(t, c)
	return f
}

func (f pairFiles) write(t *testing.T, c *tls.Certificate) {
	t.Helper()
	cert, key := pems(t, c)
	rewrite(t, f.cert, cert)
	rewrite(t, f.key, key)
}

func rewrite(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (f pairFiles) flags() []string { return []string{"--tls-cert=" + f.cert, "--tls-key=" + f.key} }

// trusting returns an HTTP client that trusts an authority, and tries HTTP/2.
func trusting(ca *tls.Certificate) *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(ca.Leaf)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
}

// join enters a document over wss with package client.
func join(t *testing.T, p *process, c *http.Client, doc oplog.DocID) *client.Doc {
	t.Helper()
	conn, err := client.Dial(t.Context(), "wss://"+p.addr, client.Options{HTTPClient: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	d, err := conn.Join(t.Context(), doc, client.JoinOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// saved appends an op and waits until it is durable.
func saved(t *testing.T, d *client.Doc, payload string) {
	t.Helper()
	if _, err := d.Append(t.Context(), json.RawMessage(payload)); err != nil {
		t.Fatal(err)
	}
	if err := d.Saved(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// With a certificate, pages come over https and sessions over wss.
func TestTLS(t *testing.T) {
	ca := issue(t, nil, soon)
	p := start(t, t.TempDir(), nil, writePair(t, issue(t, ca, soon, "localhost", "127.0.0.1")).flags()...)
	if !strings.HasPrefix(p.addr, "localhost:") {
		t.Errorf("it greets with %s, want localhost", p.addr)
	}
	c := trusting(ca)
	status, header, body := ask(t, c, "https://"+p.addr+"/")
	if status != 200 || !strings.Contains(body, "<html") || header.Get("Strict-Transport-Security") != "" {
		t.Errorf("the page: got %d %v %.100s, want it, and localhost left open for http", status, header, body)
	}
	writer, reader := join(t, p, c, "d"), join(t, p, c, "d")
	saved(t, writer, `"over wss"`)
	for update, err := range reader.Updates(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if len(update.Ops) > 0 {
			if got := string(update.Ops[0].Payload); got != `"over wss"` {
				t.Errorf("got %s", got)
			}
			break
		}
	}
	if status, _, body := ask(t, http.DefaultClient, "http://"+p.addr+"/"); status != 400 {
		t.Errorf("plain http: got %d %s, want 400", status, body)
	}
	old := trusting(ca)
	versions := old.Transport.(*http.Transport).TLSClientConfig
	versions.MinVersion, versions.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if _, err := old.Get("https://" + p.addr + "/healthz"); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.1: got %v, want it refused", err)
	}
	if code := p.stop(t); code != 0 {
		t.Errorf("got exit code %d\n%s", code, p.stderr)
	}
}

// Browsers are told to stay with https, but not where localhost is asked for:
// that is other servers' name too.
func TestOnlySecure(t *testing.T) {
	for host, want := range map[string]string{
		"relay.example": "max-age=31536000", "relay.example:8443": "max-age=31536000",
		"localhost": "", "localhost:8443": "", "127.0.0.1:8443": "", "app.localhost": "",
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "https://"+host+"/", nil)
		(&front{}).serveMain(w, r)
		if got := w.Header().Get("Strict-Transport-Security"); got != want {
			t.Errorf("%s: got %q, want %q", host, got, want)
		}
	}
}

// serial returns the number of the certificate that a new connection is shown.
func serial(t *testing.T, p *process, ca *tls.Certificate) string {
	t.Helper()
	conn, err := tls.Dial("tcp", p.addr, trusting(ca).Transport.(*http.Transport).TLSClientConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// A new certificate is taken without a restart and without a cut; one that is
// half-written or fits no key is not, and is told of once.
func TestCertificateIsReadAgain(t *testing.T) {
	ca := issue(t, nil, soon)
	first, second, third := issue(t, ca, soon, "localhost"), issue(t, ca, soon, "localhost"), issue(t, ca, soon, "localhost")
	files := writePair(t, first)
	p := start(t, t.TempDir(), nil, files.flags()...)
	is := func(c *tls.Certificate) bool { return serial(t, p, ca) == c.Leaf.SerialNumber.String() }
	if !is(first) {
		t.Fatal("another certificate is shown than that of the file")
	}
	live := join(t, p, trusting(ca), "d")
	saved(t, live, "1")

	began := time.Now()
	files.write(t, second)
	await(t, "the second certificate", func() bool { return is(second) })
	took := time.Since(began)
	saved(t, live, "2")

	cert, key := pems(t, third)
	rewrite(t, files.cert, cert[:len(cert)/2])
	complaint := "certificate not taken"
	await(t, "a word on the half-written file", func() bool { return is(second) && strings.Contains(p.stderr.String(), complaint) })
	rewrite(t, files.cert, cert) // whole, but the key is still the second's
	await(t, "a word on the key that does not fit", func() bool { return is(second) && strings.Count(p.stderr.String(), complaint) == 2 })
	if err := os.Remove(files.key); err != nil {
		t.Fatal(err)
	}
	await(t, "a word on the key that is gone", func() bool { return is(second) && strings.Count(p.stderr.String(), complaint) == 3 })
	rewrite(t, files.key, key)
	await(t, "the third certificate", func() bool { return is(third) })
	if n := strings.Count(p.stderr.String(), complaint); n != 3 {
		t.Errorf("it complained %d times, want once for each of three changes:\n%s", n, p.stderr)
	}
	saved(t, live, "3")
	if state := p.stderr.String(); strings.Contains(state, "PRIVATE") {
		t.Errorf("a key is in the log:\n%s", state)
	}
	t.Logf("a new certificate was shown after %v", took.Round(time.Millisecond))
}

// A certificate that cannot be used keeps the relay from starting, and it says why.
func TestCertificateThatCannotBe(t *testing.T) {
	one, other := writePair(t, issue(t, nil, soon, "a")), writePair(t, issue(t, nil, soon, "b"))
	for _, test := range []struct {
		flags []string
		code  int
		want  string
	}{
		{[]string{"--tls-cert=" + one.cert}, 80, "--tls-cert and --tls-key belong together"},
		{[]string{"--tls-key=" + one.key}, 80, "--tls-cert and --tls-key belong together"},
		{[]string{"--redirect=:80"}, 80, "--redirect leads to https"},
		{append(one.flags(), "--redirect=80"), 80, "--redirect 80: "},
		{[]string{"--tls-cert=" + one.cert, "--tls-key=" + other.key}, 1, "does not match"},
		{[]string{"--tls-cert=" + one.cert + "x", "--tls-key=" + one.key}, 1, one.cert + "x: no such file"},
		{[]string{"--tls-cert=" + one.key, "--tls-key=" + one.key}, 1, one.key},
	} {
		code, stderr, _ := run(t, append(test.flags, "--listen=127.0.0.1:0", "--data="+t.TempDir())...)
		if code != test.code || !strings.Contains(stderr, test.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: got %d and\n%swant %d and one line with %q", test.flags, code, stderr, test.code, test.want)
		}
	}
}

// A key that everybody on the machine can read is told of.
func TestKeyForAllToRead(t *testing.T) {
	files := writePair(t, issue(t, nil, soon, "localhost"))
	if err := os.Chmod(files.key, 0o644); err != nil {
		t.Fatal(err)
	}
	p := start(t, t.TempDir(), nil, files.flags()...)
	if !strings.Contains(p.stderr.String(), "every user of this machine can read the private key") {
		t.Errorf("nothing of it is in\n%s", p.stderr)
	}
}

// Whoever comes over plain http is sent on to the same page over https.
func TestRedirect(t *testing.T) {
	for _, test := range []struct {
		port         int
		method, host string
		path         string
		status       int
		want         string
	}{
		{443, "GET", "relay.example", "/board/a?b=c", 308, "https://relay.example/board/a?b=c"},
		{443, "HEAD", "relay.example:80", "/", 308, "https://relay.example/"},
		{8443, "GET", "relay.example:8080", "/", 308, "https://relay.example:8443/"},
		{443, "GET", "[::1]:80", "/", 308, "https://[::1]/"},
		{443, "POST", "relay.example", "/v1/docs/d/ops", 400, ""},
		{443, "GET", "relay.example/evil", "/", 400, ""},
		{443, "GET", "a@evil.example", "/", 400, ""},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(test.method, "http://x"+test.path, nil)
		r.Host = test.host
		redirect(&net.TCPAddr{Port: test.port}).ServeHTTP(w, r)
		if got := w.Header().Get("Location"); w.Code != test.status || got != test.want {
			t.Errorf("%s %s%s: got %d %q, want %d %q", test.method, test.host, test.path, w.Code, got, test.status, test.want)
		}
	}

	ca := issue(t, nil, soon)
	p := start(t, t.TempDir(), nil, append(writePair(t, issue(t, ca, soon, "localhost", "127.0.0.1")).flags(), "--redirect=127.0.0.1:0")...)
	if status, _, body := ask(t, trusting(ca), "http://"+p.listensAt(t, "redirects")+"/readyz"); status != 200 || !strings.Contains(body, "ready") {
		t.Errorf("through the redirect: got %d %s", status, body)
	}
}

// firstPEM returns what the first block of a PEM file holds.
func firstPEM(t *testing.T, data []byte) []byte {
	t.Helper()
	block, _ := pem.Decode(data)
	if block == nil {
		t.Fatalf("no PEM: %.100q", data)
	}
	return block.Bytes
}
