package client

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/millrace/millrace/pkg/api"
	"github.com/millrace/millrace/pkg/fault"
)

// Rerun makes another job of one that has ended. Without a key in r, one is made for
// this call, so that its own repetitions make one job. Faults: job.not_found;
// job.not_allowed for a job that has not ended; rerun.unknown_step;
// pipeline.not_found for a version that the job's pipeline does not have; those of
// submit, http and client.
func (c *Client) Rerun(ctx context.Context, id string, r api.RerunRequest) (*Submitted, error) {
	if r.Key == "" {
		r.Key = newKey()
	}
	r.DryRun = false
	out := &Submitted{Key: r.Key}
	if err := c.rerun(ctx, id, r, &out.Receipt); err != nil {
		return nil, err
	}
	if out.Job == "" {
		return nil, fault.New(fault.ClientBadAnswer, "the receipt names no job", nil)
	}
	return out, nil
}

// RerunPlan returns what [Client.Rerun] would do about each step. It fails like that.
func (c *Client) RerunPlan(ctx context.Context, id string, r api.RerunRequest) (*api.RerunPlan, error) {
	r.DryRun = true
	var plan api.RerunPlan
	if err := c.rerun(ctx, id, r, &plan); err != nil {
		return nil, err
	}
	return &plan, nil
}

func (c *Client) rerun(ctx context.Context, id string, r api.RerunRequest, into any) error {
	body, err := json.Marshal(r)
	if err != nil {
		return fault.New(fault.HTTPBadRequest, "encode the rerun", err)
	}
	return c.json(ctx, call{
		method: http.MethodPost, path: jobPath(id) + "/rerun", body: body, header: jsonHeader(),
	}, into)
}
