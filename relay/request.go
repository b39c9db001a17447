package relay

import (
	"bufio"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// headerRequestID names a request in the logs of all that it passes.
const headerRequestID = "X-Request-Id"

// ServeHTTP implements [http.Handler]. Each request gets an id, is counted, and
// has a line in the log at level debug, which says its route and not its address:
// that may hold a token.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	id := requestID(r)
	w.Header().Set(headerRequestID, id)
	_, route := s.mux.Handler(r)
	a := &answering{ResponseWriter: w}
	s.meters.requesting.Inc()
	defer func() { // also of an answer that is broken off
		took := time.Since(began)
		s.meters.requesting.Dec()
		s.meters.answered(route, a.status, took, a.isStream())
		s.slog.LogAttrs(r.Context(), slog.LevelDebug, "request",
			slog.String(logRequest, id), slog.String(logMethod, r.Method), slog.String(logRoute, route),
			slog.Int(logStatus, a.status), slog.Duration(logTook, took), slog.Int64(logBytes, a.bytes))
	}()
	s.pass(a, r)
}

// requestID returns the id that a proxy gave a request, or a new one. What is
// not plainly an id is not taken over into logs.
func requestID(r *http.Request) string {
	id := r.Header.Get(headerRequestID)
	if len(id) == 0 || len(id) > 64 {
		return uuid.NewString()
	}
	for _, c := range []byte(id) {
		plain := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-'
		if !plain {
			return uuid.NewString()
		}
	}
	return id
}

// answering watches an answer go. Its fields are owned by the handler.
type answering struct {
	http.ResponseWriter
	status int // 0 where nothing was said
	bytes  int64
}

// WriteHeader implements [http.ResponseWriter].
func (a *answering) WriteHeader(status int) {
	if a.status < http.StatusOK { // those before are not the answer
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (a *answering) Write(p []byte) (int, error) {
	if a.status < http.StatusOK {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	return n, err
}

// Hijack implements [http.Hijacker]: what is taken over is a session.
func (a *answering) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(a.ResponseWriter).Hijack()
	if err == nil {
		a.status = http.StatusSwitchingProtocols
	}
	return c, rw, err
}

// Unwrap is for [http.ResponseController].
func (a *answering) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// isStream reports whether the answer lasts as long as the client wants.
func (a *answering) isStream() bool {
	return a.status == http.StatusSwitchingProtocols || a.Header().Get("Content-Type") == typeEvents
}
