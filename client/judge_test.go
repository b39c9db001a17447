package client

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/gorilla/websocket"
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
	b.failures = 1000
	if wait := b.failed(); wait > 10*time.Second {
		t.Errorf("after many failures the wait is %v", wait)
	}
}

func TestParseURL(t *testing.T) {
	for in, want := range map[string][2]string{
		"ws://relay":                   {"ws://relay/v1/ws", "http://relay/x"},
		"http://relay:80/":             {"ws://relay:80/v1/ws", "http://relay:80/x"},
		"https://relay/v1/ws?a=b":      {"wss://relay/v1/ws?a=b", "https://relay/x"},
		"wss://relay/under/here/v1/ws": {"wss://relay/under/here/v1/ws", "https://relay/under/here/x"},
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
