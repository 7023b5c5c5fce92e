package client

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"

	"github.com/google/uuid"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// Submitted is the receipt of a submission.
type Submitted struct {
	events.Receipt
	// Key is the idempotency key that was used: the caller's, or the one that the
	// call made. Submitting the same content with it again gives the same job.
	Key string `json:"key"`
}

// Submit asks for a job. Without a key in s, one is made for this call, so that its
// own repetitions make one job. Faults: those of submit, pipeline, http and client.
func (c *Client) Submit(
	ctx context.Context, pipeline string, s events.Submission,
) (*Submitted, error) {
	if s.Key == "" {
		s.Key = newKey()
	}
	body, err := json.Marshal(api.Submission{Pipeline: pipeline, Submission: s})
	if err != nil {
		return nil, fault.New(fault.SubmitInvalid, "encode the submission", err)
	}
	out := &Submitted{Key: s.Key}
	err = c.json(ctx, call{
		method: http.MethodPost, path: "/v1/jobs", body: body, header: jsonHeader(),
	}, &out.Receipt)
	if err != nil {
		return nil, err
	}
	if out.Job == "" {
		return nil, fault.New(fault.ClientBadAnswer, "the receipt names no job", nil)
	}
	return out, nil
}

// FileJob says what to do with a local file.
type FileJob struct {
	// Pipeline is the name of the pipeline. It is required.
	Pipeline string
	// Key is the idempotency key. Empty means one made for the call.
	Key string
	// Params are the pipeline's parameters as text; [api.Params] says what a text
	// means. RawParams are the same as a JSON object; only one of them may be set.
	Params    map[string]string
	RawParams json.RawMessage
	// Labels are for finding the job again.
	Labels map[string]string
	// Upload says how the file is called and who is told of progress.
	Upload Upload
}

// SubmitFile uploads a file and asks for a job on it. That the pipeline exists is
// checked before. Faults: those of [Client.UploadFile] and [Client.Submit].
func (c *Client) SubmitFile(ctx context.Context, path string, j FileJob) (*Submitted, error) {
	if j.Pipeline == "" {
		return nil, fault.New(fault.PipelineNotFound, "a pipeline must be named", nil)
	}
	p, err := c.Pipeline(ctx, j.Pipeline, "")
	if err != nil {
		return nil, err
	}
	params := j.RawParams
	if len(j.Params) > 0 {
		if len(params) > 0 {
			return nil, fault.New(fault.SubmitBadParams, "they are given as text and as JSON", nil)
		}
		if params, err = api.Params(p.ParamsSchema, j.Params); err != nil {
			return nil, err
		}
	}
	if j.Upload.Name == "" {
		j.Upload.Name = filepath.Base(path)
	}
	f, err := c.UploadFile(ctx, path, j.Upload)
	if err != nil {
		return nil, err
	}
	src := events.Source{Name: f.Name, Digest: f.Digest, Size: f.Size, MediaType: f.MediaType}
	return c.Submit(ctx, j.Pipeline, events.Submission{
		Key: j.Key, Params: params, Labels: j.Labels, Files: []events.Source{src},
	})
}

// newKey makes an idempotency key.
func newKey() string {
	id, err := uuid.NewV7()
	if err != nil {
		id = uuid.New() // panics when the system has no randomness at all
	}
	return id.String()
}

func jsonHeader() http.Header {
	return http.Header{"Content-Type": {events.ContentTypeJSON}}
}
