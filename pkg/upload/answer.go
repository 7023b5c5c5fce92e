package upload

import (
	"net/http"
	"strings"

	"github.com/millrace/millrace/pkg/fault"
)

// Headers of the answers that are not of the protocol.
const (
	// HeaderJob is the job that an upload became.
	HeaderJob = "Millrace-Job"
	// HeaderArtifact is the digest of the content of a finished upload.
	HeaderArtifact = "Millrace-Artifact"
)

// answer is the answer of the protocol's handler. It holds refusals back, for a
// problem to be made of them.
type answer struct {
	http.ResponseWriter
	s       *Service
	q       *request
	root    string
	refused bool
	said    string
}

// Unwrap is for [http.ResponseController].
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader completes the header, and holds that of a refusal back.
func (a *answer) WriteHeader(status int) {
	a.complete(status)
	if status >= 400 {
		a.refused = true
		return
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write writes the body, but for that of a refusal.
func (a *answer) Write(p []byte) (int, error) {
	if !a.refused {
		return a.ResponseWriter.Write(p)
	}
	if a.said == "" {
		a.said = string(p[:min(len(p), 200)])
	}
	return len(p), nil
}

// complete adds what the protocol's handler does not know.
func (a *answer) complete(status int) {
	h := a.Header()
	if h.Get("Tus-Extension") != "" {
		h.Set("Tus-Extension", "creation,creation-with-upload,creation-defer-length,termination,checksum,expiration")
		h.Set("Tus-Checksum-Algorithm", checksumAlgorithms)
	}
	if status >= 400 {
		h.Del("Content-Type")
	}
	h.Del("Content-Length")
	if a.q.stopped.Load() && a.q.length != 0 {
		h.Set("Connection", "close") // its deadline for reading has passed
	}
	u := a.q.upload
	if u == nil {
		return
	}
	if h.Get("Location") != "" || a.q.method == http.MethodPost {
		h.Set("Location", a.root+u.id)
	}
	switch {
	case u.out == nil:
		h.Set("Upload-Expires", u.rec.Expires.Format(http.TimeFormat))
		a.metadata(u.rec.Metadata)
	case u.out.State == finished:
		a.metadata(u.out.Metadata)
		h.Set(HeaderArtifact, u.out.Digest)
		if u.out.Job != "" {
			h.Set(HeaderJob, u.out.Job)
		}
	}
}

// metadata tells a client that asks what it said itself.
func (a *answer) metadata(raw string) {
	if raw != "" && a.q.method == http.MethodHead {
		a.Header().Set("Upload-Metadata", raw)
	}
}

// codes are the faults of what the protocol's handler finds by itself.
var codes = map[string]fault.Code{
	"ERR_UNSUPPORTED_VERSION":  fault.UploadProtocol,
	"ERR_MAX_SIZE_EXCEEDED":    fault.ArtifactTooLarge,
	"ERR_UPLOAD_SIZE_EXCEEDED": fault.ArtifactTooLarge,
	"ERR_INVALID_CONTENT_TYPE": fault.HTTPUnsupportedMediaType,
	"ERR_UPLOAD_NOT_FOUND":     fault.UploadNotFound,
	"ERR_MISMATCHED_OFFSET":    fault.UploadWrongOffset,
	"ERR_SERVER_SHUTDOWN":      fault.UploadInterrupted,
	"ERR_UNEXPECTED_EOF":       fault.UploadInterrupted,
	"ERR_READ_TIMEOUT":         fault.UploadInterrupted,
	"ERR_CONNECTION_RESET":     fault.UploadInterrupted,
}

// fault is why the request was refused: what the store said, or else the end of the
// body, or else the handler.
func (a *answer) fault() error {
	if err := a.q.err; err != nil {
		return withPause(lostBytes(err))
	}
	name, text, _ := strings.Cut(strings.TrimSpace(a.said), ": ")
	code, known := codes[name]
	switch {
	case known:
		return fault.New(code, text, nil)
	case a.q.body != nil:
		return interrupted(a.q.body)
	case strings.HasPrefix(name, "ERR_INTERNAL"):
		return fault.New(fault.InternalBug, "the tus handler failed", nil)
	}
	return fault.New(fault.HTTPBadRequest, text, nil)
}

// lostBytes is the fault of an upload whose bytes are not there any more.
func lostBytes(err error) error {
	if fault.Has(err, fault.ArtifactNotFound) || fault.Has(err, fault.ArtifactBadState) {
		return fault.New(fault.UploadGone, "what was stored of it is gone", err)
	}
	return err
}

// withPause says when to come again to a store without room.
func withPause(err error) error {
	f := fault.From(err)
	full := f.Code == fault.ArtifactDiskFull || f.Code == fault.BusStoreFull
	if !full || f.RetryAfter > 0 {
		return err
	}
	later := *f
	later.RetryAfter = fullAfter
	return &later
}
