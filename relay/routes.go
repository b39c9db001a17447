package relay

import (
	"net/http"

	"github.com/baton-relay/baton/relay/wire"
)

// routes is every address of the relay.
func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/ws", s.serveWS)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", s.serveReady)
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, wire.NotFound, "there is nothing at "+r.URL.Path)
	})
	if s.cfg.Home != nil {
		mux.Handle("/", s.cfg.Home)
	}
	return mux
}

// serveReady says whether this node should get traffic, and if not, why.
func (s *Server) serveReady(w http.ResponseWriter, _ *http.Request) {
	if err := s.log.Health(); err != nil {
		refuse(w, http.StatusServiceUnavailable, wire.Unavailable, err.Error())
		return
	}
	if s.isDraining() {
		refuse(w, http.StatusServiceUnavailable, wire.Unavailable, "this node is going")
		return
	}
	answer(w, http.StatusOK, map[string]string{"status": "ready"})
}
