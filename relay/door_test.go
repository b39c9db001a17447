package relay

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// knock makes a request as one that came in at an address of the relay's, and
// returns the answer of the door and what is behind it. Header lines are
// "Name: value".
func (h *harness) knock(at, line string, header ...string) reply {
	h.t.Helper()
	method, path, _ := strings.Cut(line, " ")
	req := httptest.NewRequestWithContext(h.t.Context(), method, path, nil)
	addr := &net.TCPAddr{IP: net.ParseIP(at), Port: 80}
	req = req.WithContext(context.WithValue(req.Context(), http.LocalAddrContextKey, addr))
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			req.Host = value
		} else {
			req.Header.Add(name, value)
		}
	}
	w := httptest.NewRecorder()
	h.srv.ServeHTTP(w, req)
	return reply{w.Code, w.Header(), strings.TrimSpace(w.Body.String())}
}

func origins(texts ...string) (all []Origin) {
	for _, text := range texts {
		o, err := ParseOrigin(text)
		if err != nil {
			panic(err)
		}
		all = append(all, o)
	}
	return all
}

// On loopback, no name but a local one leads to the relay: a page whose domain
// points at the reader's own machine finds the door shut.
func TestHostOnLoopback(t *testing.T) {
	h := start(t, Config{AllowOrigins: origins("https://Board.Example", "https://app.example:8443", "https://*.below.example")})
	tests := []struct {
		at, host string
		status   int
	}{
		{"127.0.0.1", "localhost", 200},
		{"127.0.0.1", "localhost:8080", 200},
		{"127.0.0.1", "LOCALHOST", 200},
		{"127.0.0.1", "a.localhost:8080", 200},
		{"127.0.0.1", "127.0.0.1:8080", 200},
		{"127.0.0.1", "127.9.9.9", 200},
		{"::1", "[::1]:8080", 200},
		{"::1", "[::1]", 200},
		{"127.0.0.1", "board.example", 200}, // behind a proxy on this machine
		{"127.0.0.1", "BOARD.example:80", 200},
		{"127.0.0.1", "app.example", 200},
		{"127.0.0.1", "a.below.example:443", 200},
		{"127.0.0.1", "below.example", 421},
		{"127.0.0.1", "evilbelow.example", 421},
		{"127.0.0.1", "evil.example", 421},
		{"127.0.0.1", "evil.example:8080", 421},
		{"127.0.0.1", "localhost.evil.example", 421},
		{"127.0.0.1", "evil-localhost", 421},
		{"127.0.0.1", "127.0.0.1.evil.example", 421},
		{"127.0.0.1", "192.168.0.7", 421},
		{"127.0.0.1", "", 421},
		{"::1", "evil.example", 421},
		{"10.0.0.7", "evil.example", 200},
		{"10.0.0.7", "10.0.0.7", 200},
	}
	for _, tt := range tests {
		got := h.knock(tt.at, "GET /healthz", "Host: "+tt.host)
		if got.status != tt.status {
			t.Errorf("at %s as %q: got %d %s, want %d", tt.at, tt.host, got.status, got.body, tt.status)
		}
		if tt.status == 421 {
			got.want(t, tt.host, 421, `"code":"forbidden"`)
		}
	}
	// The upgrade is asked the same.
	h.knock("127.0.0.1", "GET /v1/ws", "Host: evil.example", "Connection: Upgrade", "Upgrade: websocket").want(t, "upgrade", 421)
}

