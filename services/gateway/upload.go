package gateway

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
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

// submitUpload stores the body and submits a job on it. What can be refused is
// refused before the body is read.
func (g *Gateway) submitUpload(x *exchange) error {
	q, err := parseUploadQuery(x.r.URL.RawQuery, true)
	if err != nil {
		return err
	}
	s := submission{tenant: x.tenant, pipeline: q.pipeline, traceparent: traceOf(x.r.Header)}
	if s.key, err = chooseKey(x.r.Header, q.key, "?key="); err != nil {
		return err
	}
	def, err := g.Pipelines.Current(x.r.Context(), x.tenant, q.pipeline)
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
	file, err := g.store(x, q)
	if err != nil {
		return err
	}
	if s.key == "" {
		s.key = newID()
	}
	s.payload, err = json.Marshal(events.Submission{
		Key: s.key, Params: q.rawParams, Labels: q.labels,
		Files: []events.Source{{
			Name: file.Name, Digest: file.Digest, Size: file.Size, MediaType: file.MediaType,
		}},
	})
	if err != nil {
		return fault.New(fault.SubmitBadParams, "", err)
	}
	if err := checkPayload(s.payload); err != nil {
		return err
	}
	return g.answerSubmission(x, s)
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
	release, err := g.uploads.take(x.r.Context(), uploadPatience)
	if err != nil {
		return events.File{}, err
	}
	defer release()
	if q.mediaType == "" {
		q.mediaType = declaredType(x.mediaType())
	}
	file, err := g.Store.Put(x.r.Context(), x.r.Body, &artifact.PutOptions{
		Name: q.name, MediaType: q.mediaType, Limit: g.Limits.Upload,
	})
	if err != nil {
		return events.File{}, err
	}
	if want != "" && want != file.Digest {
		return events.File{}, fault.New(fault.HTTPDigestMismatch,
			"announced "+want+", arrived "+file.Digest, nil)
	}
	return file, nil
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

// uploadQuery is what a URL says of the body.
type uploadQuery struct {
	name, mediaType string
	// The rest is for uploads that are jobs at the same time.
	pipeline, key string
	params        map[string]string
	rawParams     json.RawMessage
	labels        map[string]string
}

// parseUploadQuery reads name and media_type, and for a job pipeline, key,
// param.<name>, params and label.<name>. Anything else is refused.
func parseUploadQuery(raw string, job bool) (*uploadQuery, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badRequest("the query is malformed")
	}
	q := &uploadQuery{}
	for name, vs := range values {
		if len(vs) != 1 {
			return nil, badRequest(fmt.Sprintf("%s is given %d times", name, len(vs)))
		}
		if !q.set(name, vs[0]) && !(job && q.setJob(name, vs[0])) {
			return nil, badRequest(fmt.Sprintf("there is no field %q here", name))
		}
	}
	if q.name != "" {
		if err := artifact.CheckName(q.name); err != nil {
			return nil, err
		}
	}
	if !printable(q.mediaType) {
		return nil, badRequest("media_type is not at most 255 printable ASCII characters")
	}
	if !job {
		return q, nil
	}
	return q, q.checkJob()
}

// printable reports whether a media type has the form that the schemas ask for.
func printable(s string) bool {
	other := func(r rune) bool { return r < ' ' || r > '~' }
	return len(s) <= 255 && !strings.ContainsFunc(s, other)
}

func (q *uploadQuery) set(name, value string) bool {
	switch name {
	case "name":
		q.name = value
	case "media_type":
		q.mediaType = value
	default:
		return false
	}
	return true
}

func (q *uploadQuery) setJob(name, value string) bool {
	param, isParam := strings.CutPrefix(name, "param.")
	label, isLabel := strings.CutPrefix(name, "label.")
	switch {
	case name == "pipeline":
		q.pipeline = value
	case name == "key":
		q.key = value
	case name == "params":
		q.rawParams = json.RawMessage(value)
	case isParam:
		if q.params == nil {
			q.params = make(map[string]string)
		}
		q.params[param] = value
	case isLabel:
		if q.labels == nil {
			q.labels = make(map[string]string)
		}
		q.labels[label] = value
	default:
		return false
	}
	return true
}

func (q *uploadQuery) checkJob() error {
	switch {
	case q.pipeline == "":
		return badRequest("name the pipeline in ?pipeline=NAME, " +
			"or send the submission as application/json")
	case !events.ValidToken(q.pipeline):
		return fault.New(fault.PipelineNotFound, fault.Clip(q.pipeline, 100), nil)
	case q.key != "" && !validKey(q.key):
		return badRequest("key is not 1 to 255 bytes of UTF-8 without control characters")
	case len(q.params) > 0 && q.rawParams != nil:
		return badRequest("give param.NAME or params, not both")
	case q.rawParams != nil && !json.Valid(q.rawParams):
		return fault.New(fault.SubmitBadParams, "params is not JSON", nil)
	}
	return nil
}
