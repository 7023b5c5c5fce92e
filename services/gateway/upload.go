package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
)

// uploadPatience is how long an upload waits for its turn.
const uploadPatience = 10 * time.Second

// postArtifact stores a file.
func (g *Gateway) postArtifact(x *exchange) error {
	if x.isForm() {
		return g.storeForm(x)
	}
	q, err := parseUploadQuery(x.r.URL.RawQuery, false)
	if err != nil {
		return err
	}
	file, err := g.store(x, q)
	if err != nil {
		return err
	}
	h := x.w.Header()
	h.Set("Location", "/v1/artifacts/"+file.Digest)
	h.Set("ETag", `"`+file.Digest+`"`)
	return x.json(http.StatusCreated, file)
}

// putArtifact stores content that the client says the digest of. It is read whether
// it is there already or not: who has it may have it.
func (g *Gateway) putArtifact(x *exchange) error {
	digest := x.r.PathValue("digest")
	if err := artifact.CheckDigest(digest); err != nil {
		return err
	}
	q, err := parseUploadQuery(x.r.URL.RawQuery, false)
	if err != nil {
		return err
	}
	file, err := g.store(x, q)
	if err != nil {
		return err
	}
	if file.Digest != digest {
		return fault.New(fault.HTTPDigestMismatch, "the address says "+digest+", arrived "+file.Digest, nil)
	}
	x.w.Header().Set("ETag", `"`+file.Digest+`"`)
	return x.json(http.StatusCreated, file)
}

// submitUpload stores the body and submits a job on it. What can be refused is
// refused before the body is read.
func (g *Gateway) submitUpload(x *exchange) error {
	q, err := parseUploadQuery(x.r.URL.RawQuery, true)
	if err != nil {
		return err
	}
	if q.key, err = chooseKey(x.r.Header, q.key, "?key="); err != nil {
		return err
	}
	if err := g.checkUpload(x.r.Context(), x.tenant, q); err != nil {
		return err
	}
	file, err := g.store(x, q)
	if err != nil {
		return err
	}
	return g.submitFiles(x, q, file)
}

// checkUpload asks before a file is read whether there can be a job of it, and fills
// in the parameters.
func (g *Gateway) checkUpload(ctx context.Context, tenant string, q *uploadQuery) error {
	def, err := g.Pipelines.Current(ctx, tenant, q.pipeline)
	if err != nil {
		return err
	}
	if len(q.params) > 0 {
		if q.rawParams, err = api.Params(def.ParamsSchema, q.params); err != nil {
			return err
		}
	}
	if list := def.CheckParams(q.rawParams); len(list) > 0 {
		return withErrors(fault.SubmitBadParams, list[0].Pointer+": "+list[0].Detail, list)
	}
	return nil
}

// submitFiles submits a job on files that are stored.
func (g *Gateway) submitFiles(x *exchange, q *uploadQuery, files ...events.File) error {
	s := submission{tenant: x.tenant, pipeline: q.pipeline, key: q.key, traceparent: traceOf(x.r.Header)}
	if s.key == "" {
		s.key = newID()
	}
	var err error
	s.payload, err = json.Marshal(events.Submission{
		Key: s.key, Params: q.rawParams, Labels: q.labels, Files: sources(files),
	})
	if err != nil {
		return fault.New(fault.SubmitBadParams, "", err)
	}
	if err := checkPayload(s.payload); err != nil {
		return err
	}
	return g.answerSubmission(x, s)
}

func sources(files []events.File) []events.Source {
	list := make([]events.Source, len(files))
	for i, f := range files {
		list[i] = events.Source{Name: f.Name, Digest: f.Digest, Size: f.Size, MediaType: f.MediaType}
	}
	return list
}

// store streams the body into the artifact store.
func (g *Gateway) store(x *exchange, q *uploadQuery) (events.File, error) {
	want, err := contentDigest(x.r.Header)
	if err != nil {
		return events.File{}, err
	}
	if limit := g.Limits.Upload; limit > 0 && x.r.ContentLength > limit {
		return events.File{}, fault.New(fault.ArtifactTooLarge,
			fmt.Sprintf("the limit is %d bytes", limit), nil)
	}
	if err := g.fits(x.r.ContentLength); err != nil {
		return events.File{}, err
	}
	release, err := g.uploads.take(x.r.Context(), uploadPatience)
	if err != nil {
		return events.File{}, err
	}
	defer release()
	mediaType := q.mediaType
	if mediaType == "" {
		mediaType = declaredType(x.mediaType())
	}
	file, err := g.Store.Put(x.r.Context(), x.r.Body, &artifact.PutOptions{
		Name: q.name, MediaType: mediaType, Limit: g.Limits.Upload,
	})
	if err != nil {
		return events.File{}, err
	}
	if want != "" && want != file.Digest {
		return events.File{}, fault.New(fault.HTTPDigestMismatch,
			"announced "+want+", arrived "+file.Digest, nil)
	}
	return file, x.keep(file.Digest)
}

// declaredType is what the content type of a request says of a file: nothing, when
// it is one that clients put there by themselves.
func declaredType(t string) string {
	switch t {
	case api.ContentTypeBytes, "application/x-www-form-urlencoded":
		return ""
	}
	return t
}

// contentDigest reads the sha-256 of a Content-Digest header (RFC 9530), as the
// store writes digests. Other algorithms are ignored.
func contentDigest(h http.Header) (string, error) {
	for _, line := range h.Values("Content-Digest") {
		for part := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			if name != "sha-256" {
				continue
			}
			if len(value) < 2 || value[0] != ':' || value[len(value)-1] != ':' {
				return "", badRequest("Content-Digest is not sha-256=:BASE64:")
			}
			sum, err := base64.StdEncoding.DecodeString(value[1 : len(value)-1])
			if err != nil || len(sum) != sha256.Size {
				return "", badRequest("Content-Digest is not sha-256=:BASE64:")
			}
			return "sha256:" + hex.EncodeToString(sum), nil
		}
	}
	return "", nil
}
