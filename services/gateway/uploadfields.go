package gateway

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
)

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
		if err := q.field(name, vs[0], job); err != nil {
			return nil, err
		}
	}
	return q, q.check(job)
}

// field takes one field in. A job has more of them than a file.
func (q *uploadQuery) field(name, value string, job bool) error {
	if !q.set(name, value) && !(job && q.setJob(name, value)) {
		return badRequest(fmt.Sprintf("there is no field %q here", fault.Clip(name, 60)))
	}
	return nil
}

// check looks at all fields together.
func (q *uploadQuery) check(job bool) error {
	if q.name != "" {
		if err := artifact.CheckName(q.name); err != nil {
			return err
		}
	}
	if !printable(q.mediaType) {
		return badRequest("media_type is not at most 255 printable ASCII characters")
	}
	if !job {
		return nil
	}
	return q.checkJob()
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
		return badKey("it is not 1 to 255 bytes of UTF-8 without control characters")
	case len(q.params) > 0 && q.rawParams != nil:
		return badRequest("give param.NAME or params, not both")
	case q.rawParams != nil && !json.Valid(q.rawParams):
		return fault.New(fault.SubmitBadParams, "params is not JSON", nil)
	}
	return nil
}
