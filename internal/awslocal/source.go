package awslocal

import (
	"cmp"
	"net/http"

	"sluice/internal/awslocal/faults"
)

// Source returns a handler that stands before next, a source of records, and lets it go wrong by the same script as the
// services: its calls are those of "source", named by their method and path, such as "GET /events".
func (s *Server) Source(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hit := s.faults.Load().Next(faults.Source, r.Method+" "+r.URL.Path); hit != nil {
			s.serveSource(w, r, hit, next.ServeHTTP)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// serveSource serves a page as the script says. What a service of AWS alone can do has no part in it.
func (s *Server) serveSource(w http.ResponseWriter, r *http.Request, hit *faults.Hit, serve http.HandlerFunc) {
	s.pause(r.Context(), hit.Wait)
	for name, value := range hit.Headers {
		w.Header().Set(name, value)
	}
	switch hit.Do {
	case faults.FailRequest:
		refusePage(w, hit, http.StatusInternalServerError)
	case faults.Throttle:
		refusePage(w, hit, http.StatusTooManyRequests)
	case faults.Reset, faults.AcceptThenReset:
		faults.ResetConnection(w)
	case faults.AcceptThenHang:
		select {
		case <-r.Context().Done():
		case <-s.done:
		}
		panic(http.ErrAbortHandler)
	case faults.ClockSkew:
		w.Header().Set("Date", s.options.Now().Add(hit.Skew).UTC().Format(http.TimeFormat))
		serve(w, r)
	default:
		if !hit.Shape(w, r, serve, s.done) {
			serve(w, r)
		}
	}
}

// refusePage answers with the rule's status and text.
func refusePage(w http.ResponseWriter, hit *faults.Hit, status int) {
	status = cmp.Or(hit.Status, status)
	http.Error(w, cmp.Or(hit.Message, hit.Code, http.StatusText(status)), status)
}
