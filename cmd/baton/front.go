package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/baton-relay/baton/relay"
	"github.com/baton-relay/baton/relay/wire"
)

// front is the listeners of a relay and the HTTP servers behind them. They answer
// from the start; until a relay is there, that this node is not ready.
type front struct {
	// static
	addr   net.Addr
	names  []string // that the certificate is for
	main   *http.Server
	others []*http.Server // of metrics, of redirects
	open   []net.Listener
	failed chan error // takes why one of them ended, if not by close

	relay atomic.Pointer[relay.Server] // nil until ready
}

// Bounds of a connection that says or takes little. An answer of the relay that
// takes long gets its time piece by piece, and so does the body of a request.
const (
	headerTimeout = 10 * time.Second // for the handshake of TLS and for a request's header
	answerTimeout = 2 * time.Minute
	idleTimeout   = 2 * time.Minute
	headerBytes   = 64 << 10
)

// open listens on all addresses and begins to answer there.
func (c *Settings) open(logger *slog.Logger) (*front, error) {
	secure, names, err := c.TLS.config(c.Data, logger)
	if err != nil {
		return nil, err
	}
	f := &front{names: names, failed: make(chan error, 3)}
	f.main, f.addr, err = f.listen(c.Listen, http.HandlerFunc(f.serveMain), secure, logger)
	if err == nil && c.MetricsListen != "" {
		err = f.listenToo("metrics", c.MetricsListen, http.HandlerFunc(f.serveOperations), logger)
	}
	if err == nil && c.TLS.Redirect != "" {
		err = f.listenToo("redirects", c.TLS.Redirect, redirect(f.addr), logger)
	}
	if err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// listenToo serves something else, over plain http.
func (f *front) listenToo(what, addr string, h http.Handler, logger *slog.Logger) error {
	s, at, err := f.listen(addr, h, nil, logger)
	if err != nil {
		return err
	}
	f.others = append(f.others, s)
	logger.Info("listening", logPurpose, what, logAddr, at.String())
	return nil
}

// listen serves at an address, over TLS where that is configured.
func (f *front) listen(addr string, h http.Handler, secure *tls.Config, logger *slog.Logger) (*http.Server, net.Addr, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, nil, fmt.Errorf("listen: %w", err)
	}
	f.open = append(f.open, l)
	s := &http.Server{
		Handler:           h,
		TLSConfig:         secure,
		ReadHeaderTimeout: headerTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerBytes,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		Protocols:         new(http.Protocols),
		ConnState:         f.connState,
	}
	// The upgrade to a WebSocket is one of HTTP/1.1: over HTTP/2 there is none
	// that the library can do, and two kinds of connection are more to look after.
	s.Protocols.SetHTTP1(true)
	go func() {
		serve := s.Serve
		if secure != nil {
			serve = func(l net.Listener) error { return s.ServeTLS(l, "", "") }
		}
		if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
			f.failed <- fmt.Errorf("serve: %w", err)
		}
	}()
	return s, l.Addr(), nil
}

// ready has the relay answer from now on.
func (f *front) ready(r *relay.Server) { f.relay.Store(r) }

// close cuts whatever is still open.
func (f *front) close() {
	for _, s := range append(f.others, f.main) {
		if s != nil {
			_ = s.Close()
		}
	}
	for _, l := range f.open { // a server that had not begun does not know its own yet
		_ = l.Close()
	}
}

// shutdown lets requests finish that are under way until ctx ends. What operators
// ask for is answered until close.
func (f *front) shutdown(ctx context.Context) {
	if f.main.Shutdown(ctx) != nil {
		_ = f.main.Close() // requests that outlast the deadline
	}
}

// connState has the relay count connections, once it is there.
func (f *front) connState(c net.Conn, state http.ConnState) {
	if srv := f.relay.Load(); srv != nil {
		srv.ConnState(c, state)
	}
}

func (f *front) serveMain(w http.ResponseWriter, r *http.Request) {
	if r.TLS != nil {
		onlySecure(w, r)
	}
	if srv := f.relay.Load(); srv != nil {
		srv.ServeHTTP(w, r)
		return
	}
	starting(w, r)
}

func (f *front) serveOperations(w http.ResponseWriter, r *http.Request) {
	if srv := f.relay.Load(); srv != nil {
		srv.Operations().ServeHTTP(w, r)
		return
	}
	starting(w, r)
}

// starting answers while the log is being opened.
func starting(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if r.URL.Path == "/healthz" {
		_, _ = w.Write([]byte(`{"status":"ok"}` + "\n"))
		return
	}
	h.Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
	_ = json.NewEncoder(w).Encode(&wire.Error{Code: wire.Unavailable, Message: "this node is starting; ask again", RetryMS: 1000})
}

// at is the host and port to go to; under TLS by a name of the certificate.
func (f *front) at() string {
	host, port, _ := net.SplitHostPort(f.addr.String())
	switch {
	case isLoopback(host):
		host = "localhost"
	case len(f.names) > 0:
		host = f.names[0]
	}
	return net.JoinHostPort(host, port)
}

// addresses are where other machines find the relay. Under TLS they ask for the
// names that it has a certificate for, and no others.
func (f *front) addresses() []string {
	all := reachable(f.addr)
	if f.main.TLSConfig == nil || len(all) == 0 {
		return all
	}
	_, port, _ := net.SplitHostPort(f.addr.String())
	all = nil
	for _, name := range f.names {
		all = append(all, "https://"+net.JoinHostPort(name, port))
	}
	return all
}