// Pages of other origins neither read nor write, unless their origin is allowed.
func TestOrigins(t *testing.T) {
	h := start(t, Config{AllowOrigins: origins("https://app.example", "https://slash.example/", "https://port.example:443", "https://*.below.example")})
	all := start(t, Config{AllowOrigins: origins("*")})
	tests := []struct {
		what   string
		h      *harness
		line   string
		header []string
		status int
		cors   string // the Access-Control-Allow-Origin of the answer
	}{
		{"a program", h, "GET /v1/docs/d", nil, 404, ""},
		{"the same origin", h, "GET /v1/docs/d", []string{"Origin: http://relay.example"}, 404, ""},
		{"the same origin behind TLS", h, "GET /v1/docs/d", []string{"Origin: https://relay.example"}, 404, ""},
		{"the same origin, another port", h, "GET /v1/docs/d", []string{"Origin: http://relay.example:81"}, 403, ""},
		{"an allowed origin", h, "GET /v1/docs/d", []string{"Origin: https://app.example"}, 404, "https://app.example"},
		{"an allowed origin without TLS", h, "GET /v1/docs/d", []string{"Origin: http://app.example"}, 403, ""},
		{"an allowed origin with a slash", h, "GET /v1/docs/d", []string{"Origin: https://slash.example"}, 404, "https://slash.example"},
		{"a longer name", h, "GET /v1/docs/d", []string{"Origin: https://app.example.evil"}, 403, ""},
		{"another origin", h, "GET /v1/docs/d", []string{"Origin: https://evil.example"}, 403, ""},
		{"another origin that deletes", h, "DELETE /v1/docs/d", []string{"Origin: https://evil.example"}, 403, ""},
		{"another origin that asks first", h, "OPTIONS /v1/docs/d", []string{"Origin: https://evil.example"}, 403, ""},
		{"a sandboxed page", h, "GET /v1/docs/d", []string{"Origin: null"}, 403, ""},
		{"what is no origin", h, "GET /v1/docs/d", []string{"Origin: relay.example"}, 403, ""},
		{"a picture on another page", h, "GET /v1/docs/d", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"}, 403, ""},
		{"a picture on a page of the same site", h, "GET /v1/docs/d", []string{"Sec-Fetch-Site: same-site"}, 403, ""},
		{"an address typed by a person", h, "GET /v1/docs/d", []string{"Sec-Fetch-Site: none"}, 404, ""},
		{"a link to the relay's page", h, "GET /", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}, 404, ""},
		{"a link to ops", h, "GET /v1/docs/d/ops", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}, 403, ""},
		{"a frame of the relay's page", h, "GET /", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"}, 403, ""},
		{"a form of another page", h, "POST /", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}, 403, ""},
		{"health of another page", h, "GET /healthz", []string{"Origin: https://evil.example"}, 403, ""},
		{"the same origin, its port said by a proxy", h, "GET /v1/docs/d", []string{"Origin: https://relay.example", "Host: relay.example:443"}, 404, ""},
		{"the same origin behind TLS, the port said that TLS ended before", h, "GET /v1/docs/d", []string{"Origin: https://relay.example", "Host: relay.example:80"}, 404, ""},
		{"the same origin, a port of its own", h, "GET /v1/docs/d", []string{"Origin: http://relay.example:8080", "Host: Relay.example:8080"}, 404, ""},
		{"the same origin at the other scheme's port", h, "GET /v1/docs/d", []string{"Origin: http://relay.example:443", "Host: relay.example:443"}, 404, ""},
		{"another port, where the default one was asked for", h, "GET /v1/docs/d", []string{"Origin: https://relay.example:8443", "Host: relay.example:443"}, 403, ""},
		{"the same origin by IPv6", h, "GET /v1/docs/d", []string{"Origin: https://[2001:db8::1]", "Host: [2001:db8::1]:443"}, 404, ""},
		{"an extension of the relay's name", h, "GET /v1/docs/d", []string{"Origin: chrome-extension://relay.example"}, 403, ""},
		{"an allowed origin that says its port", h, "GET /v1/docs/d", []string{"Origin: https://app.example:443"}, 404, "https://app.example:443"},
		{"an origin that was allowed with its port", h, "GET /v1/docs/d", []string{"Origin: https://port.example"}, 404, "https://port.example"},
		{"below an allowed name", h, "GET /v1/docs/d", []string{"Origin: https://a.b.below.example"}, 404, "https://a.b.below.example"},
		{"below an allowed name, without TLS", h, "GET /v1/docs/d", []string{"Origin: http://a.below.example"}, 403, ""},
		{"below an allowed name, at another port", h, "GET /v1/docs/d", []string{"Origin: https://a.below.example:8443"}, 403, ""},
		{"the name itself of those below", h, "GET /v1/docs/d", []string{"Origin: https://below.example"}, 403, ""},
		{"a name that ends as those below", h, "GET /v1/docs/d", []string{"Origin: https://evilbelow.example"}, 403, ""},
		{"a name that goes on behind those below", h, "GET /v1/docs/d", []string{"Origin: https://a.below.example.evil"}, 403, ""},
		{"a star for an origin", h, "GET /v1/docs/d", []string{"Origin: *"}, 403, ""},
		{"those below for an origin", h, "GET /v1/docs/d", []string{"Origin: https://*.below.example"}, 403, ""},
		{"any origin where all are allowed", all, "GET /v1/docs/d", []string{"Origin: https://any.example"}, 404, "https://any.example"},
	}
	for _, tt := range tests {
		got := tt.h.knock("10.0.0.7", tt.line, append([]string{"Host: relay.example"}, tt.header...)...)
		if got.status != tt.status || got.header.Get("Access-Control-Allow-Origin") != tt.cors {
			t.Errorf("%s: got %d, allowing %q; want %d, %q", tt.what, got.status, got.header.Get("Access-Control-Allow-Origin"), tt.status, tt.cors)
		}
		if got.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: the answer allows credentials", tt.what)
		}
		if got.status != 403 && (got.header.Get("Vary") == "" || got.header.Get("X-Content-Type-Options") != "nosniff") {
			t.Errorf("%s: got header %v", tt.what, got.header)
		}
	}
}

