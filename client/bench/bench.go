// Package bench puts load on a relay and says what came of it: how many
// deliveries, how late, how many never, and what they cost the server. It is
// the logic of "baton bench".
//
// Load is open-loop: every op has a time in a schedule that does not wait for
// the server, and its latency counts from that time until another participant
// has it. A server that stalls is charged for all that came due meanwhile.
// Each op carries its sender and number, so a missing, repeated or reordered
// delivery is seen, not inferred.
//
// Connections are raw WebSockets, read by a scanner that looks for the marks in
// its own payloads and decodes nothing else, so that one core of load can drive
// one core of server. Nothing here retries or resumes: a rejected op or a lost
// connection is a finding. Documents have a fresh random name in each run, if none is given, and
// are left where they are.
package bench

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Config says which load. Of the zero value only URL must be filled in. A run
// is one of three kinds: with Idle it opens connections and holds them, with
// LateJoin it fills a room and joins it again, else participants send and
// receive.
type Config struct {
	// URL is the relay: ws://, wss://, http:// or https://. A URL without a
	// path gets /v1/ws.
	URL string `json:"url"`
	// Tokens are sent, one a connection, in turn; none if there
	// are none. A relay limits what one subject may do.
	Tokens []string `json:"-"`
	// Name is what the names of the documents begin with (default "bench-" and
	// random letters).
	Name string `json:"name,omitempty"`
	// ServerPID is the relay's process on this machine; 0 leaves out what only
	// its /proc entry tells (CPU time, memory).
	ServerPID int `json:"server_pid,omitempty"`

	// Rooms is the number of documents (default 1).
	Rooms int `json:"rooms"`
	// Participants is the number of connections in each room (default 2).
	Participants int `json:"participants"`
	// Senders is how many of a room's participants send ops; 0 means all.
	Senders int `json:"senders"`
	// Rate is ops per second over all rooms, spread evenly (default 10; below 0
	// means none).
	Rate float64 `json:"rate"`
	// Payload is the length of an op's payload in bytes of JSON text (default
	// 120, at least 64).
	Payload int `json:"payload"`
	// Cursors is how many of a room's participants send a presence state,
	// CursorHz times a second each (default 20).
	Cursors  int     `json:"cursors"`
	CursorHz float64 `json:"cursor_hz"`
	// Slow is how many of a room's participants, the last ones, read only
	// SlowBytes a second (default 16384) until the load ends, and then must
	// still get everything. They send nothing and are reported apart.
	Slow      int `json:"slow"`
	SlowBytes int `json:"slow_bytes,omitempty"`

	// Warmup is load that is not counted (default 2 s; below 0 means none),
	// Duration is load that is (default 10 s).
	Warmup   time.Duration `json:"warmup_ns"`
	Duration time.Duration `json:"duration_ns"`
	// Drain is how long to wait, after the load, for deliveries still under way
	// (default 10 s). What has not come by then is missing.
	Drain time.Duration `json:"drain_ns"`

	// Idle opens that many connections, spread evenly over Rooms, and holds
	// them for Duration.
	Idle int `json:"idle,omitempty"`
	// LateJoin fills a room with that many ops and then joins it from the
	// start, Joins times one after the other (default 9).
	LateJoin int `json:"late_join,omitempty"`
	Joins    int `json:"joins,omitempty"`
}

// minPayload is the shortest payload that holds the marks and some filling.
const minPayload = 64

func (c Config) withDefaults() (Config, error) {
	c.Name = cmp.Or(c.Name, "bench-"+strings.ToLower(rand.Text()[:8]))
	c.Rooms = cmp.Or(c.Rooms, 1)
	c.Participants = cmp.Or(c.Participants, 2)
	c.Rate = max(0, cmp.Or(c.Rate, 10))
	c.Payload = cmp.Or(c.Payload, 120)
	if c.Cursors > 0 {
		c.CursorHz = cmp.Or(c.CursorHz, 20)
	}
	if c.Slow > 0 {
		c.SlowBytes = cmp.Or(c.SlowBytes, 16<<10)
	}
	c.Warmup = max(0, cmp.Or(c.Warmup, 2*time.Second))
	c.Duration = cmp.Or(c.Duration, 10*time.Second)
	c.Drain = cmp.Or(c.Drain, 10*time.Second)
	if c.LateJoin > 0 {
		c.Joins = cmp.Or(c.Joins, 9)
	}
	if c.Senders == 0 {
		c.Senders = c.Participants - c.Slow
	}
	return c, c.check()
}

func (c *Config) check() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		return fmt.Errorf("parse relay URL: %w", err)
	case u.Host == "":
		return fmt.Errorf("relay URL %q names no host", c.URL)
	case min(c.Rooms, c.Participants, c.Senders, c.Cursors, c.Slow, c.SlowBytes, c.Idle, c.LateJoin, c.Joins) < 0 ||
		min(c.Duration, c.Drain) < 0 || c.CursorHz < 0:
		return errors.New("a number of the load is negative")
	case c.Senders > c.Participants-c.Slow:
		return fmt.Errorf("%d senders and %d slow readers are more than %d participants", c.Senders, c.Slow, c.Participants)
	case c.Cursors > c.Participants-c.Slow:
		return fmt.Errorf("%d cursors and %d slow readers are more than %d participants", c.Cursors, c.Slow, c.Participants)
	case c.Payload < minPayload:
		return fmt.Errorf("payload of %d bytes is shorter than %d", c.Payload, minPayload)
	case c.Idle > 0 && c.LateJoin > 0:
		return errors.New("idle connections and late joins are two runs")
	}
	switch u.Scheme {
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	case "ws", "wss":
	default:
		return fmt.Errorf("relay URL %q is not ws, wss, http or https", c.URL)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/ws"
	}
	c.URL = u.String()
	return nil
}
