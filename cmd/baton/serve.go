package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/baton-relay/baton/oplog/bolt"
	"github.com/baton-relay/baton/relay"
	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/webdemo"
)

// Settings are the flags that a relay runs with. Each can be set by a flag, in
// the environment, or in the file that --config names; see [Settings.BeforeResolve].
type Settings struct {
	Config           string        `placeholder:"FILE" help:"Settings in TOML, by the names of these flags. Flags and the environment count before it; baton config --example prints one."`
	Listen           string        `default:"127.0.0.1:8080" placeholder:"ADDR" help:"Address to listen on. Anything but loopback needs --tokens, or --insecure-no-auth. (${default})"`
	Data             string        `default:"./data" placeholder:"DIR" help:"Folder for the log, oplog.db; it is made if it is not there. (${default})"`
	LogLevel         slog.Level    `default:"info" help:"debug, info, warn or error. (${default})"`
	LogFormat        string        `default:"text" enum:"text,json" help:"text or json. (${default})"`
	PresenceInterval time.Duration `default:"33ms" help:"How often presence is sent in a small room; larger rooms less often. (${default})"`
	Heartbeat        time.Duration `default:"25s" help:"How often a connection is pinged. Two without an answer end it. (${default})"`
	DrainTimeout     time.Duration `default:"10s" help:"How long to wait for clients when told to stop. (${default})"`

	Access accessFlags `embed:"" group:"Who may enter:"`
	Limits limitFlags  `embed:"" group:"How much:"`

	file *configFile // that --config names, once it is read
}

type serveCmd struct {
	Settings
}

// Validate says what is wrong with the settings before anything is opened.
func (c *serveCmd) Validate() error { return c.check() }

// check says what is wrong with the settings.
func (c *Settings) check() error {
	switch {
	case c.Heartbeat < 100*time.Millisecond:
		return errors.New("--heartbeat must be at least 100ms")
	case c.PresenceInterval < time.Millisecond:
		return errors.New("--presence-interval must be at least 1ms")
	case c.DrainTimeout < 0:
		return errors.New("--drain-timeout must not be negative")
	}
	if err := c.Limits.validate(); err != nil {
		return err
	}
	return c.Access.validate(c.Listen)
}

// Run serves until SIGINT or SIGTERM, then drains.
func (c *serveCmd) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	logger := c.logger()
	cfg := relay.Config{
		Logger: logger, Version: version,
		Heartbeat: c.Heartbeat, PresenceInterval: c.PresenceInterval,
	}
	c.Limits.apply(&cfg, c.Access.open(c.Listen))
	closeAccess, err := c.Access.apply(&cfg)
	if err != nil {
		return err
	}
	defer closeAccess()
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer listener.Close()
	if cfg.Home, err = webdemo.New(webdemo.Config{Addresses: reachable(listener.Addr())}); err != nil {
		return err
	}
	// A goroutine that waits for the disk keeps its processor until the runtime
	// notices, which may be never on one that is busy (golang.org/issue/18236):
	// with a second one the others go on meanwhile.
	if runtime.GOMAXPROCS(0) == 1 {
		runtime.GOMAXPROCS(2)
	}
	path := filepath.Join(c.Data, "oplog.db")
	log, err := bolt.Open(path, bolt.Options{Logger: logger})
	if err != nil {
		return err
	}
	cfg.Log = log
	if cfg.Revoked, err = auth.OpenRevoked(filepath.Join(c.Data, "revoked.jsonl"), logger); err != nil {
		return errors.Join(err, log.Close())
	}
	c.greet(listener.Addr(), path)
	err = c.serve(ctx, stop, listener, relay.New(cfg), logger)
	return errors.Join(err, log.Close())
}

// serve runs the HTTP server until ctx ends, then lets everyone finish.
func (c *serveCmd) serve(ctx context.Context, stop func(), l net.Listener, r *relay.Server, logger *slog.Logger) error {
	server := &http.Server{
		Handler:           r,
		ReadHeaderTimeout: 10 * time.Second, // one that dribbles its request is cut
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ConnState:         r.ConnState,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		r.Close()
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	stop() // a second signal ends the process at once
	logger.Info("draining", logDeadline, c.DrainTimeout)
	began := time.Now()
	deadline, cancel := context.WithTimeout(context.Background(), c.DrainTimeout)
	defer cancel()
	closed := make(chan error, 1)
	go func() { closed <- server.Shutdown(deadline) }()
	if err := r.Drain(deadline); err != nil {
		logger.Warn("some clients did not finish in time and were cut; what they were told is durable stays so")
	}
	if <-closed != nil {
		_ = server.Close() // requests that outlast the deadline
	}
	logger.Info("stopped", logTook, time.Since(began).Round(time.Millisecond))
	return nil
}

func (c *serveCmd) logger() *slog.Logger {
	opts := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, opts))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, opts))
}

// greet says where to go and where the data lies.
func (c *serveCmd) greet(addr net.Addr, path string) {
	host, port, _ := net.SplitHostPort(addr.String())
	if isLoopback(host) {
		host = "localhost"
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	at := net.JoinHostPort(host, port)
	lines := []string{
		"Baton " + version + " is up.",
		"  open     http://" + at,
		"  clients  ws://" + at + "/v1/ws",
		"  log      " + path,
		"  access   " + c.Access.describe(at),
	}
	if c.LogFormat == "json" {
		c.logger().Info("up", logOpen, "http://"+at, logFile, path, logAccess, c.Access.describe(at))
		return
	}
	fmt.Println(strings.Join(lines, "\n"))
}