// A page of the relay's own is known as such behind proxies too, whichever of them
// said by which name the client came.
func TestOriginBehindProxies(t *testing.T) {
	cfg := behindProxy(wire.Limits{})
	cfg.TrustedProxies = append(cfg.TrustedProxies, netip.MustParsePrefix("192.0.2.1/32")) // of httptest
	h := start(t, cfg)
	for _, tt := range []struct {
		hosts  []string
		status int
	}{
		{[]string{"board.example"}, 404},
		{[]string{"board.example:443"}, 404},
		{[]string{"board.example, inside.example:8080"}, 404},
		{[]string{"other.example, board.example:80"}, 404},
		{[]string{"other.example", "board.example"}, 404},
		{[]string{"other.example, inside.example"}, 403},
		{[]string{"xboard.example, board.example:8443"}, 403},
		{[]string{","}, 403},
	} {
		header := []string{"Host: inside.example", "X-Forwarded-For: 8.8.8.8", "Origin: https://board.example", "Authorization: Bearer ann"}
		for _, line := range tt.hosts {
			header = append(header, "X-Forwarded-Host: "+line)
		}
		if got := h.knock("10.0.0.7", "GET /v1/docs/d", header...); got.status != tt.status {
			t.Errorf("X-Forwarded-Host %q: got %d %s, want %d", tt.hosts, got.status, got.body, tt.status)
		}
	}
}

func TestPreflight(t *testing.T) {
	h := start(t, Config{Auth: company(), AllowOrigins: origins("https://app.example")})
	got := h.knock("10.0.0.7", "OPTIONS /v1/docs/d/snapshots/7", "Host: relay.example", "Origin: https://app.example",
		"Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: authorization, baton-format")
	if got.status != http.StatusNoContent || got.body != "" {
		t.Errorf("got %d %q, want 204 without a token", got.status, got.body)
	}
	for name, part := range map[string]string{
		"Access-Control-Allow-Origin":  "https://app.example",
		"Access-Control-Allow-Methods": "PUT",
		"Access-Control-Allow-Headers": "Authorization, Baton-Token",
		"Access-Control-Max-Age":       "600",
		"Vary":                         "Origin",
	} {
		if !strings.Contains(got.header.Get(name), part) {
			t.Errorf("%s is %q, without %q", name, got.header.Get(name), part)
		}
	}
}

// The token is the first found of: the header, an offered subprotocol, the
// query. The subprotocol chosen is the protocol's, never the token.
func TestTokenSources(t *testing.T) {
	h := start(t, Config{Auth: company()})
	tests := []struct {
		what, query string
		header      []string
		protocols   []string
		who, chosen string
	}{
		{"header", "", []string{"Authorization: Bearer ann"}, nil, "ann", ""},
		{"header of its own", "", []string{"Baton-Token: ann"}, nil, "ann", ""},
		{"header of its own before all others", "?access_token=eve", []string{"Baton-Token: ann", "Authorization: Bearer bob"}, []string{"baton.v1", "bearer.bob"}, "ann", "baton.v1"},
		{"header of its own beside a proxy's password", "", []string{"Authorization: Basic YTpi", "Baton-Token: ann"}, nil, "ann", ""},
		{"header in lower case", "", []string{"Authorization: bearer ann"}, nil, "ann", ""},
		{"subprotocol", "", nil, []string{"baton.v1", "bearer.ann"}, "ann", "baton.v1"},
		{"subprotocol first", "", nil, []string{"bearer.ann", "baton.v1"}, "ann", "baton.v1"},
		{"query", "?access_token=ann", nil, nil, "ann", ""},
		{"query and protocol", "?access_token=ann", nil, []string{"other", "baton.v1"}, "ann", "baton.v1"},
		{"header before subprotocol", "?access_token=eve", []string{"Authorization: Bearer ann"}, []string{"baton.v1", "bearer.bob"}, "ann", "baton.v1"},
		{"subprotocol before query", "?access_token=eve", nil, []string{"baton.v1", "bearer.bob"}, "bob", "baton.v1"},
		{"another scheme", "?access_token=ann", []string{"Authorization: Basic YTpi"}, nil, "ann", ""},
	}
	for _, tt := range tests {
		header := http.Header{}
		for _, line := range tt.header {
			name, value, _ := strings.Cut(line, ": ")
			header.Set(name, value)
		}
		dialer := websocket.Dialer{Subprotocols: tt.protocols}
		ws, resp, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(h.url, "http")+"/v1/ws"+tt.query, header)
		if err != nil {
			t.Errorf("%s: %v", tt.what, err)
			continue
		}
		l := &listener{peer: &peer{t, ws}}
		if f := l.wantFrame("welcome"); f.User.ID != tt.who || f.User.Name != strings.ToUpper(tt.who) {
			t.Errorf("%s: got user %+v, want %s", tt.what, f.User, tt.who)
		}
		if got := resp.Header.Get("Sec-WebSocket-Protocol"); got != tt.chosen {
			t.Errorf("%s: the relay chose %q, want %q", tt.what, got, tt.chosen)
		}
		ws.Close()
	}
}

