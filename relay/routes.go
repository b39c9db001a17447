package relay

import (
	"net/http"

	"github.com/baton-relay/baton/relay/auth"
	"github.com/baton-relay/baton/relay/wire"
)

// routes is every address of the relay.
func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/v1/ws", methods{"GET": s.serveWS})
	mux.Handle("/healthz", methods{"GET": s.serveHealth})
	mux.Handle("/readyz", methods{"GET": s.serveReady})
	if !s.cfg.MetricsApart {
		mux.Handle("/metrics", methods{"GET": s.with(auth.Admin, s.getMetrics)})
	} else {
		mux.HandleFunc("/metrics", nothingHere) // not the page at / either
	}

	// Who may list is asked document by document.
	mux.Handle("/v1/docs", methods{"GET": s.with(0, s.listDocs)})
	mux.Handle("/v1/docs/{doc}", methods{
		"GET":    s.with(auth.Read, s.getDoc),
		"DELETE": s.with(auth.Admin, s.deleteDoc),
	})
	mux.Handle("/v1/docs/{doc}/ops", methods{
		"GET":  s.with(auth.Read, s.getOps),
		"POST": s.with(auth.Write, s.postOps),
	})
	mux.Handle("/v1/docs/{doc}/events", methods{"POST": s.with(auth.Presence, s.postEvent)})
	mux.Handle("/v1/docs/{doc}/prune", methods{"POST": s.with(auth.Admin, s.prune)})
	mux.Handle("/v1/docs/{doc}/snapshots/{offset}", methods{
		"GET":    s.with(auth.Read, s.getSnapshot),
		"PUT":    s.with(auth.Compact, s.putSnapshot),
		"DELETE": s.with(auth.Admin, s.deleteSnapshot),
	})
	mux.Handle("/v1/docs/{doc}/snapshots/{offset}/meta", methods{"GET": s.with(auth.Read, s.getSnapshotMeta)})
	mux.Handle("/v1/admin/backup", methods{"GET": s.with(auth.Admin, s.backup)})
	mux.Handle("/v1/admin/status", methods{"GET": s.evenGoing(auth.Admin, s.getStatus)})
	mux.Handle("/v1/admin/revoke", methods{"POST": s.with(auth.Admin, s.revoke)})

	mux.HandleFunc("/v1/", nothingHere)
	if s.cfg.Home != nil {
		mux.HandleFunc("/", s.serveHome)
	} else {
		mux.HandleFunc("/", nothingHere)
	}
	return mux
}

// serveHome gives a page its time piece by piece, as it does with every answer.
func (s *Server) serveHome(w http.ResponseWriter, r *http.Request) {
	s.cfg.Home.ServeHTTP(newResponse(w, s.cfg.WriteTimeout), r)
}

func nothingHere(w http.ResponseWriter, r *http.Request) {
	refuse(w, http.StatusNotFound, wire.NotFound, "there is nothing at "+r.URL.Path)
}
