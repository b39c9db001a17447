package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/baton-relay/baton/relay"
)

// checkFiles looks at every file that a setting names: whether it can be read and
// makes sense, and whether others can read what is secret.
func checkFiles(_ context.Context, x *examination) []finding {
	var found []finding
	for _, s := range x.all {
		if s.flag.PlaceHolder != "FILE" {
			continue
		}
		for _, path := range s.texts() {
			for _, f := range checkFile(path) {
				f.Says = s.flag.Name + " " + f.Says
				found = append(found, f)
			}
		}
	}
	return found
}

func checkFile(path string) []finding {
	info, err := os.Stat(path)
	if err != nil {
		return bad(stateFail, "give a file that is there", "%v", err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return bad(stateFail, "let this user read it", "%v", err)
	}
	kind, secret, err := kindOfFile(path, data)
	switch {
	case err != nil:
		return bad(stateFail, "write it anew", "%s: %v", path, err)
	case secret && openToAll(info.Mode()):
		return bad(stateWarn, "take that away: chmod o-rwx "+path, "%s is %s, and every user of this machine may read it (%v)", path, kind, info.Mode().Perm())
	case info.Mode().Perm()&0o002 != 0:
		return bad(stateFail, "take that away: chmod o-w "+path, "every user of this machine may change %s (%v)", path, info.Mode().Perm())
	}
	return good("%s is %s (%v)", path, kind, info.Mode().Perm())
}

// kindOfFile says what is in a file, and whether it is nobody else's business.
func kindOfFile(path string, data []byte) (kind string, secret bool, err error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return "", false, fmt.Errorf("is empty")
	}
	switch filepath.Ext(path) {
	case ".toml":
		return "settings", false, nil
	case ".json":
		if !json.Valid(data) {
			return "", false, fmt.Errorf("is no JSON")
		}
		return "JSON", true, nil
	}
	block, _ := pem.Decode(data)
	switch {
	case block == nil:
		return "something secret", true, nil
	case block.Type == "CERTIFICATE":
		_, err = x509.ParseCertificate(block.Bytes)
		return "a certificate", false, err
	case block.Type == "PUBLIC KEY":
		_, err = x509.ParsePKIXPublicKey(block.Bytes)
		return "a public key", false, err
	case block.Type == "PRIVATE KEY":
		_, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		return "a private key", true, err
	case block.Type == "EC PRIVATE KEY":
		_, err = x509.ParseECPrivateKey(block.Bytes)
		return "a private key", true, err
	case block.Type == "RSA PRIVATE KEY":
		_, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		return "a private key", true, err
	}
	return "PEM of the type " + block.Type, strings.Contains(block.Type, "PRIVATE"), nil
}

// checkAccess does what serve does to know who may enter.
func checkAccess(_ context.Context, x *examination) []finding {
	end, err := x.Access.apply(&relay.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return bad(stateFail, "change that; serve does not start with it", "%v", err)
	}
	end()
	return good("%s", x.Access.describe(x.Listen))
}

// A certificate that ends sooner than this should have been renewed: those of
// Let's Encrypt are, 30 days before their end.
const renewal = 21 * 24 * time.Hour

func checkCertificate(_ context.Context, x *examination) []finding {
	if len(x.TLS.Autocert) > 0 {
		return good("for %s, from an ACME server at the first visit", strings.Join(x.TLS.Autocert, ", "))
	}
	if !x.TLS.on() {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(x.TLS.TLSCert, x.TLS.TLSKey)
	if err != nil {
		return bad(stateFail, "give a certificate and the key that it was made for", "%s and %s: %v", x.TLS.TLSCert, x.TLS.TLSKey, err)
	}
	return judgeCertificate(&pair, time.Now())
}

func judgeCertificate(pair *tls.Certificate, now time.Time) []finding {
	leaf := pair.Leaf
	names := certNames(leaf)
	left := leaf.NotAfter.Sub(now)
	days := int(left / (24 * time.Hour))
	switch {
	case len(names) == 0:
		return bad(stateFail, "get one with subject alternative names: browsers look at nothing else", "it names nobody")
	case left <= 0:
		return bad(stateFail, "renew it", "for %s: it ended %d days ago", strings.Join(names, ", "), -days)
	case now.Before(leaf.NotBefore):
		return bad(stateFail, "wait, or set the clock", "for %s: it is valid from %v on", strings.Join(names, ", "), leaf.NotBefore.Local())
	case left < renewal:
		return bad(stateWarn, "renew it; whatever should do that by itself did not", "for %s: it ends in %d days", strings.Join(names, ", "), days)
	case len(pair.Certificate) == 1 && !bytes.Equal(leaf.RawIssuer, leaf.RawSubject) && len(leaf.IssuingCertificateURL) > 0:
		return bad(stateWarn, "put the issuer's certificate behind it in the file (fullchain.pem)", "for %s: the file has this certificate alone, and not the one between it and its root", strings.Join(names, ", "))
	}
	return good("for %s, %d days more", strings.Join(names, ", "), days)
}