// downAuth is an authorizer that cannot tell at the moment.
type downAuth struct{}

// Authorize implements [auth.Authorizer].
func (downAuth) Authorize(context.Context, string) (*auth.Identity, error) {
	return nil, errors.New("test: no answer")
}

// A refused handshake is an HTTP answer with a JSON error.
func TestRefusedHandshakes(t *testing.T) {
	h := start(t, Config{Auth: company()})
	down := start(t, Config{Auth: downAuth{}})
	ws := []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="}
	ann := "Authorization: Bearer ann"
	tests := []struct {
		what   string
		h      *harness
		line   string
		header []string
		status int
		code   string
	}{
		{"no token", h, "GET /v1/ws", ws, 401, "unauthorized"},
		{"a bad token", h, "GET /v1/ws", append(ws, "Authorization: Bearer nobody"), 401, "unauthorized"},
		{"a bad token before a good one", h, "GET /v1/ws?access_token=ann", append(ws, "Authorization: Bearer nobody"), 401, "unauthorized"},
		{"another protocol", h, "GET /v1/ws", append(ws, ann, "Sec-WebSocket-Protocol: baton.v2"), 400, "invalid"},
		{"a token as the only protocol", h, "GET /v1/ws", append(ws, "Sec-WebSocket-Protocol: bearer.ann"), 400, "invalid"},
		{"no upgrade", h, "GET /v1/ws", []string{ann}, 426, "invalid"},
		{"no upgrade and no token", h, "GET /v1/ws", nil, 401, "unauthorized"},
		{"another version", h, "GET /v1/ws", []string{ann, ws[0], ws[1], "Sec-WebSocket-Version: 8", ws[3]}, 400, "invalid"},
		{"no key", h, "GET /v1/ws", append(ws[:3:3], ann), 400, "invalid"},
		{"a post", h, "POST /v1/ws", append(ws, ann), 405, "invalid"},
		{"another origin", h, "GET /v1/ws", append(ws, ann, "Origin: https://evil.example"), 403, "forbidden"},
		{"no answer about tokens", down, "GET /v1/ws", ws, 503, "unavailable"},
	}
	for _, tt := range tests {
		got := tt.h.do(tt.line, "", tt.header...)
		got.want(t, tt.what, tt.status, `"code":"`+tt.code+`"`)
		if got.header.Get("Content-Type") != typeJSON {
			t.Errorf("%s: got header %v", tt.what, got.header)
		}
		if tt.status == 401 && got.header.Get("WWW-Authenticate") != "Bearer" || tt.status == 503 && got.header.Get("Retry-After") == "" {
			t.Errorf("%s: got header %v", tt.what, got.header)
		}
	}
	if n := len(h.srv.all()) + len(down.srv.all()); n > 0 {
		t.Errorf("%d sessions came of it", n)
	}
}

// A page of an allowed origin may open a WebSocket, one of another may not.
func TestOriginOfAnUpgrade(t *testing.T) {
	h := start(t, Config{AllowOrigins: origins("https://app.example")})
	for origin, want := range map[string]int{"https://app.example": 101, h.url: 101, "https://evil.example": 403, "null": 403} {
		_, resp, err := h.dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(h.url, "http")+"/v1/ws", http.Header{"Origin": {origin}})
		if resp == nil || resp.StatusCode != want {
			t.Errorf("origin %q: got %v, %v; want %d", origin, resp, err, want)
		}
	}
}
