// Package client is the other end of the relay's protocol: it joins documents,
// appends ops, receives those of others and holds on through cuts. Tools, bots
// and tests use it.
//
// A [Conn] is one socket that reconnects by itself; a [Doc] is one document on
// it. What the package promises:
//
//   - An op that [Doc.Append] returned is sent until the relay has it for good
//     or refused it for good, in order, always in the same bytes. No cut loses
//     or doubles it.
//   - Ops arrive in causal order, each once, and that none is missing is proven
//     from their clocks. A gap is an error that says what is missing, never
//     silence.
//   - A caller who reads slowly slows the socket down; nothing piles up here.
//
// It never looks into a payload, never writes an op of its own, and never sends
// an outbox into a document that was deleted or restored meanwhile unless told
// to. A Conn has two goroutines while it is connected, however many documents
// it is in; Close ends them.
package client

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/relay/wire"
)

// Options say how to connect. The zero value connects without a token.
type Options struct {
	// Token is the first token; empty means none. It goes in the header Baton-Token.
	Token string
	// TokenSource, unless nil, is asked for a token where there is none yet,
	// where the relay refused the last one, and before one ends. It may block
	// until ctx ends, and may be called from several goroutines. Without it, a
	// refused token ends the connection.
	TokenSource func(ctx context.Context) (string, error)
	// Header is sent with the handshake and with requests for snapshots, such as what
	// a proxy before the relay asks for.
	Header http.Header
	// DialContext, unless nil, opens network connections for the socket.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
	// HTTPClient fetches and stores snapshots (default [http.DefaultClient]). Redirects
	// are not followed, whatever it says: the token is for the relay alone.
	HTTPClient *http.Client
	// Logger takes what a person should know; nil discards it.
	Logger *slog.Logger

	// MinBackoff and MaxBackoff bound the random wait before a reconnect, which
	// doubles with each failure (default 250 ms and 30 s; at most a day).
	MinBackoff, MaxBackoff time.Duration
	// Buffer is how many bytes of a document's ops may wait for the caller of
	// [Doc.Next] before the socket is no longer read (default 1 MiB).
	Buffer int
	// MaxUnsaved is how many ops of a document may wait for their ack before
	// [Doc.Append] blocks (default 65,536).
	MaxUnsaved int
}

func (o Options) withDefaults() Options {
	hc := *cmp.Or(o.HTTPClient, http.DefaultClient)
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	o.HTTPClient = &hc
	o.MinBackoff = min(cmp.Or(max(o.MinBackoff, 0), 250*time.Millisecond), longestWait)
	o.MaxBackoff = min(max(o.MinBackoff, cmp.Or(o.MaxBackoff, 30*time.Second)), longestWait)
	o.Buffer = cmp.Or(o.Buffer, 1<<20)
	o.MaxUnsaved = cmp.Or(o.MaxUnsaved, 1<<16)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Conn is a connection to a relay that comes back after cuts, until it is
// closed or the relay says not to. Safe for concurrent use.
type Conn struct {
	// static after construction
	opts   Options
	url    string   // of the socket
	base   *url.URL // what paths of snapshots are relative to
	log    *slog.Logger
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	done   chan struct{} // closed when the connection has ended for good
	wake   chan struct{} // holds a token when the writer has something to look at
	ends   sync.WaitGroup

	// owned by the run goroutine
	backoff backoff

	// guarded by mu
	mu    sync.Mutex
	docs  map[oplog.DocID]*Doc
	order []*Doc  // docs as they were joined
	sock  *socket // nil while there is none
	token string
	// formerSecret is what a join names to end the session before this one.
	formerSecret string
	control      [][]byte // frames for the writer, dropped by a cut
	drainingMS   int64    // what the last draining said, -1 if none did
	joins        int      // joins sent, to tell their answers apart
	lastWelcome  wire.Welcome
	err          error // why it ended
}

// Dial connects to a relay and returns when it has said welcome. url is ws://,
// wss://, http:// or https://; one without a path gets /v1/ws. A user and password
// in it are for a proxy before the relay. ctx bounds the dialing only. A first attempt that fails is an error; later ones are
// repeated. The caller must call [Conn.Close].
func Dial(ctx context.Context, url string, opts Options) (*Conn, error) {
	socketURL, base, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	c := &Conn{
		opts: opts, url: socketURL, base: base, log: opts.Logger, token: opts.Token,
		done: make(chan struct{}), wake: make(chan struct{}, 1),
		backoff:    backoff{lowest: opts.MinBackoff, highest: opts.MaxBackoff},
		docs:       map[oplog.DocID]*Doc{},
		drainingMS: -1,
	}
	if c.token == "" {
		if err := c.renewToken(ctx); err != nil {
			return nil, err
		}
	}
	s, err := c.dial(ctx)
	if judge(err).newToken && opts.TokenSource != nil {
		if err := c.renewToken(ctx); err != nil {
			return nil, err
		}
		s, err = c.dial(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("dial relay: %w", err)
	}
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	c.attach(s)
	c.ends.Go(func() { c.run(s) })
	return c, nil
}

// parseURL returns the URL of the socket and what the paths of blobs are
// relative to.
func parseURL(s string) (socket string, base *url.URL, err error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", nil, fmt.Errorf("parse relay URL: %w", err)
	}
	secure := false
	switch u.Scheme {
	case "ws", "http":
	case "wss", "https":
		secure = true
	default:
		return "", nil, fmt.Errorf("parse relay URL: %q is not ws, wss, http or https", s)
	}
	if u.Host == "" {
		return "", nil, fmt.Errorf("parse relay URL: %q names no host", s)
	}
	const path = "/v1/ws"
	if u.Path == "" || u.Path == "/" {
		u.Path = path
	}
	b := &url.URL{Scheme: "http", User: u.User, Host: u.Host}
	u.Scheme, u.User = "ws", nil // the socket's library takes none
	if secure {
		u.Scheme, b.Scheme = "wss", "https"
	}
	if prefix, ok := strings.CutSuffix(u.Path, path); ok {
		b.Path = prefix
	}
	return u.String(), b, nil
}

// Close ends the connection and its goroutines. Ops that were not acked are
// not sent any more: wait for [Doc.Saved] before. Later calls do nothing.
func (c *Conn) Close() error {
	c.finish(ErrClosed)
	c.cancel()
	c.mu.Lock()
	s := c.sock
	c.mu.Unlock()
	if s != nil {
		s.close()
	}
	c.ends.Wait()
	return nil
}

// Done is closed when the connection has ended for good; [Conn.Err] says why.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err returns nil until Done is closed, then [ErrClosed] or an [*EndError].
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Welcome returns what the relay said of the current session, or of the last
// one while there is none. Its secret is left out.
func (c *Conn) Welcome() wire.Welcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.lastWelcome
	w.Replace = ""
	return w
}

// SetToken gives the relay a new token, now and at later connects. It must be
// one of the same subject.
func (c *Conn) SetToken(token string) {
	c.mu.Lock()
	c.token = token
	c.send(&authFrame{Type: wire.TypeAuth, ID: idAuth, Token: token})
	c.mu.Unlock()
}

// renewToken asks the source, if there is one.
func (c *Conn) renewToken(ctx context.Context) error {
	if c.opts.TokenSource == nil {
		return nil
	}
	token, err := c.opts.TokenSource(ctx)
	if err != nil {
		return fmt.Errorf("get token: %w", err)
	}
	c.mu.Lock()
	c.token = token
	c.mu.Unlock()
	return nil
}
