package transport

import (
	"fmt"
	"net/http"
)

// HealthHandler answers the probes of an orchestrator over HTTP:
//
//	/healthz   200 as long as the process answers, also while it shuts down; 500 if the
//	           options of NewService or the arguments of Handle make no sense (see Err)
//	/readyz    200 while the Service serves (see Health), 503 while it does not
//	/readyz?service=payments
//	           likewise for the service of that name; 404 if it is unknown
//
// Serve it from a port that strangers cannot reach. It takes no lock that calls wait for.
func (s *Service) HealthHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if s.Err() != nil {
			answerProbe(w, http.StatusInternalServerError, "invalid options")
			return
		}
		answerProbe(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		switch status := s.Health(r.URL.Query().Get("service")); status {
		case HealthServing:
			answerProbe(w, http.StatusOK, status.String())
		case HealthUnknown:
			answerProbe(w, http.StatusNotFound, status.String())
		default:
			answerProbe(w, http.StatusServiceUnavailable, status.String())
		}
	})
	return mux
}

// answerProbe writes a text, which nobody on the way may keep.
func answerProbe(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // the client has left otherwise
}
