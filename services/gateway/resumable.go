package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/millrace/millrace/events"
	"github.com/millrace/millrace/pkg/artifact"
	"github.com/millrace/millrace/pkg/fault"
	"github.com/millrace/millrace/pkg/upload"
)

// uploadsRoot is where resumable uploads are. The slash at the end belongs to it,
// because the addresses of uploads are relative to it.
const uploadsRoot = "/v1/uploads/"

// resumable makes the service for resumable uploads.
func (g *Gateway) resumable() (*upload.Service, error) {
	kv, err := g.Bus.KV(context.Background(), events.BucketUploads)
	if err != nil {
		return nil, err
	}
	return upload.New(upload.Options{
		KV: kv, Store: g.Store, Jobs: uploadJobs{g}, MaxSize: g.Limits.Upload,
		MaxOpen: g.Limits.OpenUploads, Expiry: g.Limits.UploadExpiry, Log: g.Log,
	})
}

// serveUpload answers a request about resumable uploads.
func (g *Gateway) serveUpload(x *exchange) error {
	x.allowOrigin(uploadMethods, uploadHeaders, uploadExposed)
	r := x.r
	if err := g.fits(declared(r.Header)); err != nil {
		return err
	}
	if x.body != nil {
		release, err := g.uploads.take(r.Context(), uploadPatience)
		if err != nil {
			return err
		}
		defer release()
		r = r.WithContext(r.Context())
		r.Body = closingBody{x.body, g.closing}
	}
	err := g.tus.Serve(x.w, r, x.tenant, uploadsRoot, r.PathValue("id"))
	var no *upload.Refused
	switch {
	case err == nil:
		return nil
	case errors.As(err, &no):
		err = &refusal{Problem: no.Problem}
	}
	if x.body != nil {
		x.body.failed = nil // the service has made of it what a client can use
	}
	return err
}

// closingBody ends when the gateway is stopped, so that what has arrived is kept.
type closingBody struct {
	io.ReadCloser
	closing <-chan struct{}
}

// Read reads the body. Fault: upload.interrupted after a stop.
func (b closingBody) Read(p []byte) (int, error) {
	select {
	case <-b.closing:
		return 0, fault.New(fault.UploadInterrupted, "the gateway is stopping", nil)
	default:
		return b.ReadCloser.Read(p)
	}
}

// uploadJobs turns resumable uploads into jobs.
type uploadJobs struct{ g *Gateway }

// Plan reads metadata. It takes the names that tus clients use for a file's name and
// type besides those of the other uploads.
func (j uploadJobs) Plan(ctx context.Context, tenant string, metadata map[string]string) (upload.Plan, error) {
	q, digest, err := metadataFields(metadata)
	if err != nil {
		return upload.Plan{}, err
	}
	p := upload.Plan{Name: q.name, MediaType: q.mediaType, Digest: digest}
	x, asked := ctx.Value(exchangeKey{}).(*exchange)
	if asked {
		p.By = x.by("")
	}
	if q.pipeline == "" {
		return p, q.check(false)
	}
	if asked {
		if q.key, err = chooseKey(x.r.Header, q.key, "the metadata"); err != nil {
			return p, err
		}
	}
	if err := q.check(true); err != nil {
		return p, err
	}
	if err := j.g.checkUpload(ctx, tenant, q); err != nil {
		return p, err
	}
	p.Pipeline = q.pipeline
	p.Job = events.Submission{Key: q.key, Params: q.rawParams, Labels: q.labels}
	// What can be known of the submission now is better refused now.
	trial := p.Job
	if trial.Key == "" {
		trial.Key = newID()
	}
	trial.Files = []events.Source{{Name: p.Name, Digest: noDigest, MediaType: p.MediaType}}
	_, err = payloadOf(trial)
	return p, err
}

// noDigest stands for a digest that is not known yet.
var noDigest = "sha256:" + strings.Repeat("0", 64)

// metadataFields reads the metadata of an upload.
func metadataFields(metadata map[string]string) (q *uploadQuery, digest string, err error) {
	q = &uploadQuery{}
	job := metadata["pipeline"] != ""
	for name, value := range metadata {
		switch name {
		case "digest":
			if digest = value; value != "" {
				err = artifact.CheckDigest(value)
			}
		case "relativePath": // every Uppy sends it
		case "name", "filename":
			if name == "filename" || metadata["filename"] == "" {
				q.name = value
			}
		case "type", "media_type", "filetype":
			if name == "filetype" || metadata["filetype"] == "" {
				q.mediaType = value
			}
		case "idempotency_key":
			err = q.field("key", value, job)
		default:
			err = q.field(name, value, job)
		}
		if err != nil {
			return nil, "", err
		}
	}
	return q, digest, nil
}

// Keep lets the tenant have the file back.
func (j uploadJobs) Keep(ctx context.Context, tenant, digest string) error {
	if j.g.Auth == nil {
		return nil
	}
	return j.g.Store.Grant(ctx, tenant, digest)
}

// Submit asks the conductor for the job.
func (j uploadJobs) Submit(
	ctx context.Context, tenant string, p upload.Plan, s events.Submission,
) (events.Receipt, error) {
	payload, err := payloadOf(s)
	if err != nil {
		return events.Receipt{}, finally(err)
	}
	receipt, err := j.g.submit(ctx, uploadsRoot+"{id}", submission{
		tenant: tenant, pipeline: p.Pipeline, key: s.Key, payload: payload, by: p.By,
	})
	return receipt, finally(err)
}

// finally makes a final answer of a refusal that will be the same the next time.
func finally(err error) error {
	var p events.Problem
	var r *refusal
	switch {
	case err == nil:
		return nil
	case errors.As(err, &r):
		p = r.Problem
	default:
		p = problemOf(fault.From(err))
	}
	if p.Status >= http.StatusInternalServerError || retryable(fault.Class(p.Class)) {
		return err
	}
	return &upload.Refused{Problem: p}
}

// payloadOf encodes a submission and compares it with its schema.
func payloadOf(s events.Submission) ([]byte, error) {
	payload, err := json.Marshal(s)
	if err != nil {
		return nil, fault.New(fault.SubmitBadParams, "", err)
	}
	return payload, checkPayload(payload)
}
