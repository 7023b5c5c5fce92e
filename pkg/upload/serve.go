package upload

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"time"

	"golang.org/x/exp/slog"

	"github.com/millrace/millrace/pkg/fault"
)

// busyAfter is when a client that has too many uploads may come again, and fullAfter
// one that found no room.
const (
	busyAfter = 10 * time.Second
	fullAfter = 30 * time.Second
)

// Serve answers a request of the tus protocol: OPTIONS and POST without an id; HEAD,
// PATCH and DELETE with one. root is the path of the uploads, with a slash at its
// end. When it returns an error nothing was answered yet, but headers may have been
// set that belong to any answer.
//
// Faults: those of upload and of artifact; http.bad_request,
// http.unsupported_media_type, http.method_not_allowed; those of the bus; and a
// [Refused].
func (s *Service) Serve(w http.ResponseWriter, r *http.Request, tenant, root, id string) error {
	q := &request{tenant: tenant, method: r.Method, length: r.ContentLength}
	w.Header().Set("Tus-Resumable", "1.0.0")
	if err := s.prepare(r, q); err != nil {
		return err
	}
	release, err := s.hold(w, r, q, id)
	if err != nil {
		return err
	}
	defer release()
	r = r.Clone(context.WithValue(r.Context(), requestKey{}, q))
	r.URL.Path = id
	r.Header.Del("X-Http-Method-Override") // it would get around whoever looked at the method
	if r.Body != nil {
		r.Body = watched{r.Body, q}
	}
	a := &answer{ResponseWriter: w, s: s, q: q, root: root}
	s.tus.Middleware(s.method(r.Method)).ServeHTTP(a, r)
	if !a.refused {
		return nil
	}
	return a.fault()
}

// method is what the protocol does for a method.
func (s *Service) method(name string) http.Handler {
	switch name {
	case http.MethodPost:
		return http.HandlerFunc(s.tus.PostFile)
	case http.MethodHead:
		return http.HandlerFunc(s.tus.HeadFile)
	case http.MethodPatch:
		return http.HandlerFunc(s.tus.PatchFile)
	case http.MethodDelete:
		return http.HandlerFunc(s.tus.DelFile)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusMethodNotAllowed)
	})
}

// prepare reads what the protocol's handler does not, and refuses what should not
// get as far as that.
func (s *Service) prepare(r *http.Request, q *request) (err error) {
	if r.Method == http.MethodOptions {
		return nil
	}
	if v := r.Header.Get("Tus-Resumable"); v != "1.0.0" && r.Method != http.MethodHead {
		return fault.New(fault.UploadProtocol, "", nil)
	}
	if r.Header.Get("Upload-Concat") != "" {
		return fault.New(fault.HTTPBadRequest, "there is no concatenation here", nil)
	}
	if q.sum, err = checksumOf(r.Header); err != nil || r.Method != http.MethodPost {
		return err
	}
	var fields map[string]string
	if fields, q.metadata, err = parseMetadata(r.Header); err != nil {
		return err
	}
	if q.plan, err = s.Jobs.Plan(r.Context(), q.tenant, fields); err != nil {
		return err
	}
	open, err := s.ledger.open(r.Context(), q.tenant)
	if err == nil && open >= s.MaxOpen {
		return &fault.Error{
			Code: fault.UploadTooMany, RetryAfter: busyAfter,
			Detail: fmt.Sprintf("%d are open; finish or delete some", open),
		}
	}
	return err
}

// silent is the log of the protocol's handler, which says everything twice.
func silent() *slog.Logger {
	return slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.Level(math.MaxInt32)}))
}
