package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Whoever dribbles a header, or the handshake of TLS, or says nothing at all, is cut
// after headerTimeout; a header that is too long, at once. Meanwhile the others are
// served. (Dribbled bodies: TestSlowBodies of package relay.)
func TestSlowloris(t *testing.T) {
	ca := issue(t, nil, soon)
	p := start(t, t.TempDir(), nil, append(writePair(t, issue(t, ca, soon, "localhost", "127.0.0.1")).flags(), "--metrics-listen=127.0.0.1:0")...)
	plain, secure := p.listensAt(t, "metrics"), p.addr
	dialPlain := func(addr string) (net.Conn, error) { return net.Dial("tcp", addr) }
	dialTLS := func(addr string) (net.Conn, error) {
		return tls.Dial("tcp", addr, trusting(ca).Transport.(*http.Transport).TLSClientConfig)
	}
	header := "GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 100<<10)
	var all sync.WaitGroup
	for _, test := range []struct {
		name  string
		addr  string
		dial  func(string) (net.Conn, error)
		sends string
		piece int
		least time.Duration
	}{
		{"silence", plain, dialPlain, "", 1, headerTimeout},
		{"a header, dribbled", plain, dialPlain, header, 1, headerTimeout},
		{"a header over TLS, dribbled", secure, dialTLS, header, 1, headerTimeout},
		{"silence instead of a handshake", secure, dialPlain, "", 1, headerTimeout},
		{"a handshake, dribbled", secure, dialPlain, "\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03" + header, 1, headerTimeout},
		{"a header without end", plain, dialPlain, header, 4 << 10, 0},
	} {
		all.Go(func() {
			conn, err := test.dial(test.addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			began := time.Now()
			gone := make(chan struct{})
			all.Go(func() {
				tick := time.NewTicker(20 * time.Millisecond)
				defer tick.Stop()
				for rest := test.sends; rest != ""; {
					n := min(test.piece, len(rest))
					if _, err := io.WriteString(conn, rest[:n]); err != nil {
						return
					}
					rest = rest[n:]
					select {
					case <-gone:
						return
					case <-tick.C:
					}
				}
			})
			got, _ := io.ReadAll(conn)
			close(gone)
			took := time.Since(began)
			if took < test.least-100*time.Millisecond || took > test.least+2*time.Second || test.least == 0 && !strings.HasPrefix(string(got), "HTTP/1.1 431 ") {
				t.Errorf("%s: cut after %v with %.60q, want after %v", test.name, took, got, test.least)
			}
			t.Logf("%s: cut after %v", test.name, took.Round(10*time.Millisecond))
		})
	}
	// 500 more of them take no place from anybody.
	for i := range 500 {
		conn, err := dialPlain(secure)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "\x16\x03\x01%d", i)
	}
	began := time.Now()
	d := join(t, p, trusting(ca), "d")
	saved(t, d, "1")
	t.Logf("beside 500 that dribble, a session joined and an op was saved within %v", time.Since(began).Round(time.Millisecond))
	all.Wait()
}
