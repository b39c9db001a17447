package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/baton-relay/baton/oplog/bolt"
	"github.com/baton-relay/baton/relay"
	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/webdemo"
)

// Settings are the flags that a relay runs with. Each can be set by a flag, in
// the environment, or in the file that --config names; see [Settings.BeforeResolve].
type Settings struct {
	Config           string        `placeholder:"FILE" help:"Settings in TOML, by the names of these flags. Flags and the environment count before it; baton config --example prints one."`
	Listen           string        `default:"127.0.0.1:8080" placeholder:"ADDR" help:"Address to listen on. Anything but loopback needs to be told who may enter, see below. (${default})"`
	Data             string        `default:"./data" placeholder:"DIR" help:"Folder for the log, oplog.db; it is made if it is not there. (${default})"`
	LogLevel         slog.Level    `default:"info" help:"debug, info, warn or error. (${default})"`
	LogFormat        string        `default:"text" enum:"text,json" help:"text or json. (${default})"`
	PresenceInterval time.Duration `default:"33ms" help:"How often presence is sent in a small room; larger rooms less often. (${default})"`
	Heartbeat        time.Duration `default:"25s" help:"How often a connection is pinged. Two without an answer end it. (${default})"`
	DrainDelay       time.Duration `default:"0s" help:"How long to serve on when told to stop, while /readyz already says no. (${default})"`
	DrainTimeout     time.Duration `default:"10s" help:"How long to wait for clients after that. (${default})"`
	MetricsListen    string        `placeholder:"ADDR" help:"Address of its own for /metrics, /healthz and /readyz, over plain http and without a token. Without it /metrics is at --listen and needs the right admin."`

	TLS    tlsFlags    `embed:"" group:"How it is encrypted:"`
	Access accessFlags `embed:"" group:"Who may enter:"`
	Limits limitFlags  `embed:"" group:"How much:"`

	Webhooks webhookFlags `embed:"" group:"Telling a backend:"`

	file *configFile // that --config names, once it is read
}

type serveCmd struct {
	Settings
}

// Validate says what is wrong with the settings before anything is opened.
func (c *serveCmd) Validate(ctx *kong.Context) error { return c.checkFrom(ctx) }

// checkFrom is check, and says where the setting at fault comes from, unless that
// is the command line.
func (c *Settings) checkFrom(ctx *kong.Context) error {
	err := c.check()
	if err == nil {
		return nil
	}
	for _, s := range c.inForce(ctx) {
		if strings.HasPrefix(err.Error(), "--"+s.flag.Name+" ") && s.source != fromFlag && s.source != fromDefault {
			return fmt.Errorf("%w (it comes from %s)", err, s.source)
		}
	}
	return err
}

// check says what is wrong with the settings.
func (c *Settings) check() error {
	switch {
	case c.Heartbeat < 100*time.Millisecond:
		return errors.New("--heartbeat must be at least 100ms")
	case c.PresenceInterval < time.Millisecond:
		return errors.New("--presence-interval must be at least 1ms")
	case c.DrainTimeout < 0:
		return errors.New("--drain-timeout must not be negative")
	case c.DrainDelay < 0:
		return errors.New("--drain-delay must not be negative")
	}
	if err := validAddress("metrics-listen", c.MetricsListen); err != nil {
		return err
	}
	if err := c.TLS.validate(); err != nil {
		return err
	}
	if err := c.Limits.validate(); err != nil {
		return err
	}
	if err := c.Webhooks.validate(); err != nil {
		return err
	}
	return c.Access.validate(c.Listen)
}

// validAddress says what is wrong with the address that a flag gives, if it does.
func validAddress(flag, addr string) error {
	if addr == "" {
		return nil
	}
	if strings.HasPrefix(addr, "unix:") || strings.HasPrefix(addr, "/") {
		return fmt.Errorf("--%s %s: the relay listens on TCP only; for a proxy on this machine take 127.0.0.1:8080", flag, addr)
	}
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return fmt.Errorf("--%s %s: %w", flag, addr, err)
	}
	return nil
}

