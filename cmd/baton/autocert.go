package main

import (
	"context"
	"crypto/tls"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/baton-relay/baton/durable"
)

// acmeCertificates are certificates that an ACME server gives (RFC 8555), by the
// challenge tls-alpn-01 (RFC 8737): it asks for the name at port 443, which must
// lead here. They and the account's key are kept in a folder.
type acmeCertificates struct {
	// static
	manager *autocert.Manager
	names   []string
	log     *slog.Logger

	mu   sync.Mutex
	told time.Time // guarded by mu; when a failure was last logged
}

// config returns how to speak TLS with them.
func (c *acmeCertificates) config() *tls.Config {
	// Two protocols that a client may ask for: what the relay speaks, and that of
	// the challenge.
	return &tls.Config{GetCertificate: c.get, NextProtos: []string{"http/1.1", acme.ALPNProto}}
}

func newACME(names []string, directory, folder string, log *slog.Logger) *acmeCertificates {
	return &acmeCertificates{names: names, log: log, manager: &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      durableCache{autocert.DirCache(folder)},
		HostPolicy: autocert.HostWhitelist(names...),
		Client:     &acme.Client{DirectoryURL: directory, UserAgent: "baton/" + version},
	}}
}

// durableCache is a folder in which each file is whole and on disk before it has
// its name. An account's key that a power cut made empty would be an error at
// each start.
type durableCache struct{ autocert.DirCache }

// Put implements [autocert.Cache].
func (c durableCache) Put(_ context.Context, name string, data []byte) error {
	if err := durable.MakeDir(string(c.DirCache)); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(string(c.DirCache), filepath.Clean("/"+name)), data)
}

// get implements the callback of [tls.Config]. That none can be had for a name of
// ours is logged, at most once a minute: strangers may ask as often as they like.
func (c *acmeCertificates) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	cert, err := c.manager.GetCertificate(hello)
	if err == nil || !slices.Contains(c.names, hello.ServerName) {
		return cert, err
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.told) >= time.Minute {
		c.told = now
		c.log.Error("no certificate was had", logName, hello.ServerName, logError, err)
	}
	return nil, err
}
