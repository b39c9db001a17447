package client

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/baton-relay/baton/relay/wire"
)

// socket is one WebSocket, from welcome to its end.
type socket struct {
	// static after construction
	ws      *websocket.Conn
	life    *lifeConn
	welcome wire.Welcome
	born    time.Time
	ended   chan struct{} // closed when it is no longer read
}

// handshakeTimeout is how long a relay may take to say welcome.
const handshakeTimeout = 30 * time.Second

// heartbeat returns how long silence is normal.
func (s *socket) heartbeat() time.Duration {
	if ms := s.welcome.HeartbeatMS; ms > 0 {
		return milliseconds(ms)
	}
	return 25 * time.Second
}

// lifeConn notes signs of life: each byte that is read counts, so that a large
// frame on a slow line does not look dead. A read ends with an error when there
// is none for long enough; not reading is not silence.
type lifeConn struct {
	net.Conn
	patience atomic.Int64 // nanoseconds
	heard    atomic.Int64 // when the last byte was read, nanoseconds since began
	began    time.Time
}

func (c *lifeConn) Read(b []byte) (int, error) {
	if err := c.Conn.SetReadDeadline(time.Now().Add(time.Duration(c.patience.Load()))); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.heard.Store(int64(time.Since(c.began)))
	}
	return n, err
}

// last lets the connection live only so much longer.
func (c *lifeConn) last(d time.Duration) {
	c.patience.Store(int64(d))
	_ = c.SetReadDeadline(time.Now().Add(d))
}

// silence returns how long nothing was heard.
func (c *lifeConn) silence() time.Duration {
	return time.Since(c.began) - time.Duration(c.heard.Load())
}

// dial connects and reads the welcome.
func (c *Conn) dial(ctx context.Context) (*socket, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	s := &socket{ended: make(chan struct{})}
	open := c.opts.DialContext
	if open == nil {
		open = (&net.Dialer{}).DialContext
	}
	d := websocket.Dialer{
		Proxy:            http.ProxyFromEnvironment,
		Subprotocols:     []string{wire.Subprotocol},
		HandshakeTimeout: handshakeTimeout,
		TLSClientConfig:  c.tlsConfig(),
		NetDialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := open(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			s.life = &lifeConn{Conn: conn, began: time.Now()}
			s.life.patience.Store(int64(handshakeTimeout))
			return s.life, nil
		},
	}
	ws, resp, err := d.DialContext(ctx, c.url, c.header())
	if err != nil {
		if resp != nil {
			return nil, handshakeError(resp)
		}
		return nil, err
	}
	s.ws, s.born = ws, time.Now()
	unwatch := context.AfterFunc(ctx, func() { _ = ws.Close() })
	defer unwatch()
	if err := s.readWelcome(); err != nil {
		_ = ws.Close()
		return nil, err
	}
	return s, nil
}

// tlsConfig trusts what the HTTP client trusts.
func (c *Conn) tlsConfig() *tls.Config {
	if t, ok := c.opts.HTTPClient.Transport.(*http.Transport); ok && t.TLSClientConfig != nil {
		config := t.TLSClientConfig.Clone()
		config.NextProtos = nil // a WebSocket is HTTP/1.1
		return config
	}
	return nil
}

// header returns the headers of a request, with the token.
func (c *Conn) header() http.Header {
	h := maps.Clone(c.opts.Header)
	if h == nil {
		h = http.Header{}
	}
	if user := c.base.User; user != nil && h.Get("Authorization") == "" {
		password, _ := user.Password()
		r := http.Request{Header: h}
		r.SetBasicAuth(user.Username(), password)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != "" {
		h.Set(wire.TokenHeader, c.token)
	}
	return h
}

func handshakeError(resp *http.Response) error {
	e := &refusedHandshake{status: resp.StatusCode}
	if s, err := strconv.ParseInt(resp.Header.Get("Retry-After"), 10, 64); err == nil {
		e.retry = time.Duration(min(max(s, 0), int64(longestWait/time.Second))) * time.Second
	}
	var said wire.Error
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err == nil && json.Unmarshal(body, &said) == nil && said.Message != "" {
		e.message = said.Message
	}
	return e
}

func (s *socket) readWelcome() error {
	s.ws.SetReadLimit(1 << 20)
	_, text, err := s.ws.ReadMessage()
	if err != nil {
		return fmt.Errorf("read welcome: %w", err)
	}
	if err := json.Unmarshal(text, &s.welcome); err != nil || s.welcome.Type != "welcome" {
		return fmt.Errorf("read welcome: %.80q came in its place", text)
	}
	s.life.patience.Store(int64(2 * s.heartbeat()))
	// A relay says how long a frame it makes of several things. A single op that the
	// log has from when its limits were higher makes a longer one.
	const longest = 64 << 20
	s.ws.SetReadLimit(max(longest, int64(s.welcome.Limits.ServerFrameBytes)) + 1<<20)
	return nil
}

// close says goodbye, if the peer takes that soon, and ends the socket.
func (s *socket) close() {
	_ = s.ws.WriteControl(websocket.CloseMessage,
		websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	_ = s.ws.Close()
}

// write sends one frame. A peer that takes no frame for two heartbeats is dead.
func (s *socket) write(text []byte) error {
	if err := s.ws.SetWriteDeadline(time.Now().Add(2 * s.heartbeat())); err != nil {
		return fmt.Errorf("write frame: %w", err)
	}
	if err := s.ws.WriteMessage(websocket.TextMessage, text); err != nil {
		return fmt.Errorf("write frame: %w", err)
	}
	return nil
}
