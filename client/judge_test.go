package client

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/baton-relay/baton/relay/wire"
)

func TestJudge(t *testing.T) {
	closed := func(code int) error { return fmt.Errorf("read frame: %w", &websocket.CloseError{Code: code}) }
	for _, c := range []struct {
		err  error
		want verdict
	}{
		{io.ErrUnexpectedEOF, verdict{}},
		{errors.New("no route to host"), verdict{}},
		{closed(1000), verdict{final: true}},
		{closed(1001), verdict{final: true}},
		{closed(1006), verdict{}},
		{closed(1008), verdict{final: true}},
		{closed(1009), verdict{final: true}},
		{closed(1012), verdict{restart: true}},
		{closed(1013), verdict{slow: true}},
		{closed(4400), verdict{final: true}},
		{closed(4401), verdict{newToken: true}},
		{closed(4403), verdict{final: true}},
		{closed(4408), verdict{}},
		{closed(4429), verdict{slow: true}},
		{&refusedHandshake{status: 401}, verdict{newToken: true}},
		{&refusedHandshake{status: 403}, verdict{final: true}},
		{&refusedHandshake{status: 404}, verdict{final: true}},
		{&refusedHandshake{status: 429, retry: time.Second}, verdict{slow: true, after: time.Second}},
		{&refusedHandshake{status: 503}, verdict{slow: true}},
	} {
		if got := judge(c.err); got != c.want {
			t.Errorf("%v asks for %+v, want %+v", c.err, got, c.want)
		}
	}
}

func TestBackoffIsFullJitter(t *testing.T) {
	b := backoff{lowest: time.Second, highest: 10 * time.Second}
	for i, bound := range []time.Duration{1, 2, 4, 8, 10, 10} {
		var longest time.Duration
		for range 1000 {
			b.failures = i
			wait := b.failed()
			if longest = max(longest, wait); wait < 0 || wait > bound*time.Second {
				t.Fatalf("wait %d is %v, want at most %v s", i, wait, int(bound))
			}
		}
		if longest < bound*time.Second*8/10 {
			t.Errorf("of 1000 waits the longest is %v, want near %v s", longest, int(bound))
		}
	}
}

// The bound is doubled without limit, whatever a caller sets: no wait is
// negative, and none exceeds the highest.
func TestBackoffNeverOverflows(t *testing.T) {
	for _, o := range []Options{
		{},
		{MinBackoff: 5 * time.Second},
		{MinBackoff: 5 * time.Second, MaxBackoff: math.MaxInt64},
		{MinBackoff: math.MaxInt64},
		{MinBackoff: 1, MaxBackoff: math.MaxInt64},
		{MinBackoff: -time.Second, MaxBackoff: -time.Minute},
	} {
		o = o.withDefaults()
		c := &Conn{opts: o, backoff: backoff{lowest: o.MinBackoff, highest: o.MaxBackoff}, drainingMS: -1}
		for failures := range 200 {
			for _, v := range []verdict{{}, {slow: true}, {slow: true, after: longestWait}} {
				c.backoff.failures = failures
				if wait := c.pause(v, time.Time{}); wait < 0 || wait > 3*longestWait {
					t.Fatalf("with %v and %v the wait after %d failures is %v", o.MinBackoff, o.MaxBackoff, failures, wait)
				}
			}
		}
	}
}

// What a relay asks for in milliseconds or seconds never becomes a time in the past.
func TestTimesThatARelayAsksForNeverOverflow(t *testing.T) {
	for n, want := range map[int64]time.Duration{
		math.MinInt64: 0, -1: 0, 0: 0, 1500: 1500 * time.Millisecond,
		math.MaxInt64 / 1_000_000: longestWait, math.MaxInt64/1_000_000 + 1: longestWait, math.MaxInt64: longestWait,
	} {
		if got := milliseconds(n); got != want {
			t.Errorf("milliseconds(%d): got %v, want %v", n, got, want)
		}
		c := &Conn{drainingMS: n, opts: Options{}.withDefaults()}
		if got := c.pause(verdict{restart: true}, time.Time{}); got < want {
			t.Errorf("a relay that restarts and asks for %d ms gets %v, want at least %v", n, got, want)
		}
		if s := (&socket{welcome: wire.Welcome{HeartbeatMS: n}}); s.heartbeat() <= 0 || 2*s.heartbeat() <= 0 {
			t.Errorf("a heartbeat of %d ms is %v", n, s.heartbeat())
		}
	}
	for text, want := range map[string]time.Duration{
		"2": 2 * time.Second, "-5": 0, "9223372037": longestWait, "9223372036854775807": longestWait, "soon": 0,
	} {
		resp := &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {text}}, Body: http.NoBody}
		refused, ok := errors.AsType[*refusedHandshake](handshakeError(resp))
		if !ok || refused.retry != want {
			t.Errorf("Retry-After %s is %v, want %v", text, refused.retry, want)
		}
	}
}

func TestParseURL(t *testing.T) {
	for in, want := range map[string][2]string{
		"ws://relay":                   {"ws://relay/v1/ws", "http://relay/x"},
		"http://relay:80/":             {"ws://relay:80/v1/ws", "http://relay:80/x"},
		"https://relay/v1/ws?a=b":      {"wss://relay/v1/ws?a=b", "https://relay/x"},
		"wss://relay/under/here/v1/ws": {"wss://relay/under/here/v1/ws", "https://relay/under/here/x"},
		"https://me:word@relay":        {"wss://relay/v1/ws", "https://me:word@relay/x"},
		"wss://relay/somewhere/else":   {"wss://relay/somewhere/else", "https://relay/x"},
	} {
		socket, base, err := parseURL(in)
		if err != nil {
			t.Error(err)
			continue
		}
		c := &Conn{base: base}
		if got := [2]string{socket, c.resolve("/x")}; got != want {
			t.Errorf("%s is %v, want %v", in, got, want)
		}
	}
	for _, bad := range []string{"", "relay", "ftp://relay", "ws://", "ws://%zz"} {
		if _, _, err := parseURL(bad); err == nil {
			t.Errorf("%q is a relay's URL", bad)
		}
	}
}