// Run serves until SIGINT or SIGTERM, then drains.
func (c *serveCmd) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	output := newLossyLog(os.Stderr)
	logger := c.logger(output)
	cfg := relay.Config{
		Logger: logger, LogLinesLost: output.lost.Load, Version: version,
		Heartbeat: c.Heartbeat, PresenceInterval: c.PresenceInterval,
		MetricsApart: c.MetricsListen != "",
	}
	c.Limits.apply(&cfg, c.Access.open(c.Listen))
	closeAccess, err := c.Access.apply(&cfg)
	if err != nil {
		return err
	}
	defer closeAccess()
	front, err := c.open(logger)
	if err != nil {
		return err
	}
	defer front.close()
	if cfg.Home, err = webdemo.New(webdemo.Config{Addresses: front.addresses()}); err != nil {
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
		return withOwner(err, c.Data)
	}
	cfg.Log = log
	if cfg.Revoked, err = auth.OpenRevoked(filepath.Join(c.Data, "revoked.jsonl"), logger); err != nil {
		return errors.Join(withOwner(err, c.Data), log.Close())
	}
	if cfg.Webhooks, err = c.Webhooks.open(c.Data, logger); err != nil {
		return errors.Join(withOwner(err, c.Data), log.Close())
	}
	r := relay.New(cfg)
	front.ready(r)
	c.greet(front, path, logger)
	err = c.serve(ctx, stop, front, r, logger)
	return errors.Join(err, closeWebhooks(cfg.Webhooks), log.Close())
}

// serve waits until ctx ends, then lets everyone finish.
func (c *serveCmd) serve(ctx context.Context, stop func(), f *front, r *relay.Server, logger *slog.Logger) error {
	tell(logger, systemdReady)
	select {
	case err := <-f.failed:
		r.Close()
		return err
	case <-ctx.Done():
	}
	stop() // a second signal ends the process at once
	tell(logger, systemdStopping)
	r.Unready()
	if c.DrainDelay > 0 {
		logger.Info("not ready any more, and serving on", logPurpose, c.DrainDelay)
		select {
		case err := <-f.failed:
			r.Close()
			return err
		case <-time.After(c.DrainDelay):
		}
	}
	logger.Info("draining", logDeadline, c.DrainTimeout)
	began := time.Now()
	deadline, cancel := context.WithTimeout(context.Background(), c.DrainTimeout)
	defer cancel()
	var requests sync.WaitGroup
	requests.Go(func() { f.shutdown(deadline) })
	if err := r.Drain(deadline); err != nil {
		logger.Warn("some clients did not finish in time and were cut; what they were told is durable stays so")
	}
	requests.Wait()
	logger.Info("stopped", logTook, time.Since(began).Round(time.Millisecond))
	return nil
}

// tell tells systemd; the relay runs on where that cannot be.
func tell(logger *slog.Logger, state string) {
	if err := notify(state); err != nil {
		logger.Warn("systemd was not told", logState, state, logError, err)
	}
}

func (c *serveCmd) logger(to io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(to, opts))
	}
	return slog.New(slog.NewTextHandler(to, opts))
}

// greet says where to go and where the data lies.
func (c *serveCmd) greet(f *front, path string, logger *slog.Logger) {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	at := f.at()
	web := c.TLS.scheme("http") + "://" + at
	if c.LogFormat == "json" {
		logger.Info("up", logOpen, web, logFile, path, logAccess, c.Access.describe(at))
		return
	}
	lines := []string{
		"Baton " + version + " is up.",
		"  open     " + web,
		"  clients  " + c.TLS.scheme("ws") + "://" + at + "/v1/ws",
		"  log      " + path,
		"  access   " + c.Access.describe(at),
	}
	fmt.Println(strings.Join(lines, "\n"))
}
