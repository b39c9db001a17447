package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme/autocert"
)

// tlsFlags have the relay speak https and wss by itself.
type tlsFlags struct {
	TLSCert           string   `placeholder:"FILE" help:"Certificate in PEM, with those between it and its root: serve https and wss. Read again when it changes."`
	TLSKey            string   `placeholder:"FILE" help:"Private key of --tls-cert in PEM, which nobody but this user should be able to read."`
	Autocert          []string `placeholder:"DOMAIN" help:"Instead of --tls-cert: get a certificate for this name from Let's Encrypt, whose terms you accept by that, and renew it. The name must lead here, at port 443. May be given again."`
	AutocertDirectory string   `placeholder:"URL" help:"Directory of another ACME server for --autocert."`
	Redirect          string   `placeholder:"ADDR" help:"Address to listen on for plain http, such as :80, and to send browsers on to https from."`
}

func (f *tlsFlags) validate() error {
	if (f.TLSCert == "") != (f.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key belong together: give both or none")
	}
	if f.TLSCert != "" && len(f.Autocert) > 0 {
		return errors.New("--tls-cert and --autocert are two ways to one end: give one of them")
	}
	if f.AutocertDirectory != "" && len(f.Autocert) == 0 {
		return errors.New("--autocert-directory belongs to --autocert: give that too")
	}
	if f.Redirect != "" && !f.on() {
		return errors.New("--redirect leads to https: give --tls-cert and --tls-key, or --autocert, too")
	}
	return validAddress("redirect", f.Redirect)
}

// on reports whether the relay speaks TLS.
func (f *tlsFlags) on() bool { return f.TLSCert != "" || len(f.Autocert) > 0 }

// scheme is that of the relay's addresses, web or ws, plus s with TLS.
func (f *tlsFlags) scheme(plain string) string {
	if f.on() {
		return plain + "s"
	}
	return plain
}

// config returns how to speak TLS, and under which names; nil without it. What an
// ACME server gives is kept in a folder below data.
func (f *tlsFlags) config(data string, logger *slog.Logger) (*tls.Config, []string, error) {
	if len(f.Autocert) > 0 {
		directory := cmp.Or(f.AutocertDirectory, autocert.DefaultACMEDirectory)
		return newACME(f.Autocert, directory, filepath.Join(data, "autocert"), logger).config(), f.Autocert, nil
	}
	if !f.on() {
		return nil, nil, nil
	}
	c, err := openCertificate(f.TLSCert, f.TLSKey, logger)
	if err != nil {
		return nil, nil, err
	}
	names := slices.DeleteFunc(certNames(c.pair.Leaf), func(n string) bool { return strings.HasPrefix(n, "*") })
	// Versions and ciphers are those that Go keeps up to date: TLS 1.2 and later.
	return &tls.Config{GetCertificate: c.get}, names, nil
}

// certificate is a pair of files that is read again when one of them changes, at
// most a second later. A pair that cannot be read, or does not fit together as
// one that is half-written does not, leaves the one before in force and is logged.
type certificate struct {
	// static
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate // guarded by mu
	stats   [2]fs.FileInfo   // guarded by mu; of the files that were read last, fit or not
	checked time.Time        // guarded by mu
}

func openCertificate(certFile, keyFile string, log *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log, checked: time.Now()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.read(); err != nil {
		return nil, err
	}
	return c, nil
}

// get implements the callback of [tls.Config].
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.checked) >= time.Second {
		c.checked = now
		c.refresh()
	}
	return c.pair, nil
}

func (c *certificate) refresh() {
	if !c.changed() {
		return
	}
	if err := c.read(); err != nil {
		c.log.Error("certificate not taken; the one read before stays", logError, err)
		return
	}
	c.log.Info("certificate read again", logPath, c.certFile, logNames, strings.Join(certNames(c.pair.Leaf), " "), logUntil, c.pair.Leaf.NotAfter)
}

// changed reports whether a file is another than the one read last.
func (c *certificate) changed() bool {
	for i, path := range []string{c.certFile, c.keyFile} {
		now, err := os.Stat(path)
		last := c.stats[i]
		if err != nil || last == nil {
			if (err != nil) != (last == nil) {
				return true
			}
			continue
		}
		if !os.SameFile(now, last) || !now.ModTime().Equal(last.ModTime()) || now.Size() != last.Size() {
			return true
		}
	}
	return false
}

// read reads the pair. What the files were is kept in any case, so that a pair
// which does not fit is told of once.
func (c *certificate) read() error {
	for i, path := range []string{c.certFile, c.keyFile} {
		c.stats[i], _ = os.Stat(path) // reading says what is wrong with it
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("read certificate %s and key %s: %w", c.certFile, c.keyFile, err)
	}
	c.pair = &pair
	if stat := c.stats[1]; stat != nil && openToAll(stat.Mode()) {
		c.log.Warn("every user of this machine can read the private key; take that away: chmod o-rwx", logPath, c.keyFile)
	}
	return nil
}

// openToAll reports whether users other than the owner and the group may read.
func openToAll(mode fs.FileMode) bool { return mode.Perm()&0o007 != 0 }

// certNames returns the names and addresses that a certificate is for.
func certNames(leaf *x509.Certificate) []string {
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// onlySecure tells browsers to ask this host for https alone from now on (RFC
// 6797). Not so on the machine itself: localhost is also the name of others'
// servers there.
func onlySecure(w http.ResponseWriter, r *http.Request) {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if !isLoopback(host) && !strings.HasSuffix(host, ".localhost") {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// redirect sends those who read on to https at the port of addr.
func redirect(addr net.Addr) http.Handler {
	_, port, _ := net.SplitHostPort(addr.String())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		host = strings.Trim(host, "[]")
		// Nothing but a name or an address may become a part of the answer.
		if host == "" || strings.ContainsAny(host, "/\\@?# ") || r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "Use https.", http.StatusBadRequest)
			return
		}
		at := net.JoinHostPort(host, port)
		if port == "443" {
			at = strings.TrimSuffix(at, ":443")
		}
		http.Redirect(w, r, "https://"+at+cmp.Or(r.URL.RequestURI(), "/"), http.StatusPermanentRedirect)
	})
}
