package relay

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// pass asks of whatever comes first of all where from: no web page but those
// allowed reads or writes anything here, and on loopback no name but a local one
// leads here, so that a page whose domain points at the reader's own machine (DNS
// rebinding) finds the door shut.
func (s *Server) pass(w http.ResponseWriter, r *http.Request) {
	boundBody(w, r, s.cfg.WriteTimeout)
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "frame-ancestors 'none'") // pages say more
	h.Set("Referrer-Policy", "no-referrer")                    // the address may hold a token
	if len(r.TransferEncoding) > 0 {
		// Where a length was given too, net/http has taken it away. What a proxy that
		// goes by the length took for the rest of the body is not read as a request
		// (RFC 9112, section 6.1).
		h.Set("Connection", "close")
	}
	from := s.sourceOf(r)
	if !s.hostAllowed(r, &from) {
		s.meters.authFailed(authOrigin)
		refuse(w, http.StatusMisdirectedRequest, wire.Forbidden,
			"this relay listens on loopback and is not called "+r.Host+"; use localhost, or allow the origin")
		return
	}
	origin := r.Header.Get("Origin")
	own, allowed := s.judgeOrigin(r, origin, &from)
	if !allowed {
		s.meters.authFailed(authOrigin)
		refuse(w, http.StatusForbidden, wire.Forbidden,
			"pages from "+strings.TrimSpace(origin+" elsewhere")+" may not talk to this relay; its operator can allow an origin")
		return
	}
	h.Add("Vary", "Origin")
	if origin != "" && !own {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "Baton-Epoch, Baton-Format, Baton-Sha256, Baton-Offset, ETag, Retry-After, X-Request-Id")
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE")
			h.Set("Access-Control-Allow-Headers", "Authorization, Baton-Token, Content-Type, Accept, Range, If-None-Match, Last-Event-ID, Baton-Format, Baton-Sha256, Baton-Maker")
			h.Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	s.mux.ServeHTTP(w, r)
}

// hostAllowed reports whether a request that came over loopback asked for a
// local name, or for that of an allowed origin, or came through a trusted proxy
// on the same machine.
func (s *Server) hostAllowed(r *http.Request, from *source) bool {
	if from.proxied {
		return true
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return true
	}
	tcp, ok := local.(*net.TCPAddr)
	if !ok || !tcp.IP.IsLoopback() {
		return true
	}
	name, _ := hostAndPort(r.Host)
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	if ip := net.ParseIP(name); ip != nil && ip.IsLoopback() {
		return true
	}
	return name != "" && slices.ContainsFunc(s.cfg.AllowOrigins, func(o Origin) bool { return o.names(name) })
}

// judgeOrigin reports whether the page that makes a request may, and whether it is
// the relay's own. Programs other than browsers send neither of the headers.
func (s *Server) judgeOrigin(r *http.Request, origin string, from *source) (own, allowed bool) {
	if origin != "" {
		page, err := parseOrigin(origin)
		if err != nil {
			return false, slices.ContainsFunc(s.cfg.AllowOrigins, func(o Origin) bool { return o.every })
		}
		own = slices.ContainsFunc(from.hosts, page.isAt)
		return own, own || slices.ContainsFunc(s.cfg.AllowOrigins, func(o Origin) bool { return o.allows(page) })
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true, true
	}
	// Following a link to a page of this relay is no reading of it.
	return false, r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" &&
		r.Header.Get("Sec-Fetch-Dest") == "document" && !strings.HasPrefix(r.URL.Path, "/v1/")
}

// refuse answers with an error as JSON.
func refuse(w http.ResponseWriter, status int, code wire.Code, message string) {
	answer(w, status, &wire.Error{Code: code, Message: message})
}

func answer(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that is gone needs no answer
}

// identify returns who a request is from, or answers it with a refusal.
func (s *Server) identify(w http.ResponseWriter, r *http.Request) (id *auth.Identity, token string, ok bool) {
	token = requestToken(r)
	id, err := s.authorize(r.Context(), token)
	switch {
	case errors.Is(err, auth.ErrToken):
		s.crowd.knock(s.sourceOf(r).addr, 1) // who guesses tokens is slow at it
		s.meters.authFailed(authToken)
		s.tokenRefused(logRequest, w.Header().Get(headerRequestID), err)
		w.Header().Set("WWW-Authenticate", "Bearer")
		refuse(w, http.StatusUnauthorized, wire.Unauthorized, err.Error())
		return nil, "", false
	case err != nil:
		s.meters.authFailed(authUnavailable)
		s.slog.Error("authorize", logRequest, w.Header().Get(headerRequestID), logError, err)
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusServiceUnavailable, wire.Unavailable, "tokens cannot be checked at the moment")
		return nil, "", false
	}
	return id, token, true
}

// authorize tells whom a token stands for, unless it was revoked.
func (s *Server) authorize(ctx context.Context, token string) (*auth.Identity, error) {
	id, err := s.cfg.Auth.Authorize(ctx, token)
	if err == nil && s.cfg.Revoked.Has(id) {
		return nil, revoked
	}
	return id, err
}

var revoked = &auth.Refusal{Reason: "revoked"}

// tokenRefused tells an operator who looks closely why somebody was not let in.
func (s *Server) tokenRefused(key, where string, err error) {
	attrs := []any{key, where, logWhy, err}
	if cause := errors.Unwrap(err); cause != nil {
		attrs = append(attrs, logError, cause)
	}
	s.slog.Debug("token refused", attrs...)
}

// requestToken returns the first token found: of the headers Baton-Token and
// Authorization, a second offered subprotocol, the query. A proxy may use
// Authorization for a password of its own.
func requestToken(r *http.Request) string {
	if token := r.Header.Get(wire.TokenHeader); token != "" {
		return strings.TrimSpace(token)
	}
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	for _, list := range r.Header.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(list, ",") {
			if token, ok := strings.CutPrefix(strings.TrimSpace(p), wire.TokenProtocol); ok {
				return token
			}
		}
	}
	return r.URL.Query().Get("access_token")
}
