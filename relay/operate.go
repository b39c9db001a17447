package relay

import (
	"errors"
	"net/http"

	"github.com/baton-relay/baton/relay/wire"
)

// Operations returns what those who run the relay ask for, for a listener of their
// own: /metrics, /healthz and /readyz, without a token. Nobody else should reach
// that. See [Config].MetricsApart.
func (s *Server) Operations() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/healthz", methods{"GET": s.serveHealth})
	mux.Handle("/readyz", methods{"GET": s.serveReady})
	mux.Handle("/metrics", methods{"GET": s.serveMetrics})
	mux.HandleFunc("/", nothingHere)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A page whose name was pointed at this machine could read it all.
		if from := s.sourceOf(r); !s.hostAllowed(r, &from) {
			refuse(w, http.StatusMisdirectedRequest, wire.Forbidden, "this listener is on loopback and is not called "+r.Host+"; use localhost")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// Unready has /readyz answer 503 from now on while all else goes on as before, so
// that whoever spreads the load sends nobody new. Drain should follow.
func (s *Server) Unready() { s.leaving.Store(true) }

// serveHealth says that this process is alive.
func (s *Server) serveHealth(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{"status": "ok"})
}

// serveReady says whether this node should get traffic, and if not, why.
func (s *Server) serveReady(w http.ResponseWriter, _ *http.Request) {
	if err := s.unready(); err != nil {
		refuse(w, http.StatusServiceUnavailable, wire.Unavailable, err.Error())
		return
	}
	answer(w, http.StatusOK, map[string]string{"status": "ready"})
}

// unready returns why this node should get no traffic, or nil.
func (s *Server) unready() error {
	if err := s.log.Health(); err != nil {
		return err
	}
	if s.leaving.Load() || s.isDraining() {
		return errNotReady
	}
	return nil
}

var errNotReady = errors.New("this node is going")

// getMetrics is for those with the right admin in every document, where there is
// no listener apart.
func (s *Server) getMetrics(c *call) error {
	s.serveMetrics(c.w, c.r)
	return nil
}
